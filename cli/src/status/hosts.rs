//! How a tenant's hosts say that they fare: each line is what a person would ask next. What was not said is not known to be well.

use contract::heartbeat::{
    Blind, Condition, ExecutorHealth, Following, Heartbeat, LogSource, SourceHealth, Trouble,
};
use contract::ids::{HostId, SiteId, TenantId};
use contract::runbook::Confinement;
use contract::time::{ClockOffset, UtcTime};
use serde::{Deserialize, Serialize};

use crate::exit::{Failure, Status};
use crate::say::{Tone, Voice};

/// What of the hub's status is shown of one host.
#[derive(Debug, Deserialize)]
struct Row {
    tenant: TenantId,
    site: SiteId,
    host: HostId,
    seen: Option<UtcTime>,
    alarms: u64,
    heartbeat: Option<Heard>,
}

/// Its last heartbeat.
#[derive(Debug, Deserialize)]
struct Heard {
    at: UtcTime,
    ahead_ms: i64,
    said: Heartbeat,
}

/// Shows those of `tenant`.
pub(super) fn show(voice: Voice, status: &serde_json::Value, tenant: &TenantId) -> Result<(), Failure> {
    let hosts: Vec<Row> = Vec::deserialize(&status["hosts"]).map_err(|e| {
        Failure::new(Status::Unavailable, format!("the hub's list of hosts is not understood: {e}"))
    })?;
    for host in hosts.iter().filter(|host| host.tenant == *tenant) {
        voice.heading(&format!("Host {} of site {}", host.host, host.site));
        for (tone, line) in lines(host) {
            voice.line(&format!("  {}", voice.tone(tone, &line)));
        }
    }
    Ok(())
}

fn lines(host: &Row) -> Vec<(Tone, String)> {
    let mut lines = Vec::new();
    if host.alarms > 0 {
        lines.push((Tone::Bad, format!("its evidence did what it must never do: {} alarms", host.alarms)));
    }
    let Some(Heard { at, ahead_ms, said }) = &host.heartbeat else {
        let seen = host.seen.map_or_else(|| "never".to_owned(), |seen| seen.to_string());
        lines.push((Tone::Unsure, format!("no heartbeat since the hub started; last seen: {seen}")));
        return lines;
    };
    lines.push((Tone::Quiet, format!("heard {at}; its clock is ahead of the hub's by {ahead_ms} ms")));
    lines.push(clock(said.clock));
    let outbox = said.outbox;
    let tone = match (outbox.lost_in_all, outbox.aside) {
        (0, 0) => Tone::Quiet,
        (0, _) => Tone::Unsure,
        _ => Tone::Bad,
    };
    lines.push((
        tone,
        format!(
            "{} incidents wait for the hub, {} lie aside, {} were lost",
            outbox.waiting, outbox.aside, outbox.lost_in_all
        ),
    ));
    match said.condition.now() {
        Some(condition) => of_condition(&mut lines, said, condition),
        None => lines.push((Tone::Unsure, "it has not said yet how it fares".to_owned())),
    }
    lines
}

fn of_condition(lines: &mut Vec<(Tone, String)>, said: &Heartbeat, condition: &Condition) {
    lines.push((Tone::Quiet, format!("agent {}", condition.agent)));
    executor(lines, &condition.executor);
    for (part, health) in condition.parts.iter().filter(|(_, health)| !health.well) {
        lines.push((Tone::Bad, format!("{} is not well since {}", spelled(part), health.since)));
    }
    for (trouble, troubles) in &condition.troubles {
        let words = format!("the hub {} {} times, last {}", words(*trouble), troubles.count, troubles.last);
        lines.push((Tone::Unsure, words));
    }
    for source in [LogSource::Journal, LogSource::Files] {
        let read = said.lines.get(&source).copied().unwrap_or(0);
        lines.push(followed(source, condition.sources.get(&source), read));
    }
    for (why, lost) in &condition.losses {
        lines.push((Tone::Bad, format!("log lines lost ({}): {lost}", spelled(why))));
    }
    let detectors = &condition.detectors;
    let blind: usize = detectors.blind.values().map(std::collections::BTreeSet::len).sum();
    let see = (detectors.known as usize).saturating_sub(blind);
    lines.push((Tone::Quiet, format!("{see} of {} detectors are shown what they look at", detectors.known)));
    for (why, ids) in &detectors.blind {
        let why = match why {
            Blind::NotFollowed => "no log of theirs is followed",
            Blind::Unreadable => "a log of theirs may not be read",
            Blind::NotMeasured => "nothing could be measured",
        };
        let ids = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        lines.push((Tone::Unsure, format!("blind, because {why}: {ids}")));
    }
    for (id, fired) in &detectors.fired {
        lines.push((Tone::Unsure, format!("{id} fired {} times, last {}", fired.count, fired.last)));
    }
}

fn executor(lines: &mut Vec<(Tone, String)>, executor: &ExecutorHealth) {
    let bad = |words: &str| (Tone::Bad, format!("executor: {words}"));
    match executor {
        ExecutorHealth::Away => lines.push(bad("away: nothing is repaired or written down")),
        ExecutorHealth::Silent => lines.push(bad("it did not say in time how it stands")),
        ExecutorHealth::Restoring => {
            lines.push(bad("its log is being put back: it does nothing until it is whole"));
        }
        ExecutorHealth::Stands(stands) => {
            lines.push((Tone::Quiet, format!("executor {}, mode {}", stands.software, stands.mode)));
            if let Some(until) = stands.break_glass_until {
                lines.push((Tone::Unsure, format!("the glass is broken until {until}")));
            }
            let missing: Vec<_> = Confinement::ALL
                .iter()
                .filter(|c| !stands.confinement.contains(c))
                .map(ToString::to_string)
                .collect();
            if !missing.is_empty() {
                lines.push((
                    Tone::Unsure,
                    format!("its kernel does not confine with: {}", missing.join(", ")),
                ));
            }
        }
    }
}

