//! The agent between a hub and an executor that are both made up here, over real TLS and a real Unix socket.
#![expect(clippy::unwrap_used, reason = "a failed expectation is the test's own message")]

mod acting;
mod alone;
mod bad_hub;
mod bad_input;
mod conversation;
mod cost;
mod drift;
mod enrolment;
mod health;
mod incidents;
mod journal;
mod logs;
mod lookout;
mod outage;
mod papers;
mod probe;
mod process;
mod proxy;
mod renewal;
mod rig;
mod scan;
mod sealing;
mod signals;
mod watchdog;
mod whole;
