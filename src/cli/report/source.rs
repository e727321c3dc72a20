//! Reading logs: plain or compressed, in the order in which they were written.

use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::line::Line;

/// The watch writes no longer line.
const LONGEST_LINE: usize = 64 * 1024;

/// A log that is to be read, with the time of its first line.
pub(super) struct Source {
    pub(super) path: PathBuf,
    first: i64,
    /// What cannot be opened again is kept open.
    open: Option<Reader>,
}

/// Finds out in which order the logs were written. Those without any line that
/// can be read are left out; their broken lines are counted in `broken`.
pub(super) fn in_order(paths: &[PathBuf], broken: &mut Broken) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    let mut known = Vec::new();
    for path in paths {
        let (input, metadata) = open(path)?;
        let id = (metadata.dev(), metadata.ino());
        if known.contains(&id) {
            log::warn!("{} is given twice; it is read once", path.display());
            continue;
        }
        known.push(id);
        let mut reader = Reader::new(path, input)?;
        let mut own = Broken::default();
        match reader.next(&mut own) {
            None => broken.add(&own),
            Some(line) => {
                let first = line.time;
                let is_file = metadata.is_file() && !is_stdin(path);
                sources.push(Source {
                    path: path.clone(),
                    first,
                    open: (!is_file).then(|| {
                        broken.add(&own);
                        reader.put_back(line);
                        reader
                    }),
                });
            }
        }
    }
    sources.sort_by_key(|source| source.first);
    Ok(sources)
}

impl Source {
    pub(super) fn read(self) -> Result<Reader> {
        match self.open {
            Some(reader) => Ok(reader),
            None => Reader::new(&self.path, open(&self.path)?.0),
        }
    }
}

fn open(path: &Path) -> Result<(File, Metadata)> {
    let doing = || format!("opening {}", path.display());
    let file = match is_stdin(path) {
        true => File::from(io::stdin().as_fd().try_clone_to_owned()?),
        false => File::open(path).with_context(doing)?,
    };
    let metadata = file.metadata().with_context(doing)?;
    if metadata.is_dir() {
        let path = path.display();
        bail!("{path} is a folder; give the logs in it, as {path}/*");
    }
    Ok((file, metadata))
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Lines that could not be read.
#[derive(Debug, Default)]
pub(super) struct Broken {
    pub(super) number: u64,
    /// Where the first one is.
    pub(super) first: Option<String>,
    /// It looks like what `watch` prints for people.
    pub(super) is_text: bool,
}

impl Broken {
    fn add(&mut self, other: &Broken) {
        self.number += other.number;
        self.is_text |= other.is_text;
        if self.first.is_none() {
            self.first.clone_from(&other.first);
        }
    }
}

/// The lines of one log.
pub(super) struct Reader {
    path: PathBuf,
    input: Box<dyn BufRead>,
    line: Vec<u8>,
    number: u64,
    first: Option<Line>,
    failed: bool,
}

impl Reader {
    fn new(path: &Path, input: File) -> Result<Reader> {
        let input = BufReader::with_capacity(64 * 1024, input);
        let input = decompressed(input)
            .map_err(|error| anyhow::anyhow!("reading {}: {error}", path.display()))?;
        Ok(Reader {
            path: path.to_owned(),
            input,
            line: Vec::new(),
            number: 0,
            first: None,
            failed: false,
        })
    }

    fn put_back(&mut self, line: Line) {
        self.first = Some(line);
    }

    /// `FILE:NUMBER` of the line that was read last.
    pub(super) fn place(&self) -> String {
        let path = match is_stdin(&self.path) {
            true => Path::new("standard input"),
            false => &self.path,
        };
        format!("{}:{}", path.display(), self.number)
    }

    /// The next line that can be read.
    pub(super) fn next(&mut self, broken: &mut Broken) -> Option<Line> {
        if let Some(line) = self.first.take() {
            return Some(line);
        }
        loop {
            let is_whole = match self.read_line() {
                Ok(Some(is_whole)) => is_whole,
                Ok(None) => return None,
                Err(error) => {
                    // Half a compressed file, say: what was read counts.
                    if !std::mem::replace(&mut self.failed, true) {
                        log::error!("reading on after {}: {error}", self.place());
                    }
                    return None;
                }
            };
            if let Some(line) = is_whole.then(|| Line::parse(&self.line)).flatten() {
                return Some(line);
            }
            if self.line.trim_ascii().is_empty() {
                continue;
            }
            broken.number += 1;
            if broken.first.is_none() {
                broken.first = Some(self.place());
            }
            broken.is_text |= self.line.windows(14).any(|part| part == b" - Interface: ")
                || self.line.starts_with(b"Interface: ");
        }
    }

    /// Reads a line into `self.line`. True if all of it is there, false if it
    /// was too long, `None` at the end.
    fn read_line(&mut self) -> io::Result<Option<bool>> {
        self.line.clear();
        let mut is_whole = true;
        let mut is_end = true;
        loop {
            let bytes = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                bytes => bytes?,
            };
            if bytes.is_empty() {
                break;
            }
            if is_end {
                is_end = false;
                self.number += 1;
            }
            let feed = bytes.iter().position(|&byte| byte == b'\n');
            let part = &bytes[..feed.unwrap_or(bytes.len())];
            if self.line.len() + part.len() <= LONGEST_LINE {
                self.line.extend_from_slice(part);
            } else {
                is_whole = false;
            }
            let taken = part.len() + usize::from(feed.is_some());
            self.input.consume(taken);
            if feed.is_some() {
                break;
            }
        }
        Ok((!is_end).then_some(is_whole))
    }
}

/// What a compressed file begins with, whatever its name is.
fn decompressed(mut input: BufReader<File>) -> io::Result<Box<dyn BufRead>> {
    let begin = loop {
        match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            bytes => break bytes?,
        }
    };
    Ok(match begin {
        [0x1f, 0x8b, ..] => Box::new(BufReader::new(MultiGzDecoder::new(input))),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
            Box::new(BufReader::new(Zstandard::new(input)))
        }
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => return Err(foreign("xz")),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => return Err(foreign("bzip2")),
        _ => Box::new(input),
    })
}

fn foreign(program: &str) -> io::Error {
    let error = format!(
        "it is compressed with {program}, which is not read here; \
         use: {program} -dc LOG | linkwatch report -"
    );
    io::Error::new(io::ErrorKind::Unsupported, error)
}

/// A file of Zstandard frames, one after the other.
struct Zstandard<R: BufRead> {
    input: R,
    decoder: FrameDecoder,
    /// A frame has begun.
    begun: bool,
}

impl<R: BufRead> Zstandard<R> {
    fn new(input: R) -> Zstandard<R> {
        Zstandard {
            input,
            decoder: FrameDecoder::new(),
            begun: false,
        }
    }

    /// Begins the next frame that holds data. False at the end.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.input.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.input) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let mut frame = (&mut self.input).take(u64::from(length));
                    io::copy(&mut frame, &mut io::sink())?;
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Ok(false)
    }
}

impl<R: BufRead> Read for Zstandard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let is_over = self.decoder.is_finished() && self.decoder.can_collect() == 0;
            if !self.begun || is_over {
                self.begun = self.begin()?;
                if !self.begun {
                    return Ok(0);
                }
            }
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            self.decoder
                .decode_blocks(&mut self.input, BlockDecodingStrategy::UptoBlocks(1))
                .map_err(io::Error::other)?;
        }
    }
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
