//! A long time on one machine: faults at random moments, the network away for a third of it, power cuts, a clock that jumps a week. Nothing may be lost,
//! and nothing done twice.

mod books;
mod course;

use std::time::{Duration, Instant};

use contract::grant::SILENCE_MS;
use contract::heartbeat::OutboxHealth;
use contract::plane::IncidentView;
use serde::Serialize;
use serde_json::Value;

use crate::catalogue::Fault;
use crate::evidence;
use crate::site::Site;
use crate::{Lab, Result};
use books::Books;
use course::{Course, Turn};

/// How long the site may take to come to rest afterwards.
const REST: Duration = Duration::from_secs(420);

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Soaked {
    /// What the chances came from: the same again makes the same course.
    pub seed: u64,
    /// How long it took, without the rest afterwards.
    pub minutes: u64,
    /// Faults that were done.
    pub injected: usize,
    /// Faults that were drawn and not done, since the thing was not whole, or its last repair had to hold still: it waited for a person or for its time.
    pub skipped: usize,
    /// Of these, those that were whole again at the end.
    pub whole: usize,
    /// Of these, those that a guardrail stopped, or that wait: a person is called, or it is tried again later.
    pub stopped: usize,
    /// Incidents that the hub holds of them.
    pub incidents: usize,
    /// Runs that ended as healed, by the evidence.
    pub healed: usize,
    /// Of these, those that the site decided by itself while the network was away.
    pub healed_alone: usize,
    /// Reboots after a cut of power.
    pub power_cuts: usize,
    /// Resident memory of agent and executor together, in KiB: a minute after the last start, and at the end.
    pub memory_kib: (u64, u64),
    /// What an outsider's verifier says of the evidence.
    pub evidence: String,
    /// What is not as it has to be.
    pub wrong: Vec<String>,
}

/// Does it. An error is the lab's own.
pub fn soak(lab: &Lab, faults: &[Fault], minutes: u64, seed: u64) -> Result<Soaked> {
    let mut site = lab.site()?;
    crate::case::ready(&mut site)?;
    let mut books = Books::new(faults, &site.hub.incidents()?);
    let held = site.hub.held()?;
    let mut course = Course::new(minutes, seed, faults.len());
    let (begun, mut cuts, mut early) = (Instant::now(), 0, None);
    while let Some((at, turn)) = course.next() {
        std::thread::sleep(at.saturating_sub(begun.elapsed()));
        eprintln!("{:>5} s  {turn:?}", begun.elapsed().as_secs());
        match turn {
            Turn::Fault(which) => books.inject(&mut site, which, begun.elapsed())?,
            Turn::Cable(plugged) => site.machine.set_cable(plugged)?,
            Turn::PowerCut => {
                site.machine.cut_power()?;
                site.machine.boot_again()?;
                site.machine.set_clock(edge::clock::utc())?;
                // What starts on the way up would put some faults right, unseen. That something failed there is the machine's own affair.
                site.machine.sh("systemctl is-system-running --wait")?;
                books.power_was_cut(begun.elapsed());
                (cuts, early) = (cuts + 1, None);
            }
            Turn::ClockJump => site.machine.ok("date -s '+7 days' >/dev/null").map(drop)?,
            Turn::Memory => early = Some(memory(&mut site)?),
        }
    }
    let mut wrong: Vec<String> = rest(&mut site)?.into_iter().collect();
    let late = memory(&mut site)?;
    if let Some(why) = outbox(&site)? {
        wrong.push(why);
    }
    let memory_kib = (early.unwrap_or(late), late);
    if late > memory_kib.0 + memory_kib.0 / 4 + 2048 {
        wrong.push(format!("memory grew from {} to {late} KiB", memory_kib.0));
    }
    let incidents = site.hub.incidents()?;
    let account = books.close(&mut site, &incidents)?;
    wrong.extend(account.wrong);
    let (evidence, records) = evidence::verify_and_read(&mut site)?;
    if !evidence.starts_with("intact") {
        wrong.push(format!("the evidence is {evidence}"));
    }
    if !wrong.is_empty() {
        // What both said is gone with the machine.
        let said = site
            .machine
            .sh("journalctl -q -u suture-agent -u suture-executor -o short-unix | grep -v '\"found\"'")?;
        eprintln!("{}", said.out);
    }
    wrong.extend(books::stray(faults, &records, held));
    if account.skipped > account.injected {
        wrong.push(format!("{} of the faults drawn were not done: too little is shown", account.skipped));
    }
    let healed = books::healed(&records, held, &mut wrong);
    let healed_alone = books::healed_alone(&records, held);
    if healed == 0 {
        wrong.push("nothing was healed: nothing is shown".to_owned());
    }
    // The network is away for a third of the time, and the hub has to have been silent for a while before a site decides.
    if healed_alone == 0 && minutes * 60_000 / 3 > 2 * SILENCE_MS {
        wrong.push("nothing was healed while the network was away".to_owned());
    }
    Ok(Soaked {
        seed,
        minutes,
        injected: account.injected,
        skipped: account.skipped,
        whole: account.whole,
        stopped: account.stopped,
        incidents: account.incidents,
        healed,
        healed_alone,
        power_cuts: cuts,
        memory_kib,
        evidence,
        wrong,
    })
}

/// Waits until the hub has all that there is, and nothing is under way. Why it does not come to that; none where it does.
fn rest(site: &mut Site) -> Result<Option<String>> {
    let begun = Instant::now();
    let (mut last, mut since) = (String::new(), Instant::now());
    while begun.elapsed() < REST {
        let now = format!("{:?}", site.hub.incidents()?);
        if now != last {
            (last, since) = (now, Instant::now());
        }
        if since.elapsed() > Duration::from_secs(20) && outbox(site)?.is_none() {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    Ok(Some(format!("the site did not come to rest within {} s", REST.as_secs())))
}

/// Why the outbox is not empty; none where it is, and nothing was ever lost from it.
fn outbox(site: &Site) -> Result<Option<String>> {
    let status: Value = site.hub.get("/api/v1/status")?;
    let outbox = &status["hosts"][0]["heartbeat"]["said"]["outbox"];
    let outbox: OutboxHealth = serde_json::from_value(outbox.clone())
        .map_err(|e| format!("the machine said of its outbox {outbox}: {e}"))?;
    let is_empty = outbox.waiting == 0 && outbox.aside == 0 && outbox.lost_in_all == 0;
    Ok((!is_empty).then(|| format!("the outbox is not empty: {outbox:?}")))
}

/// Resident memory of both, in KiB.
fn memory(site: &mut Site) -> Result<u64> {
    let said = site
        .machine
        .ok("ps -o rss= -C suture-agent -C suture-executor | awk '{ sum += $1 } END { print sum }'")?;
    said.trim().parse().map_err(|e| format!("memory {said:?}: {e}"))
}

/// The subject of an incident, as a fault names it.
fn is_of(incident: &IncidentView, fault: &Fault) -> bool {
    fault.seen_by.contains(crate::end::subject(&incident.what))
}
