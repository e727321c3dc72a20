//! The one error type of the library.

use std::borrow::Cow;
use std::ffi::CStr;
use std::fmt;
use std::io;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, what was being done, and the code behind it.
///
/// ```
/// use linkwatch::{Error, ErrorKind};
///
/// let error = linkwatch::Pattern::new("eth[0").unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidInput);
/// assert_eq!(error.libnl_code(), None);
/// ```
#[derive(Debug, Clone)]
pub struct Error {
    kind: ErrorKind,
    code: Code,
    doing: Cow<'static, str>,
    /// The kernel's own words.
    text: Option<Box<str>>,
}

/// What kind of error it is: what a program decides by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Nothing to read on a non-blocking socket.
    WouldBlock,
    /// The kernel dropped messages because the receive buffer was full
    /// (ENOBUFS, which libnl reports as `NLE_NOMEM`).
    Overrun,
    /// Memory was refused.
    OutOfMemory,
    /// The operation needs a privilege that the process lacks.
    PermissionDenied,
    /// No such interface, group, family, namespace or object.
    NotFound,
    /// An argument that cannot be right.
    InvalidInput,
    /// A message whose lengths or contents contradict each other.
    Malformed,
    /// The links changed while they were being listed, more often than was
    /// retried.
    DumpInterrupted,
    /// The kernel or this libnl cannot do it.
    Unsupported,
    /// Anything else; [`Error::libnl_code`] and [`Error::os_error`] tell more.
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Code {
    /// A positive `NLE_*`.
    Libnl(i32),
    /// An errno.
    System(i32),
    None,
}

impl Error {
    /// From libnl's code, positive (`NLE_NODEV`, …).
    pub(crate) fn from_libnl(code: i32, doing: impl Into<Cow<'static, str>>) -> Self {
        Error {
            kind: kind_of_libnl(code),
            code: Code::Libnl(code),
            doing: doing.into(),
            text: None,
        }
    }

    /// From an errno.
    pub(crate) fn from_errno(errno: i32, doing: impl Into<Cow<'static, str>>) -> Self {
        Error {
            kind: kind_of_errno(errno),
            code: Code::System(errno),
            doing: doing.into(),
            text: None,
        }
    }

    /// From what the kernel refused a request with.
    pub(crate) fn from_kernel(
        errno: i32,
        text: Option<Box<str>>,
        doing: impl Into<Cow<'static, str>>,
    ) -> Self {
        Error {
            text,
            ..Error::from_errno(errno, doing)
        }
    }

    pub(crate) fn from_nix(errno: nix::errno::Errno, doing: impl Into<Cow<'static, str>>) -> Self {
        Error::from_errno(errno as i32, doing)
    }

