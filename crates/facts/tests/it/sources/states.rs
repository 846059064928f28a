//! The clock, the journal, backups, units and updates.

use contract::fact::Absence;
use contract::time::UtcTime;

use crate::tree::{Tree, check, flag, number};

fn in_two_days() -> UtcTime {
    edge::clock::utc().plus_ms(2 * 24 * 60 * 60 * 1000 + 1000)
}

fn two_days_ago() -> UtcTime {
    UtcTime::from_unix_ms(edge::clock::utc().unix_ms() - 2 * 24 * 60 * 60 * 1000).unwrap()
}

fn chrony(printed: &str) -> Tree {
    Tree::new().program("/usr/bin/chronyc", &format!("echo '{printed}'"))
}

#[test]
fn the_clock_is_what_its_daemon_says() {
    let tracking = "A9FEA97B,169.254.169.123,4,1795240463.1,-0.000012,0.00001,0.00002,-7.1,0.001,0.02,0.004,0.0005,16.2,Normal";
    let lost = "00000000,,0,0.0,0.0,0.0,0.0,-7.1,0.0,0.0,1.0,1.0,0.0,Not synchronised";
    assert_eq!(chrony(tracking).read("time:synchronised"), flag(true));
    assert_eq!(chrony(tracking).read("time:error_ms_max"), number(3));
    assert_eq!(chrony(lost).read("time:synchronised"), flag(false));
    assert_eq!(chrony(lost).read("time:error_ms_max"), Err(Absence::NotRunning));
    for nonsense in ["", "a,b", "A,B,1,1,NaN,0,0,0,0,0,0,0,0,Normal"] {
        assert_eq!(chrony(nonsense).read("time:synchronised"), Err(Absence::Malformed), "{nonsense}");
    }
    let silent = Tree::new().program("/usr/bin/chronyc", "echo '506 Cannot talk to daemon'; exit 1");
    assert_eq!(silent.read("time:synchronised"), Err(Absence::NotRunning));
    check(&[], "time:synchronised", &Err(Absence::NotInstalled));
    let timesyncd = Tree::new().directory("/run/systemd/timesync");
    assert_eq!(timesyncd.read("time:synchronised"), flag(false));
    assert_eq!(
        timesyncd.file("/run/systemd/timesync/synchronized", "").read("time:synchronised"),
        flag(true)
    );
}

fn journal(settings: &str) -> Tree {
    let text = format!("[Journal]\n#Storage=none\n{settings}\n[Other]\nStorage=none\n");
    Tree::new()
        .directory("/run/systemd/journal")
        .directory("/var/log")
        .file("/etc/systemd/journald.conf", &text)
}

#[test]
fn the_journal_keeps_what_its_settings_let_it() {
    let fact = "journal:persistent";
    assert_eq!(journal("").read(fact), flag(false));
    assert_eq!(journal("").directory("/var/log/journal").read(fact), flag(true));
    assert_eq!(journal("Storage=volatile").directory("/var/log/journal").read(fact), flag(false));
    assert_eq!(journal("Storage=persistent").read(fact), flag(true));
    assert_eq!(journal("Storage=sometimes").read(fact), Err(Absence::Malformed));
    for (written, under) in
        [("", false), ("0", false), ("7year", false), ("1month", true), ("90d", true), ("3600", true)]
    {
        let tree = journal(&format!("MaxRetentionSec={written}"));
        assert_eq!(tree.read("journal:time_limit_under_six_years"), flag(under), "{written}");
    }
    for (written, under) in [("2190day", true), ("2191day", true), ("6year", false), ("2192day", false)] {
        let tree = journal(&format!("MaxRetentionSec={written}"));
        assert_eq!(tree.read("journal:time_limit_under_six_years"), flag(under), "{written}");
    }
    let odd = journal("MaxRetentionSec=soon");
    assert_eq!(odd.read("journal:time_limit_under_six_years"), Err(Absence::Malformed));
    assert_eq!(journal("SystemMaxUse=2G").read("journal:max_use_mb"), number(2048));
    assert!(journal("").read("journal:max_use_mb").is_ok());
}

#[test]
fn journal_drop_ins_override_in_the_order_of_their_names() {
    let tree = journal("Storage=none")
        .file("/usr/lib/systemd/journald.conf.d/50.conf", "[Journal]\nStorage=volatile\n")
        .file("/etc/systemd/journald.conf.d/20.conf", "[Journal]\nStorage=none\n");
    assert_eq!(tree.read("journal:persistent"), flag(false));
    let tree = tree.file("/etc/systemd/journald.conf.d/50.conf", "[Journal]\nStorage=persistent\n");
    assert_eq!(tree.read("journal:persistent"), flag(true));
    let stopped = [("/etc/systemd/journald.conf", "[Journal]\nStorage=persistent\n")];
    check(&stopped, "journal:persistent", &Err(Absence::NotRunning));
}

