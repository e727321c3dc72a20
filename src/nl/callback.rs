//! Rust closures as libnl callbacks.
//!
//! A closure lives in a [`Slot`] beside the panic it may have ended with. The
//! trampolines only convert, call and map: no panic crosses libnl's frames.
//! It waits in the slot until the libnl call has returned.

use std::any::Any;
use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use libnl3_sys as sys;

use super::{KernelError, Message};

/// What libnl does after a callback (`enum nl_cb_action`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Proceed with whatever would come next (`NL_OK`).
    Ok,
    /// Skip this message (`NL_SKIP`).
    Skip,
    /// Stop parsing. **The rest of the datagram is thrown away** (`NL_STOP`).
    Stop,
}

impl Action {
    fn to_raw(self) -> c_int {
        let action = match self {
            Action::Ok => sys::NL_OK,
            Action::Skip => sys::NL_SKIP,
            Action::Stop => sys::NL_STOP,
        };
        action as c_int
    }
}

/// Which callback (`enum nl_cb_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallbackKind {
    /// A valid message that is none of the below (`NL_CB_VALID`).
    Valid,
    /// The last message of a multi-part sequence, NLMSG_DONE (`NL_CB_FINISH`).
    Finish,
    /// NLMSG_OVERRUN (`NL_CB_OVERRUN`). Not ENOBUFS: that is an error of
    /// [`recv`](super::Socket::recv).
    Overrun,
    /// NLMSG_NOOP (`NL_CB_SKIPPED`).
    Skipped,
    /// An acknowledgement (`NL_CB_ACK`).
    Ack,
    /// Every message, before anything else (`NL_CB_MSG_IN`).
    MessageIn,
    /// A message that is malformed (`NL_CB_INVALID`).
    Invalid,
    /// In place of libnl's own sequence check (`NL_CB_SEQ_CHECK`).
    SequenceCheck,
    /// A dump was interrupted (`NL_CB_DUMP_INTR`).
    DumpInterrupted,
}

impl CallbackKind {
    pub(super) const COUNT: usize = sys::NL_CB_DUMP_INTR as usize + 1;

    pub(super) fn to_raw(self) -> sys::nl_cb_type {
        match self {
            CallbackKind::Valid => sys::NL_CB_VALID,
            CallbackKind::Finish => sys::NL_CB_FINISH,
            CallbackKind::Overrun => sys::NL_CB_OVERRUN,
            CallbackKind::Skipped => sys::NL_CB_SKIPPED,
            CallbackKind::Ack => sys::NL_CB_ACK,
            CallbackKind::MessageIn => sys::NL_CB_MSG_IN,
            CallbackKind::Invalid => sys::NL_CB_INVALID,
            CallbackKind::SequenceCheck => sys::NL_CB_SEQ_CHECK,
            CallbackKind::DumpInterrupted => sys::NL_CB_DUMP_INTR,
        }
    }
}

/// A closure that takes messages.
pub(super) type MessageClosure = Box<dyn FnMut(&Message<'_>) -> Action + Send>;
/// A closure that takes errors.
pub(super) type ErrorClosure = Box<dyn FnMut(&KernelError) -> Action + Send>;

/// A callback for messages, as libnl sees it.
pub(super) type OnMessage = unsafe extern "C" fn(*mut sys::nl_msg, *mut c_void) -> c_int;

/// A closure and the panic that it ended with.
pub(super) struct Slot<F> {
    closure: F,
    panic: Option<Box<dyn Any + Send>>,
}

impl<F> Slot<F> {
    pub(super) fn new(closure: F) -> Self {
        Slot {
            closure,
            panic: None,
        }
    }

    /// Calls the closure unless it has panicked before.
    fn call(&mut self, call: impl FnOnce(&mut F) -> Action) -> c_int {
        if self.panic.is_none() {
            match catch_unwind(AssertUnwindSafe(|| call(&mut self.closure))) {
                Ok(action) => return action.to_raw(),
                Err(panic) => self.panic = Some(panic),
            }
        }
        sys::NL_STOP as c_int
    }

    /// Lets a panic that was caught go on. To be called after each libnl call
    /// that can call back, never in a destructor.
    pub(super) fn resume(&mut self) {
        if let Some(panic) = self.panic.take() {
            resume_unwind(panic);
        }
    }
}

/// What every socket does first with each message: drop those that the kernel
/// did not send, note what it refused a request with, then call the closure
/// for [`CallbackKind::MessageIn`].
pub(super) struct Doorkeeper {
    pub(super) kernel_only: bool,
    pub(super) foreign: u64,
    pub(super) slot: Option<Slot<MessageClosure>>,
    /// The closure for errors.
    pub(super) error_slot: Option<Slot<ErrorClosure>>,
    /// The last error message. libnl passes on neither the errno nor the text.
    pub(super) refused: Option<KernelError>,
}

impl Doorkeeper {
    pub(super) fn new() -> Doorkeeper {
        Doorkeeper {
            kernel_only: true,
            foreign: 0,
            slot: None,
            error_slot: None,
            refused: None,
        }
    }
}

/// The callback for messages.
///
/// # Safety
///
/// `argument` points to a `Slot<F>` that nothing else refers to during the
/// call; `message` is a live `nl_msg`.
pub(super) unsafe extern "C" fn on_message<F>(
    message: *mut sys::nl_msg,
    argument: *mut c_void,
) -> c_int
where
    F: FnMut(&Message<'_>) -> Action,
{
    // SAFETY: the slot is registered together with this instance of the
    // function, and the socket that owns it is mutably borrowed by the libnl
    // call that got us here.
    let slot = unsafe { &mut *argument.cast::<Slot<F>>() };
    // SAFETY: libnl passes a message that lives until we return.
    match unsafe { Message::from_raw(message) } {
        Some(message) => slot.call(|closure| closure(&message)),
        None => sys::NL_SKIP as c_int,
    }
}

/// The callback for every incoming message.
///
/// # Safety
///
/// As for [`on_message`], with a [`Doorkeeper`] behind `argument`.
pub(super) unsafe extern "C" fn on_message_in(
    message: *mut sys::nl_msg,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: the socket registers its own doorkeeper, see `Socket::connect`.
    let doorkeeper = unsafe { &mut *argument.cast::<Doorkeeper>() };
    // SAFETY: libnl passes a message that lives until we return.
    let Some(message) = (unsafe { Message::from_raw(message) }) else {
        return sys::NL_SKIP as c_int;
    };
    if doorkeeper.kernel_only && !message.sender().is_kernel() {
        doorkeeper.foreign = doorkeeper.foreign.saturating_add(1);
        return sys::NL_SKIP as c_int;
    }
    let action = match &mut doorkeeper.slot {
        Some(slot) => slot.call(|closure| closure(&message)),
        None => sys::NL_OK as c_int,
    };
    if action == sys::NL_OK as c_int
        && let Some(error) = message.error()
    {
        doorkeeper.refused = Some(error);
    }
    action
}

/// The callback for errors (`nl_cb_err`).
///
/// # Safety
///
/// As for [`on_message`], with a [`Doorkeeper`] behind `argument`.
pub(super) unsafe extern "C" fn on_error(
    _from: *mut libc::sockaddr_nl,
    _error: *mut sys::nlmsgerr,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: registered together with this function by `Socket::on_error`.
    let doorkeeper = unsafe { &mut *argument.cast::<Doorkeeper>() };
    // `on_message_in` has seen the same message before.
    match (&mut doorkeeper.error_slot, &doorkeeper.refused) {
        (Some(slot), Some(error)) => slot.call(|closure| closure(error)),
        _ => sys::NL_STOP as c_int,
    }
}
