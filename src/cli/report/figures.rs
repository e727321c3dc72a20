//! Figures as people read them.

use jiff::{Timestamp, tz::TimeZone};

use crate::cli::local_zone::local_zone;

const MILLISECOND: u64 = 1000;
const SECOND: u64 = 1000 * MILLISECOND;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// `850 ms`, `3.2 s`, `3 min 12 s`, `5 h 3 min`, `12 d 4 h`: cut off, not
/// rounded.
pub(super) fn duration(microseconds: u64) -> String {
    let two = |large: u64, large_unit, small: u64, small_unit| {
        let rest = microseconds % large / small;
        match rest {
            0 => format!("{} {large_unit}", microseconds / large),
            _ => format!("{} {large_unit} {rest} {small_unit}", microseconds / large),
        }
    };
    match microseconds {
        0 => "0 s".to_owned(),
        time if time < MILLISECOND => format!("{time} µs"),
        time if time < SECOND => format!("{} ms", time / MILLISECOND),
        time if time < 10 * SECOND => {
            format!(
                "{}.{} s",
                time / SECOND,
                time % SECOND / (100 * MILLISECOND)
            )
        }
        time if time < MINUTE => format!("{} s", time / SECOND),
        time if time < HOUR => two(MINUTE, "min", SECOND, "s"),
        time if time < DAY => two(HOUR, "h", MINUTE, "min"),
        _ => two(DAY, "d", HOUR, "h"),
    }
}

/// In percent, cut off, not rounded: `100 %` and `0 %` are exact.
pub(super) fn share(connected: u64, disconnected: u64) -> Option<String> {
    let there = u128::from(connected) + u128::from(disconnected);
    let connected = u128::from(connected);
    Some(match (connected * 100_000).checked_div(there)? {
        _ if connected == there => "100 %".to_owned(),
        _ if connected == 0 => "0 %".to_owned(),
        0 => "< 0.001 %".to_owned(),
        thousandths => format!("{}.{:03} %", thousandths / 1000, thousandths % 1000),
    })
}

/// `3 outages`, `1 outage`.
pub(super) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// `12,345`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Times of the clock, in the zone of whoever reads the report.
pub(super) struct Times {
    zone: TimeZone,
}

impl Times {
    pub(super) fn new() -> Times {
        Times { zone: local_zone() }
    }

    /// `2026-11-22 10:00:00`, as in the log file.
    pub(super) fn full(&self, microseconds: i64) -> String {
        self.format(microseconds, "%Y-%m-%d %H:%M:%S")
    }

    /// The name of the zone and its distance from UTC at that time.
    pub(super) fn zone(&self, microseconds: i64) -> String {
        let offset = self.format(microseconds, "%:z");
        match self.zone.iana_name() {
            Some("UTC" | "Etc/UTC") | None if offset == "+00:00" => "UTC".to_owned(),
            Some(name) if !name.is_empty() => format!("{name}, UTC{offset}"),
            _ => format!("UTC{offset}"),
        }
    }

    pub(super) fn format(&self, microseconds: i64, form: &str) -> String {
        match Timestamp::from_microsecond(microseconds) {
            Ok(time) => time.to_zoned(self.zone.clone()).strftime(form).to_string(),
            Err(_) => "?".to_owned(),
        }
    }
}

/// RFC 3339 in UTC.
pub(super) fn utc(microseconds: i64) -> String {
    let time = Timestamp::from_microsecond(microseconds).unwrap_or_default();
    format!("{time:.6}")
}

/// A name or a driver's words, safe on a terminal and in a page: what would
/// break a line or hide text is written as `\xNN`. A backslash stays, for the
/// log has escaped already what is not UTF-8.
pub(super) fn shown(text: &str) -> String {
    let parts = text.split('\\');
    let parts: Vec<String> = parts
        .map(|part| linkwatch::nl::escape(part.as_bytes()).to_string())
        .collect();
    parts.join("\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units() {
        for (time, text) in [
            (0, "0 s"),
            (7, "7 µs"),
            (1_999, "1 ms"),
            (999_999, "999 ms"),
            (3_290_000, "3.2 s"),
            (59_999_999, "59 s"),
            (60_000_000, "1 min"),
            (192_000_000, "3 min 12 s"),
            (HOUR - 1, "59 min 59 s"),
            (5 * HOUR + 3 * MINUTE + 59 * SECOND, "5 h 3 min"),
            (DAY, "1 d"),
            (12 * DAY + 4 * HOUR, "12 d 4 h"),
        ] {
            assert_eq!(duration(time), text);
        }
        duration(u64::MAX);
    }

    #[test]
    fn only_all_of_it_is_hundred_percent() {
        let percent = |connected, disconnected| share(connected, disconnected).unwrap();
        assert_eq!(share(0, 0), None);
        assert_eq!(percent(5, 0), "100 %");
        assert_eq!(percent(0, 5), "0 %");
        assert_eq!(percent(DAY * 365, 1), "99.999 %");
        assert_eq!(percent(1, DAY * 365), "< 0.001 %");
        assert_eq!(percent(2, 1), "66.666 %");
        assert_eq!(percent(1, 49), "2.000 %");
        assert_eq!(percent(u64::MAX, u64::MAX), "50.000 %");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_234), "1,234");
        assert_eq!(grouped(123_456_789), "123,456,789");
        assert_eq!(counted(1, "outage"), "1 outage");
        assert_eq!(counted(1_000, "flap"), "1,000 flaps");
    }

    #[test]
    fn names_cannot_harm_a_terminal() {
        assert_eq!(shown("eth0"), "eth0");
        assert_eq!(shown("a\u{1b}[2J\nb"), r"a\x1b[2J\x0ab");
        assert_eq!(shown(r"a\xffb"), r"a\xffb");
        assert_eq!(shown("a\u{202e}b"), r"a\xe2\x80\xaeb");
    }
}
