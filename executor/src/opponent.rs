//! Who else changes a thing that does not stay repaired, as far as the machine tells: looked for only where something flaps.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use contract::fact::Word;
use contract::record::Opponent;
use contract::resource::UnitName;
use contract::runbook::{Action, FileRestore, FileTarget};

/// Units of tools that keep a machine as they were told to.
const TOOLS: [&str; 8] = [
    "puppet.service",
    "salt-minion.service",
    "chef-client.service",
    "cfengine3.service",
    "ansible-pull.service",
    "cloud-init.service",
    "unattended-upgrades.service",
    "tuned.service",
];
/// Where the system's timetable is.
const TIMETABLES: [&str; 6] = [
    "/etc/crontab",
    "/etc/cron.d",
    "/etc/cron.hourly",
    "/etc/cron.daily",
    "/etc/cron.weekly",
    "/var/spool/cron/crontabs",
];
/// How much of the audit trail's end is looked at.
const AUDIT_MAX_BYTES: u64 = 1 << 20;
/// The longest file of a timetable that is looked at.
const TIMETABLE_MAX_BYTES: u64 = 256 << 10;

/// Whoever else changes what `actions` would repair.
pub fn of(actions: &[Action]) -> Opponent {
    in_root(Path::new("/"), actions)
}

fn in_root(root: &Path, actions: &[Action]) -> Opponent {
    let needles: Vec<String> = actions.iter().filter_map(needle).collect();
    if needles.iter().any(|needle| timetable_names(root, needle)) {
        return Opponent::Timetable;
    }
    if let Some(program) = needles.iter().find_map(|needle| audited(root, needle)) {
        return Opponent::Program(program);
    }
    if let Some(unit) = running_tool(root) {
        return Opponent::Unit(unit);
    }
    if needles.iter().any(|needle| is_of_a_package(root, needle)) {
        Opponent::Package
    } else {
        Opponent::Unknown
    }
}

/// What somebody who changes the same thing would have to name.
fn needle(action: &Action) -> Option<String> {
    match action {
        Action::FileRestore(FileRestore { target: FileTarget::Path(path), .. }) => Some(path.to_string()),
        Action::UnitRestart(unit)
        | Action::UnitStart(unit)
        | Action::UnitStop(unit)
        | Action::UnitEnable(unit) => unit.as_str().split('.').next().map(str::to_owned),
        Action::SysctlRestore { key, .. } => Some(key.to_string()),
        Action::FirewallRestore { .. } => Some("nft".to_owned()),
        _ => None,
    }
}

/// The program that last touched the thing by its name, as far as the audit trail's newest part tells; not one of ours. A record of a path stands in one
/// event with the record of the call that names the program.
fn audited(root: &Path, needle: &str) -> Option<Word> {
    let path = root.join("var/log/audit/audit.log");
    let mut log = std::fs::File::open(path).ok()?;
    let length = log.metadata().ok()?.len();
    log.seek(SeekFrom::Start(length.saturating_sub(AUDIT_MAX_BYTES))).ok()?;
    let mut bytes = Vec::new();
    log.take(AUDIT_MAX_BYTES).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let event = |line: &str| {
        line.split_once("msg=audit(").and_then(|(_, rest)| Some(rest.split_once(')')?.0.to_owned()))
    };
    let named = format!("name=\"{needle}\"");
    let last = text
        .lines()
        .rev()
        .find(|line| line.starts_with("type=PATH") && line.contains(&named))
        .and_then(event)?;
    let call =
        text.lines().find(|line| line.starts_with("type=SYSCALL") && event(line).as_ref() == Some(&last))?;
    let comm = call.split_once(" comm=\"")?.1.split_once('"')?.0;
    Word::try_from(comm.to_owned()).ok().filter(|word| !word.as_str().starts_with("suture"))
}

fn timetable_names(root: &Path, needle: &str) -> bool {
    let names = |path: &Path| {
        edge::file::read(path, TIMETABLE_MAX_BYTES)
            .is_ok_and(|bytes| bytes.windows(needle.len()).any(|window| window == needle.as_bytes()))
    };
    TIMETABLES.iter().map(|place| root.join(place.trim_start_matches('/'))).any(|place| {
        if place.is_dir() {
            std::fs::read_dir(&place).into_iter().flatten().flatten().any(|entry| names(&entry.path()))
        } else {
            names(&place)
        }
    })
}

/// A configuration tool whose unit systemd has running, by the directory of its control group.
fn running_tool(root: &Path) -> Option<UnitName> {
    let groups = root.join("sys/fs/cgroup/system.slice");
    let tool = TOOLS.iter().find(|tool| groups.join(tool).is_dir())?;
    tool.parse().ok()
}

/// Whether a package brought the file as one of its settings: its tools write it anew at each upgrade.
fn is_of_a_package(root: &Path, path: &str) -> bool {
    let lists = std::fs::read_dir(root.join("var/lib/dpkg/info")).into_iter().flatten().flatten();
    lists.filter(|entry| entry.path().extension().is_some_and(|e| e == "conffiles")).any(|entry| {
        edge::file::read_text(&entry.path(), TIMETABLE_MAX_BYTES)
            .is_ok_and(|text| text.lines().any(|line| line == path))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn actions() -> Vec<Action> {
        vec![Action::FileRestore(FileRestore {
            target: FileTarget::Path("/etc/ssh/sshd_config".parse().unwrap()),
            content: None,
            mode: None,
            owner: None,
            group: None,
            validate: None,
        })]
    }

    fn found(path: &str, text: &str) -> Opponent {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        in_root(root.path(), &actions())
    }

    #[test]
    fn a_timetable_that_names_the_file_is_the_opponent() {
        assert_eq!(found("etc/cron.d/site", "0 * * * * cp /x /etc/ssh/sshd_config\n"), Opponent::Timetable);
        assert_eq!(found("etc/cron.d/site", "0 * * * * cp /x /etc/hosts\n"), Opponent::Unknown);
    }

    #[test]
    fn the_program_that_the_audit_trail_names_is_the_opponent() {
        let trail = |comm: &str, path: &str| {
            format!(
                "type=SYSCALL msg=audit(1.5:7): arch=c000003e syscall=257 success=yes comm=\"{comm}\" exe=\"/usr/bin/x\"\n\
                 type=PATH msg=audit(1.5:7): item=0 name=\"{path}\" inode=1\n"
            )
        };
        let audited = |comm, path| found("var/log/audit/audit.log", &trail(comm, path));
        let by = |comm: &str| Opponent::Program(comm.to_owned().try_into().unwrap());
        assert_eq!(audited("site-sync", "/etc/ssh/sshd_config"), by("site-sync"));
        assert_eq!(audited("site-sync", "/etc/hosts"), Opponent::Unknown);
        assert_eq!(
            audited("suture-executor", "/etc/ssh/sshd_config"),
            Opponent::Unknown,
            "we are not our own opponent"
        );
    }

    #[test]
    fn a_configuration_tool_that_runs_is_the_opponent() {
        let puppet = Opponent::Unit("puppet.service".parse().unwrap());
        assert_eq!(found("sys/fs/cgroup/system.slice/puppet.service/cgroup.procs", "1\n"), puppet);
    }

    #[test]
    fn a_packages_own_setting_is_its_packages() {
        let list = "/etc/default/ssh\n/etc/ssh/sshd_config\n";
        assert_eq!(found("var/lib/dpkg/info/openssh-server.conffiles", list), Opponent::Package);
    }
}
