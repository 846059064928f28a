//! Records of the hub's own log about devices: who was turned away at the device plane, and which machine was put in quarantine.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::attest::{Attested, Attests};
use crate::ids::{HostId, TenantId};

/// Something about a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceNoted {
    /// Whose it is; none where its certificate is none of this hub's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// Which it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<HostId>,
    /// What.
    pub what: DeviceEvent,
}

/// What became of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum DeviceEvent {
    /// It was not let in.
    TurnedAway {
        /// Why.
        why: NotLetIn,
        /// How many times this stands for.
        times: u64,
    },
    /// What runs on it changed, and nothing explains it: it gets nothing to do until a person approves.
    Quarantined {
        /// What changed.
        changed: BTreeSet<Attests>,
        /// What was known to run.
        held: Box<Attested>,
        /// What is said to run.
        said: Box<Attested>,
    },
}

/// Why a device was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotLetIn {
    /// The handshake failed: no certificate, one of somebody else's authority, one that its peer has no key to, no TLS 1.3, or no TLS at all.
    Handshake,
    /// The handshake was not finished in time.
    HandshakeTime,
    /// This hub's authority signed the certificate, and this hub has no record of it.
    Unknown,
    /// The certificate was revoked.
    Revoked,
    /// The certificate is not good at this time.
    OutOfTime,
    /// The certificate is good for something else.
    OtherUse,
}
