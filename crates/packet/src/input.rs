//! What a packet is made of: machines that were verified, and what the hub knows beside them.

use std::collections::BTreeMap;

use contract::baseline::Baseline;
use contract::digest::Digest;
use contract::exception::Exceptions;
use contract::ids::{HostId, OperatorId, RunbookId, SiteId, TenantId};
use contract::people::Right;
use contract::time::UtcTime;
use serde::{Deserialize, Serialize};
use tlog::VerifiedCheckpoint;

use crate::machine::Machine;
use crate::month::{Month, Span, Zone};
use crate::rule::Rule;

/// What a packet says of itself before it says anything else.
#[derive(Debug, Clone)]
pub struct Cover {
    /// The tenant.
    pub tenant: TenantId,
    /// The tenant's name, as people write it.
    pub client: String,
    /// The month.
    pub month: Month,
    /// By whose clock.
    pub zone: Zone,
    /// The month, or as much of it as is over in a preview.
    pub span: Span,
    /// Whether the month is not over yet.
    pub preview: bool,
    /// Which packet of this month it is, from 1.
    pub number: u32,
    /// The one that it corrects.
    pub corrects: Option<Corrects>,
    /// The ends of earlier months of which a score is wanted, as they were given to each [`crate::Walk`].
    pub marks: Vec<(Month, UtcTime)>,
}

/// An earlier packet of the same month, which this one stands in the place of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Corrects {
    /// Its number.
    pub number: u32,
    /// The digest of its JSON.
    pub digest: Digest,
    /// Why, in a person's words.
    pub reason: String,
    /// Whose.
    pub person: OperatorId,
}

/// A machine's month, and the head that it was believed under.
#[derive(Debug)]
pub struct Logged {
    /// The month.
    pub machine: Machine,
    /// The head, as its own key signed it.
    pub head: VerifiedCheckpoint,
    /// Who cosigned it, and when.
    pub cosigned: Vec<Cosigned>,
    /// What is known of it outside the hub; none where no head of it is in the log of heads yet.
    pub outside: Option<Outside>,
    /// Since when it is looked after no more; none where it is.
    pub retired: Option<UtcTime>,
}

impl Logged {
    /// Whether it was looked after when the month was over, and there was a record of it by then: then it is in the score.
    pub fn counts(&self, span: Span) -> bool {
        let there = self.machine.sizes.last().is_some_and(|size| *size > 0);
        there && self.retired.is_none_or(|retired| retired >= span.to())
    }
}

/// A cosignature over a head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cosigned {
    /// The witness's name.
    pub by: String,
    /// When.
    pub time: UtcTime,
}

/// A head of a log in the hub's log of all heads, which witnesses outside the hub see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outside {
    /// The size of the machine's log at that head: at most the one that the packet stands on.
    pub size: u64,
    /// Who outside cosigned the log of heads with that head in it, and when.
    pub cosigned: Vec<Cosigned>,
    /// That the head is in there: a C2SP tlog-proof, whose `extra` line holds the head's three lines.
    pub proof: String,
}

/// A machine that ought to have a log here, and has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Silent {
    /// Its site.
    pub site: SiteId,
    /// The machine.
    pub host: HostId,
    /// Why.
    pub reason: SilentReason,
}

/// Why there is no log of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SilentReason {
    /// It was never enrolled.
    NeverEnrolled,
    /// It was, and no record of it came.
    NoRecordReceived,
}

/// Something that a person did at the hub, as the hub's own log says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// Who; none where nobody was known.
    pub person: Option<OperatorId>,
    /// What was asked for; none for whoever sat at the hub's own machine.
    pub right: Option<Right>,
    /// Who, as the hub's own machine knows them, where it was done there.
    pub machine_user: Option<String>,
    /// Where: the path, or the command.
    pub path: String,
    /// When.
    pub time: UtcTime,
    /// Its record in the hub's own log.
    pub seq: u64,
}

/// All of it.
#[derive(Debug)]
pub struct Input<'a> {
    /// What it says of itself.
    pub cover: Cover,
    /// The controls.
    pub baseline: &'a Baseline,
    /// The paragraphs.
    pub rule: &'a Rule,
    /// The machines with a log, by their names.
    pub machines: Vec<Logged>,
    /// Those without.
    pub silent: Vec<Silent>,
    /// The texts of exceptions that are at hand, by their digests.
    pub exceptions: BTreeMap<Digest, Exceptions>,
    /// What runbooks are called.
    pub runbooks: BTreeMap<RunbookId, String>,
    /// What people did at the hub for this tenant in the month; none where the hub's own log could not be walked to its head.
    pub acts: Option<Vec<Act>>,
    /// Since when the hub's own log tells of it: its first record.
    pub acts_since: Option<UtcTime>,
}
