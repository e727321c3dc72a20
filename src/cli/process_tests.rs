//! Children of all manners.

use super::*;
use std::os::unix::ffi::OsStrExt;

use nix::poll::{PollFd, PollTimeout, poll};

const PATIENCE: Duration = Duration::from_secs(30);

fn shell(script: &str) -> Launch {
    Launch {
        program: "/bin/sh".into(),
        arguments: ["-c", script].map(OsString::from).into(),
        ..Launch::default()
    }
}

/// Waits as a program does, and never in another way.
#[track_caller]
fn run(process: &mut Process) -> (End, Vec<(Stream, String)>) {
    let mut lines = Vec::new();
    let begin = Instant::now();
    let mut turns = 0;
    loop {
        if let Some(end) = process.advance(|stream, line| lines.push((stream, line.to_owned()))) {
            return (end, lines);
        }
        turns += 1;
        assert!(begin.elapsed() < PATIENCE, "it does not end");
        assert!(turns < 10_000, "it turns and turns");
        let due = process.due().map_or(PATIENCE, |due| {
            due.saturating_duration_since(Instant::now()) + Duration::from_millis(1)
        });
        let timeout = PollTimeout::try_from(due.min(PATIENCE)).unwrap();
        let mut descriptors: Vec<PollFd<'_>> = process
            .sources()
            .map(|(descriptor, interest)| PollFd::new(descriptor, interest))
            .collect();
        poll(&mut descriptors, timeout).unwrap();
    }
}

#[track_caller]
fn run_script(script: &str) -> (End, Vec<String>) {
    let (end, lines) = run(&mut Process::start(shell(script)).unwrap());
    (end, lines.into_iter().map(|(_, line)| line).collect())
}

fn is_alive(pid: u32) -> bool {
    // A zombie has been killed; whoever is its parent now waits for it.
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or("").starts_with(" Z"))
}

