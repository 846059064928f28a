//! A repair that waits, followed to its end: what it waits for comes, and then it has to be healed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use contract::plane::IncidentState;

use crate::Result;
use crate::catalogue::Fault;
use crate::end::subject;
use crate::site::Site;

/// Brings about what the repair waits for, and waits until nothing of it is open any more. Why it does not come to that; none where it does.
pub(crate) fn later(site: &mut Site, fault: &Fault, script: &str) -> Result<Option<String>> {
    site.machine.ok(script)?;
    let begun = Instant::now();
    while !is_closed(site, &fault.seen_by)? {
        if begun.elapsed() > fault.patience() {
            return Ok(Some("what it waited for came, and it is not healed".to_owned()));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(None)
}

/// Whether what the fault broke is in the hub's list, and none of it is open.
fn is_closed(site: &Site, seen_by: &BTreeSet<String>) -> Result<bool> {
    let incidents = site.hub.incidents()?;
    let mut of_it =
        incidents.iter().filter(|i| seen_by.contains(subject(&i.what))).map(|i| &i.state).peekable();
    Ok(of_it.peek().is_some() && of_it.all(|state| matches!(state, IncidentState::Closed { .. })))
}
