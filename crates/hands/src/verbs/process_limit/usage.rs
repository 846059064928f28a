//! How much of the processor a unit has used so far, from the best source that the kernel has.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::tasks::{field, fields, processes};
use crate::HandError;

/// Where the kernel's tree of version 2 may be mounted, and systemd's own of version 1.
const HIERARCHIES: [&str; 3] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"];
/// Where version 1 counts processor time.
const ACCOUNTS: [&str; 2] = ["/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/cpuacct"];
/// The kernel's ticks in `/proc`, in microseconds: a hundred a second, on every Linux.
const TICK_US: u64 = 10_000;

/// The trees in which units have cgroups, the best first.
pub(super) fn hierarchies() -> impl Iterator<Item = PathBuf> {
    HIERARCHIES.iter().map(PathBuf::from)
}

/// What was used so far.
#[derive(Debug)]
pub(super) enum Usage {
    /// `cpu.stat` of version 2, which is there also where its processor controller is not.
    Stat(u64),
    /// `cpuacct.usage` of version 1.
    Account(u64),
    /// The processes' own times, by number and start. Those that ended between two looks are missed.
    Processes(BTreeMap<(u32, u64), u64>),
}

impl Usage {
    /// Of a unit's cgroup.
    pub(super) fn of(cgroup: &str) -> Result<Self, HandError> {
        let relative = cgroup.trim_start_matches('/');
        let stat = hierarchies().find_map(|h| usage_usec(&h.join(relative).join("cpu.stat")));
        let account =
            || ACCOUNTS.iter().find_map(|a| number(&Path::new(a).join(relative).join("cpuacct.usage")));
        Ok(match stat.map(Self::Stat).or_else(|| account().map(|ns| Self::Account(ns / 1000))) {
            Some(usage) => usage,
            None => Self::of_processes(cgroup)?,
        })
    }

    fn of_processes(cgroup: &str) -> Result<Self, HandError> {
        let times = processes(cgroup)?.into_iter().filter_map(|process| {
            let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
            let fields = fields(&text)?;
            let ticks = field::<u64>(&fields, 14)? + field::<u64>(&fields, 15)?;
            Some(((process, field(&fields, 22)?), ticks * TICK_US))
        });
        Ok(Self::Processes(times.collect()))
    }

    /// Which source it was.
    pub(super) const fn source(&self) -> &'static str {
        match self {
            Self::Stat(_) => "cpu.stat",
            Self::Account(_) => "cpuacct.usage",
            Self::Processes(_) => "/proc",
        }
    }

    /// The share of one core since an earlier look. Two looks at different sources cannot be compared: 0.
    pub(super) fn percent_since(&self, earlier: &Self, passed: Duration) -> u64 {
        let used = match (self, earlier) {
            (Self::Stat(now), Self::Stat(then)) | (Self::Account(now), Self::Account(then)) => {
                now.saturating_sub(*then)
            }
            (Self::Processes(now), Self::Processes(then)) => now
                .iter()
                .map(|(process, used)| used.saturating_sub(then.get(process).copied().unwrap_or(0)))
                .sum(),
            (Self::Stat(_) | Self::Account(_) | Self::Processes(_), _) => 0,
        };
        let passed_us = u64::try_from(passed.as_micros()).unwrap_or(u64::MAX).max(1);
        used.saturating_mul(100) / passed_us
    }
}

fn usage_usec(path: &Path) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix("usage_usec "))?.trim().parse().ok()
}

fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF_A_SECOND: Duration = Duration::from_millis(500);

    #[test]
    fn a_share_is_of_one_core_and_of_the_time_that_passed() {
        assert_eq!(Usage::Stat(600_000).percent_since(&Usage::Stat(100_000), HALF_A_SECOND), 100);
        assert_eq!(Usage::Account(1_100_000).percent_since(&Usage::Account(100_000), HALF_A_SECOND), 200);
        assert_eq!(Usage::Stat(1).percent_since(&Usage::Stat(2), HALF_A_SECOND), 0, "started again");
        assert_eq!(Usage::Stat(600_000).percent_since(&Usage::Account(0), HALF_A_SECOND), 0);
    }

    #[test]
    fn a_process_that_is_new_counts_from_its_start_and_one_that_ended_not_at_all() {
        let then = Usage::Processes(BTreeMap::from([((1, 5), 100_000), ((2, 5), 900_000)]));
        let now = Usage::Processes(BTreeMap::from([((1, 5), 200_000), ((2, 8), 150_000)]));
        assert_eq!(now.percent_since(&then, HALF_A_SECOND), 50);
    }
}
