//! The queue on real NATS servers: what any queue must do, the bad days, and tenants that try to reach each other.
#![allow(clippy::unwrap_used, reason = "a failed expectation is the test's own message")]

mod bad_days;
mod cluster;
mod durable;
mod provisioned;
mod rig;
mod server;
mod tenancy;

use std::time::{SystemTime, UNIX_EPOCH};

use contract::time::UtcTime;

pub(crate) fn now() -> UtcTime {
    let ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    UtcTime::from_unix_ms(i64::try_from(ms).unwrap()).unwrap()
}