fn clock(clock: ClockOffset) -> (Tone, String) {
    match clock {
        ClockOffset::Unknown => (Tone::Unsure, "whether its clock is synchronised is not known".to_owned()),
        ClockOffset::Unsynchronised => (Tone::Bad, "its clock is not synchronised".to_owned()),
        ClockOffset::SynchronisedWithinMs(ms) => {
            (Tone::Quiet, format!("its clock is synchronised within {ms} ms"))
        }
    }
}

fn followed(source: LogSource, health: Option<&SourceHealth>, read: u64) -> (Tone, String) {
    let name = match source {
        LogSource::Journal => "journal",
        LogSource::Files => "log files",
    };
    let Some(SourceHealth { state, unfollowed }) = health else {
        return (Tone::Unsure, format!("{name}: not followed"));
    };
    match state {
        Following::Streams(_) if *unfollowed > 0 => {
            (Tone::Unsure, format!("{name}: followed, {read} lines; {unfollowed} cannot be followed"))
        }
        Following::Streams(_) => (Tone::Quiet, format!("{name}: followed, {read} lines")),
        Following::NothingReadable => (Tone::Unsure, format!("{name}: there is none that may be read")),
        Following::Refused => (Tone::Bad, format!("{name}: the system does not let the agent follow them")),
    }
}

const fn words(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::Unreachable => "could not be reached",
        Trouble::WrongCertificate => "was somebody else by its certificate",
        Trouble::Broken => "said that it is broken or busy",
        Trouble::Refused => "did not take what it was sent",
        Trouble::NotUnderstood => "was not understood",
        Trouble::NoReceipt => "gave no receipt that is one",
        Trouble::BadPaper => {
            "gave a baseline or list that is not believed, or is older than the one in force"
        }
        Trouble::Unapproved => "gave a catalogue of runbooks that this site has not approved",
    }
}

/// A word of a closed set, as it is on the wire.
fn spelled(word: &impl Serialize) -> String {
    let spelled = serde_json::to_value(word).ok();
    spelled.as_ref().and_then(serde_json::Value::as_str).unwrap_or("?").replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(heartbeat: &serde_json::Value) -> String {
        let host = serde_json::json!({
            "tenant": "clinic", "site": "main", "host": "h-1", "seen": null, "alarms": 0, "heartbeat": heartbeat,
        });
        let host: Row = serde_json::from_value(host).unwrap();
        lines(&host).into_iter().map(|(_, line)| line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_is_not_well_is_named_and_what_was_not_said_is_not_well() {
        assert_eq!(shown(&serde_json::Value::Null), "no heartbeat since the hub started; last seen: never");
        let at = "2026-11-26T18:00:00.000Z";
        let mut heartbeat = serde_json::json!({ "at": at, "ahead_ms": 7, "said": {
            "at": at, "clock": "unsynchronised", "log_size": 7,
            "outbox": { "waiting": 3, "bytes": 12_288, "lost": 0, "lost_in_all": 2 }, "lines": { "journal": 9 },
            "condition": "unchanged",
        } });
        assert!(shown(&heartbeat).ends_with("it has not said yet how it fares"));
        heartbeat["said"]["condition"] = serde_json::json!({ "now": {
            "agent": "0.1.0", "certificate_until": null, "executor": { "stands": {
                "software": "0.1.1", "mode": "observe", "break_glass_until": at, "confinement": ["landlock", "seccomp"],
            } },
            "parts": { "evidence": { "well": false, "since": at }, "orders": { "well": true, "since": at } },
            "troubles": { "wrong_certificate": { "count": 2, "last": at } },
            "sources": { "journal": { "state": { "streams": 1 }, "unfollowed": 0 } },
            "losses": { "rotated_away": 3 },
            "detectors": { "known": 60, "blind": { "not_followed": ["backup.failed"] },
                "fired": { "ssh.failed-logins": { "count": 4, "last": at } } },
        } });
        let shown = shown(&heartbeat);
        for line in [
            "its clock is not synchronised",
            "3 incidents wait for the hub, 0 lie aside, 2 were lost",
            "executor 0.1.1, mode observe",
            "the glass is broken until 2026-11-26T18:00:00.000Z",
            "its kernel does not confine with: cgroup, namespaces",
            "evidence is not well since 2026-11-26T18:00:00.000Z",
            "the hub was somebody else by its certificate 2 times, last 2026-11-26T18:00:00.000Z",
            "journal: followed, 9 lines",
            "log files: not followed",
            "log lines lost (rotated away): 3",
            "59 of 60 detectors are shown what they look at",
            "blind, because no log of theirs is followed: backup.failed",
            "ssh.failed-logins fired 4 times, last 2026-11-26T18:00:00.000Z",
        ] {
            assert!(shown.lines().any(|l| l == line), "{line:?} is not in\n{shown}");
        }
        assert!(!shown.contains("orders"), "what is well is not talked about:\n{shown}");
    }
}
