//! PID files: one line with the process id, by which service scripts find a
//! daemon.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use rustix::process::{Pid, test_kill_process};

/// How often a file is opened that is taken away before it is locked.
const ATTEMPTS: u32 = 100;

/// A PID file of this process. It is removed when this is dropped.
#[derive(Debug)]
pub(super) struct PidFile {
    path: PathBuf,
    /// Locked for as long as this process lives.
    file: Flock<File>,
}

/// Why there is none.
#[derive(Debug)]
pub(super) enum Refused {
    /// It belongs to a process that lives; this one, if it is known.
    Taken(Option<u32>),
    Failed(io::Error),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Refused {
        Refused::Failed(error)
    }
}

impl PidFile {
    /// Writes the id of this process, unless a live daemon of one of these names
    /// (as `/proc/PID/comm` has them) holds the file.
    pub(super) fn create(path: &Path, names: &[&str]) -> Result<PidFile, Refused> {
        let mut file = lock(path)?;
        // The originals do not lock theirs.
        if let Some(pid) = read(&file).filter(|&pid| is_daemon(pid, names)) {
            return Err(Refused::Taken(Some(pid)));
        }
        file.set_len(0)?;
        file.rewind()?;
        // One write(2): nobody reads half a number.
        file.write_all(format!("{}\n", std::process::id()).as_bytes())?;
        let path = path.to_owned();
        Ok(PidFile { path, file })
    }

    /// The live daemon of one of these names that holds the file, if one does.
    pub(super) fn holder(path: &Path, names: &[&str]) -> io::Result<Option<u32>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(read(&file).filter(|&pid| is_daemon(pid, names)))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Another one's, if it was replaced.
        if is_at(&self.file, &self.path) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Opens the file, or makes it, and locks it.
fn lock(path: &Path) -> Result<Flock<File>, Refused> {
    for _ in 0..ATTEMPTS {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o644)
            // The last part of it, in a folder that others may write.
            .custom_flags(libc::O_NOFOLLOW)
            .open(path)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            // Who has ended meanwhile has taken its file away, and another one
            // may have made a new one.
            Ok(file) if is_at(&file, path) => return Ok(file),
            Ok(_) => {}
            Err((file, nix::errno::Errno::EWOULDBLOCK)) => {
                return Err(Refused::Taken(read(&file)));
            }
            Err((_, errno)) => return Err(Refused::Failed(errno.into())),
        }
    }
    let replaced = "it is replaced again and again by another program";
    Err(Refused::Failed(io::Error::other(replaced)))
}

/// Whether this is the file that is at `path` now.
fn is_at(file: &File, path: &Path) -> bool {
    let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let own = file.metadata().map(id).ok();
    own.is_some() && own == fs::symlink_metadata(path).map(id).ok()
}

/// The process id in a file, if there is a sound one.
fn read(file: &File) -> Option<u32> {
    let mut text = String::new();
    file.take(64).read_to_string(&mut text).ok()?;
    text.trim().parse().ok().filter(|&pid| pid > 0)
}

/// Whether this is a live process of one of these names: after a crash or a
/// restart of the system, its number may be another's.
fn is_daemon(pid: u32, names: &[&str]) -> bool {
    let Some(process) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return false;
    };
    let is_gone = || test_kill_process(process) == Err(rustix::io::Errno::SRCH);
    if pid == std::process::id() || is_gone() {
        return false;
    }
    match fs::read_to_string(format!("/proc/{pid}/comm")) {
        Ok(name) => names.contains(&name.trim_end()),
        // It may have ended in between.
        Err(_) => Path::new("/proc/self/comm").exists() && !is_gone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn taken(refused: Result<PidFile, Refused>) -> Option<u32> {
        match refused {
            Err(Refused::Taken(pid)) => pid,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn it_holds_the_process_id_while_it_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("daemon.pid");
        let own = format!("{}\n", std::process::id());
        // What a crash has left.
        fs::write(&path, "4194305 and more than that\n").unwrap();
        let file = PidFile::create(&path, &["anything"]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), own);
        assert_eq!(
            taken(PidFile::create(&path, &[])),
            Some(std::process::id()),
            "it is locked"
        );
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn a_live_daemon_keeps_its_file_and_another_program_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("daemon.pid");
        let mut child = std::process::Command::new("sleep")
            .arg("300")
            .spawn()
            .unwrap();
        // It is called so once it has been loaded.
        let comm = format!("/proc/{}/comm", child.id());
        while fs::read_to_string(&comm).unwrap() != "sleep\n" {
            std::thread::yield_now();
        }
        fs::write(&path, format!("{}\n", child.id())).unwrap();
        assert_eq!(
            taken(PidFile::create(&path, &["netplugd", "sleep"])),
            Some(child.id())
        );
        assert_eq!(
            PidFile::holder(&path, &["sleep"]).unwrap(),
            Some(child.id())
        );
        assert_eq!(PidFile::holder(&path, &["netplugd"]).unwrap(), None);
        drop(PidFile::create(&path, &["netplugd"]).unwrap());
        fs::write(&path, format!("{}\n", child.id())).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(PidFile::holder(&path, &["sleep"]).unwrap(), None);
    }

    #[test]
    fn what_was_put_in_its_place_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("daemon.pid");
        let file = PidFile::create(&path, &[]).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "1\n").unwrap();
        drop(file);
        assert_eq!(fs::read_to_string(&path).unwrap(), "1\n");
        assert_eq!(
            PidFile::holder(&folder.path().join("none"), &[]).unwrap(),
            None
        );
    }

    #[test]
    fn it_is_never_held_without_being_at_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("daemon.pid");
        let come_and_go = || {
            for _ in 0..5000 {
                match PidFile::create(&path, &[]) {
                    Ok(held) => assert!(is_at(&held.file, &path)),
                    Err(Refused::Taken(_)) => {}
                    Err(Refused::Failed(error)) => panic!("{error}"),
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(come_and_go);
            }
        });
    }

    #[test]
    fn it_is_not_written_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (path, precious) = (folder.path().join("pid"), folder.path().join("precious"));
        fs::write(&precious, "kept").unwrap();
        symlink(&precious, &path).unwrap();
        assert!(matches!(
            PidFile::create(&path, &[]),
            Err(Refused::Failed(_))
        ));
        assert_eq!(fs::read_to_string(&precious).unwrap(), "kept");
    }
}
