//! Asking models over the network: which, within what time and for how much. What is asked and what counts as an answer, [`planner::model`] says.
//!
//! | module | what it does |
//! |---|---|
//! | [`config`] | `models.yaml`, read strictly |
//! | [`budget`] | what a tenant may still spend: pure |
//! | [`breaker`] | whether a model is asked at all: pure |
//! | `sse` | server-sent events, however they are cut into pieces: pure |
//! | `wire` | what each kind of provider is sent, and what its events say: pure |
//! | `send` | the request, its time, and when it is sent again |
//! | [`ask`] | all of it |
//!
//! A provider is a stranger: every answer has bounds in time and size, no redirection is followed, and what it says is handed on as bytes. **Absent:** keys in
//! anything that is printed; judging an answer; tools, conversations, and whatever else a provider offers.
#![forbid(unsafe_code)]

pub mod ask;
pub mod breaker;
pub mod budget;
pub mod config;
mod send;
mod sse;
mod wire;

pub use ask::{Asked, Models};
pub use budget::{Micro, Spent};
pub use config::ModelsError;
