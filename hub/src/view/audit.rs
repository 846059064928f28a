//! The hub's own log, as it is read: who came in, what was done, what was refused.

use contract::ids::{ApiKeyId, HostId, OperatorId, TenantId};
use contract::people::Right;
use contract::record::{
    Acted, Body, DeviceEvent, DeviceNoted, Entry, LoggedIn, NotAllowed, NotLetIn, PacketNoted, PacketWhat,
    Record, Stage,
};
use contract::time::UtcTime;
use serde::Serialize;
use utoipa::ToSchema;

/// `GET /api/v1/audit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AuditPage {
    /// How many records the published log has.
    pub(crate) size: u64,
    /// Those that fit, the newest first.
    pub(crate) records: Vec<AuditView>,
    /// Ask with this as `before` for those before them; none where there are no more.
    pub(crate) next: Option<u64>,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AuditView {
    /// Its index in the log.
    pub(crate) seq: u64,
    /// When it was written.
    pub(crate) time: UtcTime,
    /// Who; none where nobody was known.
    pub(crate) person: Option<OperatorId>,
    /// With which key; none where it was a session, or nothing.
    pub(crate) key: Option<ApiKeyId>,
    /// What was asked for.
    pub(crate) right: Option<Right>,
    /// Whose.
    pub(crate) tenant: Option<TenantId>,
    /// Where.
    pub(crate) path: Option<String>,
    /// The machine that it is about.
    pub(crate) host: Option<HostId>,
    /// Where it ended: the record of its beginning, which is listed with it and not by itself.
    pub(crate) begun: Option<Beginning>,
    /// What became of it.
    pub(crate) end: AuditEnd,
    /// The same in words.
    pub(crate) words: String,
}

/// The record that something was about to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Beginning {
    /// Its index in the log.
    pub(crate) seq: u64,
    /// When it was written.
    pub(crate) time: UtcTime,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AuditEnd {
    /// It was about to be done.
    Begun,
    /// It was done.
    Done,
    /// It was tried, and did not come about.
    Failed,
    /// It was not allowed.
    Refused,
    /// Somebody came in.
    CameIn,
    /// A machine is in quarantine: something runs on it that nothing explains.
    Quarantined,
    /// Something about the log itself.
    Log,
}

/// `GET /api/v1/audit/{seq}`: one record with the proof that it is in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AuditProof {
    /// The same as in the list.
    pub(crate) record: AuditView,
    /// The record's exact bytes: what is hashed and proven.
    pub(crate) entry: String,
    /// Its hash as a leaf (RFC 6962, section 2.1), in base64.
    pub(crate) leaf: String,
    /// The log's name.
    pub(crate) origin: String,
    /// The size of the log that the proof is for.
    pub(crate) size: u64,
    /// The C2SP tlog-proof under the newest head.
    pub(crate) proof: String,
    /// The log's key, as verifiers take it. Whoever checks the proof has it from elsewhere.
    pub(crate) key: String,
}

/// A record, as it is read.
pub(crate) fn one(record: &Record) -> AuditView {
    let mut view = AuditView {
        seq: record.seq,
        time: record.time,
        person: None,
        key: None,
        right: None,
        tenant: None,
        path: None,
        host: None,
        begun: None,
        end: AuditEnd::Log,
        words: record.subject.clone(),
    };
    match &record.body {
        Body::Acted(Acted { person, machine_user, key, right, tenant, path, stage }) => {
            (view.person, view.key, view.right) = (person.clone(), key.clone(), *right);
            (view.tenant, view.path) = (tenant.clone(), path.clone());
            (view.end, view.words) = stage_words(stage);
            if let Some(user) = machine_user {
                view.words = format!("{}, on the hub's own machine by {user}", view.words);
            }
        }
        Body::LoggedIn(LoggedIn { person, entry }) => {
            view.person = Some(person.clone());
            (view.end, view.words) = entry_words(*entry);
        }
        Body::Device(DeviceNoted { tenant, host, what }) => {
            (view.tenant, view.host) = (tenant.clone(), host.clone());
            (view.end, view.words) = device_words(what);
        }
        Body::Packet(noted) => {
            view.tenant = Some(noted.tenant.clone());
            (view.end, view.words) = packet_words(noted, &mut view.person);
        }
        Body::Opened(opened) => match &opened.succeeds {
            Some(before) => view.words = format!("the log begins, and goes on from {}", before.origin),
            None => "the log begins".clone_into(&mut view.words),
        },
        Body::Recovered(_) => "the hub was started again".clone_into(&mut view.words),
        Body::KeyNamed(named) => view.words = format!("the log's next key is named: {}", named.key),
        Body::KeyTaken(taken) => view.words = format!("the log's key is changed, and is now {}", taken.key),
        Body::Gap(_) => "something was not written down".clone_into(&mut view.words),
        Body::Restored(_) => "records were fetched back".clone_into(&mut view.words),
        // Of machines' logs alone; one that stands here all the same is shown by its subject.
        Body::Findings(_)
        | Body::Signals(_)
        | Body::Accepted(_)
        | Body::Refused(..)
        | Body::Waiting(_)
        | Body::Intent(_)
        | Body::Moved(_)
        | Body::Resumed(_)
        | Body::Ended(..)
        | Body::Escalated(_)
        | Body::Connection(_)
        | Body::StandingTaken(_)
        | Body::BreakGlass(_)
        | Body::PolicyTaken(_)
        | Body::PaperTaken(_)
        | Body::Confined(_)
        | Body::Intruded(_)
        | Body::DeadManFired(_)
        | Body::GenerationHealthy(_)
        | Body::Standing(_) => {}
    }
    view
}

