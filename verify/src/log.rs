//! The order in which one log is judged.
//!
//! First what was given, then the log's head, then every entry against that head, then the tiles, then what outsiders say
//! of it. A log that contradicts itself is `altered` before it can be a `fork`: only a whole log can be another history.

use tlog::checkpoint::Origin;
use tlog::note::NOTE_BYTES_MAX;

use crate::claims::{self, Claim};
use crate::extent::Extent;
use crate::frame::Stamp;
use crate::handover::Handovers;
use crate::heads::{self, OwnHead};
use crate::locate;
use crate::report::{Report, TrustUsed};
use crate::source::{CHECKPOINT, Source};
use crate::trust::{LogTrust, Trust};
use crate::uncovered;
use crate::verdict::{Alteration, Lack, Unverified, Verdict};
use crate::walk::{Progress, Reading, Walked, walk};

/// How often a log that grows under our eyes is begun again.
const ATTEMPTS_MAX: usize = 3;

/// What is to be verified: a log by itself, or one log of a kit.
pub(crate) enum Scope<'a> {
    /// A directory: its head says which log it is and how long.
    Directory,
    /// A folder of a kit, whose cover says both.
    Kit(&'a Stated),
}

/// What a kit's cover says of one of its logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stated {
    pub(crate) origin: Origin,
    pub(crate) extent: Extent,
    pub(crate) root: tlog::Hash,
}

/// One log, judged.
pub(crate) struct Judged {
    pub(crate) report: Report,
    /// Of a log whose records are all well.
    pub(crate) times: Option<Times>,
}

/// When a log, or the part of it that is there, begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) first: Stamp,
    pub(crate) last: Stamp,
    /// When a given witness last vouched for all of the log, in seconds since 1970.
    pub(crate) vouched: Option<u64>,
}

