//! What a site is and has approved, and what surrounds a moment. Values, parsed once; nothing changes them while the executor runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contract::baseline::{Baseline, Users};
use contract::digest::Digest;
use contract::dsse::{HubKey, OperatorKey};
use contract::ids::{HostId, OperatorId, RunbookId, SiteId, TenantId};
use contract::record::Opponent;
use contract::refusal::{Guardrail, Mode};
use contract::resource::UnitName;
use contract::runbook::{Catalogue, Confinement, TargetOs};
use contract::time::UtcTime;
use policy::{Engine, Links, Tag};

use super::{Moment, Window};

/// A key that the hub signed with before, and until when it still counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetiredKey {
    /// The key.
    pub key: HubKey,
    /// Its end date.
    pub until: UtcTime,
}

/// What this site is and has approved.
#[derive(Debug)]
pub struct Site {
    /// Whose it is.
    pub tenant: TenantId,
    /// Where it is.
    pub site: SiteId,
    /// Which machine this is.
    pub host: HostId,
    /// Who runs Suture here: findings are held against the same two.
    pub users: Users,
    /// The pinned hub keys in force.
    pub hub_keys: Vec<HubKey>,
    /// The previous ones, each with its end date.
    pub retired_hub_keys: Vec<RetiredKey>,
    /// The people who may approve, each with a key of their own.
    pub operators: BTreeMap<OperatorId, OperatorKey>,
    /// What runbooks may do here.
    pub mode: Mode,
    /// Who set it, where the configuration names somebody.
    pub mode_set_by: Option<OperatorId>,
    /// Runbooks that may repair even while the site observes.
    pub enforce: BTreeSet<RunbookId>,
    /// When disruptive steps may run; never, where there is none.
    pub window: Option<Window>,
    /// Units that a patient's visit waits for: what they depend on is not restarted while they run.
    pub critical_units: BTreeSet<UnitName>,
    /// What the site calls this machine, for rules of its policy that ask.
    pub tags: BTreeSet<Tag>,
    /// The most things that one run may touch.
    pub targets_max: usize,
    /// How old an order may be when it comes, where the site asks for less than the order says.
    pub order_lifetime_ms_max: Option<u64>,
    /// How far off the clock may be for a disruptive step.
    pub clock_error_ms_max: u32,
    /// The approved catalogue.
    pub catalogue: Catalogue,
    /// The signed baseline.
    pub baseline: Baseline,
    /// The digest of its bytes.
    pub baseline_digest: Digest,
    /// A guardrail that is taken out, to show what it is for. Exists in tests alone: no build that is shipped has the field.
    #[cfg(test)]
    pub without: Option<Guardrail>,
}

/// What surrounds a moment, as far as a guardrail asks.
#[derive(Clone)]
pub struct Surroundings {
    /// The clocks.
    pub moment: Moment,
    /// What the kernel offers to confine programs with.
    pub confinement: BTreeSet<Confinement>,
    /// Which system this is.
    pub system: TargetOs,
    /// For each unit that the order would take down, the units that run now and cannot go on without it. One that is not here could not be asked about.
    pub dependants: BTreeMap<UnitName, BTreeSet<UnitName>>,
    /// Who else changes what the order would repair; looked for only where it does not stay repaired.
    pub opponent: Opponent,
    /// The policy in force.
    pub policy: Arc<Engine>,
    /// Reads links, for paths to be walked as the kernel walks them before the policy sees them.
    pub links: Arc<dyn Links + Send + Sync>,
}

impl std::fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings").field("moment", &self.moment).finish_non_exhaustive()
    }
}

impl Site {
    /// The hub keys that count at `now`.
    pub(super) fn keys_in_force(&self, now: UtcTime) -> Vec<HubKey> {
        let retired = self.retired_hub_keys.iter().filter(|retired| now <= retired.until);
        self.hub_keys.iter().cloned().chain(retired.map(|retired| retired.key.clone())).collect()
    }

    /// What a guardrail answered; in tests, what is answered where that guardrail is taken out.
    #[cfg(test)]
    pub(super) fn unless<T>(&self, guardrail: Guardrail, answered: T, otherwise: impl FnOnce() -> T) -> T {
        if self.without == Some(guardrail) { otherwise() } else { answered }
    }

    /// What a guardrail answered.
    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "the twin in tests looks at what is taken out")]
    pub(super) fn unless<T>(&self, _: Guardrail, answered: T, _: impl FnOnce() -> T) -> T {
        answered
    }
}
