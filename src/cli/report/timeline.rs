//! What a link was when, in a bounded number of spans.

/// What is known of a link at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Connected,
    Disconnected,
    /// It did not exist, or was out of the watch's patterns.
    Absent,
    /// Nobody watched, or lines are missing.
    Unknown,
}

impl State {
    pub(super) const ALL: [State; 4] = [
        State::Connected,
        State::Disconnected,
        State::Absent,
        State::Unknown,
    ];
}

/// The time in each state, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Times([u64; 4]);

impl Times {
    pub(super) fn of(&self, state: State) -> u64 {
        self.0[state as usize]
    }

    pub(super) fn add(&mut self, state: State, time: u64) {
        let sum = &mut self.0[state as usize];
        *sum = sum.saturating_add(time);
    }

    pub(super) fn add_all(&mut self, other: &Times) {
        for state in State::ALL {
            self.add(state, other.of(state));
        }
    }

    /// The state, if it was one all the time.
    pub(super) fn only(&self) -> Option<State> {
        let mut some = State::ALL.into_iter().filter(|&state| self.of(state) > 0);
        let only = some.next()?;
        some.next().is_none().then_some(only)
    }

    /// How much of the time that is known and in which it was there, it was
    /// connected: from 0 to 1. `None` if there is no such time.
    pub(super) fn share(&self) -> Option<f64> {
        let connected = self.of(State::Connected) as f64;
        let there = connected + self.of(State::Disconnected) as f64;
        (there > 0.0).then(|| connected / there)
    }
}

/// A part of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) times: Times,
    /// The outages that began in it.
    pub(super) outages: u64,
}

impl Span {
    fn length(&self) -> i64 {
        self.end.saturating_sub(self.start)
    }

    fn take(&mut self, next: &Span) {
        self.end = next.end;
        self.times.add_all(&next.times);
        self.outages += next.outages;
    }
}

/// Consecutive spans. The short ones among many become one of several states.
#[derive(Debug, Clone, Default)]
pub(super) struct Timeline {
    spans: Vec<Span>,
    /// When it flapped, and how often.
    flaps: Vec<(i64, u64)>,
}

/// To how many spans a timeline is condensed, about.
const SPANS: usize = 256;
const MOST: usize = 4 * SPANS;

impl Timeline {
    /// Appends; `start` is where the last one ended. `outage` if one began.
    pub(super) fn push(&mut self, state: State, start: i64, end: i64, outage: bool) {
        let length = u64::try_from(end.saturating_sub(start)).unwrap_or(0);
        if length == 0 && !outage {
            return;
        }
        let mut times = Times::default();
        times.add(state, length);
        let next = Span {
            start,
            end,
            times,
            outages: u64::from(outage),
        };
        match self.spans.last_mut() {
            Some(last) if length == 0 || !outage && last.times.only() == Some(state) => {
                last.take(&next);
            }
            _ => self.spans.push(next),
        }
        if self.spans.len() >= MOST {
            self.spans = self.condensed(SPANS);
        }
    }

    pub(super) fn flap(&mut self, time: i64) {
        match self.flaps.last_mut() {
            // A late line, or the clock: the marks stay in order.
            Some((last, count)) if *last >= time => *count += 1,
            _ => self.flaps.push((time, 1)),
        }
        if self.flaps.len() >= MOST {
            let length = time.saturating_sub(self.flaps[0].0);
            self.flaps = self.flaps(length / SPANS as i64);
        }
    }

    /// The same in at most about twice `number` spans.
    pub(super) fn condensed(&self, number: usize) -> Vec<Span> {
        let (Some(first), Some(last)) = (self.spans.first(), self.spans.last()) else {
            return Vec::new();
        };
        if self.spans.len() <= number {
            return self.spans.clone();
        }
        // Of two neighbours that stay apart, one at least is as long as this, or
        // they are together.
        let shortest = last.end.saturating_sub(first.start) / number.max(1) as i64;
        let mut spans: Vec<Span> = Vec::new();
        for next in &self.spans {
            match spans.last_mut() {
                Some(span) if span.length().saturating_add(next.length()) <= shortest => {
                    span.take(next);
                }
                _ => spans.push(next.clone()),
            }
        }
        spans
    }

    /// When it flapped and how often, where marks closer than `shortest` are
    /// one.
    pub(super) fn flaps(&self, shortest: i64) -> Vec<(i64, u64)> {
        let mut flaps: Vec<(i64, u64)> = Vec::new();
        for &(time, count) in &self.flaps {
            match flaps.last_mut() {
                Some((former, sum)) if time.saturating_sub(*former) < shortest => *sum += count,
                _ => flaps.push((time, count)),
            }
        }
        flaps
    }

