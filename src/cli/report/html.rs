//! The report as a page: one file, nothing loaded from anywhere.

use std::fmt::{self, Display, Write};

use super::account::Account;
use super::figures::{self, Times, counted, duration, grouped, shown};
use super::link::{Link, Outage};
use super::scale;
use super::text;
use super::timeline::{Span, State};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// `openssl dgst -sha256 -binary page.js | base64`. The browser runs no other
/// script, also if a name could smuggle one in.
const SCRIPT_HASH: &str = "MBQBB6hSJa7BbAmV5zwQ+KmDCy14S5+MuIM66D+GdvU=";

/// How many elements all timelines have together, about.
const ELEMENTS: usize = 40_000;
/// Flaps that are closer than this part of a timeline share a mark.
const FLAPS: i64 = 150;
/// How wide a timeline is in its own units.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 44.0;

/// The whole page.
pub(super) fn page(account: &Account) -> String {
    let mut page = Page {
        account,
        times: Times::new(),
        spans: (ELEMENTS / account.links.len().max(1)).clamp(20, 400),
        out: String::with_capacity(64 * 1024),
    };
    // A String takes whatever is written to it.
    let _ = page.write();
    page.out
}

/// Text in HTML, also in the value of an attribute.
struct Escaped<T>(T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.to_string().chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                character => f.write_char(character)?,
            }
        }
        Ok(())
    }
}

struct Page<'a> {
    account: &'a Account,
    times: Times,
    /// How many spans a timeline has, about.
    spans: usize,
    out: String,
}

