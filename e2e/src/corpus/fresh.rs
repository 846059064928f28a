//! The period's end: an old head, genuine and cosigned, must not pass for it.

use tlog::SigningKey;

use super::heads::{head, published_at};
use crate::base::{self, Base};
use crate::case::{Case, Expected};

/// 2026-10-01T00:00:00Z, in seconds: the first record's time. A record a minute follows.
const BEGIN: u64 = 1_790_812_800;
/// The period's end, in whole seconds: a minute after the last of 600 records.
const END: u64 = BEGIN + 600 * 60;
/// When a head of 450 records was new.
const OLD: u64 = BEGIN + 450 * 60;

pub(super) fn cases() -> Vec<Case> {
    let base = base::bundles();
    let cover: serde_json::Value =
        serde_json::from_slice(base.kit.get("kit.json")).expect("kit.json is JSON");
    assert_eq!(cover["period"]["to"], "2026-10-01T10:00:00.001Z", "END is its second");
    let fresh = || Expected::intact("intact_witnessed");
    let stale = || Expected::of("incomplete", "period_cut");
    let unedited = |_: &mut serde_json::Value| ();
    let exported_early =
        |cover: &mut serde_json::Value| cover["export"]["time"] = "2026-10-01T08:00:00.999Z".into();
    let shorter = |cover: &mut serde_json::Value| cover["period"]["to"] = "2026-10-01T09:59:00.000Z".into();
    let mut cases = vec![
        at(base, "an older genuine head as the period's end", 450, OLD, stale(), &unedited),
        at(base, "the newest head, cosigned before the end", 600, OLD, stale(), &unedited),
        at(base, "cosigned in the last second before the end", 600, END - 1, stale(), &unedited),
        at(base, "cosigned in the second of the end", 600, END, fresh(), &unedited),
        at(
            base,
            "exported within the period, cosigned before",
            450,
            BEGIN + 8 * 3600 - 1,
            stale(),
            &exported_early,
        ),
        at(
            base,
            "exported within the period, cosigned in that second",
            450,
            BEGIN + 8 * 3600,
            fresh(),
            &exported_early,
        ),
        at(base, "a record at the end, cosigned long before", 600, OLD, fresh(), &shorter),
    ];
    cases.extend(by_others(base));
    cases
}

fn at(
    base: &Base,
    name: &str,
    size: usize,
    time: u64,
    expected: Expected,
    edit: &dyn Fn(&mut serde_json::Value),
) -> Case {
    let mut kit = published_at(base, &base.log(), size, base.key(), &[&base.sample.keys.witness], time);
    base.reseal(&mut kit, edit, &base.sample.keys.kits);
    base.case(format!("fresh: {name}"), &kit, expected)
}

/// Any given witness may have seen the end; what is not witnessed says so already.
fn by_others(base: &Base) -> Vec<Case> {
    let log = base.log();
    let [hub, outside] = [&base.sample.keys.witness, &base.sample.keys.outside];
    let old = published_at(base, &log, 450, base.key(), &[hub], OLD);
    let line = |key: &SigningKey, time| super::trust::last_line(&log.head(450, base.key(), &[key], time));
    let mut seen = old.clone();
    let also =
        format!("{}{}\n", String::from_utf8_lossy(old.get(&base.in_log("checkpoint"))), line(outside, END));
    seen.put(&base.in_log("checkpoint"), also.into_bytes());
    let mut afresh = base.case(
        "fresh: cosigned afresh in the note of an earlier head",
        &old,
        Expected::intact("intact_witnessed"),
    );
    afresh.brought.heads = vec![log.head(450, base.key(), &[hub], END).to_string()];
    let mut nobody = base.case("fresh: nobody witnessed", &old, Expected::intact("intact_unwitnessed_tail"));
    nobody.brought.policy = None;
    nobody.brought.keys = vec![base.key().verifier().to_string()];
    let shown = head(base);
    assert!(shown.contains("\n600\n"), "the honest head is of 600 records: {shown}");
    vec![
        base.case(
            "fresh: seen at the end by a witness beside the quorum",
            &seen,
            Expected::intact("intact_witnessed"),
        ),
        afresh,
        nobody,
    ]
}
