//! Records of a run: accepted, waiting, about to act, moved on, ended; and of an order that was not carried out.
//!
//! A run's states are these records, one for each transition: `waiting`, `accepted`, `intent` (whose `before` names the snapshot), `moved`
//! (verifying, holding, reverting, paused), `ended`, `escalated`. What is not written down did not happen.

use serde::{Deserialize, Serialize};

use crate::blob::Blob;
use crate::decision::Provenance;
use crate::digest::Digest;
use crate::fact::{Absence, FactValue, FileMode};
use crate::ids::{ControlId, GrantId, IncidentId, OperatorId, OrderId, RunbookId};
use crate::policy::PolicyDecided;
use crate::refusal::{Guardrail, Refusal};
use crate::resource::{Endpoint, Resource, SysctlKey, UnitName};
use crate::runbook::{OwnDirectory, Verb};
use crate::time::UtcTime;

/// Under whose authority a run stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Authority {
    /// An order that the hub signed.
    Hub,
    /// A standing order, while the hub could not be reached.
    StandingOrder(GrantId),
}

/// An order that passed all guardrails. It holds the signed bytes, so that anyone with the hub's key can check the authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// The order.
    pub order: OrderId,
    /// What it answers.
    pub incident: IncidentId,
    /// The failing control.
    pub control: ControlId,
    /// The runbook.
    pub runbook: RunbookId,
    /// What its steps touch.
    pub targets: Vec<Resource>,
    /// The order's counter: no lower one is ever accepted again. 0 under a standing order, which has a counter of its own.
    pub counter: u64,
    /// Under whose authority.
    pub authority: Authority,
    /// The people whose signatures over the same bytes were good, without whoever chose the runbook.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<OperatorId>,
    /// The break-glass grant that it made use of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<GrantId>,
    /// Who or what chose the runbook.
    pub provenance: Provenance,
    /// The guardrails that were asked and passed, in order.
    pub guardrails: Vec<Guardrail>,
    /// What the policy was asked and answered.
    pub policy: PolicyDecided,
    /// What the executor itself saw before it acted.
    pub measured: FactValue,
    /// The DSSE envelope, as it came; under a standing order, the order that the site made for itself.
    pub envelope: Blob,
}

/// An order that was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// The order, where the bytes were worth reading: nothing unsigned is quoted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
    /// What it would have answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentId>,
    /// The runbook that would have run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runbook: Option<RunbookId>,
    /// Its counter, where guardrail 2 accepted it: spent all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counter: Option<u64>,
    /// The digest of the envelope as it came.
    pub envelope: Digest,
    /// Why.
    pub refusal: Refusal,
    /// What the policy was asked and answered, where it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyDecided>,
}

/// What a run waits for before it may begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum WaitingFor {
    /// The maintenance window, which opens then.
    Window {
        /// When.
        opens: UtcTime,
    },
    /// People who have to agree.
    Approval {
        /// How many have.
        have: u32,
        /// How many must.
        need: u32,
    },
    /// A clock that can be trusted.
    Clock,
    /// Its turn: another run holds the machine or the target.
    Turn,
}

/// An order that passed all guardrails but one that passes by itself, or by people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// The order.
    pub order: OrderId,
    /// What it answers.
    pub incident: IncidentId,
    /// The failing control.
    pub control: ControlId,
    /// The runbook.
    pub runbook: RunbookId,
    /// Its counter, which is spent.
    pub counter: u64,
    /// What it waits for.
    pub waiting_for: WaitingFor,
    /// Then it has waited for too long, and ends as expired.
    pub until: UtcTime,
    /// The DSSE envelope, as it came.
    pub envelope: Blob,
}

/// What a step is about to do, written before it does it, with what it needs to undo it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// The run's order.
    pub order: OrderId,
    /// Which step, from 0.
    pub step: u32,
    /// What it does.
    pub verb: Verb,
    /// To what.
    pub target: Resource,
    /// How things stood.
    pub before: Before,
}

/// How things stood before a step, so that they can stand like that again. What is too long or too private for a record lies in the run's snapshot
/// on the machine, and its digest here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Before {
    /// The mode of one particular file or directory.
    FileMode {
        /// Its mode.
        mode: FileMode,
        /// Its device number. Undo touches this very inode or nothing.
        device: u64,
        /// Its inode number.
        inode: u64,
    },
    /// The owner and mode of one particular file or directory.
    Permissions {
        /// Its mode.
        mode: FileMode,
        /// Its owner, by number.
        uid: u32,
        /// Its group, by number.
        gid: u32,
        /// Its device number. Undo touches this very inode or nothing.
        device: u64,
        /// Its inode number.
        inode: u64,
    },
    /// A whole file: content, mode and owner. None where there was none; then undoing removes what was put there.
    File(Option<FileBefore>),
    /// Several files that are put back together, such as a certificate and its key, or the account files. A unit among them has no file: it is
    /// reloaded once they are back.
    Files(Vec<(Resource, Option<FileBefore>)>),
    /// A unit.
    Unit {
        /// Whether it ran, or systemd was about to have it run.
        active: bool,
        /// Whether it starts at boot; none where that cannot be said of it.
        enabled: Option<bool>,
    },
    /// A kernel parameter.
    Sysctl {
        /// Which.
        key: SysctlKey,
        /// Its value.
        value: i64,
    },
    /// The packet filter, as nft wrote it down into the snapshot.
    Firewall {
        /// The digest of the snapshot.
        digest: Digest,
    },
    /// The processor share of the unit that was chosen.
    Share {
        /// Which unit.
        unit: UnitName,
        /// Its weight; none where it had the default.
        cpu_weight: Option<u64>,
        /// The digest of the snapshot's list of its threads and their nice values.
        nice: Digest,
    },
    /// The NixOS generation that ran.
    Generation {
        /// Its number.
        number: u64,
    },
    /// Nothing that could be put back.
    Nothing,
}

