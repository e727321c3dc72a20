use super::*;
use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

fn line(second: u32) -> String {
    format!(
        "{{\"time\":\"2026-11-22T10:00:{second:02}.000000Z\",\"event\":\"resync\",\"overruns\":{second}}}\n"
    )
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &str) -> Vec<u8> {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    compress_to_vec(text.as_bytes(), CompressionLevel::Fastest)
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }
}

/// The seconds of all lines, in the order in which they are read.
fn read(paths: &[PathBuf]) -> (Vec<i64>, Broken) {
    let mut broken = Broken::default();
    let mut seconds = Vec::new();
    for source in in_order(paths, &mut broken).unwrap() {
        let mut reader = source.read().unwrap();
        while let Some(line) = reader.next(&mut broken) {
            seconds.push(line.time / 1_000_000 % 60);
        }
    }
    (seconds, broken)
}

#[test]
fn logs_are_read_in_the_order_of_their_first_lines() {
    let folder = Folder::new();
    // The names say nothing.
    let paths = [
        folder.file("a", line(5) + &line(6)),
        folder.file("b.zst", gzip(&(line(1) + &line(2)))),
        folder.file("c.gz", zstd(&(line(3) + &line(4)))),
        folder.file("d", ""),
        folder.file("e", line(7)),
    ];
    let (seconds, broken) = read(&paths);
    assert_eq!(seconds, [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(broken.number, 0);
}

#[test]
fn compressed_parts_may_follow_each_other() {
    let folder = Folder::new();
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
    let paths = [
        folder.file("gz", [gzip(&line(1)), gzip(&line(2))].concat()),
        folder.file(
            "zst",
            [skippable.clone(), zstd(&line(3)), skippable, zstd(&line(4))].concat(),
        ),
    ];
    assert_eq!(read(&paths).0, [1, 2, 3, 4]);
}

#[test]
fn broken_lines_are_counted_once_with_their_place() {
    let folder = Folder::new();
    let half = line(4);
    let text = format!(
        "{}\n\nsome words\n{}{}{}",
        line(1).trim_end(),
        line(2),
        "x".repeat(3 * LONGEST_LINE) + "\n",
        &half[..half.len() / 2],
    );
    let log = folder.file("log", text);
    let (seconds, broken) = read(std::slice::from_ref(&log));
    assert_eq!(seconds, [1, 2]);
    assert_eq!(broken.number, 3);
    assert_eq!(broken.first, Some(format!("{}:3", log.display())));
    assert!(!broken.is_text);
    // The last line needs no line feed.
    let log = folder.file("whole", line(9).trim_end());
    assert_eq!(read(&[log]).0, [9]);
}

#[test]
fn a_log_without_any_line_is_told_too() {
    let folder = Folder::new();
    let text = "2026-11-22 10:00:00 - Interface: eth0 - Status: connected (initial)\n";
    let paths = [
        folder.file("text", text.repeat(2)),
        folder.file("log", line(1)),
    ];
    let (seconds, broken) = read(&paths);
    assert_eq!(seconds, [1]);
    assert_eq!(broken.number, 2);
    assert!(broken.is_text);
}

#[test]
fn half_a_compressed_log_gives_what_it_has() {
    let folder = Folder::new();
    // Hard to compress, so that there are many blocks.
    let mut random = 1u64;
    let text: String = (0..20_000)
        .map(|number| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            line(number % 60).replace("\"overruns\":", &format!("\"x\":{random},\"overruns\":"))
        })
        .collect();
    for whole in [gzip(&text), zstd(&text)] {
        let path = folder.file("half", &whole[..whole.len() / 2]);
        let (seconds, broken) = read(&[path]);
        assert!((1..20_000).contains(&seconds.len()), "{}", seconds.len());
        assert!(broken.number <= 1, "{broken:?}");
    }
}

#[test]
fn any_bytes_are_endured() {
    let folder = Folder::new();
    let magic: [&[u8]; 4] = [b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18", b""];
    for begin in magic {
        for filler in [0u8, 0xff, b'{'] {
            let path = folder.file("bytes", [begin, &[filler; 5000]].concat());
            assert!(read(&[path]).0.is_empty());
        }
        read(&[folder.file("bytes", begin)]);
    }
}

#[test]
fn other_compressions_are_named() {
    let folder = Folder::new();
    for (name, magic) in [("xz", &b"\xfd7zXZ\0"[..]), ("bzip2", b"BZh9")] {
        let path = folder.file("log", magic);
        let error = in_order(&[path], &mut Broken::default()).err().unwrap();
        let hint = format!("{name} -dc LOG | linkwatch report -");
        assert!(error.to_string().contains(&hint), "{error}");
    }
}

#[test]
fn a_log_that_is_given_twice_is_read_once() {
    let folder = Folder::new();
    let path = folder.file("log", line(1));
    let other = folder.0.path().join("other");
    fs::hard_link(&path, &other).unwrap();
    assert_eq!(read(&[path.clone(), path, other]).0, [1]);
}
