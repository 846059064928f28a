//! The documents that only the hub can write: exceptions, what people did, and what went wrong with the evidence itself.

use std::collections::BTreeMap;

use contract::ids::{HostId, SiteId};
use evidence::kit::pages::{Listed, LogFacts, excepted, json};
use serde::Serialize;

use super::exports::Earlier;
use crate::store::{Actions, AlarmRaised};

/// What the hub knows beside the logs.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) actions: Actions,
    pub(super) alarms: Vec<AlarmRaised>,
    /// What went wrong with the log of all sites' heads: a list of alarms, which name witnesses and sizes and no tenant.
    pub(super) heads: Vec<serde_json::Value>,
    pub(super) earlier: Vec<Earlier>,
    pub(super) silent: Vec<Silent>,
}

/// A host of the tenant without a log in the kit.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Silent {
    pub(super) host: HostId,
    pub(super) site: SiteId,
    pub(super) reason: Silence,
}

/// Why a host has no log in the kit.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Silence {
    /// An enrolment sheet was made, and no machine used it.
    NeverEnrolled,
    /// The machine enrolled, and the hub never got a record of it.
    NoRecordReceived,
}

#[derive(Serialize)]
struct Exceptions<T> {
    about: &'static str,
    in_force: Listed<()>,
    excused_in_the_records: T,
}

#[derive(Serialize)]
struct HumanActions<'a> {
    about: &'static str,
    #[serde(flatten)]
    actions: &'a Actions,
    who: Listed<()>,
    decisions: Listed<()>,
    at_the_machines: Listed<()>,
}

#[derive(Serialize)]
struct Disclosures<'a> {
    about: &'static str,
    alarms: Listed<&'a AlarmRaised>,
    alarms_of_the_log_of_heads: Listed<&'a serde_json::Value>,
    exports_before_this_one: Listed<&'a Earlier>,
    hosts_without_a_log_here: Listed<&'a Silent>,
    provider_incidents: Listed<()>,
}

/// The three documents, by name.
pub(super) fn of_hub(
    known: &Known,
    logs: &[LogFacts],
) -> Result<BTreeMap<String, Vec<u8>>, serde_json::Error> {
    let Known { actions, alarms, heads, earlier, silent } = known;
    let exceptions = Exceptions {
        about: "Failures that a person accepted for a time.",
        in_force: Listed::not_recorded(
            "a kit does not carry their texts: the packet of each month does, and each `paper_taken` record names the text that a machine took by its \
             digest. Which findings were excused stands in the records, and below",
        ),
        excused_in_the_records: excepted(logs),
    };
    let human_actions = HumanActions {
        about: "What people did at the hub: tenants and sites that were added, enrolment sheets that were made (bootstrap certificates), \
                machines that enrolled (device certificates; each is valid from an hour before it was issued), and revocations. Up to the export, not \
                only within the period.",
        actions,
        who: Listed::not_recorded(
            "a kit does not carry the hub's own log, in which the persons stand: ask for the months' packets, or for that log",
        ),
        decisions: Listed::not_recorded(
            "who or what chose each repair, and who agreed to it, stands in its `accepted` record",
        ),
        at_the_machines: Listed::not_recorded(
            "what people did at the machines themselves is not observed; what they changed shows as findings",
        ),
    };
    let disclosures = Disclosures {
        about: "What went wrong with the evidence itself, as the hub knows it, and who exported evidence of this tenant before.",
        alarms: Listed::Recorded(alarms.iter().collect()),
        alarms_of_the_log_of_heads: Listed::Recorded(heads.iter().collect()),
        exports_before_this_one: Listed::Recorded(earlier.iter().collect()),
        hosts_without_a_log_here: Listed::Recorded(silent.iter().collect()),
        provider_incidents: Listed::not_recorded(
            "incidents of the provider's own systems are not kept by this program: ask the provider",
        ),
    };
    Ok(BTreeMap::from([
        ("documents/exceptions.json".to_owned(), json(&exceptions)?),
        ("documents/human-actions.json".to_owned(), json(&human_actions)?),
        ("documents/disclosures.json".to_owned(), json(&disclosures)?),
    ]))
}
