//! The marks of a time scale, at round local times.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

use crate::cli::local_zone::local_zone;

/// So many there are at most.
const MARKS: i64 = 6;

pub(super) struct Mark {
    /// In microseconds since 1970.
    pub(super) time: i64,
    pub(super) label: String,
}

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Divisors of a day.
const STEPS: [i64; 17] = [
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
];
const DAYS: [i64; 5] = [1, 2, 4, 7, 14];
const MONTHS: [i64; 4] = [1, 2, 3, 6];

/// Marks for what lies between two times, in the order of time.
pub(super) fn marks(start: i64, end: i64) -> Vec<Mark> {
    try_marks(start, end, local_zone()).unwrap_or_default()
}

fn try_marks(start: i64, end: i64, zone: TimeZone) -> Option<Vec<Mark>> {
    let length = end.checked_sub(start)?;
    let first = Timestamp::from_microsecond(start).ok()?.to_zoned(zone);
    let midnight = first.start_of_day().ok()?;
    let fits = |step: &&i64| length / **step < MARKS;
    if let Some(&step) = STEPS.iter().find(fits) {
        let form = if step < MINUTE { "%H:%M:%S" } else { "%H:%M" };
        let midnight = midnight.timestamp().as_microsecond();
        let skipped = start.checked_sub(midnight)?.div_euclid(step);
        let mark = |number: i64| {
            let time = midnight.checked_add(step.checked_mul(skipped.checked_add(number)?)?)?;
            let local = Timestamp::from_microsecond(time).ok()?;
            let local = local.to_zoned(first.time_zone().clone());
            let is_midnight = local.strftime("%H:%M:%S").to_string() == "00:00:00";
            let form = if is_midnight { "%b %-d" } else { form };
            Some((time, local.strftime(form).to_string()))
        };
        return Some(between(start, end, (0..).map_while(mark)));
    }
    let days = |number: i64| Span::new().try_days(number).ok();
    if let Some(&step) = DAYS.iter().find(|&&step| length / DAY / step < MARKS) {
        let times = (0..).map_while(|number: i64| {
            let time = midnight
                .checked_add(days(number.checked_mul(step)?)?)
                .ok()?;
            labelled(&time, "%b %-d")
        });
        return Some(between(start, end, times));
    }
    let month = 30 * DAY;
    let step = MONTHS
        .into_iter()
        .chain((1..).map(|years| years * 12))
        .find(|step| length / month / step < MARKS)?;
    // From January on, so that a year's beginning is among them.
    let january = Date::new(first.year(), 1, 1).ok()?;
    let january = january.to_zoned(first.time_zone().clone()).ok()?;
    let form = if step < 12 { "%b %Y" } else { "%Y" };
    let times = (0..).map_while(|number: i64| {
        let span = Span::new().try_months(number.checked_mul(step)?).ok()?;
        labelled(&january.checked_add(span).ok()?, form)
    });
    Some(between(start, end, times))
}

fn labelled(time: &Zoned, form: &str) -> Option<(i64, String)> {
    let label = time.strftime(form).to_string();
    Some((time.timestamp().as_microsecond(), label))
}

fn between(start: i64, end: i64, marks: impl Iterator<Item = (i64, String)>) -> Vec<Mark> {
    marks
        .skip_while(|(time, _)| *time < start)
        .take_while(|(time, _)| *time <= end)
        .map(|(time, label)| Mark { time, label })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(start: &str, end: &str) -> Vec<String> {
        let time = |text: &str| text.parse::<Timestamp>().unwrap().as_microsecond();
        let marks = try_marks(time(start), time(end), TimeZone::UTC).unwrap();
        assert!(marks.len() <= MARKS as usize + 1);
        marks.into_iter().map(|mark| mark.label).collect()
    }

    #[test]
    fn marks_are_at_round_times() {
        assert_eq!(
            labels("2026-11-01T10:00:12Z", "2026-11-01T10:00:14Z"),
            ["10:00:12", "10:00:13", "10:00:14"]
        );
        assert_eq!(
            labels("2026-11-01T20:10:00Z", "2026-11-02T05:00:00Z"),
            ["22:00", "Nov 2", "02:00", "04:00"]
        );
        assert_eq!(
            labels("2026-11-01T10:00:00Z", "2026-11-22T10:00:00Z"),
            ["Nov 5", "Nov 9", "Nov 13", "Nov 17", "Nov 21"]
        );
        assert_eq!(
            labels("2025-12-24T10:00:00Z", "2026-06-22T10:00:00Z"),
            ["Jan 2026", "Mar 2026", "May 2026"]
        );
        assert_eq!(
            labels("1970-01-01T00:00:00Z", "2026-06-22T10:00:00Z").len(),
            6
        );
    }

    #[test]
    fn there_is_a_scale_for_any_length() {
        let far = 253_402_207_200 * SECOND;
        for (start, end) in [(0, 0), (0, far), (far - 1, far), (-far, far), (0, i64::MAX)] {
            if let Some(marks) = try_marks(start, end, TimeZone::UTC) {
                assert!(marks.len() <= MARKS as usize + 1, "{start} {end}");
            }
        }
    }
}
