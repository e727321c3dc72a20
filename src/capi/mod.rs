//! The C interface: every unsafe line that C reaches stands here.
//!
//! The conventions are libnl's: a result goes out through a pointer and is
//! written only on success; functions return 0, or a count, or a negative
//! `LINKWATCH_E_…`; `free(NULL)` is fine. Documentation is written at each
//! function for the C programmer; it becomes `include/linkwatch.h`.
//!
//! # How a handle is used
//!
//! What a `struct linkwatch` owns is behind a mutex that is never held while
//! the program's callback runs. So the callback may call anything on the handle,
//! also free it. A stop goes past the mutex: a signal handler may ask for it.

mod attach;
mod error;
mod event;
mod handle;
mod hook;
mod link;
mod options;
#[cfg(feature = "test-panic")]
mod test_panic;
mod version;
mod watch;