/// Judges a log as often as it takes: one that is still being written may publish a new head while it is read.
pub(crate) fn judge(
    source: &impl Source,
    trust: &Trust,
    scope: &Scope<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Judged {
    let head = || source.read(CHECKPOINT, NOTE_BYTES_MAX);
    let mut attempt = 1;
    loop {
        let before = head();
        let judged = once(source, trust, scope, progress);
        // The writer of a living log removes the partial tiles of the head we read once it published a newer one.
        if judged.report.verdict.is_intact() || attempt == ATTEMPTS_MAX || before == head() {
            return judged;
        }
        attempt += 1;
    }
}

fn once(
    source: &impl Source,
    trust: &Trust,
    scope: &Scope<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Judged {
    let mut judged = Judged { report: Report::new(Verdict::IntactWitnessed), times: None };
    let report = &mut judged.report;
    let verdict =
        heads::read(source).and_then(|own| tied(&own, trust, scope).map(|trust| (own, trust))).and_then(
            |(own, trust)| Log { source, own, trust, scope }.judge(progress, report, &mut judged.times),
        );
    report.verdict = verdict.unwrap_or_else(|verdict| verdict);
    judged
}

/// What was brought for the log that this head is of, once it is known to be the one expected.
fn tied<'a>(own: &OwnHead, trust: &'a Trust, scope: &Scope<'_>) -> Result<LogTrust<'a>, Verdict> {
    let nothing = Verdict::NothingVerified;
    let origin = &own.checkpoint.origin;
    let of_log = trust.of_log(origin);
    match scope {
        Scope::Kit(stated) => own.check_log(Some(&stated.origin)).map_err(nothing)?,
        Scope::Directory if !trust.receipts_are_about(|log| origin.key_name().as_str() == log) => {
            return Err(nothing(Unverified::ReceiptOfAnotherLog));
        }
        Scope::Directory if of_log.is_something() => own.check_log(None).map_err(nothing)?,
        Scope::Directory => {
            let (found, expected) = (origin.clone(), trust.expected().join(", "));
            return Err(nothing(Unverified::OtherLog { found, expected }));
        }
    }
    if of_log.is_something() { Ok(of_log) } else { Err(nothing(Unverified::NoTrust)) }
}

/// One log, its head, and what was brought for it.
struct Log<'a, S> {
    source: &'a S,
    own: OwnHead,
    trust: LogTrust<'a>,
    scope: &'a Scope<'a>,
}

impl<S: Source> Log<'_, S> {
    /// Fills the report in as it goes along; an error is the verdict that ends it.
    fn judge(
        &self,
        progress: &mut dyn FnMut(Progress),
        report: &mut Report,
        times: &mut Option<Times>,
    ) -> Result<Verdict, Verdict> {
        let signer = self.own.signer(&self.trust)?;
        report.trust = self.used();
        report.head = Some(self.own.reported(None));
        let extent = self.extent()?;
        report.extent = Some(extent);
        let claims = claims::collect(self.source, &self.own, &self.trust, &mut report.remarks)?;
        let claims = claims::comparable(claims, extent, &mut report.remarks);
        let walked = self.whole(extent, &claims, progress)?;
        let key = self.own.settle(&signer, &walked.handovers, &self.trust)?;
        report.head = Some(self.own.reported(key.as_ref()));
        self.compare_files(extent, &walked, report)?;
        let keys_at = |size| match self.trust.key_log {
            Some(log) => log.in_force(size).into_iter().collect(),
            None => walked.handovers.counting_at(size).collect(),
        };
        claims::compare(&claims, &walked.roots, extent.size(), keys_at)?;
        report.summary = Some(walked.tally.summary());
        let vouched = claims::last_vouched(&claims, extent.size());
        *times = walked.tally.times().map(|(first, last)| Times { first, last, vouched });
        report.witnesses = claims::witnesses(&self.trust, &claims);
        report.witnessed_size = claims::witnessed_size(&self.trust, &claims);
        intact(report, extent.size(), key.is_some(), &claims)
    }

    /// The part of the log that is there. A kit's cover must say of the log what its head says.
    fn extent(&self) -> Result<Extent, Verdict> {
        let head = &self.own.checkpoint;
        match self.scope {
            Scope::Directory => Ok(Extent::whole(head.size.get())),
            Scope::Kit(stated) if stated.extent.size() == head.size.get() && stated.root == head.root => {
                Ok(stated.extent)
            }
            Scope::Kit(_) => Err(Verdict::Altered(Alteration::Cover(crate::kit::CoverFault::Head {
                origin: head.origin.to_string(),
            }))),
        }
    }

    /// Reads everything; only a log whose entries lead to the root of its head comes back.
    fn whole(
        &self,
        extent: Extent,
        claims: &[Claim],
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Walked, Verdict> {
        let head = &self.own.checkpoint;
        let wanted = claims::sizes(claims);
        let reading = Reading { source: self.source, head, extent, wanted: &wanted };
        let given = self.trust.all_keys().into_iter().cloned().collect();
        let handovers = Handovers::new(head.origin.clone(), extent.first(), given);
        let walked = walk(&reading, handovers, progress).map_err(|stop| locate::stopped(&reading, stop))?;
        if walked.root == head.root { Ok(walked) } else { Err(locate::root_differs(&reading)) }
    }

    /// Holds the hash tiles against the entries, and looks for files that nothing calls for.
    fn compare_files(&self, extent: Extent, walked: &Walked, report: &mut Report) -> Result<(), Verdict> {
        let unlisted = |why| Verdict::Incomplete(Lack::List(why));
        if let Some(path) = &walked.tiles.differs {
            return Err(Verdict::Altered(Alteration::Tile { path: path.clone() }));
        }
        match self.scope {
            Scope::Directory => {
                let (uncovered, contradicts) =
                    uncovered::find(self.source, extent.size()).map_err(unlisted)?;
                report.uncovered = uncovered;
                if let Some(path) = contradicts {
                    return Err(Verdict::Altered(Alteration::Leftover { path }));
                }
            }
            Scope::Kit(_) => {
                let found = uncovered::unexpected(self.source, extent).map_err(unlisted)?;
                if let Some(path) = found {
                    return Err(Verdict::Altered(Alteration::Unexpected { path }));
                }
            }
        }
        match &walked.tiles.unread {
            Some((path, why)) => Err(Verdict::Incomplete(Lack::Tile { path: path.clone(), why: *why })),
            None => Ok(()),
        }
    }

    fn used(&self) -> Vec<TrustUsed> {
        let keys = self.trust.keys.iter().map(|key| TrustUsed::Key(key.label().clone()));
        let key_log = self.trust.key_log.map(|log| TrustUsed::KeyLog { keys: log.keys().count() as u64 });
        let heads = self.trust.heads.iter().map(|head| TrustUsed::Head {
            checkpoint: head.checkpoint().clone(),
            signed_by_key: head.note().is_some_and(|note| {
                self.trust.all_keys().into_iter().any(|key| heads::signed_by(note, key).unwrap_or(false))
            }),
        });
        let witnesses = self.trust.witnesses.keys();
        let witnesses = witnesses.into_iter().map(|key| TrustUsed::Witness(key.label().clone()));
        let heads_key = self.trust.heads_key.map(|key| TrustUsed::HeadsKey(key.label().clone()));
        keys.chain(key_log).chain(heads).chain(witnesses).chain(heads_key).collect()
    }
}

/// What a whole log that nobody contradicts is worth.
fn intact(report: &Report, size: u64, signed: bool, claims: &[Claim]) -> Result<Verdict, Verdict> {
    // Without a key, anybody could have put further records after those that were pinned or that enough witnesses saw.
    // One witness, or the log of heads, is not enough for that: whoever brought them did not say that they are.
    let covered = claims::pinned_size(claims).max(report.witnessed_size);
    if !signed && covered < size {
        return Err(Verdict::Incomplete(Lack::Unvouched { from: covered }));
    }
    let unwitnessed = size.saturating_sub(report.witnessed_size);
    if unwitnessed == 0 && report.uncovered.count == 0 {
        Ok(Verdict::IntactWitnessed)
    } else {
        Ok(Verdict::IntactUnwitnessedTail { unwitnessed })
    }
}
