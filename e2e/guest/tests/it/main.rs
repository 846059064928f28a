//! A guest boots, is a machine of its own, and leaves nothing.
#![expect(clippy::unwrap_used, reason = "a failed expectation is the test's own message")]

mod apart;
mod image;
mod inside;
mod life;
