//! The machine's mounts, from `/proc/1/mountinfo`: a confined service has mounts of its own, where everything is read-only and homes are hidden
//! (systemd.exec(5), `ProtectSystem=`, `ProtectHome=`), and those would say nothing of the machine.

use contract::fact::Absence;

use crate::root::Root;

/// One mount.
#[derive(Debug)]
pub(super) struct Mount {
    /// `major:minor` of what is mounted; major 0 where no one block device stands behind it.
    pub(super) device: String,
    /// Where it is mounted.
    pub(super) at: String,
    /// True where nothing can be written through it.
    pub(super) is_read_only: bool,
    /// The file system's type.
    pub(super) kind: String,
    /// What was mounted, as the file system names it.
    pub(super) source: String,
}

/// All mounts of the machine, oldest first: those that its first process sees, or this one where that does not say.
pub(super) fn mounts(root: &Root) -> Result<Vec<Mount>, Absence> {
    read(root, "/proc/1/mountinfo").or_else(|_| own(root))
}

/// All mounts that this process sees, oldest first.
pub(super) fn own(root: &Root) -> Result<Vec<Mount>, Absence> {
    read(root, "/proc/self/mountinfo")
}

fn read(root: &Root, path: &str) -> Result<Vec<Mount>, Absence> {
    let text = root.text(path)?;
    let mounts = text.lines().map(parse).collect::<Option<Vec<_>>>().ok_or(Absence::Malformed)?;
    if mounts.is_empty() { Err(Absence::Malformed) } else { Ok(mounts) }
}

/// The mount that one sees at `path`: of those on top of each other, the youngest.
pub(super) fn at<'m>(mounts: &'m [Mount], path: &str) -> Option<&'m Mount> {
    mounts.iter().rev().find(|m| m.at == path)
}

/// The mount that holds the file `path`.
pub(super) fn holding<'m>(mounts: &'m [Mount], path: &str) -> Option<&'m Mount> {
    let mut prefix = path;
    while let Some((parent, _)) = prefix.rsplit_once('/') {
        let directory = if parent.is_empty() { "/" } else { parent };
        if let Some(mount) = at(mounts, directory) {
            return Some(mount);
        }
        prefix = parent;
    }
    None
}

/// `36 35 98:0 / /mnt rw,noatime master:1 - ext4 /dev/root rw`, see proc(5).
fn parse(line: &str) -> Option<Mount> {
    let (left, right) = line.split_once(" - ")?;
    let left: Vec<&str> = left.split(' ').collect();
    let right: Vec<&str> = right.split(' ').collect();
    let ([_, _, device, _, at, options, ..], [kind, source, super_options, ..]) = (&left[..], &right[..])
    else {
        return None;
    };
    let read_only = |options: &str| options.split(',').any(|o| o == "ro");
    Some(Mount {
        device: (*device).to_owned(),
        at: unescaped(at),
        is_read_only: read_only(options) || read_only(super_options),
        kind: (*kind).to_owned(),
        source: unescaped(source),
    })
}

/// Spaces and the like stand there as three octal digits after a backslash.
fn unescaped(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(text.to_owned(), |text, (code, plain)| text.replace(code, plain))
}
