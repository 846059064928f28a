//! What people did: agreed, chose, broke the glass, accepted a failure; and what somebody mended of whom no record tells.

use contract::decision::Provenance;
use contract::digest::Digest;
use contract::exception::Exceptions;
use contract::ids::{ControlId, GrantId, HostId, OperatorId, RunbookId};
use contract::paper::PaperKind;
use contract::record::PaperState;
use contract::time::UtcTime;
use serde::{Deserialize, Serialize};

use crate::claim::{Cite, Claim, Unmeasured};
use crate::incidents::{EndedBy, Incident, Repair};
use crate::input::{Act, Input};
use crate::machine::{At, Machine};
use crate::month::Span;

/// A break-glass grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Broken {
    /// The machine.
    pub host: HostId,
    /// Which grant.
    pub grant: GrantId,
    /// Who asked for it.
    pub person: OperatorId,
    /// Why, in their words.
    pub reason: String,
    /// When it took hold.
    pub began: At,
    /// When it ended, and how many repairs had made use of it; none where no record says so yet.
    pub ended: Option<(At, u32)>,
}

/// A failure that a person accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Accepted {
    /// As its text has it.
    Exception {
        /// Which control.
        control: ControlId,
        /// Why.
        reason: String,
        /// What it may lead to.
        risk: String,
        /// What is done instead.
        compensating_controls: Vec<String>,
        /// Who looks after it.
        owner: String,
        /// Who agreed to it.
        approver: String,
        /// Its first day, by UTC.
        from: String,
        /// Its last day, by UTC.
        until: String,
        /// The records with which machines took the text.
        records: Vec<Cite>,
    },
    /// A text that was in force and is not at hand.
    TextNotHeld {
        /// Its digest.
        text: Digest,
        /// The records with which machines took it.
        records: Vec<Cite>,
    },
}

/// Something that a person had a hand in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByHand {
    /// When.
    pub time: UtcTime,
    /// Who; none where nobody was known.
    pub person: Option<OperatorId>,
    /// What.
    pub what: Deed,
    /// The record.
    pub record: Cite,
}

/// What a person did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Deed {
    /// Agreed to a repair.
    Agreed(HostId, RunbookId),
    /// Chose a repair.
    Chose(HostId, RunbookId),
    /// Broke the glass.
    BrokeGlass(HostId),
    /// Acted at the hub.
    AtHub {
        /// By which right; none for whoever sat at the hub's own machine, who needs none.
        right: Option<String>,
        /// Who, as the hub's own machine knows them, where it was done there.
        machine_user: Option<String>,
        /// Where: the path, or the command.
        path: String,
    },
}

pub(crate) fn glass(input: &Input<'_>) -> Vec<Broken> {
    let of_machine = |machine: &Machine| -> Vec<Broken> {
        let host = &machine.whose.host;
        let one = |glass: &crate::machine::Glass| Broken {
            host: host.clone(),
            grant: glass.grant.clone(),
            person: glass.person.clone(),
            reason: String::from(glass.reason.clone()),
            began: glass.began,
            ended: glass.ended,
        };
        machine.glass.iter().map(one).collect()
    };
    input.machines.iter().flat_map(|logged| of_machine(&logged.machine)).collect()
}

/// The exceptions that were in force on any day of the month, by the texts that machines took.
pub(crate) fn exceptions(input: &Input<'_>) -> Vec<Accepted> {
    let mut texts: Vec<(Digest, Vec<Cite>)> = Vec::new();
    for logged in &input.machines {
        let host = &logged.machine.whose.host;
        for paper in &logged.machine.papers {
            let in_force = paper.kind == PaperKind::Exceptions && paper.state == PaperState::InForce;
            let Some(text) = paper.text.filter(|_| in_force) else { continue };
            let cite = Cite::one(host, paper.at.seq);
            match texts.iter_mut().find(|(known, _)| *known == text) {
                Some((_, cites)) => cites.push(cite),
                None => texts.push((text, vec![cite])),
            }
        }
    }
    let mut all: Vec<Accepted> = Vec::new();
    for (text, records) in texts {
        match input.exceptions.get(&text) {
            None => all.push(Accepted::TextNotHeld { text, records }),
            Some(held) => of_text(held, input, &records, &mut all),
        }
    }
    all
}

