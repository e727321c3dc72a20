//! Feeds the table from the kernel: subscribe, list, follow, and list again
//! after a loss.

mod recovery;

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::{Duration, Instant, SystemTime};

use super::follower::Follower;
use super::pace::Pace;
use super::sieve::Sieve;
use super::wakeup::{StopHandle, Wakeup};
use super::{Event, LinkState, MonitorBuilder};
use crate::nl::{Group, Namespace, Protocol, Socket};
use crate::{ErrorKind, Result};
use recovery::{Fault, Loss};
pub(super) use recovery::{LONGEST_PAUSE, MOST_LISTS, SHORTEST_PAUSE};

/// Messages that are read at a time.
const BATCH: NonZeroUsize = NonZeroUsize::new(32).unwrap();
/// How often is read before the caller has its turn again. Messages that give
/// no event must not keep it from a stop.
const MOST_READS: usize = 32;
/// The pause before all links are listed because the filter may have dropped
/// what mattered: where links are renamed into the scope all the time, that is
/// not done for each.
const SIEVE_PAUSE: Duration = Duration::from_millis(100);
/// For so long a socket that was empty is taken to be so still.
const JUST_NOW: Duration = Duration::from_micros(100);

/// What a monitor has counted since it was built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Statistics {
    /// Link messages from the kernel.
    pub messages: u64,
    /// Those among them that were older than what was known.
    pub stale: u64,
    /// Those among them that said nothing about a link's state (bridge ports,
    /// wireless events).
    pub ignored: u64,
    /// Messages whose lengths contradict each other.
    pub malformed: u64,
    /// Messages that somebody else than the kernel sent; they were dropped.
    pub foreign: u64,
    /// How often the kernel reported the loss of messages (ENOBUFS).
    pub overruns: u64,
    /// How often all links were listed anew and compared.
    pub resyncs: u64,
}

/// `messages 120, stale 0, …`
impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "messages {}, stale {}, ignored {}, malformed {}, foreign {}, overruns {}, resyncs {}",
            self.messages,
            self.stale,
            self.ignored,
            self.malformed,
            self.foreign,
            self.overruns,
            self.resyncs
        )
    }
}

/// Watches links: an ordered stream of [`Event`]s that accounts for every
/// carrier transition that the kernel counted.
///
/// It is iterated over, which blocks:
///
/// ```no_run
/// use linkwatch::{EventKind, Monitor};
///
/// for event in Monitor::builder().pattern("eth*")?.build()? {
///     let event = event?;
///     if event.kind() == EventKind::Disconnected {
///         println!("{} lost its link", event.name().unwrap_or_default());
///     }
/// }
/// # Ok::<(), linkwatch::Error>(())
/// ```
///
/// or [run](Self::run) with a closure, or, in a program that waits for other
/// things too, polled: its descriptor ([`AsFd`]) is readable when
/// [`try_next`](Self::try_next) may have something.
///
/// A monitor can move to another thread:
///
/// ```
/// fn assert_send<T: Send>() {}
/// assert_send::<linkwatch::Monitor>();
/// ```
#[derive(Debug)]
pub struct Monitor {
    socket: Socket,
    follower: Follower,
    wakeup: Wakeup,
    loss: Loss,
    fault: Option<Fault>,
    pace: Pace,
    sieve: Sieve,
    /// Nothing is read any more.
    is_finished: bool,
    /// When the socket was found empty, if an event was handed out then.
    empty: Option<Instant>,
    /// The iteration has ended with an error.
    failed: bool,
    namespace: Namespace,
    buffer_size: usize,
    /// The size of the receive buffer in the kernel's measure.
    buffer: usize,
}

/// What one read brought.
#[derive(Debug, Default)]
struct Read {
    messages: usize,
    bytes: usize,
    /// Whether it found the end of the queue.
    emptied: bool,
}

impl Monitor {
    /// Configures a monitor.
    pub fn builder() -> MonitorBuilder {
        MonitorBuilder::new()
    }

    pub(super) fn start(builder: MonitorBuilder) -> Result<Monitor> {
        // Subscribe first: what changes while the links are listed is queued.
        let mut sieve = Sieve::new(&builder.scope, builder.kernel_filter);
        let (socket, buffer) = subscribe(&builder.namespace, builder.buffer_size, &mut sieve)?;
        let wakeup = Wakeup::new(Some(socket.as_fd()), builder.stop.clone())?;

        let mut monitor = Monitor {
            socket,
            wakeup,
            loss: Loss::default(),
            fault: None,
            pace: Pace::new(),
            sieve,
            is_finished: false,
            empty: None,
            failed: false,
            namespace: builder.namespace.clone(),
            buffer_size: builder.buffer_size,
            follower: Follower::new(builder, true)?,
            buffer,
        };
        if !monitor.list_and_compare()? {
            monitor.schedule_resync();
        }
        monitor.follower.announce();
        monitor.await_new_source()?;
        monitor.set_timer(false)?;
        Ok(monitor)
    }