    /// The times in each of `number` equal parts of what lies from `start` to
    /// `end`.
    pub(super) fn cells(&self, start: i64, end: i64, number: usize) -> Vec<Times> {
        let mut cells = vec![Times::default(); number];
        let width = end.saturating_sub(start) as f64 / number.max(1) as f64;
        if width <= 0.0 {
            return cells;
        }
        for span in &self.spans {
            let from = (span.start.saturating_sub(start)) as f64 / width;
            let to = (span.end.saturating_sub(start)) as f64 / width;
            let length = to - from;
            let first = from.max(0.0) as usize;
            for (index, cell) in cells.iter_mut().enumerate().skip(first) {
                let overlap = to.min(index as f64 + 1.0) - from.max(index as f64);
                if overlap <= 0.0 {
                    break;
                }
                for state in State::ALL {
                    let time = span.times.of(state);
                    if time > 0 {
                        let part = (time as f64 * (overlap / length)) as u64;
                        // Something that short is something all the same.
                        cell.add(state, part.max(1));
                    }
                }
            }
        }
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(spans: &[Span]) -> Times {
        let mut all = Times::default();
        for span in spans {
            all.add_all(&span.times);
        }
        all
    }

    #[test]
    fn neighbours_of_one_state_are_one_span() {
        let mut timeline = Timeline::default();
        timeline.push(State::Connected, 0, 10, false);
        timeline.push(State::Connected, 10, 30, false);
        timeline.push(State::Disconnected, 30, 35, true);
        let spans = timeline.condensed(100);
        assert_eq!(spans.len(), 2);
        assert_eq!((spans[0].start, spans[0].end), (0, 30));
        assert_eq!(spans[1].outages, 1);
    }

    #[test]
    fn many_spans_are_condensed_and_nothing_is_lost() {
        let mut timeline = Timeline::default();
        let mut at = 0;
        for number in 0..100_000i64 {
            // One long outage among many short ones.
            let length = if number == 51_111 { 5_000_000 } else { 7 };
            let state = [State::Connected, State::Disconnected][(number % 2) as usize];
            timeline.push(state, at, at + length, state == State::Disconnected);
            timeline.flap(at);
            at += length;
        }
        assert!(timeline.spans.len() <= MOST);
        assert!(timeline.flaps.len() <= MOST);
        let spans = timeline.condensed(50);
        assert!(spans.len() <= 2 * 50 + 2, "{}", spans.len());
        let times = sum(&spans);
        assert_eq!(times.of(State::Connected), 50_000 * 7);
        assert_eq!(times.of(State::Disconnected), 49_999 * 7 + 5_000_000);
        assert_eq!(spans.iter().map(|span| span.outages).sum::<u64>(), 50_000);
        let long = spans
            .iter()
            .find(|span| span.length() >= 5_000_000)
            .unwrap();
        assert_eq!(long.times.only(), Some(State::Disconnected), "kept apart");
        for pair in spans.windows(2) {
            assert_eq!(pair[0].end, pair[1].start);
        }
        let flaps = timeline.flaps(at / 50);
        assert!(flaps.len() <= 51);
        assert_eq!(flaps.iter().map(|(_, count)| count).sum::<u64>(), 100_000);
    }

    #[test]
    fn cells_have_their_part_of_each_span() {
        let mut timeline = Timeline::default();
        timeline.push(State::Connected, 100, 250, false);
        timeline.push(State::Disconnected, 250, 300, true);
        let cells = timeline.cells(0, 400, 4);
        let known = |cell: &Times| (cell.of(State::Connected), cell.of(State::Disconnected));
        assert_eq!(
            cells.iter().map(known).collect::<Vec<_>>(),
            [(0, 0), (100, 0), (50, 50), (0, 0),]
        );
        assert_eq!(timeline.cells(5, 5, 3), vec![Times::default(); 3]);
    }

    #[test]
    fn the_share_is_that_of_the_time_it_was_there() {
        let mut times = Times::default();
        assert_eq!(times.share(), None);
        times.add(State::Unknown, 500);
        times.add(State::Absent, 500);
        assert_eq!(times.share(), None);
        times.add(State::Connected, 30);
        times.add(State::Disconnected, 10);
        assert_eq!(times.share(), Some(0.75));
    }
}
