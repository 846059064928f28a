//! What was not seen, was not kept, or was never to be looked at.

use contract::baseline::Citation;
use contract::ids::{ControlId, HostId, SiteId};
use contract::record::{GapReason, Lost};
use contract::time::UtcTime;
use serde::{Deserialize, Serialize};

use crate::claim::{Cite, Claim, Unmeasured};
use crate::gaps;
use crate::input::{Input, Logged};
use crate::rule::{ParagraphKind, Safeguard};
use crate::standing::Standing;

/// A gap in what is known of one machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Missing {
    /// The machine.
    pub host: HostId,
    /// What.
    pub what: MissingWhat,
    /// From when on.
    pub from: UtcTime,
    /// Until when.
    pub until: UtcTime,
    /// The records that say so, or that border on it; none before a log's first record.
    pub records: Vec<Cite>,
}

/// What is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum MissingWhat {
    /// The log itself says so.
    Declared {
        /// Why.
        reason: GapReason,
        /// How much.
        lost: Lost,
    },
    /// No record was written, and none says why.
    Silence,
    /// The recorder was interrupted; bytes that had never been acknowledged were cut off, and so many repairs were under way.
    Interrupted {
        /// Bytes.
        torn_bytes: u64,
        /// Repairs.
        unfinished: u64,
    },
    /// Entries that were lost were fetched back from the mirror.
    FetchedBack {
        /// How many.
        entries: u64,
    },
}

/// How much of the month a machine was silent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    /// The machine.
    pub host: HostId,
    /// Its site.
    pub site: SiteId,
    /// How long, in milliseconds.
    pub silent_ms: u64,
    /// Of how long: of the month, as far as there was the machine and it was looked after.
    pub of_ms: u64,
}

/// A control that nothing could be said of, since it makes no sense there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutOfScope {
    /// Which.
    pub control: ControlId,
    /// What it asks.
    pub title: String,
    /// Why.
    pub reason: Unmeasured,
    /// On which machines.
    pub hosts: Vec<HostId>,
    /// The records that say so.
    pub records: Vec<Cite>,
}

/// A paragraph that no control speaks to: a person has to say what is done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// Where it stands.
    pub citation: Citation,
    /// Whose safeguard it is.
    pub safeguard: Safeguard,
    /// What the rule asks by it.
    pub kind: ParagraphKind,
    /// Its standard, in the rule's words.
    pub standard: String,
    /// Its specification; none where it is the standard.
    pub specification: Option<String>,
}

pub(crate) fn missing(input: &Input<'_>) -> Vec<Missing> {
    let mut all: Vec<_> = input.machines.iter().flat_map(of_machine).collect();
    all.sort_by(|a, b| (a.from, &a.host, &a.records).cmp(&(b.from, &b.host, &b.records)));
    all
}

fn of_machine(logged: &Logged) -> Vec<Missing> {
    let host = &logged.machine.whose.host;
    let broken = logged.machine.broken.iter().map(|broken| match *broken {
        gaps::Broken::Gap { reason, from, until, lost, at } => Missing {
            host: host.clone(),
            what: MissingWhat::Declared { reason, lost },
            from,
            until,
            records: vec![Cite::one(host, at.seq)],
        },
        gaps::Broken::Recovered { torn_bytes, unfinished, at } => Missing {
            host: host.clone(),
            what: MissingWhat::Interrupted { torn_bytes, unfinished },
            from: at.time,
            until: at.time,
            records: vec![Cite::one(host, at.seq)],
        },
        gaps::Broken::Restored { from, size, at } => Missing {
            host: host.clone(),
            what: MissingWhat::FetchedBack { entries: size.saturating_sub(from) },
            from: at.time,
            until: at.time,
            records: vec![Cite::one(host, at.seq)],
        },
    });
    let silences = silences(logged).into_iter().map(|silence| Missing {
        host: host.clone(),
        what: MissingWhat::Silence,
        from: silence.from,
        until: silence.until,
        records: silence.after.iter().chain(&silence.before).map(|at| Cite::one(host, at.seq)).collect(),
    });
    broken.chain(silences).collect()
}

/// A machine's silences, as long as it was looked after.
fn silences(logged: &Logged) -> Vec<gaps::Silence> {
    let mut all = logged.machine.silences.clone();
    if let Some(retired) = logged.retired {
        all.retain(|silence| silence.from < retired);
        for silence in &mut all {
            silence.until = silence.until.min(retired);
        }
    }
    all
}

pub(crate) fn quiet(input: &Input<'_>) -> Vec<Quiet> {
    let span = input.cover.span;
    let of_ms = span.ms();
    let with_log = input.machines.iter().map(|logged| {
        let from = logged.machine.since.map_or(span.from(), |since| since.time);
        let until = logged.retired.map_or(span.to(), |retired| retired.min(span.to()));
        Quiet {
            host: logged.machine.whose.host.clone(),
            site: logged.machine.whose.site.clone(),
            silent_ms: silences(logged).iter().map(gaps::Silence::ms).sum(),
            of_ms: until.ms_since(from),
        }
    });
    let without = input.silent.iter().map(|silent| Quiet {
        host: silent.host.clone(),
        site: silent.site.clone(),
        silent_ms: of_ms,
        of_ms,
    });
    let mut all: Vec<_> = with_log.chain(without).collect();
    all.sort_by(|a, b| a.host.cmp(&b.host));
    all
}

pub(crate) fn out_of_scope(standings: &[Standing]) -> Vec<OutOfScope> {
    let mut all: Vec<OutOfScope> = Vec::new();
    for standing in standings {
        for seen in standing.machines.iter().filter(|seen| seen.is_out_of_scope()) {
            let Some(reason) = seen.unknown() else { continue };
            let same = |there: &&mut OutOfScope| there.control == standing.control && there.reason == reason;
            if let Some(there) = all.iter_mut().find(same) {
                there.hosts.push(seen.host.clone());
                there.records.extend(seen.cite());
                continue;
            }
            all.push(OutOfScope {
                control: standing.control.clone(),
                title: standing.title.clone(),
                reason,
                hosts: vec![seen.host.clone()],
                records: seen.cite().into_iter().collect(),
            });
        }
    }
    all
}

pub(crate) fn attestations(input: &Input<'_>) -> Vec<Attestation> {
    let one = |paragraph: &crate::rule::Paragraph| Attestation {
        citation: paragraph.citation.clone(),
        safeguard: paragraph.safeguard,
        kind: paragraph.kind,
        standard: paragraph.standard.clone(),
        specification: paragraph.specification.clone(),
    };
    input.rule.left_to_people(input.baseline).map(one).collect()
}

/// How long, in milliseconds, the longest stretch of records of the month waited for a witness.
pub(crate) fn longest_unwitnessed(input: &Input<'_>) -> Claim<u64> {
    let mut longest: Option<(u64, Cite)> = None;
    for logged in &input.machines {
        let witnessed = &logged.machine.witnessed;
        if witnessed.unknown > 0 {
            return Claim::not(Unmeasured::NotKept);
        }
        let Some((waited, at)) = witnessed.longest else { continue };
        if longest.as_ref().is_none_or(|(most, _)| waited > *most) {
            longest = Some((waited, Cite::one(&logged.machine.whose.host, at.seq)));
        }
    }
    longest.map_or(Claim::not(Unmeasured::NoRecord), |(waited, cite)| Claim::of(waited, vec![cite]))
}
