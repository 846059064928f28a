//! What `suture-verify`'s library says of a case. `examples/write_corpus.rs` shares this file, and writes it down beside the case.

use std::path::Path;

use e2e::case::{Brought, Case};
use serde::Serialize;
use tlog::policy::Policy;
use verify::{KeyLog, Kit, OutsideHead, Trust, Witnesses};

/// What a verifier says: both must say the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Said {
    pub(crate) verdict: &'static str,
    pub(crate) exit_code: u8,
    pub(crate) reason: Option<&'static str>,
    pub(crate) index: Option<u64>,
}

/// Judges a case, whose kit is written to `path`.
pub(crate) fn said(case: &Case, path: &Path) -> Said {
    std::fs::write(path, &case.zip).unwrap();
    let verdict = Kit::new(path).verify(&trust(&case.brought), &mut |_| ()).unwrap().verdict;
    Said {
        verdict: verdict.name(),
        exit_code: verdict.exit_code(),
        reason: verdict.reason(),
        index: verdict.index(),
    }
}

fn trust(brought: &Brought) -> Trust {
    let Brought { keys, key_logs, heads, policy, witnesses, heads_key, kit_key } = brought;
    let policy = policy.as_ref().map(|policy| Policy::parse(policy).unwrap());
    let known_logs =
        policy.iter().flat_map(|policy| policy.logs().iter().map(|log| log.key.clone())).collect();
    let keys_of = |texts: &[String]| texts.iter().map(|key| key.parse().unwrap()).collect();
    Trust {
        keys: keys_of(keys),
        known_logs,
        key_logs: key_logs.iter().map(|text| KeyLog::parse(text).unwrap()).collect(),
        heads: heads.iter().map(|head| OutsideHead::parse(head.as_bytes()).unwrap()).collect(),
        witnesses: policy.map_or_else(|| Witnesses::All(keys_of(witnesses)), Witnesses::Policy),
        receipts: Vec::new(),
        heads_key: heads_key.as_ref().map(|key| key.parse().unwrap()),
        kit_key: kit_key.as_ref().map(|key| key.parse().unwrap()),
    }
}
