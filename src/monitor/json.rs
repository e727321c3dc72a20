//! An event as one line of JSON, without a crate for it: C programs load this
//! library.

use std::fmt::{self, Write};
use std::time::SystemTime;

use jiff::Timestamp;

use super::{Event, LinkState, WifiDetails};
use crate::nl::Name;

impl Event {
    /// The event as a JSON object on one line, without a line feed, in the
    /// form of `linkwatch watch --json`. Fields may be added, never renamed.
    ///
    /// The fields of a link are null on `resync`. A name that is not UTF-8 is
    /// written with `\xNN` for the bytes that are not.
    ///
    /// ```
    /// # use linkwatch::Monitor;
    /// let event = Monitor::builder().pattern("lo")?.build()?.try_next()?.unwrap();
    /// assert!(event.to_json().contains(r#""event":"initial","ifindex":1,"name":"lo""#));
    /// # Ok::<(), linkwatch::Error>(())
    /// ```
    pub fn to_json(&self) -> String {
        let mut line = String::with_capacity(256);
        // A String takes whatever is written to it.
        let _ = self.write_json(&mut line);
        line
    }

    fn write_json(&self, out: &mut String) -> fmt::Result {
        write!(
            out,
            r#"{{"time":"{}","event":"{}""#,
            utc(self.time()),
            self.kind()
        )?;
        match self.link() {
            Some(link) => self.write_link(link, out)?,
            None => out.push_str(
                r#","ifindex":null,"name":null,"kind":null,"connected":null,"carrier":null,"running":null,"operstate":null"#,
            ),
        }
        write!(
            out,
            r#","transitions":{},"unseen":{}"#,
            self.transitions(),
            self.unseen()
        )?;
        if let Some(reason) = self.reason() {
            write!(out, r#","reason":"{reason}""#)?;
        }
        if let Some(name) = self.previous_name() {
            write!(out, r#","previous_name":{}"#, Quoted(name))?;
        }
        if let Some(overruns) = self.overruns() {
            write!(out, r#","overruns":{overruns}"#)?;
        }
        if let Some(notice) = self.notice() {
            write!(out, r#","notice":"{notice}""#)?;
        }
        if let Some(detail) = self.detail() {
            out.push_str(r#","detail":"#);
            write_quoted(out, detail)?;
        }
        if let Some(wifi) = self.wifi() {
            wifi.write_json(out)?;
        }
        out.push('}');
        Ok(())
    }

    fn write_link(&self, link: &LinkState, out: &mut String) -> fmt::Result {
        write!(
            out,
            r#","ifindex":{},"name":{},"kind":{},"connected":{},"carrier":{},"running":{},"operstate":"{}""#,
            link.ifindex(),
            Quoted(link.name()),
            Quoted(link.kind().name()),
            self.is_connected(),
            link.has_carrier(),
            link.is_running(),
            link.operstate(),
        )
    }
}

impl WifiDetails {
    fn write_json(&self, out: &mut String) -> fmt::Result {
        if let Some(ssid) = self.ssid {
            out.push_str(r#","ssid":"#);
            match ssid.to_str() {
                Some(ssid) => write_quoted(out, ssid)?,
                None => write_quoted(out, &ssid.to_string())?,
            }
        }
        let addresses = [
            ("bssid", self.bssid),
            ("previous_bssid", self.previous_bssid),
        ];
        for (field, address) in addresses {
            if let Some(address) = address {
                write!(out, r#","{field}":"{address}""#)?;
            }
        }
        if let Some(frequency) = self.frequency {
            write!(out, r#","frequency":{frequency}"#)?;
        }
        if let Some(signal) = self.signal {
            write!(out, r#","signal":{signal}"#)?;
        }
        if let Some(reason) = self.reason {
            write!(out, r#","wifi_reason":{reason}"#)?;
        }
        if let Some(by_ap) = self.by_ap {
            write!(out, r#","by_ap":{by_ap}"#)?;
        }
        Ok(())
    }
}

/// A name as a JSON string (RFC 8259).
struct Quoted(Name);

impl fmt::Display for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // JSON has escapes of its own, so a name is itself, if it is UTF-8.
        match self.0.to_str() {
            Some(name) => write_quoted(f, name),
            None => write_quoted(f, &self.0.to_string()),
        }
    }
}

fn write_quoted(out: &mut impl Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' | '\\' => write!(out, "\\{character}")?,
            // Control characters, and what would still break a line or hide
            // text on a terminal.
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                write!(out, "\\u{:04x}", u32::from(c))?;
            }
            c => out.write_char(c)?,
        }
    }
    out.write_char('"')
}

/// RFC 3339 in UTC with microseconds: `2026-11-22T10:00:00.123456Z`.
fn utc(time: SystemTime) -> impl fmt::Display {
    // Only times beyond the year 9999 are not representable.
    let time = Timestamp::try_from(time).unwrap_or_default();
    format!("{time:.6}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn names_cannot_break_the_line() {
        let quoted = |name: &[u8]| Quoted(Name::new(name).unwrap()).to_string();
        assert_eq!(quoted(b"eth0"), r#""eth0""#);
        assert_eq!(quoted(b"a\"b\\c"), r#""a\"b\\c""#);
        assert_eq!(quoted(b"a\nb\x1b"), r#""a\u000ab\u001b""#);
        assert_eq!(quoted(b"a\xffb"), r#""a\\xffb""#);
        for name in [
            &b"a\"b\\c"[..],
            b"a\nb\x1b",
            "\u{2028}\u{7f}\u{9b}".as_bytes(),
        ] {
            let parsed: String = serde_json::from_str(&quoted(name)).unwrap();
            assert_eq!(parsed.as_bytes(), name, "JSON's own escapes lose nothing");
        }
    }

    #[test]
    fn times_have_microseconds_always() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(951_782_400);
        assert_eq!(utc(time).to_string(), "2000-02-29T00:00:00.000000Z");
        let time = time + Duration::from_nanos(1_500);
        assert_eq!(utc(time).to_string(), "2000-02-29T00:00:00.000001Z");
    }
}
