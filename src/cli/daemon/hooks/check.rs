//! Whether a program may be run as a hook.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, fstat};
use rustix::process::geteuid;

const WRITABLE_BY_OTHERS: u32 = 0o022;
const STICKY: u32 = 0o1000;
/// As many as the kernel follows (MAXSYMLINKS, `linux/namei.h`).
const MOST_LINKS: usize = 40;

/// Checks that nobody but root and the user may change what runs when `path`
/// is run: neither the file nor a folder on the way to it. Returns the path
/// without symbolic links, which is the one to run.
///
/// What is checked and what is run later may differ only by the hand of those
/// two: whoever else would exchange the file needs to write to it or to one of
/// the folders.
pub(super) fn check_program(path: &Path) -> Result<PathBuf> {
    let check = || {
        let (real, mode) = check(path)?;
        if mode & 0o111 == 0 {
            bail!("it is not executable; chmod +x {}", path.display());
        }
        Ok(real)
    };
    check().with_context(|| format!("refusing the hook {}", path.display()))
}

/// The same for a file that names programs.
pub(super) fn check_configuration(path: &Path) -> Result<()> {
    let path = std::path::absolute(path)?;
    check(&path)
        .map(drop)
        .with_context(|| format!("refusing the hooks that {} asks for", path.display()))
}

/// Returns the path without symbolic links, and the file's mode.
fn check(path: &Path) -> Result<(PathBuf, u32)> {
    let real = follow(path)?;
    let mode = check_file(&real)?;
    Ok((real, mode))
}

/// Follows an absolute path through all symbolic links, and checks each folder
/// that a name is looked up in: whoever may write to it decides what comes next.
fn follow(path: &Path) -> Result<PathBuf> {
    let mut links = 0;
    let mut real = PathBuf::new();
    let mut rest = path.to_owned();
    loop {
        let mut components = rest.components();
        let Some(component) = components.next() else {
            return Ok(real);
        };
        let after = components.as_path();
        match component {
            Component::Normal(name) => {
                let is_shared = check_folder(&real)?;
                real.push(name);
                let metadata = real.symlink_metadata()?;
                if !metadata.is_symlink() {
                    rest = after.to_owned();
                    continue;
                }
                if is_shared && !is_trusted(metadata.uid()) {
                    bail!(
                        "the symbolic link {} belongs to user {}, who could turn it",
                        real.display(),
                        metadata.uid()
                    );
                }
                links += 1;
                if links > MOST_LINKS {
                    bail!("there are too many symbolic links on the way");
                }
                rest = real.read_link()?.join(after);
                real.pop();
            }
            Component::RootDir | Component::Prefix(_) => {
                real = PathBuf::from("/");
                rest = after.to_owned();
            }
            Component::ParentDir => {
                real.pop();
                rest = after.to_owned();
            }
            Component::CurDir => rest = after.to_owned(),
        }
    }
}

/// Returns its mode.
fn check_file(path: &Path) -> Result<u32> {
    // One file is opened and asked, whatever the path may lead to later.
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let stat = open(path, flags, Mode::empty()).and_then(|file| fstat(&file))?;
    let mode = stat.st_mode;
    if mode & libc::S_IFMT != libc::S_IFREG {
        bail!("it is not a file");
    }
    if stat.st_uid != 0 && stat.st_uid != geteuid().as_raw() {
        bail!(
            "it belongs to user {}, who could let it do anything; make it root's",
            stat.st_uid
        );
    }
    if mode & WRITABLE_BY_OTHERS != 0 {
        bail!(
            "others may write to it (mode {:04o}), who could let it do anything; \
             chmod go-w {}",
            mode & 0o7777,
            path.display()
        );
    }
    Ok(mode)
}

/// Whether this user may decide what runs.
fn is_trusted(user: u32) -> bool {
    // Who owns the root of all paths decides over them anyway. (In a user
    // namespace that may be somebody who is not root in it.)
    let owns_all = || {
        Path::new("/")
            .metadata()
            .is_ok_and(|root| root.uid() == user)
    };
    user == 0 || user == geteuid().as_raw() || owns_all()
}

/// True if others may write to it, where they can exchange only what is theirs.
fn check_folder(folder: &Path) -> Result<bool> {
    let metadata = folder
        .metadata()
        .with_context(|| folder.display().to_string())?;
    let owner = metadata.uid();
    if !is_trusted(owner) {
        bail!(
            "the folder {} belongs to user {owner}, who could exchange it",
            folder.display()
        );
    }
    let mode = metadata.permissions().mode();
    let is_shared = mode & WRITABLE_BY_OTHERS != 0;
    // As /tmp is.
    if is_shared && mode & STICKY == 0 {
        bail!(
            "others may write to the folder {} (mode {:04o}), and could exchange it; \
             chmod go-w {0}",
            folder.display(),
            mode & 0o7777
        );
    }
    Ok(is_shared)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};

    #[test]
    fn only_what_nobody_else_may_write_is_run() {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        let hook = bin.join("hook");
        fs::write(&hook, "#!/bin/sh\n").unwrap();
        let set = |path: &Path, mode: u32| {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        };
        let refused = |path: &Path, why: &str| {
            let error = format!("{:#}", check_program(path).unwrap_err());
            assert!(error.contains(why), "{error}");
        };
        set(&hook, 0o755);
        set(&bin, 0o755);
        check_program(&hook).unwrap();

        set(&hook, 0o775);
        refused(&hook, "others may write to it (mode 0775)");
        set(&hook, 0o757);
        refused(&hook, "chmod go-w");
        set(&hook, 0o644);
        refused(&hook, "not executable");
        set(&hook, 0o755);
        set(&bin, 0o777);
        refused(&hook, "others may write to the folder");
        set(&bin, 0o1777);
        check_program(&hook).unwrap();

        // By way of a link that others may turn.
        let links = folder.path().join("links");
        fs::create_dir(&links).unwrap();
        let link = links.join("link");
        std::os::unix::fs::symlink(&hook, &link).unwrap();
        set(&links, 0o755);
        assert_eq!(check_program(&link).unwrap(), hook.canonicalize().unwrap());
        set(&links, 0o777);
        refused(&link, "others may write to the folder");
        // Also where that one is in the middle of a chain.
        let first = folder.path().join("first");
        std::os::unix::fs::symlink("links/link", &first).unwrap();
        refused(&first, "others may write to the folder");
        set(&links, 0o755);
        assert_eq!(check_program(&first).unwrap(), hook.canonicalize().unwrap());
        let around = links.join("../links/./link");
        assert_eq!(
            check_program(&around).unwrap(),
            hook.canonicalize().unwrap()
        );
        let circle = folder.path().join("circle");
        std::os::unix::fs::symlink(&circle, &circle).unwrap();
        refused(&circle, "too many symbolic links");
        refused(&bin, "it is not a file");
        refused(&bin.join("none"), "No such file");
    }
}
