//! The hub from the outside: a real hub in this process, over real sockets, with real certificates.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed expectation is the test's own message")]

mod alert_mail;
mod alerts;
mod api;
mod approvals;
mod attestation;
#[path = "../../src/heads/tests/authority.rs"]
mod authority;
mod calls;
mod clock;
mod console;
mod door;
mod enrolment;
mod events;
mod evidence;
mod fetch_back;
mod fleet;
mod forgotten;
mod forks;
mod full;
mod heads;
mod heartbeat;
mod incidents;
mod killed;
mod kit_command;
mod kits;
mod log;
mod metrics;
mod migrations;
mod models;
#[path = "../../../crates/archive/tests/it/moto.rs"]
#[allow(dead_code, reason = "the archive's own tests use the rest of it")]
mod moto;
#[path = "../../../crates/queue/tests/nats/server.rs"]
#[allow(dead_code, reason = "the queue's own tests use the rest of it")]
mod nats_server;
mod oidc;
mod on_nats;
mod operator;
mod operator_door;
mod outside;
mod own_authority;
mod packet_command;
mod packets;
mod packets_out;
mod pages;
mod papers;
mod people;
mod process;
mod refused;
mod renewal;
mod restored_heads;
mod restoring;
mod rotation;
mod running;
mod second_factor;
mod service;
mod spans;
mod stage;
mod standing;
mod storm;
mod tenancy;
mod timestamps;
mod witnessing;
mod worm;
