//! The time of a log's lines, although clocks are set.
//!
//! Lines are placed on a time of the report's own, which never goes back. Where
//! the log shows that the clock was set, what comes before is moved, as though
//! the clock had always been as it was at the log's end.

use linkwatch::EventKind;

const SECOND: i64 = 1_000_000;
/// `connected` and `disconnected` carry the time of the change, and are written
/// when the change has lasted for the watch's settle time, which is hardly
/// longer than this.
const LONGEST_HOLD: i64 = 3600 * SECOND;
/// Before the year 2001: a board without a battery that has not yet been told
/// the time.
const NEVER_SET: i64 = 978_307_200 * SECOND;

#[derive(Debug, Default)]
pub(super) struct Clock {
    /// What the log's times are ahead of the report's.
    shift: i64,
    latest: Option<i64>,
}

/// By how much the clock was set: back where it is negative.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WasSet(pub(super) i64);

impl Clock {
    /// The report's time for a line. `since` is when the state began that the
    /// line's link had before, if it has one.
    pub(super) fn place(
        &mut self,
        time: i64,
        kind: Option<EventKind>,
        since: Option<i64>,
    ) -> (i64, Option<WasSet>) {
        let placed = time.saturating_sub(self.shift);
        let Some(latest) = self.latest else {
            self.latest = Some(placed);
            return (placed, None);
        };
        let step = placed.saturating_sub(latest);
        let was_set = if step >= 0 {
            let before = latest.saturating_add(self.shift);
            before < NEVER_SET && time >= NEVER_SET
        } else {
            match kind {
                Some(EventKind::Connected | EventKind::Disconnected) => {
                    -step > LONGEST_HOLD
                        || since.is_some_and(|since| since.saturating_sub(placed) > SECOND)
                }
                _ => -step > SECOND,
            }
        };
        if was_set {
            self.shift = self.shift.saturating_add(step);
            return (latest, Some(WasSet(step)));
        }
        self.latest = Some(latest.max(placed));
        (placed, None)
    }

    /// The last time of all so far.
    pub(super) fn latest(&self) -> i64 {
        self.latest.unwrap_or_default()
    }

    /// What to add to the report's time for the time of the clock as it was at
    /// the end.
    pub(super) fn shift(&self) -> i64 {
        self.shift
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_354_836 * SECOND;
    const FLAPPED: Option<EventKind> = Some(EventKind::Flapped);
    const CONNECTED: Option<EventKind> = Some(EventKind::Connected);

    #[test]
    fn an_hour_back_moves_what_was_before() {
        let mut clock = Clock::default();
        assert_eq!(clock.place(NOW, FLAPPED, None), (NOW, None));
        let hour = 3600 * SECOND;
        let (placed, set) = clock.place(NOW - hour, FLAPPED, None);
        assert_eq!((placed, set), (NOW, Some(WasSet(-hour))));
        // A second later by the clock is a second later.
        let (placed, _) = clock.place(NOW - hour + SECOND, FLAPPED, None);
        assert_eq!(placed, NOW + SECOND);
        assert_eq!(placed + clock.shift(), NOW - hour + SECOND);
    }

    #[test]
    fn what_was_held_back_is_late_and_no_more() {
        let mut clock = Clock::default();
        clock.place(NOW, FLAPPED, None);
        let late = NOW - 30 * SECOND;
        let since = Some(NOW - 60 * SECOND);
        assert_eq!(clock.place(late, CONNECTED, since), (late, None));
        assert_eq!(clock.latest(), NOW);
        // Before the state that it ends: that was the clock.
        let (placed, set) = clock.place(NOW - 90 * SECOND, CONNECTED, since);
        assert_eq!((placed, set), (NOW, Some(WasSet(-90 * SECOND))));
    }

    #[test]
    fn a_clock_that_was_never_set_is_not_half_a_century_of_silence() {
        let mut clock = Clock::default();
        clock.place(5 * SECOND, FLAPPED, None);
        clock.place(9 * SECOND, FLAPPED, None);
        let (placed, set) = clock.place(NOW, FLAPPED, None);
        assert_eq!(placed, 9 * SECOND);
        assert_eq!(set, Some(WasSet(NOW - 9 * SECOND)));
        assert_eq!(5 * SECOND + clock.shift(), NOW - 4 * SECOND);
    }

    #[test]
    fn no_time_overflows() {
        let mut clock = Clock::default();
        for time in [i64::MAX, 0, i64::MAX, 0, i64::MAX, 0] {
            clock.place(time, FLAPPED, None);
        }
    }
}