fn of_text(text: &Exceptions, input: &Input<'_>, records: &[Cite], all: &mut Vec<Accepted>) {
    let span = input.cover.span;
    for exception in text.iter() {
        // Both days are by UTC, and belong to it.
        let ended = exception.expired(span.from());
        let begins_later = !exception.in_force(span.to()) && !exception.expired(span.to());
        if ended || begins_later {
            continue;
        }
        let row = Accepted::Exception {
            control: exception.control.clone(),
            reason: exception.reason.to_string(),
            risk: exception.risk.to_string(),
            compensating_controls: exception.compensating_controls.iter().map(ToString::to_string).collect(),
            owner: exception.owner.to_string(),
            approver: exception.approver.to_string(),
            from: exception.from.to_string(),
            until: exception.until.to_string(),
            records: records.to_vec(),
        };
        // A text that was renewed says most of it again.
        let same = |there: &&mut Accepted| without_records(there) == without_records(&row);
        match all.iter_mut().find(same) {
            Some(Accepted::Exception { records: there, .. }) => there.extend_from_slice(records),
            Some(Accepted::TextNotHeld { .. }) | None => all.push(row),
        }
    }
}

fn without_records(row: &Accepted) -> Accepted {
    let mut row = row.clone();
    match &mut row {
        Accepted::Exception { records, .. } | Accepted::TextNotHeld { records, .. } => records.clear(),
    }
    row
}

/// What people had a hand in, in the order of time.
pub(crate) fn by_hand(input: &Input<'_>, repairs: &[Repair], glass: &[Broken]) -> Vec<ByHand> {
    let mut all = Vec::new();
    for repair in repairs {
        let record = Cite::one(&repair.host, repair.began.seq);
        let mut add = |person: &OperatorId, what| {
            let (person, record) = (Some(person.clone()), record.clone());
            all.push(ByHand { time: repair.began.time, person, what, record });
        };
        if let Provenance::Person(person) = &repair.chosen {
            add(person, Deed::Chose(repair.host.clone(), repair.runbook.clone()));
        }
        for person in &repair.approvals {
            add(person, Deed::Agreed(repair.host.clone(), repair.runbook.clone()));
        }
    }
    for broken in glass {
        all.push(ByHand {
            time: broken.began.time,
            person: Some(broken.person.clone()),
            what: Deed::BrokeGlass(broken.host.clone()),
            record: Cite::one(&broken.host, broken.began.seq),
        });
    }
    let at_hub = |act: &Act| ByHand {
        time: act.time,
        person: act.person.clone(),
        what: Deed::AtHub {
            right: act.right.map(|right| right.word().to_owned()),
            machine_user: act.machine_user.clone(),
            path: act.path.clone(),
        },
        record: Cite::of_hub(act.seq),
    };
    all.extend(input.acts.iter().flatten().map(at_hub));
    all.sort_by(|a, b| (a.time, &a.record).cmp(&(b.time, &b.record)));
    all
}

/// How many incidents ended without a repair of ours: somebody mended them, or they passed by themselves.
pub(crate) fn mended_by_others(incidents: &[Incident], span: Span, measured: &[Cite]) -> Claim<u32> {
    let theirs = |incident: &&Incident| {
        incident.over.as_ref().is_some_and(|over| over.by == EndedBy::Another && span.holds(over.at.time))
    };
    let cites: Vec<Cite> = incidents.iter().filter(theirs).flat_map(Incident::cites).collect();
    counted(incidents.iter().filter(theirs).count(), cites, measured)
}

/// A count with the records of what was counted; of nought, with all records that were looked through.
pub(crate) fn counted(many: usize, cites: Vec<Cite>, measured: &[Cite]) -> Claim<u32> {
    if measured.is_empty() {
        return Claim::not(Unmeasured::NoRecord);
    }
    let records = if cites.is_empty() { measured.to_vec() } else { crate::standing::folded(cites) };
    Claim::of(u32::try_from(many).unwrap_or(u32::MAX), records)
}
