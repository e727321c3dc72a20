//! The page of `report --html`, in a browser.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::log::{line, text, thousand_seconds};
use crate::support::linkwatch;

struct Page {
    folder: tempfile::TempDir,
}

impl Page {
    fn of(lines: &[Value]) -> Page {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        std::fs::write(&log, text(lines)).unwrap();
        let output = linkwatch(&["report", "--html"])
            .arg(folder.path().join("page.html"))
            .arg(log)
            .env("TZ", "UTC0")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(
            output.stdout.is_empty() && output.stderr.is_empty(),
            "{output:?}"
        );
        Page { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("page.html")
    }
}

/// The left edges and the widths of elements, in parts of a thousand of their
/// timeline.
#[track_caller]
fn places(browser: &mut Browser, selector: &str) -> Vec<(f64, f64)> {
    let script = format!(
        "[...document.querySelectorAll({selector:?})].map((element) => {{
            const box = element.getBoundingClientRect();
            const whole = element.closest('svg').getBoundingClientRect();
            return [(box.left - whole.left) / whole.width * 1000, box.width / whole.width * 1000];
        }})"
    );
    let places = browser.eval(&script);
    let places = places.as_array().expect("a list").iter();
    places
        .map(|place| (place[0].as_f64().unwrap(), place[1].as_f64().unwrap()))
        .collect()
}

#[track_caller]
fn assert_places(browser: &mut Browser, selector: &str, expected: &[(f64, f64)]) {
    let places = places(browser, selector);
    let is_right = places.len() == expected.len()
        && places.iter().zip(expected).all(|(place, expected)| {
            (place.0 - expected.0).abs() < 0.05 && (place.1 - expected.1).abs() < 0.05
        });
    assert!(is_right, "{selector}: {places:?}");
}

/// The colours that matter, each with the one behind it.
const COLORS: &str = "(() => {
    const number = (color) => color.match(/[\\d.]+/g).map(Number);
    const behind = (element) => {
        const color = number(getComputedStyle(element).backgroundColor);
        return color.length === 4 && color[3] === 0 ? behind(element.parentElement) : color;
    };
    const text = [...document.querySelectorAll('h1, h2, p, th, td, dt, dd, a, span, summary, output, li')]
        .filter((element) => element.textContent.trim())
        .map((element) => [number(getComputedStyle(element).color), behind(element), 4.5]);
    const shapes = [...document.querySelectorAll('.link .c, .link .d, .link .u')]
        .map((element) => [number(getComputedStyle(element).fill), behind(element.closest('.link')), 2.7]);
    return [...text, ...shapes];
})()";

/// WCAG's contrast of two colours.
fn contrast(a: &Value, b: &Value) -> f64 {
    let luminance = |color: &Value| {
        let part = |index: usize| {
            let value = color[index].as_f64().unwrap() / 255.0;
            match value <= 0.03928 {
                true => value / 12.92,
                false => ((value + 0.055) / 1.055).powf(2.4),
            }
        };
        0.2126 * part(0) + 0.7152 * part(1) + 0.0722 * part(2) + 0.05
    };
    let (a, b) = (luminance(a), luminance(b));
    a.max(b) / a.min(b)
}

#[test]
fn the_page_is_alone_and_without_errors() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let page = Page::of(&thousand_seconds());
    browser.open(&page.path());
    let title = browser.eval("document.title");
    assert_eq!(title, "Link report, 2026-11-22 to 2026-11-22");
    // The script runs: the browser has checked its hash.
    browser.eval("document.querySelector('.timeline').dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight'}))");
    let told = browser.eval("document.querySelector('.readout').innerText");
    assert!(
        told.as_str().unwrap().starts_with("Disconnected for 10 s"),
        "{told}"
    );
    for trouble in [
        "Log.entryAdded",
        "Runtime.exceptionThrown",
        "Runtime.consoleAPICalled",
    ] {
        assert_eq!(browser.events_of(trouble), Vec::<&Value>::new());
    }
    let asked: Vec<&str> = browser
        .events_of("Network.requestWillBeSent")
        .into_iter()
        .filter_map(|event| event["params"]["request"]["url"].as_str())
        .filter(|url| !url.starts_with("data:"))
        .collect();
    assert_eq!(asked, [format!("file://{}", page.path().display())]);
}

