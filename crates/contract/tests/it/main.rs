//! The fuzz targets' properties over their committed corpus and over every shipped runbook, each also cut short and bent: what the fuzzers look
//! for at length, seen to briefly by every run of the tests.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a failed expectation is the test's own message")]

use std::fs;
use std::path::{Path, PathBuf};

mod docs;
#[path = "../../fuzz/properties/frame.rs"]
mod frame;
#[path = "../../fuzz/properties/order.rs"]
mod order;
#[path = "../../fuzz/properties/runbook.rs"]
mod runbook;

fn beside(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Every file of a directory; an empty one is a mistake.
fn files(directory: &str) -> Vec<Vec<u8>> {
    let files: Vec<_> =
        fs::read_dir(beside(directory)).unwrap().map(|e| fs::read(e.unwrap().path()).unwrap()).collect();
    assert!(files.len() >= 5, "{directory}: {} files", files.len());
    files
}

/// The bytes; the bytes cut at about a hundred places; and one byte of them bent at as many.
fn replay(bytes: &[u8], holds: impl Fn(&[u8])) {
    holds(bytes);
    let stride = bytes.len() / 97 + 1;
    for at in (0..bytes.len()).step_by(stride) {
        holds(&bytes[..at]);
        let mut bent = bytes.to_vec();
        bent[at] ^= 1;
        holds(&bent);
    }
}

#[test]
fn frames_hold_what_they_promise() {
    for bytes in files("corpus/frame") {
        replay(&bytes, frame::holds);
    }
}

#[test]
fn orders_hold_what_they_promise() {
    for bytes in files("corpus/order") {
        order::holds(&bytes);
        order::holds(&bytes[..bytes.len() / 2]);
    }
}

#[test]
fn runbooks_hold_what_they_promise() {
    for directory in ["corpus/runbook", "../../runbooks"] {
        for bytes in files(directory) {
            replay(&bytes, runbook::holds);
        }
    }
}
