//! When to read: at once, or, in a storm, a little later and more at a time.
//!
//! Most of what a message costs in a storm is waking up for it. So while they
//! come faster than they are worth a wake-up each, the socket is looked at by
//! the clock instead.

use std::time::{Duration, Instant};

/// The pause between two looks in a storm. Not longer: an ordinary user's
/// buffer holds some hundred messages, and the kernel can send that many in
/// little more than a millisecond.
pub(super) const PAUSE: Duration = Duration::from_micros(500);
/// The time over which messages are counted.
const WINDOW: Duration = Duration::from_millis(2);
/// So many in a window are a storm: with fewer, the timer costs more than the
/// wake-ups that it saves.
const STORM: usize = 30;
/// So few at a look, and it is over.
const CALM: usize = 4;

#[derive(Debug)]
pub(super) struct Pace {
    /// Since when messages are counted; in a storm, the last look.
    window: Instant,
    /// Messages since then.
    messages: usize,
    /// When to look again, in a storm.
    next: Option<Instant>,
}

impl Pace {
    pub(super) fn new() -> Pace {
        Pace {
            window: Instant::now(),
            messages: 0,
            next: None,
        }
    }

    /// So many messages were read.
    pub(super) fn read(&mut self, messages: usize) {
        self.messages += messages;
    }

    /// The socket is empty now.
    pub(super) fn emptied(&mut self, now: Instant) {
        if let Some(next) = self.next {
            // Whoever looks before it is time learns nothing of the rate.
            if next > now && self.messages <= CALM {
                return;
            }
            self.next = (self.messages > CALM).then(|| now + PAUSE);
        } else if now.saturating_duration_since(self.window) <= WINDOW {
            if self.messages < STORM {
                return;
            }
            self.next = Some(now + PAUSE);
        }
        self.begin(now);
    }

    fn begin(&mut self, now: Instant) {
        self.window = now;
        self.messages = 0;
    }

    /// Looks again a little later, as in a storm.
    pub(super) fn postpone(&mut self, now: Instant) {
        self.next = Some(now + PAUSE);
    }

    /// Reads at once from now on.
    pub(super) fn reset(&mut self) {
        *self = Pace::new();
    }

    /// When to look again; `None` if the socket is to be waited for.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that is queued is read.
    fn look(pace: &mut Pace, messages: usize, now: Instant) {
        pace.read(messages);
        pace.emptied(now);
    }

    /// Reads `messages` each `interval` for a while; how often in a storm.
    fn paced(pace: &mut Pace, mut now: Instant, messages: usize, interval: Duration) -> usize {
        let mut paused = 0;
        for _ in 0..200 {
            now += pace.next().map_or(interval, |next| next - now);
            look(pace, messages, now);
            paused += usize::from(pace.next().is_some());
        }
        paused
    }

    #[test]
    fn messages_that_come_slowly_are_read_at_once() {
        let mut pace = Pace::new();
        let start = pace.window;
        assert_eq!(paced(&mut pace, start, 1, Duration::from_millis(5)), 0);
        // 2,000 a second, one and two at a time
        let mut pace = Pace::new();
        assert_eq!(paced(&mut pace, start, 1, Duration::from_micros(500)), 0);
        let mut pace = Pace::new();
        assert_eq!(paced(&mut pace, start, 2, Duration::from_millis(1)), 0);
    }

    #[test]
    fn a_burst_is_no_reason_to_wait() {
        let mut pace = Pace::new();
        let later = pace.window + Duration::from_secs(1);
        look(&mut pace, 25, later);
        assert_eq!(pace.next(), None);
    }

    #[test]
    fn a_storm_is_read_by_the_clock_until_it_is_over() {
        let mut pace = Pace::new();
        let mut now = pace.window;
        for _ in 0..STORM {
            now += Duration::from_micros(20);
            look(&mut pace, 1, now);
        }
        assert_eq!(pace.next(), Some(now + PAUSE));
        // A look before it is time changes nothing.
        look(&mut pace, 0, now + PAUSE / 2);
        assert_eq!(pace.next(), Some(now + PAUSE));
        for _ in 0..10 {
            now += PAUSE;
            look(&mut pace, 25, now);
            assert_eq!(pace.next(), Some(now + PAUSE));
        }
        // Most of it in a batch that did not find the end.
        now += PAUSE;
        pace.read(32);
        look(&mut pace, 2, now);
        assert_eq!(pace.next(), Some(now + PAUSE));
        now += PAUSE;
        look(&mut pace, CALM, now);
        assert_eq!(pace.next(), None);
        // It has to begin anew.
        look(&mut pace, 1, now);
        assert_eq!(pace.next(), None);
    }
}
