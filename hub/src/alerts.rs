//! Telling people outside the console what waits for them: by webhook, mail or syslog.
//!
//! Again and again, by default every half minute, the hub looks at how things stand, and [`decide`](decide::decide),
//! which is pure, says what is to be told. A site that is dark is one alert, however many machines it has; what was told
//! is not told again for 24 hours; at night what can wait waits; what nobody acknowledges in time goes to whoever it was
//! said to go to then. What is to be sent stands in the database until the other side took it, so a restart loses nothing
//! and tells nothing twice but for what was cut off while it was being sent.
//!
//! What is sent names tenants and sites, kinds and numbers, and nobody.
//!
//! | module | what it does |
//! |---|---|
//! | `reseller` | whose systems hear of it |
//! | `rules` | `alerts.yaml`, read strictly |
//! | `facts` | how things stand, coalesced: pure |
//! | `decide` | what is to be told of it: pure |
//! | `send`, `webhook`, `mail`, `syslog` | the ways out |
//! | `watch` | all of it, again and again |

mod decide;
mod facts;
mod mail;
mod reseller;
mod rules;
mod send;
mod syslog;
mod watch;
mod webhook;

pub(crate) use decide::{Standing, Step};
pub(crate) use facts::{Counted, Fact, Kind, QUARANTINED, Seen};
pub(crate) use mail::carry;
pub use rules::RulesError;
pub(crate) use rules::{Rules, Tls};
pub(crate) use send::Ways;
pub(crate) use send::{Message, Outgoing, SendError};
pub(crate) use watch::run;
