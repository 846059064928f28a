//! The packet as data: what is printed, shown and read by machines is made of this, and of nothing beside it.

use std::collections::BTreeSet;

use contract::digest::Digest;
use contract::ids::{HostId, SiteId, TenantId};
use contract::score::Score;
use contract::time::UtcTime;
use serde::{Deserialize, Serialize};

use crate::claim::{Cite, Claim, Unmeasured};
use crate::hands::{Accepted, Broken, ByHand};
use crate::incidents::{HealTimes, Incident, NotDone, Repair};
use crate::input::{Corrects, Cosigned, Input, Logged, Outside, Silent};
use crate::missing::{Attestation, Missing, OutOfScope, Quiet};
use crate::month::Month;
use crate::needs::Need;
use crate::signals::Noticed;
use crate::standing::{Standing, Unchecked};
use crate::upkeep::{Clock, RestoreTest, Weeks};
use crate::{hands, incidents, missing, needs, signals, standing, upkeep};

/// The version of this shape.
pub const FORMAT: u32 = 1;

/// A month of one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packet {
    /// [`FORMAT`].
    pub format: u32,
    /// The tenant.
    pub tenant: TenantId,
    /// The tenant's name, as people write it.
    pub client: String,
    /// The month.
    pub month: Month,
    /// By whose clock: an IANA name.
    pub zone: String,
    /// The first instant of the time that it tells of.
    pub from: UtcTime,
    /// The first instant after it.
    pub to: UtcTime,
    /// Whether the month was not over yet.
    pub preview: bool,
    /// Which packet of this month it is, from 1.
    pub number: u32,
    /// The one that it corrects.
    pub corrects: Option<Corrects>,
    /// The controls that it tells of.
    pub baseline: BaselineNamed,
    /// Other baselines that records of the month were made under: what they found was judged by those.
    pub other_baselines: Vec<Digest>,
    /// How the month went, for whoever reads one page.
    pub summary: Summary,
    /// The score at the end of each of the twelve months up to this one.
    pub trend: Vec<Point>,
    /// Each control.
    pub controls: Vec<Standing>,
    /// What failed.
    pub incidents: Vec<Incident>,
    /// What was tried.
    pub repairs: Vec<Repair>,
    /// What was ordered, and not carried out.
    pub not_done: Vec<NotDone>,
    /// How long repairs took.
    pub heal_times: Claim<HealTimes>,
    /// Backups by week.
    pub backups: Vec<Weeks>,
    /// Restore tests.
    pub restore_tests: Vec<RestoreTest>,
    /// What detectors noticed in the machines' logs.
    pub noticed: Vec<Noticed>,
    /// Who came in, and who tried.
    pub access: Access,
    /// The clocks.
    pub clocks: Vec<Clock>,
    /// What people accepted.
    pub exceptions: Vec<Accepted>,
    /// What people did.
    pub by_hand: Vec<ByHand>,
    /// Whether the hub's own log is among what that was looked for in.
    pub hub_log_read: bool,
    /// Since when the hub's own log tells of it, where that is within the month or after it.
    pub hub_log_since: Option<UtcTime>,
    /// What is not known.
    pub missing: Vec<Missing>,
    /// How much of the month each machine was silent.
    pub quiet: Vec<Quiet>,
    /// How long, in milliseconds, the longest stretch of records waited for a witness.
    pub longest_unwitnessed_ms: Claim<u64>,
    /// What was not to be looked at.
    pub out_of_scope: Vec<OutOfScope>,
    /// What a person has to attest.
    pub attestations: Vec<Attestation>,
    /// The logs that all of it is from.
    pub logs: Vec<LogSeen>,
    /// Machines without a log.
    pub silent: Vec<Silent>,
}

/// A baseline, named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaselineNamed {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// The digest of its bytes.
    pub digest: Digest,
}

