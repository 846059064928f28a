//! Who is who: the hub's authority, the certificates it issues, the keys made on devices, and mutual TLS between them.
//!
//! Trust flows one way. A device's key is made on the device and never leaves it; the hub signs the public half under names of its own choosing;
//! a device believes exactly one authority, the one it was handed at enrolment. TLS is 1.3 only, on both sides, with one crypto provider that is
//! always named: nothing here depends on a process-wide default.
//!
//! A certificate here proves possession of a key and nothing more: what its holder may do is looked up by the certificate's [`fingerprint`], on
//! every request, so that a revocation counts at once and no name inside a certificate is ever believed. One that has run out still proves possession,
//! and is good for being renewed and nothing else: that, too, is decided by the lookup.
#![forbid(unsafe_code)]

mod authority;
mod device;
mod error;
mod expired;
mod issue;
mod tls;

pub use authority::Authority;
pub use device::{DeviceKey, SECRET_BYTES, VerifiedRequest};
pub use error::IdentityError;
pub use issue::{Bootstrap, Holder, Issued, Validity, fingerprint};
pub use tls::{client_config, server_config, validity_of};