/// A signal is sent to a whole group at once, but each dies when it is its turn.
#[track_caller]
fn assert_dies(pid: u32) {
    let begin = Instant::now();
    while is_alive(pid) {
        assert!(begin.elapsed() < PATIENCE, "{pid} lives");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn lines_are_told_with_their_streams_and_the_end_with_its_status() {
    let mut process =
        Process::start(shell("echo one; echo two >&2; printf three; exit 7")).unwrap();
    let (end, mut lines) = run(&mut process);
    assert_eq!(end.status.and_then(|status| status.code()), Some(7));
    assert!(!end.is_success());
    assert_eq!(end.to_string(), "exit status 7");
    lines.sort_by_key(|(stream, _)| *stream == Stream::Error);
    assert_eq!(
        lines,
        [
            (Stream::Output, "one".to_owned()),
            (Stream::Output, "three".to_owned()),
            (Stream::Error, "two".to_owned()),
        ]
    );
    assert!(run_script("true").0.is_success());
    assert_eq!(run_script("kill -9 $$").0.to_string(), "killed by signal 9");
    // Rust programs ignore it, others rely on it.
    assert_eq!(
        run_script("kill -PIPE $$").0.to_string(),
        "killed by signal 13"
    );
}

#[test]
fn what_it_gets_is_fixed() {
    let mut launch = shell("env; pwd; grep SigBlk /proc/self/status; cut -d' ' -f5 /proc/$$/stat");
    launch.set("LINKWATCH_NAME", "a b\n$(c)");
    launch.set("NUL", "\0");
    let mut process = Process::start(launch).unwrap();
    let id = process.id();
    let (_, lines) = run(&mut process);
    let mut lines: Vec<&str> = lines.iter().map(|(_, line)| &line[..]).collect();
    // Shells add these.
    lines.retain(|line| !["PWD=/", "SHLVL=0", "SHLVL=1", "_=/usr/bin/env"].contains(line));
    lines.sort();
    let id = id.to_string();
    let mut expected = vec![
        "$(c)",
        "/",
        "LANG=C.UTF-8",
        "LINKWATCH_NAME=a b",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "SigBlk: 0000000000000000",
        &id[..],
    ];
    expected.sort();
    assert_eq!(lines, expected);
}

#[test]
fn input_is_fed_without_waiting_for_it_to_be_read() {
    // More than a pipe holds.
    let input = vec![b'x'; 1 << 20];
    let feed = |script: &str| {
        let launch = Launch {
            input: input.clone(),
            ..shell(script)
        };
        run(&mut Process::start(launch).unwrap())
    };
    let (end, lines) = feed("wc -c");
    assert!(end.is_success());
    assert_eq!(lines[0].1, input.len().to_string());
    // It does not read, or closes it.
    assert!(feed("true").0.is_success());
    assert!(feed("exec <&-; echo done").0.is_success());
    assert_eq!(
        run_script("cat; echo end").1,
        ["end"],
        "no input is its end"
    );
}

#[test]
fn hostile_output_is_bounded_and_escaped() {
    let (_, lines) =
        run_script(r"printf '\033[2J\a\377\tx\r\n\n  \n'; head -c 100000 /dev/zero | tr '\0' y");
    assert_eq!(lines[0], r"\x1b[2J\x07\xff x");
    assert_eq!(lines[1], format!("{} … (cut)", "y".repeat(LONGEST_LINE)));
    assert_eq!(lines.len(), 2);

    let (end, lines) = run_script("seq 3000; seq 3000 >&2");
    assert_eq!(lines.len(), 2 * MOST_LINES as usize);
    assert_eq!(end.dropped_lines, 6000 - 2 * MOST_LINES);
}

/// Runs it until its first line, which is a process id, and lets its time be
/// over then.
#[track_caller]
fn run_too_long(script: &str) -> (End, u32) {
    let mut process = Process::start(shell(script)).unwrap();
    let mut pid = None;
    let begin = Instant::now();
    while pid.is_none() {
        assert!(begin.elapsed() < PATIENCE, "it says nothing");
        std::thread::sleep(Duration::from_millis(5));
        assert!(process.advance(|_, line| pid = line.parse().ok()).is_none());
    }
    process.timeout = Some(Instant::now());
    let begin = Instant::now();
    let (mut end, _) = run(&mut process);
    end.duration = begin.elapsed();
    (end, pid.unwrap())
}

#[test]
fn who_takes_too_long_is_terminated_with_its_group() {
    let (end, child) = run_too_long("sleep 300 & echo $!; wait");
    assert!(end.timed_out && !end.is_success());
    assert!(end.to_string().starts_with("timed out after "), "{end}");
    assert_dies(child);

    // Deaf, as is its child.
    let (end, child) = run_too_long(
        "trap '' TERM; sh -c 'trap \"\" TERM; echo $$; sleep 300' & while :; do sleep 0.1; done",
    );
    assert!(end.timed_out && end.duration >= GRACE, "{:?}", end.duration);
    assert_dies(child);

    // Only its child is deaf.
    let (end, child) = run_too_long("sh -c 'trap \"\" TERM; echo $$; sleep 300' & wait");
    assert!(end.timed_out && end.duration >= GRACE, "{:?}", end.duration);
    assert_dies(child);
}

#[test]
fn what_it_leaves_running_is_not_waited_for() {
    let begin = Instant::now();
    let (end, lines) = run_script("sleep 300 & echo $!");
    assert!(end.is_success());
    assert!(begin.elapsed() < Duration::from_secs(60));
    let pid: u32 = lines[0].parse().unwrap();
    assert!(is_alive(pid), "it may live on");
    let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
}

#[test]
fn it_can_be_ended_before_its_time() {
    let mut process = Process::start(shell("exec sleep 300")).unwrap();
    process.terminate();
    let (end, _) = run(&mut process);
    assert!(!end.timed_out);
    assert_eq!(end.to_string(), "killed by signal 15");

    let process = Process::start(shell("exec sleep 300")).unwrap();
    let id = process.id();
    drop(process);
    assert!(
        !std::path::Path::new(&format!("/proc/{id}")).exists(),
        "it is no zombie"
    );
}

#[test]
fn without_a_pidfd_the_end_is_noticed_too() {
    let mut process = Process::start(shell("exec >&- 2>&-; sleep 0.2; exit 4")).unwrap();
    process.pidfd = None;
    assert_eq!(run(&mut process).0.to_string(), "exit status 4");
}

#[test]
fn what_cannot_be_started_is_told() {
    let launch = Launch {
        program: "/no/such/program".into(),
        ..Launch::default()
    };
    let error = Process::start(launch).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[test]
fn it_may_have_the_environment_and_be_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (copy, done) = (
        folder.path().join("environment"),
        folder.path().join("done"),
    );
    let line = format!(
        "cat /proc/$$/environ >{} && sleep 0.2 && >{}",
        copy.display(),
        done.display()
    );
    let process = Process::start(Launch {
        inherits_environment: true,
        output: Output::Inherited,
        ..shell(&line)
    });
    process.unwrap().leave();
    let begin = Instant::now();
    while !done.exists() {
        assert!(begin.elapsed() < Duration::from_secs(30), "it was ended");
        std::thread::sleep(Duration::from_millis(5));
    }
    let copy = std::fs::read(copy).unwrap();
    let has = |variable: &[u8]| copy.split(|&byte| byte == 0).any(|one| one == variable);
    for (name, value) in std::env::vars_os() {
        let variable = [name.as_bytes(), b"=", value.as_bytes()].concat();
        assert!(has(&variable), "{}", variable.escape_ascii());
    }
}

#[test]
fn the_rest_of_a_silent_group_has_the_grace_too() {
    let folder = tempfile::tempdir().unwrap();
    let (ready, done) = (folder.path().join("ready"), folder.path().join("done"));
    let (ready_path, done_path) = (ready.display(), done.display());
    // The shell goes at once, what it has left in its group a little later.
    let line = format!(
        "(trap 'sleep 0.2; >{done_path}; exit' TERM; >{ready_path}; while :; do sleep 0.05; done) & wait"
    );
    let mut process = Process::start(Launch {
        output: Output::Inherited,
        ..shell(&line)
    })
    .unwrap();
    while !ready.exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    process.terminate();
    run(&mut process);
    assert!(done.exists(), "it was killed before its time");
}
