//! The chart: CPU time per message, as bars, legible on light and dark pages.

use crate::about::About;
use crate::contender::{C_LIBRARY, CLI, CONTENDERS, LIBRARY};
use crate::modes::{drain, live};
use crate::results::Results;

const WIDTH: f64 = 840.0;
const LEFT: f64 = 250.0;
const BARS: f64 = 500.0;
const ROW: f64 = 24.0;
const TOP: f64 = 30.0;

const STYLE: &str = "
  text { font: 13px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 15px }
  .small { font-size: 11px; fill: #59636e }
  .ours { font-weight: 600 }
  .bar { fill: #afb8c1 }
  .own { fill: #0969da }
  .line { stroke: #d1d9e0; stroke-width: 1 }
  .cut { stroke: #ffffff; stroke-width: 3; fill: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .small { fill: #9198a1 }
    .bar { fill: #57606a }
    .own { fill: #4493f8 }
    .line { stroke: #3d444d }
    .cut { stroke: #0d1117 }
  }
";

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// One panel, drawn from `y` on; returns where it ends.
fn panel(out: &mut String, mut y: f64, title: &str, results: &Results, mode: &str) -> f64 {
    let order: Vec<&str> = CONTENDERS.iter().map(|contender| contender.id).collect();
    let mut bars: Vec<(&str, &str, f64)> = results
        .watchers(mode, &order)
        .into_iter()
        .filter_map(|(id, label)| {
            Some((id, label, results.median(mode, id, "cpu_us_per_message")?))
        })
        .collect();
    bars.sort_by(|one, other| one.2.total_cmp(&other.2));
    // A bar that is many times as long as all others is cut off.
    let longest = bars
        .iter()
        .map(|bar| bar.2)
        .filter(|&value| value < 50.0)
        .fold(1.0, f64::max);
    *out += &format!(
        "<text class=\"title\" x=\"16\" y=\"{y}\">{}</text>\n",
        escaped(title)
    );
    y += 14.0;
    let begin = y;
    for (id, label, value) in bars {
        let is_own = [LIBRARY, C_LIBRARY, CLI].contains(&id);
        let (text_class, bar_class) = if is_own { ("ours", "own") } else { ("", "bar") };
        let is_cut = value > longest;
        let length = BARS * value.min(longest) / longest;
        let middle = y + ROW / 2.0;
        *out += &format!(
            "<text class=\"{text_class}\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n",
            LEFT - 10.0,
            middle + 4.5,
            escaped(label)
        );
        *out += &format!(
            "<rect class=\"{bar_class}\" x=\"{LEFT}\" y=\"{}\" width=\"{length:.1}\" height=\"16\" rx=\"2\"/>\n",
            middle - 8.0
        );
        if is_cut {
            let x = LEFT + BARS - 40.0;
            *out += &format!(
                "<path class=\"cut\" d=\"M{x} {} l6 -22 M{} {} l6 -22\"/>\n",
                middle + 11.0,
                x + 8.0,
                middle + 11.0
            );
        }
        let digits = if value < 100.0 { 2 } else { 0 };
        *out += &format!(
            "<text class=\"{text_class}\" x=\"{:.1}\" y=\"{}\">{value:.digits$}</text>\n",
            LEFT + length + 8.0,
            middle + 4.5
        );
        y += ROW;
    }
    *out += &format!("<path class=\"line\" d=\"M{LEFT} {begin} V{y}\"/>\n");
    y + 34.0
}

pub fn draw(about: &About, results: &Results) -> String {
    let mut body = String::new();
    let mut y = TOP;
    let panels = [
        (drain::MODE, "CPU time per message from a full queue, in µs"),
        (live::MODE, "CPU time per message in a live storm, in µs"),
    ];
    for (mode, title) in panels.into_iter().filter(|(mode, _)| results.has(mode)) {
        y = panel(&mut body, y, title, results, mode);
    }
    body += &format!(
        "<text class=\"small\" x=\"16\" y=\"{}\">{}</text>\n",
        y - 10.0,
        escaped(&about.line())
    );
    let height = y + 4.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" role=\"img\" \
         aria-label=\"CPU time per link message of linkwatch and other watchers\">\n\
         <style>{STYLE}</style>\n{body}</svg>\n"
    )
}
