//! Who asks: looked up in the registry for every single request, so that a revocation counts on connections that are already open.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use contract::digest::Digest;
use contract::plane::TurnedAway;
use contract::record::NotLetIn;
use identity::Holder;

use super::{bounded, refusals};
use crate::hub::Hub;
use crate::mirror::Subject;
use crate::problem::Fault;
use crate::store::{Kind, Registered};

/// What a host in quarantine is told. It goes on being heard.
const QUARANTINED: &str = "what runs on this machine changed, and no release, generation or announcement explains it: it is given nothing to do until the operator approves";

/// The certificate that the connection's handshake proved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    pub(super) fingerprint: Digest,
}

/// Proof that an enrolled device asks: its certificate is of this hub, of a device, within its time and not revoked.
#[derive(Debug)]
pub(super) struct Device {
    peer: Peer,
    pub(super) holder: Holder,
    pub(super) origin: String,
    pub(super) evidence_key: String,
    quarantined: bool,
}

/// Proof that an enrolled device asks on which nothing runs that is not explained: one that may be given something to do.
#[derive(Debug)]
pub(super) struct Trusted(pub(super) Device);

/// Proof that an enrolled machine asks whose certificate is not revoked, and may have run out: it may have it renewed and nothing else.
#[derive(Debug)]
pub(super) struct Renewing {
    pub(super) holder: Holder,
}

/// Proof that a machine asks that holds a bootstrap certificate, and may enrol and nothing else.
#[derive(Debug)]
pub(super) struct Newcomer {
    pub(super) holder: Holder,
    pub(super) origin: String,
}

impl Peer {
    async fn registered(self, hub: &Hub) -> Result<Registered, Fault> {
        let registered = self.not_revoked(hub).await?;
        if registered.validity.holds(edge::clock::utc()) {
            return Ok(registered);
        }
        refusals::note(hub, Some(&registered.holder), NotLetIn::OutOfTime).await;
        Err(turned_away(TurnedAway::OutOfTime, "this certificate is not valid at this time"))
    }

    async fn not_revoked(self, hub: &Hub) -> Result<Registered, Fault> {
        let now = edge::clock::utc();
        let found = hub.store.whose(self.fingerprint, now).await;
        let found = found.map_err(|e| Fault::ours("look up the certificate", &e))?;
        match found {
            None => {
                refusals::note(hub, None, NotLetIn::Unknown).await;
                Err(turned_away(TurnedAway::Unknown, "this hub did not issue this certificate"))
            }
            Some(r) if r.revoked => {
                refusals::note(hub, Some(&r.holder), NotLetIn::Revoked).await;
                Err(turned_away(TurnedAway::Revoked, "this certificate was revoked by the operator"))
            }
            Some(r) => Ok(r),
        }
    }

    async fn device(self, hub: &Hub) -> Result<Device, Fault> {
        let Registered { kind, holder, origin, validity: _, revoked: _, evidence_key, quarantined } =
            self.registered(hub).await?;
        match (kind, evidence_key) {
            (Kind::Device, Some(evidence_key)) => {
                Ok(Device { peer: self, holder, origin, evidence_key, quarantined })
            }
            (Kind::Device, None) | (Kind::Bootstrap, _) => {
                let problem = "this certificate is good for enrolment only; enrol first";
                Err(other_use(hub, &holder, problem).await)
            }
        }
    }
}

impl Device {
    /// Whose log this device's is, and how it is checked.
    pub(super) fn log(&self) -> Subject {
        let Self { peer: _, holder, origin, evidence_key, quarantined: _ } = self;
        Subject { holder: holder.clone(), origin: origin.clone(), evidence_key: evidence_key.clone() }
    }

    fn trusted(self) -> Result<Trusted, Fault> {
        if self.quarantined {
            return Err(Fault::theirs(StatusCode::FORBIDDEN, QUARANTINED));
        }
        Ok(Trusted(self))
    }
}

impl Trusted {
    /// The same proof, made again after a wait.
    pub(super) async fn still_is(&self, hub: &Hub) -> Result<(), Fault> {
        self.0.peer.device(hub).await?.trusted().map(drop)
    }
}

/// Somebody known asks for what their certificate is not for.
async fn other_use(hub: &Hub, holder: &Holder, problem: &str) -> Fault {
    refusals::note(hub, Some(holder), NotLetIn::OtherUse).await;
    turned_away(TurnedAway::OtherUse, problem)
}

fn turned_away(why: TurnedAway, problem: &str) -> Fault {
    Fault::not_let_in(why, format!("{problem}: ask the operator of this hub"))
}

fn peer(parts: &Parts) -> Result<Peer, Fault> {
    parts
        .extensions
        .get()
        .copied()
        .ok_or_else(|| turned_away(TurnedAway::Unknown, "no certificate was shown"))
}

impl FromRequestParts<Arc<Hub>> for Device {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, hub: &Arc<Hub>) -> Result<Self, Fault> {
        let device = peer(parts)?.device(hub).await?;
        bounded::of_tenant(hub, &device.holder).await?;
        Ok(device)
    }
}

impl FromRequestParts<Arc<Hub>> for Trusted {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, hub: &Arc<Hub>) -> Result<Self, Fault> {
        Device::from_request_parts(parts, hub).await?.trusted()
    }
}

impl FromRequestParts<Arc<Hub>> for Renewing {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, hub: &Arc<Hub>) -> Result<Self, Fault> {
        let Registered { kind, holder, origin: _, validity: _, revoked: _, evidence_key: _, quarantined: _ } =
            peer(parts)?.not_revoked(hub).await?;
        match kind {
            Kind::Device => {
                bounded::of_tenant(hub, &holder).await?;
                Ok(Self { holder })
            }
            Kind::Bootstrap => Err(other_use(hub, &holder, "this certificate is never renewed").await),
        }
    }
}

impl FromRequestParts<Arc<Hub>> for Newcomer {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, hub: &Arc<Hub>) -> Result<Self, Fault> {
        let Registered { kind, holder, origin, validity: _, revoked: _, evidence_key: _, quarantined: _ } =
            peer(parts)?.registered(hub).await?;
        match kind {
            Kind::Bootstrap => Ok(Self { holder, origin }),
            Kind::Device => Err(other_use(hub, &holder, "this machine is enrolled already").await),
        }
    }
}
