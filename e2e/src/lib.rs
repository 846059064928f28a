//! The corpus of tampered kits: honest kits, everything that a forger might do to them, and what every verifier must say of the result.
//!
//! Each [`Case`] is a kit, what a person would bring from outside, and the verdict that docs/evidence-format.md demands: which verdict, for which
//! reason, at which record. `tests/it` holds `suture-verify`'s library to all of them, and writes them down for `verify.html` (see `e2e/html`), so
//! that two verifiers that share no code must agree.
//!
//! What takes kits apart and forges logs here is written for this purpose, over plain bytes: neither the writer nor a reader of kits is used to make
//! what they are tested with, but for the honest kit that a case begins with.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a case that cannot be made is a broken test, and must say so"
)]

pub mod base;
pub mod case;
pub mod container;
pub mod corpus;
pub mod forge;
