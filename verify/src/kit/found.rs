//! What is wrong with a kit, and which of it weighs most.

use contract::digest::Digest;

use super::container::{Container, FILE_BYTES_MAX};
use super::cover::{COVER, Cover, covered_by_tree};
use super::folder::prefix;
use super::judge::LogInKit;
use crate::extent::Extent;
use crate::log::Times;
use crate::trust::Trust;
use crate::verdict::{Alteration, Lack, PeriodCut, Unverified, Verdict};

/// Everything that was found, in the order in which it is said. Of several that are equally bad the first is the verdict.
#[derive(Default)]
pub(super) struct Found(Vec<(Verdict, Option<String>)>);

impl Found {
    /// Something is not as it was signed.
    pub(super) fn altered(&mut self, why: Alteration) {
        self.0.push((Verdict::Altered(why), None));
    }

    /// Files whose checksum is wrong, unless the tree over them says more.
    pub(super) fn damaged(&mut self, container: &Container, logs: &[LogInKit]) {
        let told = |name: &str| {
            let mut of = logs.iter().filter(|log| name.starts_with(&prefix(&log.host)));
            of.any(|log| {
                matches!(log.report.verdict, Verdict::Altered(_) | Verdict::Fork(_)) && by_tree(name, log)
            })
        };
        match container.damaged() {
            Ok(damaged) => {
                if let Some(name) = damaged.into_iter().find(|name| !told(name)) {
                    // Said before everything else: it is the container's own fault.
                    let why = Alteration::Damaged { name: name.to_owned() };
                    self.0.insert(0, (Verdict::Altered(why), None));
                }
            }
            Err(why) => {
                let lack = Lack::Bundle { index: 0, path: COVER.to_owned(), why };
                self.0.push((Verdict::Incomplete(lack), None));
            }
        }
    }

    /// What each log is worth, and logs that something was brought for and that are not there.
    pub(super) fn logs(&mut self, logs: &[LogInKit], cover: &Cover, trust: &Trust) {
        if logs.is_empty() {
            self.0.push((Verdict::NothingVerified(Unverified::NoLogs), None));
        }
        for log in logs {
            self.0.push((log.report.verdict.clone(), Some(log.host.clone())));
        }
        let is_there =
            |origin: &str| cover.logs.iter().any(|log| log.stated.origin.key_name().as_str() == origin);
        if let Some(origin) = trust.expected().into_iter().find(|origin| !is_there(origin)) {
            self.0.push((Verdict::Incomplete(Lack::Log { origin: origin.to_owned() }), None));
        }
        if !trust.receipts_are_about(is_there) {
            self.0.push((Verdict::NothingVerified(Unverified::ReceiptOfAnotherLog), None));
        }
    }

    /// Whether each log that is well holds all of the period, as far as its records tell.
    pub(super) fn period(&mut self, cover: &Cover, logs: &[LogInKit], times: &[Option<Times>]) {
        for ((log, judged), times) in cover.logs.iter().zip(logs).zip(times) {
            let witnessed = judged.report.verdict == Verdict::IntactWitnessed;
            let cut = times.and_then(|times| {
                let extent = log.stated.extent;
                cut(extent, &times, cover).or_else(|| stale(extent, &times, cover).filter(|_| witnessed))
            });
            let Some(how) = cut else { continue };
            let (first, end) = (log.stated.extent.first(), log.stated.extent.end());
            let lack = Lack::Period { first, end, how };
            self.0.push((Verdict::Incomplete(lack), Some(log.host.clone())));
        }
    }

    /// The files that the cover lists, and those that it does not.
    pub(super) fn documents(&mut self, container: &Container, cover: &Cover) {
        let mut bytes = Vec::new();
        for (name, digest) in &cover.files {
            match container.read_into(name, FILE_BYTES_MAX as usize, &mut bytes) {
                Ok(()) if Digest::of(&bytes) == *digest => {}
                Ok(()) => self.altered(Alteration::Document { name: name.clone() }),
                Err(_) => {
                    self.0.push((Verdict::Incomplete(Lack::Document { name: name.clone() }), None));
                }
            }
        }
        for name in container.names() {
            if !cover.files.contains_key(name) && !covered_by_tree(name, &cover.logs) {
                self.altered(Alteration::Unexpected { path: name.to_owned() });
            }
        }
    }

    /// The verdict on the kit, and the host of the log that it is about.
    pub(super) fn worst(self) -> (Verdict, Option<String>) {
        let worst = |worst: (Verdict, Option<String>), next: (Verdict, Option<String>)| {
            if next.0.rank() > worst.0.rank() { next } else { worst }
        };
        // There is a finding for each log, and one where there is no log: nothing found at all cannot be.
        let nothing = (Verdict::NothingVerified(Unverified::NoLogs), None);
        let tails = self.0.iter().map(|(verdict, _)| match verdict {
            Verdict::IntactUnwitnessedTail { unwitnessed } => *unwitnessed,
            _ => 0,
        });
        let unwitnessed = tails.sum();
        match self.0.into_iter().reduce(worst).unwrap_or(nothing) {
            (Verdict::IntactUnwitnessedTail { .. }, _) => {
                (Verdict::IntactUnwitnessedTail { unwitnessed }, None)
            }
            worst => worst,
        }
    }
}

/// Whether a file is covered by the tree of this log.
fn by_tree(name: &str, log: &LogInKit) -> bool {
    let rest = name.strip_prefix(&prefix(&log.host));
    rest.is_some_and(|rest| rest == "checkpoint" || rest.starts_with("tile/"))
}

/// Which end of the period may be missing from this part of a log.
fn cut(extent: Extent, times: &Times, cover: &Cover) -> Option<PeriodCut> {
    let (from, to) = cover.period;
    if extent.first() > 0 && times.first >= from {
        Some(PeriodCut::Begin)
    } else if extent.end() < extent.size() && times.last < to {
        Some(PeriodCut::End)
    } else {
        None
    }
}

/// Whether later records may have been kept back: an old head is genuine for ever, and so are the cosignatures on it.
fn stale(extent: Extent, times: &Times, cover: &Cover) -> Option<PeriodCut> {
    let (_, to) = cover.period;
    let due = to.min(cover.exported).unix_seconds();
    let ends_here = extent.end() == extent.size() && times.last < to;
    let seen = times.vouched.is_some_and(|seconds| seconds >= due);
    (ends_here && !seen).then_some(PeriodCut::Stale)
}
