//! The race: every watcher hears the same storms in one private network
//! namespace, and its CPU time, memory, losses and final word are compared.
//!
//!     race --programs FOLDER [--python PATH] [--modes "drain live"] [--runs N]
//!          [--quick] [--out FOLDER] [--readme FILE]
//!
//! `make bench` builds what is needed and runs it.

mod about;
mod chart;
mod contender;
mod files;
mod goals;
mod kernel;
mod modes;
mod process;
mod report;
mod results;
mod sandbox;
mod table;
mod watcher;

use std::io;
use std::path::PathBuf;
use std::time::Instant;

use about::About;
use contender::Programs;
use modes::{Race, Random, Scale, drain, idle, latency, live, one_of_many, start};
use results::{Results, Sample};

const MODES: [&str; 6] = [
    drain::MODE,
    live::MODE,
    one_of_many::MODE,
    start::MODE,
    latency::MODE,
    idle::MODE,
];

struct Arguments {
    programs: Programs,
    modes: Vec<&'static str>,
    runs: usize,
    quick: bool,
    out: Option<PathBuf>,
    readme: Option<PathBuf>,
}

fn usual_runs(quick: bool) -> usize {
    if quick { 1 } else { 5 }
}

/// The modes as they are named on the command line.
fn names() -> String {
    MODES.map(|mode| mode.replace(' ', "-")).join(", ")
}

fn arguments() -> Result<Arguments, String> {
    let mut programs = None;
    let mut python = None;
    let mut modes = MODES.to_vec();
    let mut runs = None;
    let mut quick = false;
    let mut out = None;
    let mut readme = None;
    let mut given = std::env::args().skip(1);
    while let Some(option) = given.next() {
        let mut value = || given.next().ok_or(format!("{option} needs a value"));
        match option.as_str() {
            "--programs" => programs = Some(PathBuf::from(value()?)),
            "--python" => python = Some(PathBuf::from(value()?)),
            "--out" => out = Some(PathBuf::from(value()?)),
            "--readme" => readme = Some(PathBuf::from(value()?)),
            "--quick" => quick = true,
            "--runs" => {
                let number = value()?.parse().ok().filter(|&runs: &usize| runs > 0);
                runs = Some(number.ok_or("--runs: expected a number above 0")?);
            }
            "--modes" => {
                let chosen = value()?;
                let known = |word: &str| {
                    MODES
                        .into_iter()
                        .find(|mode| mode.replace(' ', "-") == word)
                };
                let words = chosen.split([' ', ',']).filter(|word| !word.is_empty());
                modes = words
                    .map(|word| {
                        known(word).ok_or(format!("no mode '{word}'; there are {}", names()))
                    })
                    .collect::<Result<_, _>>()?;
            }
            _ => return Err(format!("unknown option {option}")),
        }
    }
    let folder = programs.ok_or("--programs is missing: use `make bench`")?;
    let python = python.filter(|python| python.exists());
    let programs = Programs { folder, python };
    let runs = runs.unwrap_or(usual_runs(quick));
    Ok(Arguments {
        programs,
        modes,
        runs,
        quick,
        out,
        readme,
    })
}

fn main() {
    let arguments = arguments().unwrap_or_else(|error| {
        eprintln!("{error}");
        std::process::exit(2);
    });
    if let Err(error) = race(&arguments) {
        eprintln!("the race was broken off: {error}");
        std::process::exit(1);
    }
}

fn rounds(mut round: impl FnMut(usize) -> io::Result<Vec<Sample>>) -> io::Result<Vec<Sample>> {
    let rounds: io::Result<Vec<Vec<Sample>>> = (0..modes::ROUNDS).map(&mut round).collect();
    Ok(rounds?.into_iter().flatten().collect())
}

fn race(arguments: &Arguments) -> io::Result<()> {
    let how = sandbox::enter()?;
    // Watchers inherit it: other work on the machine then disturbs less.
    // SAFETY: setpriority(2) takes numbers.
    if unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, -15) } != 0 {
        println!("without privilege: at the usual priority");
    }
    let probe = kernel::Listener::new()?;
    println!("{how}; receive buffers of {} MiB", probe.room >> 20);
    drop(probe);
    if !sandbox::is_privileged() {
        println!("not root: fewer messages fit into the buffers than where SO_RCVBUFFORCE works");
    }
    println!("what watchers print goes to files in memory (memfd)");
    if arguments.programs.python.is_none() {
        println!("SKIPPED: pyroute2, which is not installed");
    }
    let scale = if arguments.quick {
        Scale::quick()
    } else {
        Scale::full()
    };
    let seed = std::time::UNIX_EPOCH
        .elapsed()
        .map_or(1, |time| time.as_nanos() as u64);
    let random = Random::new(seed);
    let mut race = Race {
        programs: &arguments.programs,
        scale: &scale,
        random,
    };
    let mut results = Results::default();
    for &mode in &arguments.modes {
        let begin = Instant::now();
        let links = match mode {
            start::MODE => Some(start::Links::new(scale.links)?),
            _ => None,
        };
        if links.is_some() {
            eprintln!("{} links made in {:.1?}", scale.links, begin.elapsed());
        }
        for run in 0..arguments.runs {
            let begin = Instant::now();
            let samples: Vec<Sample> = match mode {
                drain::MODE => rounds(|round| drain::run(&mut race, run, round))?,
                live::MODE => live::run(&mut race, run)?,
                one_of_many::MODE => one_of_many::run(&mut race, run)?,
                start::MODE => rounds(|round| start::run(&mut race, run, round))?,
                latency::MODE => latency::run(&mut race, run)?,
                _ => idle::run(&mut race, run)?,
            };
            results.samples.extend(samples);
            let (run, runs) = (run + 1, arguments.runs);
            eprintln!("{mode}, run {run} of {runs}: {:.1?}", begin.elapsed());
        }
    }
    for table in table::tables(&results) {
        println!("{}", table.text());
    }
    let goals = goals::goals(&results);
    println!("{}", table::goals(&goals).text());
    if let Some(folder) = &arguments.out {
        let python = arguments.programs.python.as_deref();
        let about = About::new(
            how,
            arguments.runs,
            arguments.quick,
            &arguments.modes,
            python,
        );
        files::write(folder, &about, &results, &goals)?;
        if let Some(readme) = &arguments.readme {
            files::write_into_readme(readme, &about, &results)?;
        }
        println!(
            "\nwritten: results.json, race.md and race.svg in {}",
            folder.display()
        );
    }
    Ok(())
}
