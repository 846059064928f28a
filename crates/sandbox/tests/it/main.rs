//! Real programs under real confinement: every attack under every profile, and each of them without confinement, so that these tests can go red.
#![allow(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

mod attacks;
#[cfg(feature = "podman")]
mod container;
mod ends;
mod features;
mod outward;
mod sabotage;
mod stage;
mod world;
