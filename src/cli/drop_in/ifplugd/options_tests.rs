use super::*;
use clap::Parser;

#[derive(Debug, Parser)]
#[command(args_override_self = true, infer_long_args = true)]
struct Line {
    #[command(flatten)]
    options: Options,
}

fn options(line: &str) -> Options {
    let arguments = std::iter::once("ifplugd").chain(line.split_whitespace());
    match Line::try_parse_from(arguments) {
        Ok(line) => line.options,
        Err(error) => panic!("{line}: {error}"),
    }
}

fn settings(line: &str) -> Settings {
    options(line).settings().unwrap()
}

fn is_refused(line: &str) -> bool {
    let arguments = std::iter::once("ifplugd").chain(line.split_whitespace());
    Line::try_parse_from(arguments).is_err()
}

#[test]
fn the_defaults_are_those_of_ifplugd() {
    let settings = settings("");
    assert_eq!(settings.interface.name, "eth0");
    assert_eq!(
        settings.program,
        PathBuf::from("/etc/ifplugd/ifplugd.action")
    );
    assert_eq!(settings.delays.up, Duration::ZERO);
    assert_eq!(settings.delays.down, Duration::from_secs(5));
    assert_eq!(settings.criterion, Criterion::Carrier);
    assert_eq!(settings.absence, Absence::Failure);
    assert!(settings.begins_with_up && !settings.begins_with_down);
    assert!(settings.ends_with_down && settings.sets_up && settings.in_background);
    assert!(settings.uses_system_log && !settings.reports_state);
    assert!(settings.meaningless.is_empty() && settings.extra.is_none());
    assert_eq!(options("").command(), Command::Daemon);
}

#[test]
fn the_usual_lines_are_understood() {
    // Debian's and BusyBox's defaults, and those of their manuals.
    let debian = settings("-i eth1 -q -f -u0 -d10 -w -I");
    assert_eq!(debian.interface.name, "eth1");
    assert_eq!(debian.delays.down, Duration::from_secs(10));
    assert_eq!(debian.absence, Absence::Down);
    assert!(!debian.ends_with_down && debian.ignores_failure && debian.reports_state);
    let busybox = settings("-ansfFi wlan0 -r /bin/script -It2 -u1 -d 3 -m wlan -pqlx word -M");
    assert_eq!(busybox.program, PathBuf::from("/bin/script"));
    assert_eq!(busybox.extra, Some("word".into()));
    assert!(!busybox.sets_up && !busybox.in_background && !busybox.uses_system_log);
    assert!(busybox.begins_with_down && busybox.begins_with_up && !busybox.ends_with_down);
    let silent = settings("-p");
    assert!(!silent.begins_with_up && !silent.begins_with_down);
    assert_eq!(busybox.meaningless, ["--poll-time"]);
    let long = settings("--iface=lan --delay-down=0.25 --no-d --api-mode IFF --extra a --no-beep");
    assert_eq!(long.delays.down, Duration::from_millis(250));
    assert_eq!(long.criterion, Criterion::Running);
    assert!(!long.in_background);
    assert_eq!(long.meaningless, ["--no-beep"]);
}

#[test]
fn a_flag_that_is_given_twice_is_not_set() {
    let twice = settings("-nn -qq -aa -I -I -MM -ll -pp -F");
    assert!(twice.in_background && twice.ends_with_down && twice.sets_up);
    assert!(!twice.ignores_failure && twice.begins_with_up && !twice.begins_with_down);
    assert_eq!(twice.absence, Absence::Up);
    assert!(!settings("-n -n -n").in_background);
    assert_eq!(
        options("-k -k -WW").command(),
        Command::Kill { wait: false }
    );
}

#[test]
fn of_commands_one_is_done() {
    assert_eq!(options("-kW").command(), Command::Kill { wait: true });
    assert_eq!(options("-ck").command(), Command::Kill { wait: false });
    assert_eq!(options("-vc").command(), Command::CheckRunning);
    assert_eq!(options("--supend -i x").command(), Command::Suspend);
    assert_eq!(options("--resume").command(), Command::Resume);
    assert_eq!(options("-z stray words").command(), Command::Info);
    assert_eq!(options("-v").command(), Command::Version);
}

#[test]
fn what_makes_no_sense_is_refused() {
    for line in [
        "-Q",
        "--nonsense",
        "--no",
        "-i",
        "-t",
        "-d abc",
        "-d -3",
        "-d 1e9",
        "-d inf",
        "-d 99999999999999999999999",
        "-u .",
        "-i ../../etc/passwd",
        "-i a/b",
    ] {
        assert!(is_refused(line), "{line}");
    }
    let long = format!("-i {}", "x".repeat(128));
    assert!(is_refused(&long));
    assert!(Line::try_parse_from(["ifplugd", "-i", ""]).is_err());
    assert!(Line::try_parse_from(["ifplugd", "-i", "a b"]).is_err());
    assert!(options("-m x").settings().is_err());
    assert!(
        Line::try_parse_from(["ifplugd", "-m", ""])
            .is_ok_and(|line| line.options.settings().is_err())
    );
}

#[test]
fn a_name_is_no_glob() {
    for name in ["eth*", "e[1]", "e[", "a\\", "?", "]", "ä*"] {
        let pattern = parse_interface(name).unwrap().pattern;
        assert!(pattern.matches(name.as_bytes()), "{name}");
        for other in ["eth0", "e1", "x", "eth*0", "ä0"] {
            assert!(!pattern.matches(other.as_bytes()), "{name} {other}");
        }
    }
}
