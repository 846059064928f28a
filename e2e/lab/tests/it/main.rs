//! What the lab says of its machines is so. One template for all of it: a boot takes a while.

use lab::{Image, Machine, Template};

#[test]
fn a_machine_is_cloned_cut_off_and_booted_again() {
    if !lab::runnable() {
        return;
    }
    let template = Template::make(&Image::ready().unwrap(), &|machine: &mut Machine| {
        machine.put("/var/lab/before", b"the template")?;
        let state = machine.ok("systemctl is-system-running --wait || true")?;
        assert!(matches!(state.as_str(), "running" | "degraded"), "{state}: {}", machine.console());
        Ok(())
    })
    .unwrap();
    let mut one = template.clone_machine().unwrap();
    // Programs, their ends and what they say.
    let ran = one.sh("echo out; echo err >&2; exit 3").unwrap();
    assert_eq!((ran.status, ran.out.as_str(), ran.err.as_str()), (Some(3), "out\n", "err\n"));
    assert!(one.ok("false").unwrap_err().contains("false"));
    // Files, longer than one piece.
    let bytes: Vec<u8> = (0..1_500_000_u32).map(|n| (n % 251) as u8).collect();
    one.put("/var/lab/there/many", &bytes).unwrap();
    assert!(one.get("/var/lab/there/many").unwrap() == bytes);
    assert_eq!(one.ok("wc -c </var/lab/there/many").unwrap(), "1500000");
    // What a clinic's server runs.
    one.ok("systemctl is-active nginx ssh chrony auditd cron postgresql").unwrap();
    // Its clock is right at first, and its own.
    let clock = |machine: &mut Machine| -> i64 { machine.ok("date +%s").unwrap().parse().unwrap() };
    let here = || edge::clock::utc().unix_ms() / 1000;
    assert!(clock(&mut one).abs_diff(here()) < 5);
    let before = one.uptime().unwrap();
    one.set_clock(edge::clock::utc().plus_ms(7 * 86_400_000)).unwrap();
    assert!(clock(&mut one) > here() + 6 * 86_400);
    assert!(one.uptime().unwrap() - before < 60.0, "its monotonic clock jumped as well");
    // The cable.
    let link = |machine: &mut Machine| machine.ok("cat /sys/class/net/e*/carrier").unwrap();
    assert_eq!(link(&mut one), "1");
    one.set_cable(false).unwrap();
    assert_eq!(link(&mut one), "0");
    one.set_cable(true).unwrap();
    // Power: what was synced is there, what was not need not be, and what stood in memory is gone.
    one.ok("echo kept >/var/lab/synced; sync; echo volatile >/run/volatile; echo lost >/var/lab/unsynced")
        .unwrap();
    one.cut_power();
    assert!(one.ok("true").is_err(), "it answers without power");
    one.boot_again().unwrap();
    assert_eq!(one.ok("cat /var/lab/synced").unwrap(), "kept");
    assert!(!one.sh("test -e /run/volatile").unwrap().is_good());
    assert!(one.uptime().unwrap() < before + 60.0);
    drop(one);
    // Another clone has seen nothing of it.
    let mut two = template.clone_machine().unwrap();
    assert_eq!(two.ok("cat /var/lab/before; ls /var/lab").unwrap(), "the templatebefore");
}