/// The first page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Incidents that a repair ended.
    pub fixed: Claim<u32>,
    /// Incidents that ended without a repair of ours.
    pub mended_by_others: Claim<u32>,
    /// Incidents in all.
    pub incidents: Claim<u32>,
    /// What a person has to see to.
    pub needs_you: Vec<Need>,
    /// What could not be checked.
    pub could_not_check: Vec<Unchecked>,
    /// The score, with its coverage.
    pub score: Claim<Score>,
    /// Machines with a record in the month, and machines in all.
    pub machines: (u32, u32),
}

/// A score of another month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// The month.
    pub month: Month,
    /// The score at its end, over the controls of this packet's baseline.
    pub score: Claim<Score>,
}

/// Who came in, and who tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// How often failed log-ins were noticed: so many, so soon after each other, that a detector fires.
    pub failed_log_ins: Claim<u64>,
    /// How often a new administrator was noticed.
    pub new_administrators: Claim<u64>,
    /// On how many machines detectors are told of in the log, of those with a log: what is noticed on others is in neither number.
    pub told_by: (u32, u32),
    /// Accounts that nobody used for long.
    pub dormant_accounts: Claim<u64>,
    /// Uses of break-glass.
    pub break_glass: Claim<u32>,
    /// Each of them.
    pub grants: Vec<Broken>,
}

/// A log that the packet is from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSeen {
    /// The machine.
    pub host: HostId,
    /// Its site.
    pub site: SiteId,
    /// The log's name.
    pub origin: String,
    /// Entries in all, from the first of the log to the head.
    pub size: u64,
    /// The root over them, in base64.
    pub root: String,
    /// The first and the last of the month; none where the month has none.
    pub bounds: Option<(crate::machine::At, crate::machine::At)>,
    /// How many of the month.
    pub records: u64,
    /// How many of a kind that this release does not know.
    pub unread: u64,
    /// Who cosigned the head, and when.
    pub cosigned: Vec<Cosigned>,
    /// What is known of it outside the hub; none where no head of it is in the log of heads yet.
    pub outside: Option<Outside>,
    /// The head: a signed note (C2SP tlog-checkpoint).
    pub checkpoint: String,
}

impl Packet {
    /// Makes it. The machines are told in the order of their names.
    pub fn of(mut input: Input<'_>) -> Self {
        input.machines.sort_by(|a, b| a.machine.whose.host.cmp(&b.machine.whose.host));
        input.silent.sort_by(|a, b| a.host.cmp(&b.host));
        let input = &input;
        let controls = Standing::all(input);
        let (incidents, repairs) = (incidents::incidents(input), incidents::repairs(input));
        let (grants, noticed) = (hands::glass(input), signals::noticed(input));
        let cover = &input.cover;
        Self {
            format: FORMAT,
            tenant: cover.tenant.clone(),
            client: cover.client.clone(),
            month: cover.month,
            zone: cover.zone.name().to_owned(),
            from: cover.span.from(),
            to: cover.span.to(),
            preview: cover.preview,
            number: cover.number,
            corrects: cover.corrects.clone(),
            baseline: BaselineNamed {
                name: input.baseline.name().as_str().to_owned(),
                version: input.baseline.version(),
                digest: input.baseline.digest(),
            },
            other_baselines: other_baselines(input),
            summary: summary(input, &controls, &incidents, needs::needs(&controls, &repairs, &noticed)),
            trend: trend(input, &controls),
            heal_times: incidents::heal_times(&incidents, cover.span),
            backups: upkeep::backups(input),
            restore_tests: upkeep::restore_tests(&repairs),
            access: access(input, &noticed, grants.clone()),
            clocks: upkeep::clocks(input),
            exceptions: hands::exceptions(input),
            by_hand: hands::by_hand(input, &repairs, &grants),
            hub_log_read: input.acts.is_some(),
            hub_log_since: input.acts_since.filter(|since| *since > cover.span.from()),
            missing: missing::missing(input),
            quiet: missing::quiet(input),
            longest_unwitnessed_ms: missing::longest_unwitnessed(input),
            out_of_scope: missing::out_of_scope(&controls),
            attestations: missing::attestations(input),
            logs: input.machines.iter().map(log_seen).collect(),
            silent: input.silent.clone(),
            not_done: incidents::not_done(input),
            noticed,
            controls,
            incidents,
            repairs,
        }
    }

