//! How operators reach their plane.

use std::path::PathBuf;

use super::HubName;

/// The ways in. There is none by which what people send crosses a network in the clear.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Door {
    /// Plain HTTP that never leaves this machine, asked for by loopback's names.
    #[default]
    Loopback,
    /// The same behind a reverse proxy on this machine, which ends TLS, and hands on what was sent to `name` and from where (`X-Forwarded-For`).
    Proxy {
        /// The name that people's browsers know the plane by.
        name: HubName,
    },
    /// TLS with a certificate of the operator's own, on any address.
    Tls {
        /// The name that people's browsers know the plane by.
        name: HubName,
        /// The chain, in PEM, the plane's own certificate first. It is read again when it was renewed.
        certificate: PathBuf,
        /// Its key, in PEM.
        key: PathBuf,
    },
}

impl Door {
    /// The name beside loopback's that the plane answers to.
    pub(crate) const fn name(&self) -> Option<&HubName> {
        match self {
            Self::Loopback => None,
            Self::Proxy { name } | Self::Tls { name, .. } => Some(name),
        }
    }

    /// Whether browsers reach it over TLS: then they are told never to do otherwise.
    pub(crate) const fn is_secure(&self) -> bool {
        match self {
            Self::Loopback => false,
            Self::Proxy { .. } | Self::Tls { .. } => true,
        }
    }

    /// Whether it may be on an address that others reach.
    pub(crate) const fn is_for_any_address(&self) -> bool {
        match self {
            Self::Loopback | Self::Proxy { .. } => false,
            Self::Tls { .. } => true,
        }
    }
}
