//! `cert.renew`: start the ACME unit, check the new pair, and have its user read it. The inverse puts the old pair back.
//!
//! A certificate that does not match its key, or that nobody believes, takes a clinic's web pages down as surely as one that has expired. So the
//! unit's own success is not enough: the new one's time, names, key and every signature up to somebody who is believed are looked at. Both files have to be real ones: where a link stands (as certbot makes them), the place that it leads to is
//! what a runbook declares.

mod check;
mod openssl;
mod pair;

use contract::record::{Before, Count};
use contract::resource::{Resource, UnitName};
use contract::runbook::{CertRenew, Verb};

use crate::systemd::{Job, Unit};
use crate::{Armed, Done, Hand, HandError, Place};
use check::Chain;
use openssl::OpenSsl;

/// Their names in the snapshot, in the order of [`Before::Files`]: the key first.
const KEPT: [&str; 2] = ["key", "certificate"];

#[derive(Debug)]
struct Renewal {
    renew: CertRenew,
    unit: Unit,
    openssl: OpenSsl,
    /// What the old certificate said, where it could be read.
    old: Option<Chain>,
}

pub(super) fn arm(renew: &CertRenew, place: &Place<'_>) -> Result<Armed, HandError> {
    let openssl = OpenSsl::find()?;
    if renew.key == renew.certificate {
        return Err(HandError::NotAsDeclared { what: "the key and the certificate are one file" });
    }
    let unit = Unit::open(&renew.unit, place)?;
    if unit.kind() != "service" {
        return Err(unit.said("run it", "only a service runs and ends".to_owned()));
    }
    if unit.is_at_work()? {
        return Err(HandError::NothingToDo("the certificate is being renewed already"));
    }
    let mut files = Vec::new();
    let mut old = None;
    for (name, path) in KEPT.into_iter().zip([&renew.key, &renew.certificate]) {
        let found = pair::found(&pair::open(path.as_str())?)?;
        if let Some(found) = &found {
            place.snapshot.keep(name, &found.bytes)?;
            old = Chain::read(&found.bytes).ok();
        }
        files.push((Resource::Path(path.clone()), found.as_ref().map(pair::before)));
    }
    if let Some(user) = &renew.reload {
        Unit::open(user, place)?;
        files.push((Resource::Unit(user.clone()), None));
    }
    Ok(Armed::new(Before::Files(files), Renewal { renew: renew.clone(), unit, openssl, old }))
}

impl Hand for Renewal {
    fn act(self: Box<Self>, place: &Place<'_>) -> Result<Done, HandError> {
        place.go_on()?;
        self.unit.run_to_its_end(place)?;
        let key = pair::open(self.renew.key.as_str())?;
        let certificate = pair::open(self.renew.certificate.as_str())?;
        let (Some(new_key), Some(new)) = (pair::found(&key)?, pair::found(&certificate)?) else {
            return Err(HandError::NotAsDeclared { what: "the renewal left no certificate or no key" });
        };
        place.go_on()?;
        let chain = Chain::read(&new.bytes)?;
        let days = chain.days_left(edge::clock::utc(), self.renew.days_min)?;
        if let Some(old) = &self.old {
            chain.follows(old)?;
        }
        self.openssl.believes(&chain, self.old.as_ref(), place)?;
        self.openssl.is_key_of(&new_key.bytes, &chain, place)?;
        // The client that wrote them need not have waited for the disk.
        key.make_durable()?;
        certificate.make_durable()?;
        if let Some(user) = &self.renew.reload {
            reload(user, place)?;
        }
        Ok(Done { counts: vec![(Count::DaysLeft, days)], connections: Vec::new() })
    }
}

/// Has the user of a certificate read it anew, where it runs, and sees it go on.
fn reload(user: &UnitName, place: &Place<'_>) -> Result<(), HandError> {
    let unit = Unit::open(user, place)?;
    if !unit.state()?.runs() {
        return Ok(());
    }
    unit.job(Job::Reload, place)?;
    unit.stays(true, Job::Reload.what(), place)
}

/// Both files are written and synced beside their places first, and then take them, the key before the certificate: whoever watches the certificate
/// for changes finds the key that belongs to it. A power cut between the two leaves a pair that does not match; the next undo mends it.
pub(super) fn undo(before: &Before, place: &Place<'_>) -> Result<(), HandError> {
    let Before::Files(files) = before else { return Err(HandError::NoBefore(Verb::CertRenew)) };
    let mut spots = Vec::new();
    let mut users = Vec::new();
    for (resource, kept) in files {
        match resource {
            Resource::Path(path) => spots.push((pair::open(path.as_str())?, kept)),
            Resource::Unit(user) => users.push(user),
            _ => return Err(HandError::NoBefore(Verb::CertRenew)),
        }
    }
    let mut ready = Vec::new();
    for (name, (spot, kept)) in KEPT.into_iter().zip(&spots) {
        match kept {
            Some(kept) => {
                let bytes = place.snapshot.read(name, &kept.digest)?;
                if !pair::holds(spot, kept) {
                    ready.push(pair::candidate(spot, &bytes, kept)?);
                }
            }
            None => spot.remove()?,
        }
    }
    for candidate in ready {
        candidate.put_in_place()?;
    }
    for user in users {
        reload(user, place)?;
    }
    Ok(())
}
