//! The time zone of this process, found as localtime(3) and so date(1) find it.
//!
//! TZ may come from anybody, and name anything: only a regular file is opened, and
//! only so much of it is read.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::tz::TimeZone;

/// Where TZ is not set.
const DEFAULT_FILE: &str = "/etc/localtime";
/// Where TZDIR is not set.
const DEFAULT_FOLDER: &str = "/usr/share/zoneinfo";
/// The largest files of the database have some 4 KiB.
const MAX_SIZE: u64 = 256 << 10;
/// When POSIX strings without a rule have summer time, as in the C library.
const DEFAULT_RULE: &str = ",M3.2.0,M11.1.0";

/// The zone now. Its file is read again when it has changed, so that
/// `timedatectl set-timezone` reaches a program that runs for months.
pub(super) fn local_zone() -> TimeZone {
    static KNOWN: Mutex<Option<(Option<Stamp>, TimeZone)>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let setting = Setting::from_environment();
    let stamp = setting.stamp();
    if let Some((former, zone)) = &*known
        && *former == stamp
    {
        return zone.clone();
    }
    let zone = setting.zone();
    *known = Some((stamp, zone.clone()));
    zone
}

/// By which a file is known to be the same, unchanged.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    modified: (i64, i64),
    size: u64,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            file: (metadata.dev(), metadata.ino()),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            size: metadata.size(),
        }
    }
}

/// What the environment says.
struct Setting {
    file: Option<PathBuf>,
    /// What it may be if there is no such file.
    posix: Option<String>,
}

impl Setting {
    fn from_environment() -> Setting {
        Setting::new(env::var_os("TZ"), env::var_os("TZDIR"))
    }

    fn new(tz: Option<OsString>, folder: Option<OsString>) -> Setting {
        let Some(tz) = tz else {
            return Setting {
                file: Some(DEFAULT_FILE.into()),
                posix: None,
            };
        };
        let tz = OsStr::from_bytes(tz.as_bytes().strip_prefix(b":").unwrap_or(tz.as_bytes()));
        let folder = folder.filter(|folder| !folder.is_empty());
        let folder = folder.unwrap_or_else(|| DEFAULT_FOLDER.into());
        Setting {
            // An absolute one stays as it is. An empty one is UTC.
            file: (!tz.is_empty()).then(|| Path::new(&folder).join(tz)),
            posix: tz.to_str().map(str::to_owned),
        }
    }

    fn stamp(&self) -> Option<Stamp> {
        let metadata = self.file.as_ref()?.metadata().ok()?;
        Some(Stamp::of(&metadata))
    }

    /// UTC where there is none, as ever.
    fn zone(&self) -> TimeZone {
        let from_file = || {
            let path = self.file.as_ref()?;
            TimeZone::tzif(&name(path), &read(path).ok()?).ok()
        };
        let from_posix = || {
            let posix = self.posix.as_ref()?;
            let with_rule = || TimeZone::posix(&format!("{posix}{DEFAULT_RULE}"));
            TimeZone::posix(posix).or_else(|_| with_rule()).ok()
        };
        from_file().or_else(from_posix).unwrap_or(TimeZone::UTC)
    }
}

/// Reads a file that cannot block, and is not without end.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let check = |metadata: Metadata| match metadata.is_file() && metadata.len() <= MAX_SIZE {
        true => Ok(()),
        false => Err(io::Error::other("no file of a time zone")),
    };
    // Before it is opened, which has effects on some devices; and after that, for
    // it may be another one by then.
    check(path.metadata()?)?;
    let file: File = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)?;
    check(file.metadata()?)?;
    let mut bytes = Vec::new();
    file.take(MAX_SIZE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The zone's name in the database, by the place of its file or, as systemd has
/// it, by where that is a link to. Empty where neither says.
fn name(path: &Path) -> String {
    let name_in = |path: &Path| {
        let path = path.as_os_str().to_owned().into_vec();
        let path = String::from_utf8(path).ok()?;
        let (_, name) = path.rsplit_once("/zoneinfo/")?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte);
        name.bytes().all(is_plain).then(|| name.to_owned())
    };
    name_in(path)
        .or_else(|| name_in(&path.read_link().ok()?))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use std::fs;

    /// A file of the database, version 2, that says nothing but a rule.
    fn tzif(rule: &str) -> Vec<u8> {
        let mut part = b"TZif2".to_vec();
        part.extend([0; 15]);
        for count in [0u32, 0, 0, 0, 1, 4] {
            part.extend(count.to_be_bytes());
        }
        part.extend(b"\0\0\0\0\0\0UTC\0");
        let rule = format!("\n{rule}\n");
        [&part[..], &part, rule.as_bytes()].concat()
    }

    /// What the clock shows on 1 July 2026 at 12:00 UTC.
    fn shown(tz: &str, folder: &Path) -> String {
        let zone = Setting::new(Some(tz.into()), Some(folder.into())).zone();
        let time: Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        time.to_zoned(zone).strftime("%H:%M").to_string()
    }

    #[test]
    fn tz_means_what_it_means_to_the_c_library() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        fs::create_dir(folder.join("Europe")).unwrap();
        let berlin = folder.join("Europe/Berlin");
        fs::write(&berlin, tzif("CET-1CEST,M3.5.0,M10.5.0/3")).unwrap();
        // A file is preferred to what the name means by itself.
        fs::write(folder.join("XYZ3"), tzif("XYZ-7")).unwrap();
        fs::write(folder.join("rubbish"), "TZif2 and no more").unwrap();
        let large = [tzif("CET-1"), vec![b'\n'; 1 << 20]].concat();
        fs::write(folder.join("large"), large).unwrap();
        let absolute = berlin.to_str().unwrap();
        for (tz, time) in [
            ("Europe/Berlin", "14:00"),
            (":Europe/Berlin", "14:00"),
            (absolute, "14:00"),
            (&format!(":{absolute}"), "14:00"),
            ("Europe/../Europe/Berlin", "14:00"),
            ("XYZ3", "19:00"),
            ("CET-1CEST,M3.5.0,M10.5.0/3", "14:00"),
            ("NZST-12NZDT,M9.5.0,M4.1.0/3", "00:00"),
            ("EST5EDT", "08:00"),
            ("<+0330>-3:30", "15:30"),
            ("UTC-5", "17:00"),
            ("", "12:00"),
            (":", "12:00"),
            ("Nowhere/Land", "12:00"),
            ("Europe", "12:00"),
            ("../../../../../..", "12:00"),
            ("/dev/zero", "12:00"),
            ("/dev/tty", "12:00"),
            ("/proc/self/mem", "12:00"),
            ("rubbish", "12:00"),
            ("large", "12:00"),
            ("a\u{7}b", "12:00"),
        ] {
            assert_eq!(shown(tz, folder), time, "TZ={tz}");
        }
    }

    #[test]
    fn a_zone_is_named_by_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("localtime");
        std::os::unix::fs::symlink("../usr/share/zoneinfo/Europe/Berlin", &link).unwrap();
        assert_eq!(name(&link), "Europe/Berlin");
        assert_eq!(name(Path::new("/usr/share/zoneinfo/EST5EDT")), "EST5EDT");
        assert_eq!(name(Path::new("/etc/zoneinfo/<b>")), "");
        assert_eq!(name(Path::new("/etc/none")), "");
    }
}
