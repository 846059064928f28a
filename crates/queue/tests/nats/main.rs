//! The queue on real NATS servers: what any queue must do, the bad days, and tenants that try to reach each other.
#![allow(clippy::unwrap_used, reason = "a failed expectation is the test's own message")]

mod bad_days;
mod cluster;
mod durable;
mod duties;
mod provisioned;
mod rig;
mod server;
mod tenancy;

use contract::time::UtcTime;

pub(crate) fn now() -> UtcTime {
    edge::clock::utc()
}