#[test]
fn the_timelines_are_to_scale() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.resize(1200, false);
    browser.open(&Page::of(&thousand_seconds()).path());
    // One in a thousand is a second: see the log.
    assert_places(
        &mut browser,
        "#link0 .c",
        &[(0.0, 100.0), (110.0, 190.0), (360.0, 640.0)],
    );
    assert_places(&mut browser, "#link0 .d", &[(100.0, 10.0), (300.0, 60.0)]);
    assert_places(&mut browser, "#link0 .f", &[(200.0, 0.0)]);
    assert_places(&mut browser, "#link1 .c", &[(250.0, 250.0)]);
    assert_places(&mut browser, "#link1 .a", &[(500.0, 500.0)]);
    let share =
        browser.eval("[...document.querySelectorAll('.share')].map((share) => share.innerText)");
    assert_eq!(share, json!(["93.000 % connected", "100 % connected"]));
    let row =
        browser.eval("document.querySelector('.overview tbody tr').innerText.split(/\\s*\\t\\s*/)");
    assert_eq!(
        row,
        json!(["eth0", "93.000 %", "2", "1 min 10 s", "1 min", "1", "104"])
    );
}

#[test]
fn it_is_read_on_a_phone() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    // Names as long as they get, and many outages.
    let mut lines = thousand_seconds();
    let long = "w".repeat(15);
    lines.insert(0, line(0, "initial", 99, &long, true));
    lines.insert(1, line(0, "renamed", 99, &long.replace('w', "m"), true));
    lines[1]["previous_name"] = long.into();
    browser.resize(390, true);
    browser.open(&Page::of(&lines).path());
    browser.eval("document.querySelectorAll('details').forEach((details) => details.open = true)");
    let width = browser.eval("document.documentElement.scrollWidth");
    assert_eq!(width, 390, "no scrolling sideways");
    let small = browser.eval(
        "[...document.querySelectorAll('a, summary, .timeline')]
            .filter((element) => element.getBoundingClientRect().height < 44)
            .map((element) => element.outerHTML)",
    );
    assert_eq!(small, json!([]), "fingers are wide");
    let text = browser.eval("parseFloat(getComputedStyle(document.body).fontSize)");
    assert!(text.as_f64() >= Some(16.0));

    // A finger close to an outage that is two pixels wide.
    let place = browser.eval(
        "(() => {
            document.querySelector('#link0').scrollIntoView();
            const box = document.querySelector('#link0 .d').getBoundingClientRect();
            return [box.right, box.top + 20];
        })()",
    );
    let (x, y) = (
        place[0].as_f64().unwrap() + 12.0,
        place[1].as_f64().unwrap(),
    );
    browser.call(
        "Emulation.setTouchEmulationEnabled",
        json!({"enabled": true}),
    );
    for (kind, points) in [
        ("touchStart", json!([{"x": x, "y": y}])),
        ("touchEnd", json!([])),
    ] {
        browser.call(
            "Input.dispatchTouchEvent",
            json!({"type": kind, "touchPoints": points}),
        );
    }
    let told = browser.eval("document.querySelector('#link0 .readout').innerText");
    assert_eq!(
        told,
        "Disconnected for 10 s 2026-11-22 10:01:40 to 2026-11-22 10:01:50"
    );
}

#[test]
fn it_is_light_and_dark_and_legible_in_both() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let mut lines = thousand_seconds();
    lines.push(line(1100, "initial", 2, "eth0", true));
    lines.push(line(1200, "notice", 2, "eth0", true));
    let page = Page::of(&lines);
    let mut backgrounds = Vec::new();
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        browser.open(&page.path());
        let background = browser.eval("getComputedStyle(document.body).backgroundColor");
        backgrounds.push(background);
        let colors = browser.eval(COLORS);
        let colors = colors.as_array().unwrap();
        assert!(colors.len() > 50, "{}", colors.len());
        for color in colors {
            let [front, back, least] = [&color[0], &color[1], &color[2]];
            let contrast = contrast(front, back);
            assert!(
                Some(contrast) >= least.as_f64(),
                "{scheme}: {front} on {back}: {contrast}"
            );
        }
    }
    assert_ne!(backgrounds[0], backgrounds[1]);
}