#[test]
fn a_backup_is_as_old_as_its_stamp() {
    let mut tree = Tree::of(&[("/var/backup.stamp", ""), ("/var/restore.stamp", "")]);
    assert_eq!(tree.read("backup:age_hours"), Err(Absence::NotDeclared));
    tree.config.stamps.backup = Some("/var/backup.stamp".into());
    tree.config.stamps.restore_test = Some("/var/restore.stamp".into());
    tree = tree.clock(in_two_days);
    assert_eq!(tree.read("backup:age_hours"), number(49));
    assert_eq!(tree.read("backup:restore_test_age_days"), number(3));
    tree = tree.clock(two_days_ago);
    assert_eq!(tree.read("backup:age_hours"), Err(Absence::Malformed), "a stamp from the future");
    tree.config.stamps.backup = Some("/var/none".into());
    assert_eq!(tree.read("backup:age_hours"), Err(Absence::NotInstalled));
    tree.config.stamps.backup = Some("/var".into());
    assert_eq!(tree.read("backup:age_hours"), Err(Absence::Unreadable));
}

#[test]
fn without_systemd_no_unit_is_known() {
    check(&[], "unit:failed_count", &Err(Absence::NotRunning));
    let tree = Tree::new().directory("/run/systemd/system");
    assert_eq!(tree.read("unit:auditd.service"), Err(Absence::NotRunning));
    let dead = tree.file("/run/dbus/system_bus_socket", "");
    assert_eq!(dead.read("unit:auditd.service"), Err(Absence::NotRunning));
    assert_eq!(dead.read("unit:auditd"), Err(Absence::Unsupported));
}

/// A bus that takes the connection and never says a word.
#[test]
fn a_bus_that_hangs_is_left_alone() {
    let tree = Tree::new().directory("/run/systemd/system").directory("/run/dbus");
    let tree = tree.limit(std::time::Duration::from_millis(300));
    let _bus = std::os::unix::net::UnixListener::bind(tree.path("/run/dbus/system_bus_socket")).unwrap();
    let reader = tree.reader();
    let unit = crate::tree::id("unit:auditd.service");
    for _ in 0..2 {
        assert_eq!(reader.read(&unit), Err(Absence::TimedOut));
    }
}

#[test]
fn updates_are_as_fresh_as_apts_lists() {
    let tree = Tree::of(&[("/var/lib/apt/periodic/update-success-stamp", "")]).clock(in_two_days);
    assert_eq!(tree.read("updates:list_age_days"), number(2));
    check(&[], "updates:list_age_days", &Err(Absence::NotInstalled));
    let on = "APT::Periodic::Update-Package-Lists \"1\";\nAPT::Periodic::Unattended-Upgrade \"1\";";
    let asks = |printed: &str| Tree::new().program("/usr/bin/apt-config", &format!("echo '{printed}'"));
    assert_eq!(asks(on).read("updates:automatic"), flag(false), "nothing would act on it");
    let installed = |printed: &str| asks(printed).program("/usr/bin/unattended-upgrade", "");
    assert_eq!(installed(on).read("updates:automatic"), flag(true));
    let off = on.replace("Upgrade \"1\"", "Upgrade \"0\"");
    assert_eq!(installed(&off).read("updates:automatic"), flag(false));
    assert_eq!(installed("").read("updates:automatic"), flag(false));
    let nixos = [("/etc/NIXOS", "")];
    check(&nixos, "updates:automatic", &Err(Absence::DoesNotApply));
    check(&nixos, "updates:list_age_days", &Err(Absence::DoesNotApply));
}

#[test]
fn a_restart_is_pending_where_the_running_kernel_is_not_the_newest() {
    let fact = "updates:restart_pending";
    let running = ("/proc/sys/kernel/osrelease", "6.1.0-9-amd64\n");
    let (old, new) = (("/boot/vmlinuz-6.1.0-9-amd64", ""), ("/boot/vmlinuz-6.1.0-31-amd64", ""));
    check(&[running, old], fact, &flag(false));
    check(&[running, old, new], fact, &flag(true));
    check(&[running, new], fact, &Err(Absence::DoesNotApply));
    check(&[running], fact, &Err(Absence::DoesNotApply));
    check(&[running, old, ("/run/reboot-required", "")], fact, &flag(true));
    let mut nixos = Tree::of(&[("/etc/NIXOS", "")]);
    for part in ["kernel", "initrd", "kernel-modules"] {
        nixos = nixos.file(&format!("/nix/store/a/{part}"), "").file(&format!("/nix/store/b/{part}"), "");
    }
    let nixos =
        nixos.link("/run/booted-system", "../nix/store/a").link("/run/current-system", "../nix/store/b");
    assert_eq!(nixos.read(fact), flag(true));
}