/// One file as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileBefore {
    /// The digest of its bytes, which lie in the snapshot.
    pub digest: Digest,
    /// Its mode.
    pub mode: FileMode,
    /// Its owner, by number.
    pub uid: u32,
    /// Its group, by number.
    pub gid: u32,
}

/// A state that a run went over to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// All steps acted; the check is measured.
    Verifying,
    /// The check passes; it has to go on passing.
    Holding,
    /// The inverses run.
    Reverting,
    /// Frozen for a more urgent run.
    Paused,
    /// Going on after a pause.
    GoingOn,
    /// It has not ended within its time: a person is told.
    Stuck,
}

/// A run went over to another state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moved {
    /// The run's order.
    pub order: OrderId,
    /// Which state.
    pub to: RunState,
}

/// A run that was interrupted is taken up again: all guardrails were asked anew and let it pass. Durable before anything acts on that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resumed {
    /// The run's order.
    pub order: OrderId,
    /// What the policy was asked, and answered this time.
    pub policy: PolicyDecided,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// The run's order.
    pub order: OrderId,
    /// What it answers.
    pub incident: IncidentId,
    /// The control that was measured.
    pub control: ControlId,
    /// What the last measurement saw: for `healed`, the observation that closes the incident.
    pub resolution: Resolution,
    /// True where the run was taken up again after an interruption.
    pub resumed: bool,
    /// From the accepted order to the end of the steps, in milliseconds.
    pub acted_ms: u64,
    /// From the end of the steps to the end of the hold-down, in milliseconds.
    pub verified_ms: u64,
    /// What the steps counted, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<Counted>,
}

/// A number that a step counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    /// Which step, from 0.
    pub step: u32,
    /// What.
    pub what: Count,
    /// How many.
    pub number: u64,
}

/// What a step can count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    /// Files removed.
    FilesRemoved,
    /// Bytes that are free again.
    BytesFreed,
    /// Accounts locked.
    AccountsLocked,
    /// Days that the new certificate holds.
    DaysLeft,
    /// Files restored.
    FilesRestored,
    /// Files whose bytes are what the snapshot's own list says.
    FilesCompared,
    /// Files that are the same on the live system, among those that did not change since.
    FilesAsLive,
    /// Databases that were opened and found whole.
    DatabasesWhole,
    /// Exit status of the program.
    ExitStatus,
}

/// What the last measurement of a run saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Resolution {
    /// The check passed.
    Passes(FactValue),
    /// The check failed.
    Fails(FactValue),
    /// The check could not be measured.
    NotMeasured(Absence),
}

/// Why a person has to look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Trouble {
    /// The run was undone, or could not be.
    NotHealed,
    /// It has not ended within its time.
    Stuck,
    /// A step touches how people get in, and the way in was not seen to be open before it: it did not act, since nobody could have told afterwards
    /// whether it is open still. What came before it was undone.
    WayInNotSeen(Unseen),
}

/// Why a way in was not seen to be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unseen {
    /// No SSH server is there to be reached.
    NothingToReach,
    /// The SSH server listens only where the look does not go.
    OutOfSight,
    /// The SSH server would not start with its configuration: put back after a step, it would shut the way that is open now.
    Configuration,
    /// The SSH server does not run.
    NotRunning,
    /// Nothing that speaks SSH answered from outside.
    NoAnswer,
    /// No account that leads to root has a password or a key.
    NobodyCanGetIn,
    /// The look could not be made.
    NotMeasured,
}

/// A person is asked to look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalated {
    /// The order.
    pub order: OrderId,
    /// What it answers.
    pub incident: IncidentId,
    /// Why.
    pub trouble: Trouble,
}

/// One connection that a step's program made, or tried to, through the proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// The run's order.
    pub order: OrderId,
    /// Which step, from 0.
    pub step: u32,
    /// Whither, where it is on the step's list; nothing that a program made up is quoted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Endpoint>,
    /// Whether it was let through.
    pub allowed: bool,
    /// Bytes that went out.
    pub sent: u64,
    /// Bytes that came in.
    pub received: u64,
}

/// The own directory of a resource, where it is one.
impl Resource {
    /// Suture's own directory that it is.
    pub const fn own_directory(&self) -> Option<OwnDirectory> {
        match self {
            Self::OwnDirectory(own) => Some(*own),
            Self::Path(_)
            | Self::Unit(_)
            | Self::SysctlKey(_)
            | Self::Accounts(_)
            | Self::Firewall
            | Self::Clock
            | Self::Journal
            | Self::Generation
            | Self::Store
            | Self::Processes
            | Self::Control(_)
            | Self::Nothing => None,
        }
    }
}
