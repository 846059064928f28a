//! What one step may not ask for, whatever the policy says.

use super::fault::BoundsFault as Fault;
use super::repeats;
use crate::resource::AbsolutePath;
use crate::runbook::{
    CertRenew, CommandRun, FileRestoreStep, FileTarget, FilesPrune, Given, ProcessLimit, RestoreTest,
    SandboxProfile, Step, Validator,
};

/// The most that `file.restore` may hold, in bytes.
const CONTENT_MAX_BYTES: usize = 8 << 10;
/// The longest `wait`.
const WAIT_MAX_MS: u32 = 10 * 60 * 1000;
/// The longest program.
const COMMAND_MAX_MS: u32 = 60 * 60 * 1000;

/// Files that lock people out, or programs down, when they are wrong; and who can tell.
const VALIDATED: [(&str, Validator); 5] = [
    ("/etc/ssh/sshd_config", Validator::Sshd),
    ("/etc/ssh/sshd_config.d/", Validator::Sshd),
    ("/etc/sudoers", Validator::Visudo),
    ("/etc/nftables", Validator::Nft),
    ("/etc/nginx/", Validator::Nginx),
];

/// Where `files.prune` may work: what is written again by itself.
const PRUNED: [&str; 4] = ["/var/log/", "/var/cache/", "/var/tmp", "/tmp"];

/// Everything that is wrong with one step.
pub(super) fn faults(step: &Step) -> Vec<Fault> {
    let rules = match step {
        Step::FileRestore(restore) => file(restore),
        Step::FilesPrune(prune) => pruning(prune),
        Step::JournalVacuum { keep_mb } => vec![(*keep_mb < 64, Fault::KeepMb)],
        Step::CertRenew(renew) => certificate(renew),
        Step::ProcessLimit(limit) => processor(limit),
        Step::StoreGc { keep_generations } => vec![(*keep_generations == 0, Fault::KeepGenerations)],
        Step::RestoreTest(test) => restoring(test),
        Step::CommandRun(command) => program(command),
        Step::Wait { ms } => vec![(*ms == 0 || *ms > WAIT_MAX_MS, Fault::Wait)],
        Step::UnitRestart(_)
        | Step::UnitStart(_)
        | Step::UnitStop(_)
        | Step::UnitResetFailed(_)
        | Step::UnitEnable(_)
        | Step::SysctlRestore { .. }
        | Step::TimeSync {}
        | Step::UserLock { .. }
        | Step::FirewallRestore { .. }
        | Step::GenerationSwitch {}
        | Step::BackupRun(_)
        | Step::Check { .. } => Vec::new(),
    };
    rules.into_iter().filter(|(broken, _)| *broken).map(|(_, fault)| fault).collect()
}

type Rules = Vec<(bool, Fault)>;

fn file(f: &FileRestoreStep) -> Rules {
    let nothing = f.content.is_none() && f.mode.is_none() && f.owner.is_none() && f.group.is_none();
    let mut rules = vec![(nothing, Fault::RestoresNothing)];
    let Some(content) = &f.content else {
        rules.push((f.validate.is_some(), Fault::NothingToValidate));
        return rules;
    };
    let plain = |c: char| c == '\n' || c == '\t' || !c.is_control();
    rules.extend([
        (content.len() > CONTENT_MAX_BYTES, Fault::ContentTooLong),
        (f.mode.is_none(), Fault::ContentWithoutMode),
        (!content.ends_with('\n') || !content.chars().all(plain), Fault::ContentNotPlain),
    ]);
    match &f.target {
        Given::Literal(FileTarget::Path(path)) => {
            let judge = VALIDATED.iter().find(|(place, _)| path.as_str().starts_with(place)).map(|(_, v)| *v);
            rules.push((judge.is_some() && f.validate.is_none(), Fault::NotValidated));
            rules.push((f.validate.is_some() && f.validate != judge, Fault::WrongValidator));
        }
        Given::Literal(FileTarget::Own(_)) | Given::Parameter(_) => {
            rules.push((true, Fault::ContentAnywhere));
        }
    }
    rules
}

fn pruning(p: &FilesPrune) -> Rules {
    // Below a place that ends in a slash, or at or below one that does not.
    let there = |place: &&str| {
        let rest = p.directory.as_str().strip_prefix(*place);
        rest.is_some_and(|rest| place.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
    };
    vec![
        (p.suffixes.is_empty() || repeats(&p.suffixes), Fault::Suffixes),
        (p.older_than_h == 0, Fault::TooYoung),
        (p.count_max == 0 || p.count_max > 100_000, Fault::CountMax),
        (p.depth_max > 4, Fault::DepthMax),
        (!PRUNED.iter().any(there), Fault::PrunesThere),
    ]
}

fn certificate(c: &CertRenew) -> Rules {
    // Nobody signs for longer than 398 days.
    vec![(!(1..=398).contains(&c.days_min), Fault::DaysMin), (c.certificate == c.key, Fault::SameFile)]
}

fn processor(p: &ProcessLimit) -> Rules {
    vec![
        (p.units.is_empty() || repeats(&p.units), Fault::Units),
        (!(1..=100).contains(&p.cpu_weight), Fault::CpuWeight),
        (!(0..=19).contains(&p.nice), Fault::Nice),
        (!(10..=100).contains(&p.busy_percent_min), Fault::BusyPercentMin),
    ]
}

fn restoring(t: &RestoreTest) -> Rules {
    let within = |path: &AbsolutePath| {
        let below = |of: &AbsolutePath| {
            path.as_str()
                .strip_prefix(of.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        t.include.iter().any(below)
    };
    vec![
        (t.include.is_empty() || repeats(&t.include), Fault::Include),
        (!t.databases.iter().all(within), Fault::DatabaseElsewhere),
        (!(1..=1 << 20).contains(&t.size_mb_max), Fault::SizeMbMax),
        (!(1..=31).contains(&t.snapshot_days_max), Fault::SnapshotDaysMax),
    ]
}

fn program(c: &CommandRun) -> Rules {
    let net = c.profile == SandboxProfile::StandardNet;
    vec![
        (!(1..=COMMAND_MAX_MS).contains(&c.time_limit_ms), Fault::CommandTime),
        (net == c.reaches.is_empty(), Fault::Reaches),
    ]
}