    /// The next event, or `None` if there is none now. Does not wait.
    ///
    /// A caller that polls the descriptor takes events until there is none
    /// before it polls again. `None` does not say that nothing is queued: right
    /// after an event (100 µs), in a storm (half a millisecond), and after many
    /// messages that gave no event, what has come since is left for the next call.
    /// The descriptor is readable when that is due, and becomes so anew: it may be
    /// polled edge-triggered too (EPOLLET, as tokio and mio do).
    ///
    /// # Errors
    ///
    /// Only what ends the watch: the system refuses to wait. The loss of
    /// messages is no error but an event, [`Resync`](super::EventKind::Resync);
    /// and a socket that cannot be read, because memory is short for example,
    /// is read again later.
    pub fn try_next(&mut self) -> Result<Option<Event>> {
        self.next_or_none(false)
    }

    /// As [`try_next`](Self::try_next). Whoever `comes_back` for more at once does
    /// not look at the descriptor before there is none.
    fn next_or_none(&mut self, comes_back: bool) -> Result<Option<Event>> {
        if let Some(event) = self.one_of_several() {
            return Ok(Some(event));
        }
        if self.is_finished {
            // It would leave the descriptor readable.
            self.wakeup.take_clock_jump();
            let event = self.follower.next_event();
            return self.hand_out(event, comes_back);
        }
        let (mut reads, mut messages) = (0, 0);
        loop {
            if self.follower.has_ready()
                && let Some(event) = self.follower.next_event()
            {
                return self.hand_out(Some(event), comes_back);
            }
            if self.is_resting() {
                // It is listed anew after the rest in any case.
                self.wakeup.take_clock_jump();
                self.follower.release_due();
                let event = self.follower.next_event();
                return self.hand_out(event, comes_back);
            }
            if self.loss.due.is_some_and(|due| due <= Instant::now()) {
                self.resync()?;
                reads += 1;
                continue;
            }
            if reads == MOST_READS || self.was_just_empty() {
                return self.hand_out(None, comes_back);
            }
            if self.is_time_to_read() {
                let read = self.receive()?;
                reads += 1;
                messages += read.messages;
                self.pace.read(read.messages);
                if !read.emptied {
                    continue;
                }
                self.keep_pace()?;
            }
            // It stays readable, so it can wait until nothing else is.
            if messages == 0 && self.wakeup.take_clock_jump() {
                log::info!("the clock was set, or the system has slept: listing all links");
                self.loss.due = Some(Instant::now());
                self.follower.refresh_wifi();
                continue;
            }
            // First what was read: it may be what a held state did not outlast.
            let mut event = self.follower.next_event();
            if event.is_none() {
                self.follower.release_due();
                event = self.follower.next_event();
            }
            self.empty = event.as_ref().map(|_| Instant::now());
            return self.hand_out(event, comes_back);
        }
    }

    /// Brings the account to its end, for a watch that ends: lists all links once
    /// more, so that transitions are told which the kernel has counted and not
    /// announced yet, and lets go of what is held back, by settle times or
    /// because a Wi-Fi link may just be roaming. The events are the next ones
    /// that [`try_next`](Self::try_next) returns.
    ///
    /// Of what was held back, the states have not lasted as long as was asked
    /// for.
    ///
    /// ```
    /// # use linkwatch::Monitor;
    /// # let mut monitor = Monitor::builder().build()?;
    /// # let told = |_| ();
    /// monitor.conclude()?;
    /// while let Some(event) = monitor.try_next()? {
    ///     told(event);
    /// }
    /// # Ok::<(), linkwatch::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Where the links cannot be listed; what is held back is let go of all the
    /// same. If links come and go all the time, the list may not be complete,
    /// which is no error.
    pub fn conclude(&mut self) -> Result<()> {
        let listed = self.list_for_good();
        self.follower.release_held();
        let set = self.await_new_source().and_then(|()| self.set_timer(false));
        listed.and(set)
    }

