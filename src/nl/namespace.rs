//! Network namespaces.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use nix::sched::{CloneFlags, setns};

use crate::{Error, ErrorKind, Result};

/// Where `ip netns add` keeps its namespaces.
const FOLDER: &str = "/run/netns";

/// A network namespace to open sockets in.
///
/// A netlink socket belongs to the namespace that it was opened in, for good.
/// Opening one elsewhere is done on a thread made for the purpose, so that the
/// caller's namespace never changes.
///
/// ```no_run
/// use linkwatch::{Monitor, nl::Namespace};
///
/// let monitor = Monitor::builder()
///     .namespace(Namespace::named("blue")?)
///     .build()?;
/// # Ok::<(), linkwatch::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Namespace {
    /// `None`: that of the calling thread.
    file: Option<Arc<File>>,
}

impl Namespace {
    /// The calling thread's own.
    pub fn current() -> Namespace {
        Namespace::default()
    }

    /// One made by `ip netns add NAME`.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound) if there is none of this name,
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a name that is a path.
    pub fn named(name: impl AsRef<OsStr>) -> Result<Namespace> {
        let name = name.as_ref();
        let mut parts = Path::new(name).components();
        let plain = matches!(
            (parts.next(), parts.next()),
            (Some(std::path::Component::Normal(part)), None) if part == name
        );
        if !plain {
            return Err(Error::invalid(format!(
                "{name:?} is not the name of a network namespace (see: ip netns list)"
            )));
        }
        let path: PathBuf = [OsStr::new(FOLDER), name].iter().collect();
        match Namespace::at(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::new(
                ErrorKind::NotFound,
                format!("there is no network namespace {name:?} in {FOLDER} (see: ip netns list)"),
            )),
            result => result,
        }
    }

    /// The one that a file stands for: `/proc/PID/ns/net` for example.
    ///
    /// # Errors
    ///
    /// open(2)'s. That the file is no namespace is told when it is used.
    pub fn at(path: impl AsRef<Path>) -> Result<Namespace> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|error| {
            Error::from_errno(
                error.raw_os_error().unwrap_or(libc::EIO),
                format!("opening the network namespace {}", path.display()),
            )
        })?;
        Ok(Namespace {
            file: Some(Arc::new(file)),
        })
    }

    /// True if both are the same namespace, by whatever names.
    pub(crate) fn is_same(&self, other: &Namespace) -> bool {
        match (self.identity(), other.identity()) {
            (Some(this), Some(that)) => this == that,
            // Without /proc, only names of our own can be compared.
            _ => self.file.is_none() && other.file.is_none(),
        }
    }

    /// What identifies a namespace (namespaces(7)).
    fn identity(&self) -> Option<(u64, u64)> {
        let metadata = match &self.file {
            Some(file) => file.metadata(),
            None => fs::metadata("/proc/thread-self/ns/net"),
        };
        metadata
            .ok()
            .map(|metadata| (metadata.dev(), metadata.ino()))
    }

    /// Runs `f` inside the namespace and returns what it returned.
    ///
    /// # Errors
    ///
    /// setns(2)'s, among them
    /// [`PermissionDenied`](ErrorKind::PermissionDenied).
    ///
    /// # Panics
    ///
    /// Goes on with a panic of `f`.
    pub fn run<T: Send>(&self, f: impl FnOnce() -> T + Send) -> Result<T> {
        let Some(file) = &self.file else {
            return Ok(f());
        };
        thread::scope(|scope| {
            let inside = thread::Builder::new()
                .name("linkwatch-netns".into())
                .spawn_scoped(scope, || {
                    setns(file.as_fd(), CloneFlags::CLONE_NEWNET)
                        .map_err(|e| Error::from_nix(e, "entering a network namespace"))?;
                    Ok(f())
                })
                .map_err(|error| {
                    Error::from_errno(
                        error.raw_os_error().unwrap_or(libc::EAGAIN),
                        "starting a thread to enter a network namespace",
                    )
                })?;
            match inside.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_not_paths() {
        for name in [
            "",
            ".",
            "..",
            "a/b",
            "/etc/passwd",
            "../../etc/passwd",
            "a/",
        ] {
            let error = Namespace::named(name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name:?}");
        }
        let error = Namespace::named("no-such-namespace").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("ip netns list"), "{error}");
    }

    #[test]
    fn a_file_that_is_no_namespace_is_an_error() {
        let file = Namespace::at("/proc/self/status").unwrap();
        assert!(file.run(|| ()).is_err());
    }
}
