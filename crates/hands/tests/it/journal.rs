//! `journal.vacuum` on a real journald.

use serde_json::{Value, json};

use crate::inside::Inside;

/// A guest whose journal stays on the disk and holds tens of megabytes.
fn with_a_long_journal() -> Option<Inside> {
    let inside = Inside::boot()?;
    inside.guest.put(
        "/etc/systemd/journald.conf.d/test.conf",
        b"[Journal]\nStorage=persistent\nRateLimitIntervalSec=0\nSystemMaxFileSize=8M\nCompress=no\n",
    );
    inside.guest.ok("systemctl restart systemd-journald");
    inside.guest.ok("for i in 1 2 3; do head -c 9000000 /dev/urandom | base64 -w 2000 | systemd-cat; done; journalctl --sync");
    Some(inside)
}

fn size(inside: &Inside) -> u64 {
    inside.guest.ok("du -s -B1 /var/log/journal | cut -f1").parse().unwrap()
}

fn vacuum(keep_mb: u32) -> Value {
    json!({"journal.vacuum": {"keep_mb": keep_mb}})
}

#[test]
fn the_journal_shrinks_by_what_is_counted_and_journald_runs_on() {
    let Some(inside) = with_a_long_journal() else { return };
    let run = |inside: &Inside| inside.says("systemd-journald.service", "InvocationID");
    let (before, process) = (size(&inside), run(&inside));
    // Confined, as in the product.
    let said = inside.ask("arm_act", &vacuum(10), &json!({"hidden": []})).well();
    let after = size(&inside);
    let freed = said.count("bytes_freed").unwrap();
    assert!(after < 20 << 20 && before > 30 << 20, "from {before} to {after}");
    assert!(freed.abs_diff(before - after) < 9 << 20, "{freed} is not what {before} and {after} differ by");
    assert_eq!(run(&inside), process, "journald was restarted");
    inside
        .guest
        .ok("echo still here | systemd-cat; journalctl --sync; journalctl -n 5 | grep -q 'still here'");
    // Once more there is nothing left to free, and that is no failure.
    inside.act(&vacuum(100)).well();
}

#[test]
fn nothing_is_done_without_a_bound_without_a_journal_and_after_the_deadline() {
    let Some(inside) = Inside::boot() else { return };
    inside.act(&vacuum(0)).badly("NothingToDo", "all of the journal");
    inside.ask("arm_act", &vacuum(10), &json!({"time_limit_ms": 0})).badly("TooLate", "");
    inside.guest.ok("rm -rf /var/log/journal /run/log/journal");
    inside.act(&vacuum(10)).badly("NothingToDo", "no journal");
}