    /// Ends the watch, as [`conclude`](Self::conclude) does: after the last events
    /// [`try_next`](Self::try_next) returns `None`, and an iteration ends.
    ///
    /// `successors` are monitors that go on in its place and have reported nothing
    /// yet. Where they watch the same namespace, this one ends exactly where they
    /// begin: with the states that their `initial` events report, and no later than
    /// these. No transition is reported twice then, and none is lost. Where several cover
    /// a link by its present name, the first of them counts.
    ///
    /// ```
    /// # use linkwatch::Monitor;
    /// # let mut monitor = Monitor::builder().build()?;
    /// # let report = |_| ();
    /// let successor = Monitor::builder().pattern("eth*")?.build()?;
    /// monitor.finish(&[&successor])?;
    /// while let Some(event) = monitor.try_next()? {
    ///     report(event);
    /// }
    /// # Ok::<(), linkwatch::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`conclude`](Self::conclude).
    pub fn finish(&mut self, successors: &[&Monitor]) -> Result<()> {
        let is_here = |other: &&Monitor| other.namespace.is_same(&self.namespace);
        let successors: Vec<&Monitor> = successors.iter().copied().filter(is_here).collect();
        let ended = match &successors[..] {
            [] => self.list_for_good(),
            successors => self.end_where_they_begin(successors),
        };
        self.follower.release_held();
        self.follower.stop_listening();
        self.is_finished = true;
        let removed = self.wakeup.remove(self.socket.as_fd());
        ended.and(removed).and(self.set_timer(false))
    }

    /// In a storm it is read by the clock; but also before anything is let go of
    /// that was held back.
    fn is_time_to_read(&self) -> bool {
        let is_due = |due: Instant| due <= Instant::now();
        self.pace.next().is_none_or(is_due) || self.follower.next_due().is_some_and(is_due)
    }

    /// True once for whoever comes back for more right after an event: the
    /// socket need not be looked at again. What has come since makes the
    /// descriptor readable.
    fn was_just_empty(&mut self) -> bool {
        self.empty.take().is_some_and(|at| at.elapsed() < JUST_NOW)
    }

    /// An event that is ready, if more are and the descriptor tells so: there is
    /// nothing else to be done then.
    #[inline]
    fn one_of_several(&mut self) -> Option<Event> {
        if !self.wakeup.is_ready() || !self.follower.has_several() {
            return None;
        }
        self.follower.next_event()
    }

    /// Makes the descriptor right before the caller has its turn.
    fn hand_out(&mut self, event: Option<Event>, comes_back: bool) -> Result<Option<Event>> {
        let stays_ready = comes_back && event.is_some();
        let set = self
            .await_new_source()
            .and_then(|()| self.set_timer(stays_ready))
            .and_then(|()| match event {
                None if !comes_back => self.wakeup.renew(),
                _ => Ok(()),
            });
        match set {
            Ok(()) => Ok(event),
            Err(error) => {
                // It is the next one if the caller goes on all the same.
                if let Some(event) = event {
                    self.follower.give_back(event);
                }
                Err(error)
            }
        }
    }

    /// Waits for the socket, or, in a storm, for the time to look at it.
    fn keep_pace(&mut self) -> Result<()> {
        let (paced, now) = (self.pace.next().is_some(), Instant::now());
        self.pace.emptied(now);
        match (paced, self.pace.next().is_some()) {
            (false, true) => self.wakeup.remove(self.socket.as_fd()),
            (true, false) => self
                .wakeup
                .add(self.socket.as_fd())
                // Nobody would be told of its messages.
                .inspect_err(|_| self.pace.postpone(now)),
            _ => Ok(()),
        }
    }

    /// How many events are ready without reading.
    #[cfg(feature = "capi")]
    pub(crate) fn pending(&self) -> usize {
        self.follower.pending()
    }

    /// Calls `f` with each event until it breaks or a
    /// [`StopHandle`] stops it. Events that were not taken are there the next
    /// time.
    ///
    /// # Errors
    ///
    /// As [`try_next`](Self::try_next).
    pub fn run(&mut self, mut f: impl FnMut(Event) -> ControlFlow<()>) -> Result<()> {
        self.failed = false;
        while let Some(event) = self.wait_for_next() {
            if f(event?).is_break() {
                return self.set_timer(false);
            }
        }
        Ok(())
    }

    /// A handle to stop [`run`](Self::run) or the iteration with, from
    /// anywhere.
    pub fn stop_handle(&self) -> StopHandle {
        self.wakeup.stop_handle()
    }

    /// The state of the links in scope, in the order of their indices.
    ///
    /// Events that were not taken yet are part of it.
    pub fn links(&self) -> Vec<&LinkState> {
        self.follower.links()
    }

    /// What was counted since the monitor was built.
    pub fn statistics(&self) -> Statistics {
        let counted = self.follower.statistics();
        Statistics {
            foreign: self.socket.foreign_messages() + counted.foreign,
            ..counted
        }
    }

