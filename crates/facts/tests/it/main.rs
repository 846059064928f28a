//! The sources over trees of files, the baseline against the rule, and replayed machines.
#![expect(
    clippy::unwrap_used,
    reason = "a failed expectation is the test's own message, in what tests share too"
)]

mod baseline;
mod inputs;
mod machines;
#[path = "../../examples/controls-map/map.rs"]
mod map;
mod properties;
mod repairs;
mod scan;
mod sources;
mod store;
mod tree;
