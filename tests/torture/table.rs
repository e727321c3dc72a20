//! The table at the end.

use crate::row::Row;

pub fn print(rows: &[(&str, Row)]) {
    let head = [
        "scenario",
        "messages",
        "overruns",
        "resyncs",
        "by kernel",
        "reported",
        "wrong",
        "peak MB",
        "time",
    ];
    let mut lines = vec![head.map(str::to_owned)];
    for (name, row) in rows {
        let peak = row.peak.map_or("-".to_owned(), |peak| {
            format!("{:.1}", peak as f64 / 1024.0)
        });
        let mut line = [
            (*name).to_owned(),
            row.statistics.messages.to_string(),
            row.statistics.overruns.to_string(),
            row.statistics.resyncs.to_string(),
            row.kernel.to_string(),
            row.reported.to_string(),
            row.wrong.to_string(),
            peak,
            format!("{:.1} s", row.time.as_secs_f64()),
        ];
        if row.skipped.is_some() {
            line[1..].fill("-".to_owned());
        }
        lines.push(line);
    }
    let mut widths = [0; 9];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.len().max(*width);
        }
    }
    println!();
    for line in &lines {
        let (first, rest) = line.split_first().expect("cells");
        print!("{first:<0$}", widths[0]);
        for (cell, width) in rest.iter().zip(&widths[1..]) {
            print!("  {cell:>width$}");
        }
        println!();
    }
    println!();
    for (name, row) in rows {
        if let Some(why) = &row.skipped {
            println!("SKIPPED: {name}: {why}");
        }
        for note in &row.notes {
            println!("{name}: {note}");
        }
        for complaint in &row.complaints {
            println!("{name}: WRONG: {complaint}");
        }
    }
    let total: f64 = rows.iter().map(|(_, row)| row.time.as_secs_f64()).sum();
    println!("in {total:.0} s");
}