/// What became of a packet, and whose deed that is.
fn packet_words(noted: &PacketNoted, person: &mut Option<OperatorId>) -> (AuditEnd, String) {
    let of = format!("packet {} of the {} {}", noted.number, noted.packet.word(), noted.period);
    match &noted.what {
        PacketWhat::Made => (AuditEnd::Done, format!("{of} was made: {}", noted.digest)),
        PacketWhat::Acknowledged(who) => {
            *person = Some(who.clone());
            (AuditEnd::Done, format!("{of} was read: {}", noted.digest))
        }
    }
}

/// What a machine was refused, or is kept from.
fn device_words(what: &DeviceEvent) -> (AuditEnd, String) {
    match what {
        DeviceEvent::TurnedAway { why, times } => {
            let why = match why {
                NotLetIn::Handshake => "the handshake failed",
                NotLetIn::HandshakeTime => "the handshake was not finished in time",
                NotLetIn::Unknown => "its certificate is not known here",
                NotLetIn::Revoked => "its certificate is revoked",
                NotLetIn::OutOfTime => "its certificate is not good at this time",
                NotLetIn::OtherUse => "its certificate is good for something else",
            };
            let times = if *times == 1 { String::new() } else { format!(", {times} times") };
            (AuditEnd::Refused, format!("turned away: {why}{times}"))
        }
        DeviceEvent::Quarantined { changed, held: _, said: _ } => {
            let changed = changed.iter().map(|part| part.word()).collect::<Vec<_>>().join(", ");
            (AuditEnd::Quarantined, format!("in quarantine: {changed} changed, and nothing explains it"))
        }
    }
}

fn stage_words(stage: &Stage) -> (AuditEnd, String) {
    match stage {
        Stage::Begun => (AuditEnd::Begun, "begun".to_owned()),
        Stage::Ended { status } if *status < 400 => (AuditEnd::Done, format!("done ({status})")),
        Stage::Ended { status } => (AuditEnd::Failed, format!("did not come about ({status})")),
        Stage::Refused { why, times } => {
            let words = match why {
                NotAllowed::NotKnown => "nobody who is known",
                NotAllowed::OtherTenant => "another tenant's",
                NotAllowed::Role => "not within the role",
                NotAllowed::Key => "not within the key",
                NotAllowed::CrossSite => "sent by another page",
                NotAllowed::OtherPerson => "in somebody else's name",
            };
            let times = if *times == 1 { String::new() } else { format!(", {times} times") };
            (AuditEnd::Refused, format!("refused: {words}{times}"))
        }
    }
}

fn entry_words(entry: Entry) -> (AuditEnd, String) {
    let (end, words) = match entry {
        Entry::Password => (AuditEnd::CameIn, "signed in"),
        Entry::Provider => (AuditEnd::CameIn, "came in by the provider of identities"),
        Entry::Invitation => (AuditEnd::CameIn, "used an invitation"),
        Entry::Refused => (AuditEnd::Refused, "was not let in"),
        Entry::NoInvitation => (AuditEnd::Refused, "had no invitation"),
    };
    (end, words.to_owned())
}

/// Joins what began and what became of it, from the newest record down.
#[derive(Debug, Default)]
pub(crate) struct Folding {
    /// Ends whose beginnings were not met yet, each with its row, where it has one.
    ends: Vec<(Acted, Option<usize>)>,
}

/// What a record is in the list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Met {
    /// The beginning of an act whose end was met: it has no row of its own.
    Beginning {
        /// The row of the end, where that has one on this page.
        of: Option<usize>,
    },
    /// A row, where it is looked for.
    Row,
}

impl Folding {
    pub(crate) fn meet(&mut self, record: &Record) -> Met {
        let Body::Acted(acted) = &record.body else { return Met::Row };
        match acted.stage {
            Stage::Begun => match self.ends.iter().rposition(|(end, _)| end == acted) {
                Some(place) => Met::Beginning { of: self.ends.remove(place).1 },
                None => Met::Row,
            },
            Stage::Ended { .. } => {
                self.ends.push((Acted { stage: Stage::Begun, ..acted.clone() }, None));
                Met::Row
            }
            Stage::Refused { .. } => Met::Row,
        }
    }

    /// The record that was met last stands in this row.
    pub(crate) fn is_row(&mut self, record: &Record, row: usize) {
        if let Body::Acted(Acted { stage: Stage::Ended { .. }, .. }) = &record.body
            && let Some(last) = self.ends.last_mut()
        {
            last.1 = Some(row);
        }
    }

    /// Whether a row's beginning was not met yet.
    pub(crate) fn awaits(&self) -> bool {
        self.ends.iter().any(|(_, row)| row.is_some())
    }
}

impl AuditView {
    /// Whether every word of a search stands somewhere in it.
    pub(crate) fn holds(&self, words: &[String]) -> bool {
        let text = |part: Option<&str>| part.unwrap_or_default().to_lowercase();
        let all = [
            text(self.person.as_ref().map(OperatorId::as_str)),
            text(self.key.as_ref().map(ApiKeyId::as_str)),
            text(self.right.map(Right::word)),
            text(self.tenant.as_ref().map(TenantId::as_str)),
            text(self.path.as_deref()),
            text(self.host.as_ref().map(HostId::as_str)),
            self.words.to_lowercase(),
        ]
        .join(" ");
        words.iter().all(|word| all.contains(word.as_str()))
    }
}