    /// The JSON of it, in the form of RFC 8785's neighbour that this product writes everywhere: one line, keys in the order of these types.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// All records of the month, machine by machine: what a nought was counted over.
fn measured(input: &Input<'_>) -> Vec<Cite> {
    let of = |logged: &Logged| {
        let machine = &logged.machine;
        machine.bounds.map(|(first, last)| Cite::range(&machine.whose.host, first, last))
    };
    input.machines.iter().filter_map(of).collect()
}

fn summary(
    input: &Input<'_>,
    controls: &[Standing],
    incidents: &[Incident],
    needs_you: Vec<Need>,
) -> Summary {
    let measured = measured(input);
    let span = input.cover.span;
    let fixed = || incidents.iter().filter(|incident| incident.fixed(span).is_some());
    let many = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Summary {
        fixed: hands::counted(fixed().count(), fixed().flat_map(Incident::cites).collect(), &measured),
        mended_by_others: hands::mended_by_others(incidents, span, &measured),
        incidents: hands::counted(
            incidents.len(),
            incidents.iter().map(|incident| Cite::one(&incident.host, incident.detected.seq)).collect(),
            &measured,
        ),
        needs_you,
        could_not_check: standing::unchecked(controls),
        score: standing::score(controls),
        machines: (many(measured.len()), many(input.machines.len() + input.silent.len())),
    }
}

fn other_baselines(input: &Input<'_>) -> Vec<Digest> {
    let seen = input.machines.iter().flat_map(|logged| &logged.machine.baselines);
    let others: BTreeSet<Digest> =
        seen.copied().filter(|digest| *digest != input.baseline.digest()).collect();
    others.into_iter().collect()
}

fn trend(input: &Input<'_>, controls: &[Standing]) -> Vec<Point> {
    let earlier = input.cover.marks.iter().enumerate().map(|(place, (month, _))| {
        let of = |logged: &Logged| {
            let score = (*logged.machine.scores.get(place)?)?;
            // A score is folded over all that was written until then.
            let last = logged.machine.sizes.get(place)?.checked_sub(1)?;
            Some((score, Cite { last, ..Cite::one(&logged.machine.whose.host, 0) }))
        };
        let (scores, cites): (Vec<_>, Vec<_>) = input.machines.iter().filter_map(of).unzip();
        Point {
            month: *month,
            score: Claim::of(scores.into_iter().fold(Score::default(), Score::and), cites),
        }
    });
    let now = Point { month: input.cover.month, score: standing::score(controls) };
    earlier.chain([now]).collect()
}

fn access(input: &Input<'_>, noticed: &[Noticed], grants: Vec<Broken>) -> Access {
    let cites = grants.iter().map(|grant| Cite::one(&grant.host, grant.began.seq)).collect();
    Access {
        failed_log_ins: signals::failed_log_ins(input, noticed),
        new_administrators: signals::new_administrators(input, noticed),
        told_by: signals::told_by(input),
        dormant_accounts: Claim::not(Unmeasured::NoKind),
        break_glass: hands::counted(grants.len(), cites, &measured(input)),
        grants,
    }
}

fn log_seen(logged: &Logged) -> LogSeen {
    let machine = &logged.machine;
    let head = logged.head.checkpoint();
    LogSeen {
        host: machine.whose.host.clone(),
        site: machine.whose.site.clone(),
        origin: head.origin.to_string(),
        size: head.size.get(),
        root: head.root.to_base64(),
        bounds: machine.bounds,
        records: machine.records,
        unread: machine.unread,
        cosigned: logged.cosigned.clone(),
        outside: logged.outside.clone(),
        checkpoint: logged.head.note().to_string(),
    }
}
