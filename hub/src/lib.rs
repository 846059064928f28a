//! The hub: where sites enrol, report, fetch their orders and leave their evidence.
//!
//! It has two planes. The device plane is mutual TLS 1.3 and nothing else: there is no plaintext mode and no route without a client certificate,
//! and every request, not only every connection, is checked against the registry, so a revocation counts at once. The operator plane listens on
//! loopback only, knows people by name, and lets each do what their role allows.
//!
//! | module | what it does |
//! |---|---|
//! | [`library`] | the baseline, the runbooks and the rule table, read strictly and checked against each other |
//! | `keys` | the hub's secrets: authority, order key, witness key, keys of logs |
//! | `store` | tenants, sites, hosts, certificates, incidents, orders, alarms |
//! | `people` | accounts, sessions, keys, roles, and the hub's own log |
//! | `mirror` | a verified copy of every site's evidence log, and the cosignatures over it |
//! | `worm` | the write-once stores behind the mirror: a directory, S3 with Object Lock |
//! | `heads` | the log of all sites' heads, its outside witnesses and timestamps |
//! | `witness` | the hub as a witness of others |
//! | `kit` | a period of a tenant's evidence as one zip |
//! | `reading` | from the archive to what the hub knows of each host |
//! | `view` | what the hub knows, as people and programs are shown it |
//! | `calls` | whom to call for what waits for a person, and when anew: pure |
//! | `consequence` | what an evidence record means to an incident: pure |
//! | `envelope` | orders that people signed as well |
//! | `events` | what happens, for whoever looks on |
//! | `planning` | from the queue, or from a person, to a signed order |
//! | `learning` | what runs teach: proposed, approved by people, tried, and judged |
//! | `tables` | the rule table that each site is decided by |
//! | `standing` | what a site may do for itself while the hub is away |
//! | `device`, `operator` | the two planes |
//! | `console` | the operator plane's pages |
//! | `view` | what the hub knows, as it is shown |
//! | `drawing` | QR codes |
//! | `alerts` | who is told outside the console, of what, and how |
//! | `metrics`, `watchdog` | what Prometheus and the service manager hear |
//! | `enrolment` | what makes a new host |
//! | `seats` | how many there may be of something at a time, and of one person |
//! | `spans` | what a collector of OpenTelemetry hears, by option |
//! | [`serve`] | all of it, started and stopped |
//! | [`machine`] | made, backed up, restored and let back into, from the hub's own machine |
//!
//! What is promised in an answer is durable before the answer is sent.
#![forbid(unsafe_code)]

pub mod config;
pub mod library;
pub mod machine;
pub mod serve;

mod alerts;
mod bells;
mod calls;
mod connection;
mod connections;
mod consequence;
mod console;
mod device;
mod drawing;
mod enrolment;
mod envelope;
mod events;
mod heads;
mod hub;
mod keys;
mod kit;
mod learning;
mod metrics;
mod mirror;
mod operator;
mod packets;
mod papers;
mod people;
mod planning;
mod problem;
mod pulses;
mod reading;
mod seats;
mod spans;
mod standing;
mod store;
mod tables;
mod view;
mod watchdog;
mod witness;
mod worm;
