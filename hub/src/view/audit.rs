//! The hub's own log, as it is read: who came in, what was done, what was refused.

use contract::ids::{ApiKeyId, OperatorId, TenantId};
use contract::people::Right;
use contract::record::{Acted, Body, Entry, LoggedIn, NotAllowed, Record, Stage};
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
    /// What became of it.
    pub(crate) end: AuditEnd,
    /// The same in words.
    pub(crate) words: String,
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
    /// Something about the log itself.
    Log,
}

/// `GET /api/v1/audit/{seq}`: one record with the proof that it is in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AuditProof {
    /// The same as in the list.
    pub(crate) record: AuditView,
    /// The record's exact bytes.
    pub(crate) entry: String,
    /// Its hash as a leaf (RFC 6962, section 2.1), in hexadecimal.
    pub(crate) leaf: String,
    /// The signed head that the proof leads to.
    pub(crate) checkpoint: String,
    /// The hashes from the leaf to the root (RFC 9162, section 2.1.3), in hexadecimal.
    pub(crate) path: Vec<String>,
    /// The log's key, as verifiers take it.
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
        Body::Opened(_) => "the log begins".clone_into(&mut view.words),
        Body::Recovered(_) => "the hub was started again".clone_into(&mut view.words),
        // No other kind is written into this log; one that is there all the same is shown by its subject.
        _ => {}
    }
    view
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
            self.words.to_lowercase(),
        ]
        .join(" ");
        words.iter().all(|word| all.contains(word.as_str()))
    }
}