impl Page<'_> {
    fn write(&mut self) -> fmt::Result {
        self.head()?;
        self.header()?;
        self.out.push_str("<main>\n");
        let account = self.account;
        if account.links.len() > 1 {
            self.overview()?;
        }
        if account.links.is_empty() {
            self.out.push_str("<p>No link is in the log.</p>\n");
        } else {
            self.legend();
        }
        for (number, link) in account.links.iter().enumerate() {
            self.link(number, link)?;
        }
        self.out.push_str("</main>\n");
        self.footer()
    }

    fn clock(&self, time: i64) -> i64 {
        self.account.clock_time(time)
    }

    fn full(&self, time: i64) -> String {
        self.times.full(self.clock(time))
    }

    /// A `<time>` element.
    fn time(&self, time: i64) -> String {
        format!(
            "<time datetime=\"{}\">{}</time>",
            figures::utc(self.clock(time)),
            Escaped(self.full(time))
        )
    }

    fn head(&mut self) -> fmt::Result {
        let day = |time| self.times.format(self.clock(time), "%Y-%m-%d");
        let (first, last) = (day(self.account.start_time()), day(self.account.end_time()));
        write!(
            self.out,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             style-src 'unsafe-inline'; script-src 'sha256-{SCRIPT_HASH}'; img-src data:; \
             base-uri 'none'; form-action 'none'\">\n\
             <link rel=\"icon\" href=\"data:,\">\n\
             <title>Link report, {first} to {last}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
        )
    }

    fn header(&mut self) -> fmt::Result {
        let account = self.account;
        let (start, end) = (account.start_time(), account.end_time());
        let length = duration(u64::try_from(end.saturating_sub(start)).unwrap_or(0));
        let zone = self.times.zone(self.clock(end));
        let (from, to) = (self.time(start), self.time(end));
        let links = counted(account.links.len() as u64, "link");
        write!(
            self.out,
            "<header>\n<h1>Link report</h1>\n<p class=\"period\">{from} – {to}</p>\n\
             <p class=\"faint\">{links} over {length}; times are local ({})</p>\n",
            Escaped(zone)
        )?;
        let remarks = text::remarks(account);
        if !remarks.is_empty() {
            self.out.push_str("<ul class=\"remarks\">\n");
            for remark in remarks {
                let mut letters = remark.chars();
                let first = letters.next().map(|letter| letter.to_ascii_uppercase());
                let remark: String = first.into_iter().chain(letters).collect();
                writeln!(self.out, "<li>{}.</li>", Escaped(remark))?;
            }
            self.out.push_str("</ul>\n");
        }
        self.out.push_str("</header>\n");
        Ok(())
    }

    fn overview(&mut self) -> fmt::Result {
        self.out.push_str(
            "<div class=\"overview\"><table>\n<caption>All links</caption>\n\
             <thead><tr><th scope=\"col\">Link</th><th scope=\"col\">Connected</th>\
             <th scope=\"col\">Outages</th><th scope=\"col\">Down</th>\
             <th scope=\"col\" class=\"wide\">Longest</th>\
             <th scope=\"col\" class=\"wide\">Flaps</th>\
             <th scope=\"col\" class=\"wide\">Transitions</th></tr></thead>\n<tbody>\n",
        );
        for (number, link) in self.account.links.iter().enumerate() {
            let or_dash = |time: Option<u64>| match time {
                None | Some(0) => "–".to_owned(),
                Some(time) => duration(time),
            };
            writeln!(
                self.out,
                "<tr><th scope=\"row\"><a href=\"#link{number}\">{}</a></th>\
                 <td>{}</td><td>{}</td><td class=\"nobr\">{}</td><td class=\"nobr wide\">{}</td>\
                 <td class=\"wide\">{}</td><td class=\"wide\">{}</td></tr>",
                Escaped(self.account.title(link)),
                text::connected(link).unwrap_or_else(|| "–".to_owned()),
                grouped(link.outages),
                or_dash(Some(link.times.of(State::Disconnected))),
                or_dash(link.longest.first().map(Outage::length)),
                grouped(link.flaps),
                grouped(link.transitions),
            )?;
        }
        self.out.push_str("</tbody>\n</table></div>\n");
        Ok(())
    }

    fn legend(&mut self) {
        self.out.push_str(
            "<ul class=\"legend\" aria-label=\"Legend\">\n\
             <li><svg aria-hidden=\"true\"><rect class=\"c\" y=\"3\" width=\"22\" height=\"10\"/></svg>connected</li>\n\
             <li><svg aria-hidden=\"true\"><rect class=\"c\" y=\"3\" width=\"22\" height=\"10\"/>\
             <rect class=\"d\" x=\"9\" width=\"5\" height=\"16\"/></svg>disconnected</li>\n\
             <li><svg aria-hidden=\"true\"><rect class=\"c\" y=\"3\" width=\"22\" height=\"10\"/>\
             <path class=\"f\" d=\"M11 0V6\"/></svg>flapped</li>\n\
             <li><svg aria-hidden=\"true\"><rect class=\"u\" y=\"7\" width=\"22\" height=\"2\"/></svg>not known</li>\n\
             <li>blank: not there</li>\n<li class=\"hint\">Point at a timeline, or tap it, for times.</li>\n</ul>\n",
        );
    }

    fn link(&mut self, number: usize, link: &Link) -> fmt::Result {
        let name = Escaped(self.account.title(link));
        let share = text::connected(link);
        let mut about = format!("{}, interface {}", shown(&link.kind), link.ifindex);
        if !link.previous_names.is_empty() {
            let names: Vec<String> = link.previous_names.iter().map(|n| shown(n)).collect();
            about.push_str(&format!(", formerly {}", names.join(", ")));
        }
        write!(
            self.out,
            "<section class=\"link\" id=\"link{number}\" aria-labelledby=\"name{number}\">\n\
             <div class=\"head\"><h2 id=\"name{number}\">{name}</h2>\
             <span class=\"faint\">{}</span><p class=\"share\">{}</p></div>\n",
            Escaped(about),
            match &share {
                Some(share) => format!("{share} <small>connected</small>"),
                None => "<small>state not known</small>".to_owned(),
            }
        )?;
        self.timeline(link, share.as_deref())?;
        self.figures(link)?;
        self.outages(link)?;
        self.out.push_str("</section>\n");
        Ok(())
    }

    fn timeline(&mut self, link: &Link, share: Option<&str>) -> fmt::Result {
        let account = self.account;
        let (start, end) = (account.start_time(), account.end_time());
        let length = end.saturating_sub(start).max(1) as f64;
        let x = |time: i64| time.saturating_sub(start) as f64 / length * WIDTH;
        writeln!(
            self.out,
            "<svg class=\"timeline\" viewBox=\"0 0 1000 44\" preserveAspectRatio=\"none\" \
             role=\"img\" tabindex=\"0\" aria-label=\"Timeline of {}: connected {}, {}. \
             Arrow keys go from outage to outage.\">",
            Escaped(self.account.title(link)),
            share.unwrap_or("for a time not known"),
            counted(link.outages, "outage")
        )?;
        let marks = scale::marks(self.clock(start), self.clock(end));
        let place = |time: i64| x(time.saturating_sub(account.clock_time(0)));
        for mark in &marks {
            let x = place(mark.time);
            writeln!(self.out, "<path class=\"grid\" d=\"M{x:.3} 0V44\"/>")?;
        }
        let spans = link.timeline.condensed(self.spans);
        // Outages last, so that nothing covers them.
        let mut above = String::new();
        for span in &spans {
            self.span(link, span, (x(span.start), x(span.end)), &mut above)?;
        }
        self.out.push_str(&above);
        for (time, count) in link.timeline.flaps(end.saturating_sub(start) / FLAPS) {
            let (x, at) = (x(time), self.full(time));
            let often = match count {
                1 => String::new(),
                count => format!(" {} times from then on", grouped(count)),
            };
            writeln!(
                self.out,
                "<path class=\"f\" d=\"M{x:.3} 0V11\" data-x=\"{x:.3}\"><title>Flapped{often}\n{at}</title></path>"
            )?;
        }
        self.out.push_str(
            "<line class=\"cursor\" y2=\"44\" visibility=\"hidden\"/></svg>\n\
             <div class=\"scale\" aria-hidden=\"true\">",
        );
        for mark in marks {
            let percent = place(mark.time) / WIDTH * 100.0;
            if (4.0..=96.0).contains(&percent) {
                write!(
                    self.out,
                    "<span style=\"left:{percent:.2}%\">{}</span>",
                    Escaped(mark.label)
                )?;
            }
        }
        let first = match link.longest.first() {
            None if link.times.of(State::Connected) == 0 => "Not connected in this time".to_owned(),
            None => "No outage".to_owned(),
            Some(outage) => {
                let outage = text::described(outage, account, &self.times);
                format!("Longest outage: {outage}")
            }
        };
        writeln!(
            self.out,
            "</div>\n<output class=\"readout\">{}</output>",
            Escaped(first)
        )
    }

    /// The rectangle of a span. Those of outages go to `above`.
    fn span(
        &mut self,
        link: &Link,
        span: &Span,
        (from, to): (f64, f64),
        above: &mut String,
    ) -> fmt::Result {
        let length = duration(u64::try_from(span.end.saturating_sub(span.start)).unwrap_or(0));
        let period = format!("{} to {}", self.full(span.start), self.full(span.end));
        let width = to - from;
        // Connected is lower than an outage: not by its colour alone.
        let (low, tall) = ((8.0, HEIGHT - 16.0), (0.0, HEIGHT));
        // Seen however short they are.
        let outage = if span.outages > 0 { " o" } else { "" };
        let rect = |class: &str, (y, height): (f64, f64), title: &str, out: &mut String| {
            writeln!(
                out,
                "<rect class=\"{class}\" x=\"{from:.3}\" y=\"{y}\" width=\"{width:.3}\" \
                 height=\"{height:.1}\" data-x=\"{from:.3}\" data-w=\"{width:.3}\">\
                 <title>{}</title></rect>",
                Escaped(title)
            )
        };
        let known = span.times.share();
        match (span.times.only(), known) {
            (Some(State::Connected), _) => {
                let title = format!("Connected for {length}\n{period}");
                rect("c", low, &title, &mut self.out)
            }
            (Some(State::Disconnected), _) => {
                let reason = link
                    .longest
                    .iter()
                    .find(|outage| outage.start == span.start)
                    .and_then(text::reason);
                let reason = reason.map(|why| format!(" ({why})")).unwrap_or_default();
                let title = format!("Disconnected for {length}{reason}\n{period}");
                rect(&format!("d{outage}"), tall, &title, above)
            }
            (Some(State::Absent), _) => rect(
                "a",
                low,
                &format!("Not there for {length}\n{period}"),
                &mut self.out,
            ),
            (_, None) => {
                let line = (HEIGHT / 2.0 - 1.0, 2.0);
                rect(
                    "u",
                    line,
                    &format!("Not known for {length}\n{period}"),
                    &mut self.out,
                )
            }
            (_, Some(share)) => {
                let percent = figures::share(
                    span.times.of(State::Connected),
                    span.times.of(State::Disconnected),
                );
                let title = format!(
                    "{}, connected {} of {length}\n{period}",
                    counted(span.outages, "outage"),
                    percent.unwrap_or_default()
                );
                // As high as the time it was disconnected, yet to be seen.
                let height = (HEIGHT * (1.0 - share)).max(HEIGHT / 3.0);
                rect("c", low, &title, &mut self.out)?;
                if share < 1.0 {
                    rect(
                        &format!("m{outage}"),
                        (HEIGHT - height, height),
                        &title,
                        above,
                    )?;
                }
                Ok(())
            }
        }
    }

    fn figures(&mut self, link: &Link) -> fmt::Result {
        let time = |state| duration(link.times.of(state));
        let some_time = |state| (link.times.of(state) > 0).then(|| time(state));
        let some = |number: u64| (number > 0).then(|| grouped(number));
        let figures = [
            ("Connected", Some(time(State::Connected))),
            ("Disconnected", Some(time(State::Disconnected))),
            ("Outages", Some(grouped(link.outages))),
            (
                "Longest outage",
                link.longest.first().map(|outage| duration(outage.length())),
            ),
            ("Flaps", Some(grouped(link.flaps))),
            ("Transitions", Some(grouped(link.transitions))),
            ("of them unseen", some(link.unseen)),
            ("Roams", some(link.roams)),
            ("Removed", some(link.removals)),
            ("Not there", some_time(State::Absent)),
            ("Not known", some_time(State::Unknown)),
        ];
        self.out.push_str("<dl>\n");
        for (term, figure) in figures {
            if let Some(figure) = figure {
                writeln!(self.out, "<div><dt>{term}</dt><dd>{figure}</dd></div>")?;
            }
        }
        self.out.push_str("</dl>\n");
        Ok(())
    }

    fn outages(&mut self, link: &Link) -> fmt::Result {
        if link.longest.is_empty() {
            return Ok(());
        }
        let summary = match link.longest.len() {
            1 if link.outages <= 1 => "The outage".to_owned(),
            many if link.outages <= many as u64 => "All outages".to_owned(),
            many => format!("The {many} longest outages"),
        };
        let has_reasons = link.longest.iter().any(|outage| outage.reason.is_some());
        write!(
            self.out,
            "<details><summary>{summary}</summary>\n<table class=\"outages\">\n\
             <caption>Outages of {}, the longest first</caption>\n\
             <thead><tr><th scope=\"col\">From</th><th scope=\"col\">Lasted</th>{}</tr></thead>\n<tbody>\n",
            Escaped(self.account.title(link)),
            if has_reasons {
                "<th scope=\"col\">Why</th>"
            } else {
                ""
            }
        )?;
        for outage in &link.longest {
            let before = if outage.start_known { "" } else { "before " };
            let longer = if outage.end_known { "" } else { " or longer" };
            let start = self.time(outage.start);
            write!(
                self.out,
                "<tr><td>{before}{start}</td><td>{}{longer}</td>",
                duration(outage.length())
            )?;
            if has_reasons {
                let words: Vec<String> = [&outage.reason, &outage.detail]
                    .into_iter()
                    .flatten()
                    .map(|word| shown(word))
                    .collect();
                write!(self.out, "<td>{}</td>", Escaped(words.join(", ")))?;
            }
            self.out.push_str("</tr>\n");
        }
        self.out.push_str("</tbody>\n</table></details>\n");
        Ok(())
    }

    fn footer(&mut self) -> fmt::Result {
        write!(
            self.out,
            "<footer>\n<p>The share is that of the time in which the state is known and the link \
             was there. Transitions are the steps of the kernel’s carrier counters; unseen are \
             those among them that no message announced. The log ends with its last line, and \
             nothing is known of what came after.</p>\n\
             <p>linkwatch {}</p>\n</footer>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
            env!("CARGO_PKG_VERSION")
        )
    }
}