    /// An error of our own, fully told by `message`.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Error {
            kind,
            code: Code::None,
            doing: message.into(),
            text: None,
        }
    }

    pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Error::new(ErrorKind::InvalidInput, message)
    }

    /// The same error, met while doing something that says more.
    pub(crate) fn while_doing(mut self, doing: impl Into<Cow<'static, str>>) -> Self {
        self.doing = doing.into();
        self
    }

    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// libnl's code, positive as in `netlink/errno.h` (`NLE_NODEV` is 31), if
    /// libnl reported the error.
    pub fn libnl_code(&self) -> Option<i32> {
        match self.code {
            Code::Libnl(code) => Some(code),
            _ => None,
        }
    }

    /// The errno, if a system call reported the error, or the kernel refused a
    /// request with it.
    pub fn os_error(&self) -> Option<i32> {
        match self.code {
            Code::System(errno) => Some(errno),
            _ => None,
        }
    }

    /// Why the kernel refused a request, in its own words (the extended
    /// acknowledgement, since Linux 4.12), where it has some.
    pub fn kernel_text(&self) -> Option<&str> {
        self.text.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Code::Libnl(code) => {
                let text = crate::nl::error_text(code);
                write!(f, "{}: {text} (libnl error {code})", self.doing)
            }
            Code::System(errno) => {
                write!(f, "{}: ", self.doing)?;
                if let Some(text) = &self.text {
                    write!(f, "{text}: ")?;
                }
                io::Error::from_raw_os_error(errno).fmt(f)
            }
            Code::None => f.write_str(&self.doing),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind {
            ErrorKind::WouldBlock => io::ErrorKind::WouldBlock,
            ErrorKind::OutOfMemory => io::ErrorKind::OutOfMemory,
            ErrorKind::PermissionDenied => io::ErrorKind::PermissionDenied,
            ErrorKind::NotFound => io::ErrorKind::NotFound,
            ErrorKind::InvalidInput => io::ErrorKind::InvalidInput,
            ErrorKind::Malformed => io::ErrorKind::InvalidData,
            ErrorKind::DumpInterrupted => io::ErrorKind::Interrupted,
            ErrorKind::Unsupported => io::ErrorKind::Unsupported,
            ErrorKind::Overrun | ErrorKind::Other => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

fn kind_of_libnl(code: i32) -> ErrorKind {
    use libnl3_sys as sys;
    match u32::try_from(code).unwrap_or(sys::NLE_FAILURE) {
        sys::NLE_AGAIN => ErrorKind::WouldBlock,
        sys::NLE_NOMEM => ErrorKind::OutOfMemory,
        sys::NLE_PERM | sys::NLE_NOACCESS => ErrorKind::PermissionDenied,
        sys::NLE_OBJ_NOTFOUND | sys::NLE_NODEV | sys::NLE_NOADDR => ErrorKind::NotFound,
        sys::NLE_INVAL | sys::NLE_RANGE | sys::NLE_MSGSIZE => ErrorKind::InvalidInput,
        sys::NLE_MSG_TRUNC
        | sys::NLE_MSG_TOOSHORT
        | sys::NLE_SEQ_MISMATCH
        | sys::NLE_PARSE_ERR
        | sys::NLE_MISSING_ATTR
        | sys::NLE_NOATTR
        | sys::NLE_ATTRSIZE => ErrorKind::Malformed,
        sys::NLE_MSG_OVERFLOW => ErrorKind::Overrun,
        sys::NLE_DUMP_INTR => ErrorKind::DumpInterrupted,
        sys::NLE_OPNOTSUPP
        | sys::NLE_AF_NOSUPPORT
        | sys::NLE_MSGTYPE_NOSUPPORT
        | sys::NLE_SRCRT_NOSUPPORT => ErrorKind::Unsupported,
        _ => ErrorKind::Other,
    }
}

fn kind_of_errno(errno: i32) -> ErrorKind {
    match errno {
        libc::EAGAIN => ErrorKind::WouldBlock,
        libc::ENOBUFS => ErrorKind::Overrun,
        libc::ENOMEM => ErrorKind::OutOfMemory,
        libc::EPERM | libc::EACCES => ErrorKind::PermissionDenied,
        libc::ENOENT | libc::ENODEV | libc::ENXIO => ErrorKind::NotFound,
        libc::EINVAL | libc::ERANGE | libc::ENAMETOOLONG => ErrorKind::InvalidInput,
        libc::EOPNOTSUPP | libc::ENOSYS | libc::EPROTONOSUPPORT | libc::EAFNOSUPPORT => {
            ErrorKind::Unsupported
        }
        _ => ErrorKind::Other,
    }
}

/// The text of a C string that lives for ever, as `nl_geterror` returns it.
pub(crate) fn static_text(text: &'static CStr) -> Cow<'static, str> {
    text.to_string_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_was_done_and_why_it_failed() {
        let error = Error::from_libnl(libnl3_sys::NLE_NODEV as i32, "asking for link 9");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(error.libnl_code(), Some(31));
        assert_eq!(error.os_error(), None);
        assert_eq!(
            error.to_string(),
            "asking for link 9: No such device (libnl error 31)"
        );
    }

    #[test]
    fn codes_of_newer_libnl_releases_are_only_unknown() {
        for code in [35, 36, 4711, i32::MAX, -1] {
            let error = Error::from_libnl(code, "testing");
            assert_eq!(error.kind(), ErrorKind::Other, "{code}");
            assert!(error.to_string().starts_with("testing: "));
        }
    }

    #[test]
    fn becomes_an_io_error() {
        let error = Error::from_errno(libc::EACCES, "opening");
        let error = io::Error::from(error);
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert!(error.to_string().starts_with("opening: Permission denied"));
    }
}