#[test]
fn names_are_text_whatever_they_are() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let names = [
        "\"><img src=x onerror=hacked=1>",
        "</title><script>hacked=1</script>",
        "<b>&amp;'",
        "</script><svg onload=hacked=1>",
        "線路\u{202e}0",
    ];
    let mut lines: Vec<Value> = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let ifindex = number as u32 + 2;
        let mut line = line(0, "initial", ifindex, name, true);
        line["kind"] = (*name).into();
        lines.push(line);
    }
    for (number, name) in names.iter().enumerate() {
        let mut line = line(10, "disconnected", number as u32 + 2, name, false);
        line["reason"] = (*name).into();
        line["detail"] = (*name).into();
        lines.push(line);
    }
    lines.push(line(20, "connected", 2, names[0], true));
    let page = Page::of(&lines);
    browser.open(&page.path());
    assert_eq!(browser.eval("typeof hacked"), "undefined");
    assert_eq!(browser.eval("document.images.length"), 0);
    assert_eq!(browser.eval("document.scripts.length"), 1);
    assert_eq!(browser.events_of("Log.entryAdded"), Vec::<&Value>::new());
    let shown = browser.eval("[...document.querySelectorAll('h2')].map((name) => name.innerText)");
    let mut shown: Vec<&str> = shown
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let mut expected = names.to_vec();
    expected[4] = r"線路\xe2\x80\xae0";
    shown.sort_unstable();
    expected.sort_unstable();
    assert_eq!(shown, expected);
}

#[test]
fn a_thousand_links_are_still_a_page() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let mut lines: Vec<Value> = (2..1002)
        .map(|ifindex| line(0, "initial", ifindex, &format!("eth{ifindex}"), true))
        .collect();
    for at in 1..50 {
        for ifindex in 2..1002 {
            let (event, connected) = match at % 2 {
                0 => ("connected", true),
                _ => ("disconnected", false),
            };
            lines.push(line(
                at * 7,
                event,
                ifindex,
                &format!("eth{ifindex}"),
                connected,
            ));
        }
    }
    let page = Page::of(&lines);
    let size = std::fs::metadata(page.path()).unwrap().len();
    assert!(size < 30_000_000, "{size}");
    browser.open(&page.path());
    assert_eq!(
        browser.eval("document.querySelectorAll('.link').length"),
        1000
    );
}

#[test]
fn the_page_is_well_formed() {
    let page = Page::of(&thousand_seconds());
    let html = std::fs::read_to_string(page.path()).unwrap();
    // Every element that is opened is closed, by a count that knows no HTML.
    for element in [
        "section", "table", "tr", "td", "th", "svg", "rect", "title", "dl", "details",
    ] {
        let opened = html.matches(&format!("<{element}>")).count()
            + html.matches(&format!("<{element} ")).count()
            - html
                .match_indices(&format!("<{element} "))
                .filter(|(at, _)| html[*at..].split('>').next().unwrap().ends_with('/'))
                .count();
        assert_eq!(
            opened,
            html.matches(&format!("</{element}>")).count(),
            "{element}"
        );
    }
    for foreign in ["http:", "https:", "//", "@import", "url("] {
        let text = html.replace("// Shows the times", "");
        assert!(!text.contains(foreign), "{foreign}");
    }
}

/// A page that is read from a pipe.
#[test]
fn the_page_may_go_to_standard_output() {
    let mut child = linkwatch(&["report", "--html", "-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, text(&thousand_seconds()).as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(output.stdout.starts_with(b"<!doctype html>") && output.stdout.ends_with(b"</html>\n"));
}
