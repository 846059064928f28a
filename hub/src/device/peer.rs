//! Who asks: looked up in the registry for every single request, so that a revocation counts on connections that are already open.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use contract::digest::Digest;
use contract::plane::TurnedAway;
use identity::Holder;

use crate::hub::Hub;
use crate::mirror::Subject;
use crate::problem::Fault;
use crate::store::{Kind, Registered};

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
}

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
        Err(turned_away(TurnedAway::OutOfTime, "this certificate is not valid at this time"))
    }

    async fn not_revoked(self, hub: &Hub) -> Result<Registered, Fault> {
        let now = edge::clock::utc();
        let found = hub.store.whose(self.fingerprint, now).await;
        let found = found.map_err(|e| Fault::ours("look up the certificate", &e))?;
        match found {
            None => Err(turned_away(TurnedAway::Unknown, "this hub did not issue this certificate")),
            Some(r) if r.revoked => {
                Err(turned_away(TurnedAway::Revoked, "this certificate was revoked by the operator"))
            }
            Some(r) => Ok(r),
        }
    }

    async fn device(self, hub: &Hub) -> Result<Device, Fault> {
        let Registered { kind, holder, origin, validity: _, revoked: _, evidence_key } =
            self.registered(hub).await?;
        match (kind, evidence_key) {
            (Kind::Device, Some(evidence_key)) => Ok(Device { peer: self, holder, origin, evidence_key }),
            (Kind::Device, None) | (Kind::Bootstrap, _) => Err(turned_away(
                TurnedAway::OtherUse,
                "this certificate is good for enrolment only; enrol first",
            )),
        }
    }
}

impl Device {
    /// Whose log this device's is, and how it is checked.
    pub(super) fn log(&self) -> Subject {
        let Self { peer: _, holder, origin, evidence_key } = self;
        Subject { holder: holder.clone(), origin: origin.clone(), evidence_key: evidence_key.clone() }
    }

    /// The same proof, made again after a wait.
    pub(super) async fn still_is(&self, hub: &Hub) -> Result<(), Fault> {
        self.peer.device(hub).await.map(drop)
    }
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
        peer(parts)?.device(hub).await
    }
}

impl FromRequestParts<Arc<Hub>> for Renewing {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, hub: &Arc<Hub>) -> Result<Self, Fault> {
        let Registered { kind, holder, origin: _, validity: _, revoked: _, evidence_key: _ } =
            peer(parts)?.not_revoked(hub).await?;
        match kind {
            Kind::Device => Ok(Self { holder }),
            Kind::Bootstrap => Err(turned_away(TurnedAway::OtherUse, "this certificate is never renewed")),
        }
    }
}

impl FromRequestParts<Arc<Hub>> for Newcomer {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, hub: &Arc<Hub>) -> Result<Self, Fault> {
        let Registered { kind, holder, origin, validity: _, revoked: _, evidence_key: _ } =
            peer(parts)?.registered(hub).await?;
        match kind {
            Kind::Bootstrap => Ok(Self { holder, origin }),
            Kind::Device => Err(turned_away(TurnedAway::OtherUse, "this machine is enrolled already")),
        }
    }
}
