//! What detectors are shown of a host, and so which of them are blind. A detector that is shown nothing has seen nothing: that it is silent says
//! nothing at all.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use contract::heartbeat::Blind;
use contract::ids::DetectorId;

use crate::definition::{Heard, Measured};
use crate::library::Library;
use crate::source::Source;

/// What is followed of a host, and what of it may not be.
#[derive(Debug, Default)]
pub struct Shown<'a> {
    /// Whether the journal is followed.
    pub journal: bool,
    /// The log files that are.
    pub followed: Vec<&'a Path>,
    /// Log files that are there and may not be read.
    pub unreadable: Vec<&'a Path>,
    /// Whether any file system was measured.
    pub measured: bool,
}

impl Library {
    /// The detectors that are not shown what they are for.
    pub fn blind(&self, shown: &Shown<'_>) -> BTreeMap<Blind, BTreeSet<DetectorId>> {
        let mut blind: BTreeMap<Blind, BTreeSet<DetectorId>> = BTreeMap::new();
        for definition in self.iter() {
            if let Some(why) = definition.source.blind(shown) {
                blind.entry(why).or_default().insert(definition.id.clone());
            }
        }
        blind
    }
}

impl Heard {
    fn blind(&self, shown: &Shown<'_>) -> Option<Blind> {
        if let Some(Measured::Disk) = self.measured {
            return (!shown.measured).then_some(Blind::NotMeasured);
        }
        if self.everything {
            let any = shown.journal || !shown.followed.is_empty();
            return (!any).then_some(Blind::NotFollowed);
        }
        // Beside the journal a syslog daemon's files hold nothing that is not in it.
        let is_in = |path: &&Path| match Source::of_file(path) {
            Source::Journal(_) => false,
            Source::Syslog => !shown.journal && carries(path, &self.programs),
            source @ Source::File(_) => self.hears(&source, None),
        };
        if shown.unreadable.iter().any(is_in) {
            return Some(Blind::Unreadable);
        }
        let in_journal = shown.journal && !self.programs.is_empty();
        let is_seen = in_journal || shown.followed.iter().any(is_in);
        (!is_seen).then_some(Blind::NotFollowed)
    }
}

/// Syslog's files in which not every program writes, and for whom each is known to be. One that is not here is for nobody for certain.
const KEPT_FOR: [(&[&str], &[&str]); 3] = [
    (&["auth.log", "secure"], &["sshd", "sudo", "su", "login", "passwd", "useradd"]),
    (&["kern.log", "kern"], &["kernel"]),
    (&["cron.log", "cron"], &["cron", "crond", "CRON"]),
];
/// Those in which everything is, but for what is kept apart.
const GENERAL: [&str; 3] = ["syslog", "messages", "syslog.log"];

/// Whether lines of one of `programs` come into the syslog daemon's file `path`.
fn carries(path: &Path, programs: &[String]) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let kept_for = KEPT_FOR.iter().find(|(names, _)| names.contains(&name));
    match kept_for {
        Some((_, whom)) => programs.iter().any(|program| whom.contains(&program.as_str())),
        None => GENERAL.contains(&name) && !programs.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREE: &str = r"
- { id: a.journal, title: t, kind: service_failure, severity: low, source: { programs: [sshd] }, lines: [{ literal: abcd, pattern: '^abcd' }],
    when: { rate: 1 in 1 h }, matches: [abcd], ignores: [x] }
- { id: b.file, title: t, kind: service_failure, severity: low, source: { files: [nginx/] }, lines: [{ literal: abcd, pattern: '^abcd' }],
    when: { rate: 1 in 1 h }, matches: [abcd], ignores: [x] }
- { id: c.both, title: t, kind: service_failure, severity: low, source: { programs: [nginx], files: [nginx/] },
    lines: [{ literal: abcd, pattern: '^abcd' }], when: { rate: 1 in 1 h }, matches: [abcd], ignores: [x] }
- { id: d.disk, title: t, kind: disk_filling, severity: low, source: { measured: disk }, when: { fills: 24 h },
    matches: ['0 min 40 %, 5 min 42 %, 10 min 44 %, 15 min 46 %, 20 min 48 %'], ignores: ['0 min 99 %, 10 min 99 %, 20 min 99 %, 30 min 99 %, 40 min 99 %'] }
";

    fn blind(shown: &Shown<'_>) -> String {
        let all = Library::parse(&[("test.yaml", THREE)]).unwrap().blind(shown);
        let each = |(why, ids): (&Blind, &BTreeSet<DetectorId>)| {
            format!("{why:?}: {}", ids.iter().map(DetectorId::as_str).collect::<Vec<_>>().join(" "))
        };
        all.iter().map(each).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_detector_whose_source_is_not_followed_is_blind_and_says_why() {
        let file = |path| Path::new(path);
        let nginx = || vec![file("/var/log/nginx/error.log")];
        let shown = Shown::default();
        assert_eq!(blind(&shown), "NotFollowed: a.journal b.file c.both, NotMeasured: d.disk");
        let shown = Shown { journal: true, measured: true, ..Shown::default() };
        assert_eq!(blind(&shown), "NotFollowed: b.file");
        let shown = Shown { journal: true, measured: true, followed: nginx(), ..Shown::default() };
        assert_eq!(blind(&shown), "");
        // One that sees a part of what it is for is as good as blind, since nobody knows which part.
        let shown = Shown { journal: true, measured: true, unreadable: nginx(), ..Shown::default() };
        assert_eq!(blind(&shown), "Unreadable: b.file c.both");
        let of_syslog = || vec![file("/var/log/syslog")];
        let shown = Shown { measured: true, followed: of_syslog(), ..Shown::default() };
        assert_eq!(blind(&shown), "NotFollowed: b.file");
        // That one is not where the logins are, which nobody but the authentication's file has; and it has nothing else.
        let shown = Shown { measured: true, followed: vec![file("/var/log/auth.log")], ..Shown::default() };
        assert_eq!(blind(&shown), "NotFollowed: b.file c.both");
        let shown = Shown { measured: true, followed: vec![file("/var/log/kern.log")], ..Shown::default() };
        assert_eq!(blind(&shown), "NotFollowed: a.journal b.file c.both");
        let shown = Shown { measured: true, unreadable: of_syslog(), ..Shown::default() };
        assert_eq!(blind(&shown), "NotFollowed: b.file, Unreadable: a.journal c.both");
        let shown = Shown { journal: true, measured: true, unreadable: of_syslog(), ..Shown::default() };
        assert_eq!(blind(&shown), "NotFollowed: b.file");
    }
}
