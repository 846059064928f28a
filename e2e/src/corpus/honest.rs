//! Honest kits, of every shape: none of them may raise an alarm.

use evidence::kit::sample::{self, Recipe, Sample};

use crate::base;
use crate::case::{Case, Expected};

/// The honest kit number `n`: the number decides its shape.
///
/// # Panics
/// Where its recipe makes none.
pub fn honest(n: u64) -> Case {
    let sample = sample::make(&recipe(n)).expect("an honest recipe makes a kit");
    let tail = base_tail(n);
    let verdict = if tail == 0 { "intact_witnessed" } else { "intact_unwitnessed_tail" };
    let mut brought = base::brought(&sample);
    // Now by a policy, now by the logs' first keys alone, now by their key logs.
    match n % 3 {
        0 => {}
        1 => {
            brought.policy = None;
            brought.keys = sample.log_keys.lines().map(str::to_owned).collect();
            brought.witnesses = witnesses(&sample, n);
        }
        _ => {
            brought.policy = None;
            brought.key_logs = sample.key_logs.values().cloned().collect();
            brought.witnesses = witnesses(&sample, n);
        }
    }
    Case { name: format!("honest {n}"), zip: sample.zip, brought, expected: Expected::intact(verdict) }
}

fn witnesses(sample: &Sample, n: u64) -> Vec<String> {
    let keys = &sample.keys;
    let chosen = if has_heads(n) { &keys.outside } else { &keys.witness };
    vec![chosen.verifier().to_string()]
}

const fn has_heads(n: u64) -> bool {
    n % 5 == 2
}

/// Records that nobody outside vouches for.
const fn base_tail(n: u64) -> u64 {
    if n % 7 == 3 { 1 + n % 30 } else { 0 }
}

fn recipe(n: u64) -> Recipe {
    let records = match n % 11 {
        0 => 256,
        1 => 255,
        2 => 257,
        3 => 512,
        4 => 513,
        _ => 40 + (n * 37) % 700,
    };
    // A first key leads to a later one only through the records of the hand-over, so a rotated log is exported whole.
    let rotations = if n % 4 == 1 { vec![10 + n % 20] } else { Vec::new() };
    let begins = Recipe::default().begins;
    let hour = 3_600_000;
    let middle = records / 3;
    let period = (n % 6 == 4 && rotations.is_empty())
        .then(|| (begins.plus_ms(middle * 60_000), begins.plus_ms(middle * 60_000 + hour)));
    Recipe {
        seed: n,
        hosts: u32::try_from(1 + n % 3).unwrap_or(1),
        records,
        rotations,
        heads: has_heads(n),
        tail: base_tail(n),
        record_bytes: 400,
        period,
        ..Recipe::default()
    }
}