    /// The size of the receive buffer that was really got, in bytes by the
    /// kernel's own measure
    /// ([`Socket::set_receive_buffer`](crate::nl::Socket::set_receive_buffer)).
    pub fn receive_buffer(&self) -> usize {
        self.buffer
    }

    /// The port that the kernel knows the monitor's socket by, as in
    /// `/proc/net/netlink`.
    pub fn local_port(&self) -> u32 {
        self.socket.local_port()
    }

    /// Reads and applies what is queued, up to a batch of messages.
    fn receive(&mut self) -> Result<Read> {
        let Monitor {
            socket, follower, ..
        } = self;
        let mut read = Read::default();
        // Not by libnl's loop, in which a message costs as much again.
        let received = socket.recv_messages(|message| {
            if read.messages == 0 {
                follower.begin_read(SystemTime::now());
            }
            read.messages += 1;
            read.bytes += message.as_bytes().len();
            follower.apply(message);
        });
        follower.end_read();
        match received {
            Ok(_) => {
                self.recovered();
                read.emptied = self.socket.was_emptied();
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.recovered();
                read.emptied = true;
            }
            Err(error) => self.lost(error)?,
        }
        let table = self.follower.table_mut();
        if self.sieve.keep_right(&mut self.socket, table) {
            let due = Instant::now() + SIEVE_PAUSE;
            self.loss.due.get_or_insert(due);
        }
        Ok(read)
    }

    /// Waits for what the follower has found to be of interest.
    fn await_new_source(&mut self) -> Result<()> {
        match self.follower.new_source() {
            Some(source) => self.wakeup.add(source),
            None => Ok(()),
        }
    }

    /// Sees to it that the descriptor is readable when something is due.
    /// If it `stays_ready`, it is left so: in a storm it soon would be again.
    fn set_timer(&mut self, stays_ready: bool) -> Result<()> {
        if self.follower.has_ready() {
            return self.wakeup.set_ready(true);
        }
        if !stays_ready {
            self.wakeup.set_ready(false)?;
        }
        if self.is_finished {
            return self.wakeup.set_timer(None);
        }
        let due = [self.loss.due, self.follower.next_due(), self.pace.next()];
        self.wakeup.set_timer(due.into_iter().flatten().min())
    }
}

/// Waits for each event. Ends when a [`StopHandle`] stops it, and after an error;
/// iterating again goes on.
impl Iterator for Monitor {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Result<Event>> {
        if std::mem::take(&mut self.failed) {
            return None;
        }
        let next = self.wait_for_next();
        self.failed = matches!(next, Some(Err(_)));
        next
    }
}

impl Monitor {
    fn wait_for_next(&mut self) -> Option<Result<Event>> {
        loop {
            if self.wakeup.take_stop() {
                // Whoever has stopped it may look at the descriptor now.
                return self.set_timer(false).err().map(Err);
            }
            if let Some(event) = self.one_of_several() {
                return Some(Ok(event));
            }
            match self.next_or_none(true) {
                Ok(Some(event)) => return Some(Ok(event)),
                Ok(None) if self.is_finished => return None,
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
            if let Err(error) = self.wakeup.wait() {
                return Some(Err(error));
            }
        }
    }
}

/// A socket that link messages come through, and the size of its receive
/// buffer.
fn subscribe(
    namespace: &Namespace,
    buffer_size: usize,
    sieve: &mut Sieve,
) -> Result<(Socket, usize)> {
    let mut socket = Socket::connect_in(namespace, Protocol::Route)?;
    let buffer = socket.set_receive_buffer(buffer_size)?;
    log::debug!("asked for a receive buffer of {buffer_size} bytes, got {buffer}");
    socket.set_nonblocking(true)?;
    socket.set_batch(BATCH)?;
    sieve.begin(&mut socket);
    socket.join(Group::LINK)?;
    Ok((socket, buffer))
}

/// The descriptor to poll for reading.
impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wakeup.as_fd()
    }
}

impl AsRawFd for Monitor {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_ends_the_iteration_and_it_goes_on_where_it_was() {
        let mut monitor = Monitor::builder().pattern("lo").unwrap().build().unwrap();
        let event = monitor.next().unwrap().unwrap();
        // Two, so that the descriptor would have to say that one is left.
        monitor.follower.give_back(event.clone());
        monitor.follower.give_back(event);
        monitor.wakeup.refuse();
        assert!(monitor.next().unwrap().is_err());
        assert!(monitor.next().is_none(), "the error is reported once");
        assert!(monitor.next().unwrap().is_err());
        monitor.run(|_| ControlFlow::Break(())).unwrap_err();
        monitor.wakeup.accept();
        assert!(monitor.next().unwrap().is_ok());
        assert!(monitor.next().unwrap().is_ok());
    }
}
