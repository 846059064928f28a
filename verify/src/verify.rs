//! The order in which a log is judged.
//!
//! First what was given, then the log's head, then every entry against that head, then the tiles, then what outsiders say
//! of it. A log that contradicts itself is `altered` before it can be a `fork`: only a whole log can be another history.

use std::collections::BTreeSet;

use tlog::cosignature::VerifiedCosignature;
use tlog::note::{NOTE_BYTES_MAX, VerifierKey};

use crate::heads::{self, Claim, OwnHead};
use crate::locate;
use crate::report::{Report, TrustUsed, Uncovered, WitnessSeen};
use crate::source::{CHECKPOINT, Source};
use crate::trust::Trust;
use crate::uncovered;
use crate::verdict::{Alteration, Contradiction, Lack, Verdict};
use crate::walk::{Walked, walk};

/// How often a log that grows under our eyes is begun again.
const ATTEMPTS_MAX: usize = 3;

/// How far the reading has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Records read.
    pub read: u64,
    /// Records there are.
    pub size: u64,
}

/// Verifies a log against what came from outside it.
pub fn verify(source: &impl Source, trust: &Trust) -> Report {
    verify_with_progress(source, trust, &mut |_| ())
}

/// Verifies a log, and says after each bundle how far it has come.
pub fn verify_with_progress(
    source: &impl Source,
    trust: &Trust,
    progress: &mut dyn FnMut(Progress),
) -> Report {
    let head = || source.read(CHECKPOINT, NOTE_BYTES_MAX);
    let mut attempt = 1;
    loop {
        let before = head();
        let report = once(source, trust, progress);
        // The writer of a living log removes the partial tiles of the head we read once it published a newer one.
        if report.verdict.is_intact() || attempt == ATTEMPTS_MAX || before == head() {
            return report;
        }
        attempt += 1;
    }
}

fn once(source: &impl Source, trust: &Trust, progress: &mut dyn FnMut(Progress)) -> Report {
    let mut report = Report {
        verdict: Verdict::IntactWitnessed,
        trust: Vec::new(),
        head: None,
        summary: None,
        witnesses: Vec::new(),
        uncovered: Uncovered::default(),
    };
    if let Err(verdict) = judge(source, trust, progress, &mut report) {
        report.verdict = verdict;
    }
    report
}

/// Fills the report in as it goes along; an error is the verdict that ends it.
fn judge(
    source: &impl Source,
    trust: &Trust,
    progress: &mut dyn FnMut(Progress),
    report: &mut Report,
) -> Result<(), Verdict> {
    trust.check().map_err(Verdict::NothingVerified)?;
    report.trust = used(trust);
    let own = heads::own(source, trust)?;
    report.head = Some(own.head.clone());
    let claims = heads::claims(&own, trust)?;
    let wanted: BTreeSet<u64> = claims.iter().map(|claim| claim.size).collect();
    let walked = whole(source, &own, &wanted, progress)?;
    compare_claims(&claims, &walked, own.head.checkpoint.size.get())?;
    report.summary = Some(walked.summary);
    report.witnesses = witnesses(trust, &claims);
    let (uncovered, contradicts) = uncovered::find(source, own.head.checkpoint.size)
        .map_err(|why| Verdict::Incomplete(Lack::List(why)))?;
    report.uncovered = uncovered;
    if let Some(path) = contradicts {
        return Err(Verdict::Altered(Alteration::Leftover { path }));
    }
    report.verdict = intact(report, &own, &claims)?;
    Ok(())
}

/// Reads the whole log; only one whose entries and tiles lead to the root of its head comes back.
fn whole(
    source: &impl Source,
    own: &OwnHead,
    wanted: &BTreeSet<u64>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Walked, Verdict> {
    let head = &own.head.checkpoint;
    let walked = walk(source, head, wanted, progress).map_err(|stop| locate::stopped(source, head, stop))?;
    if walked.tree.size() != head.size || walked.tree.root() != head.root {
        return Err(locate::root_differs(source, head));
    }
    if let Some(tile) = walked.tiles.differs {
        return Err(Verdict::Altered(Alteration::Tile { path: tile.to_string() }));
    }
    if let Some((tile, why)) = walked.tiles.unread {
        return Err(Verdict::Incomplete(Lack::Tile { path: tile.to_string(), why }));
    }
    Ok(walked)
}

/// Every outsider must find, in this log, the very history they saw. A contradiction weighs more than a log cut short.
fn compare_claims(claims: &[Claim], walked: &Walked, size: u64) -> Result<(), Verdict> {
    let differs = |claim: &&Claim| match walked.roots.get(&claim.size) {
        Some(root) => *root != claim.root,
        None => claim.size == 0 && claim.root != tlog::hash::empty_root(),
    };
    if let Some(Claim { who, size, signed_by_key, .. }) = claims.iter().find(differs) {
        let contradiction = Contradiction { who: who.clone(), size: *size, signed_by_key: *signed_by_key };
        return Err(Verdict::Fork(contradiction));
    }
    match claims.iter().find(|claim| claim.size > size) {
        Some(claim) => {
            Err(Verdict::Incomplete(Lack::RolledBack { who: claim.who.clone(), seen: claim.size, size }))
        }
        None => Ok(()),
    }
}

/// What a whole log that nobody contradicts is worth.
fn intact(report: &Report, own: &OwnHead, claims: &[Claim]) -> Result<Verdict, Verdict> {
    let size = own.head.checkpoint.size.get();
    let covered = claims.iter().map(|claim| claim.size).max().unwrap_or(0);
    // Without the key, anybody could have put further records after those that an outsider saw.
    if !own.head.signed && covered < size {
        return Err(Verdict::Incomplete(Lack::Unvouched { from: covered }));
    }
    let unwitnessed = size.saturating_sub(report.witnessed_size());
    if unwitnessed == 0 && report.uncovered.count == 0 {
        Ok(Verdict::IntactWitnessed)
    } else {
        Ok(Verdict::IntactUnwitnessedTail { unwitnessed })
    }
}

/// The largest size that each witness vouched for.
fn witnesses(trust: &Trust, claims: &[Claim]) -> Vec<WitnessSeen> {
    let seen = |key: &VerifierKey| {
        let cosigned = claims.iter().filter_map(|claim| claim.cosigned.as_ref());
        let by_key = cosigned.filter(|(witness, _)| witness == key).map(|(_, seen)| seen);
        let best = by_key.max_by_key(|seen| seen.checkpoint().size);
        WitnessSeen {
            witness: key.label().clone(),
            size: best.map_or(0, |seen| seen.checkpoint().size.get()),
            time: best.map(VerifiedCosignature::time),
        }
    };
    trust.witnesses.iter().map(seen).collect()
}

fn used(trust: &Trust) -> Vec<TrustUsed> {
    let key = trust.key.iter().map(|key| TrustUsed::Key(key.label().clone()));
    let head = trust.head.iter().map(|head| TrustUsed::Head {
        checkpoint: head.checkpoint().clone(),
        signed_by_key: heads::signed_by(head.note(), trust.key.as_ref()).unwrap_or(false),
    });
    let witnesses = trust.witnesses.iter().map(|key| TrustUsed::Witness(key.label().clone()));
    key.chain(head).chain(witnesses).collect()
}
