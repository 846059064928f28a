//! Encryption of disks and swap, paths.

use contract::fact::{Absence, FactValue, FileKind};

use crate::tree::{Tree, check, flag, number};

const SYS: &str = "22 27 0:21 / /proc rw - proc proc rw\n";

/// A root on `root`, and a boot partition, with the devices of a usual installation: sda2 holds LUKS, LUKS holds LVM.
fn machine(root: &str) -> Tree {
    let mounts = format!(
        "{SYS}27 1 {root} / / rw,relatime - ext4 /dev/root rw\n30 27 8:1 / /boot rw - ext4 /dev/sda1 rw\n31 27 7:0 / /snap ro - squashfs /dev/loop0 ro\n"
    );
    Tree::new()
        .file("/proc/self/mountinfo", &mounts)
        .file("/sys/devices/sda/sda1/partition", "1\n")
        .file("/sys/devices/sda/sda2/partition", "2\n")
        .file("/sys/devices/dm-0/dm/uuid", "CRYPT-LUKS2-0123-root\n")
        .file("/sys/devices/dm-1/dm/uuid", "LVM-abcdef\n")
        .link("/sys/devices/dm-0/slaves/sda2", "../../sda/sda2")
        .link("/sys/devices/dm-1/slaves/dm-0", "../../dm-0")
        .link("/sys/dev/block/8:1", "../../devices/sda/sda1")
        .link("/sys/dev/block/8:2", "../../devices/sda/sda2")
        .link("/sys/dev/block/253:0", "../../devices/dm-0")
        .link("/sys/dev/block/253:1", "../../devices/dm-1")
        .link("/sys/class/block/sda", "../../devices/sda")
        .link("/sys/class/block/sda2", "../../devices/sda/sda2")
        .link("/sys/class/block/dm-1", "../../devices/dm-1")
}

#[test]
fn a_file_system_is_as_encrypted_as_what_lies_below_it() {
    for (device, encrypted) in [("253:0", true), ("253:1", true), ("8:2", false)] {
        assert_eq!(machine(device).read("disk:root_encrypted"), flag(encrypted), "{device}");
        let plain = number(i64::from(!encrypted));
        assert_eq!(machine(device).read("disk:unencrypted_filesystems"), plain, "{device}");
    }
    assert_eq!(machine("9:9").read("disk:root_encrypted"), Err(Absence::Unreadable), "unlisted is not plain");
    let half = machine("253:1").link("/sys/devices/dm-1/slaves/sda2", "../../sda/sda2");
    assert_eq!(half.read("disk:root_encrypted"), flag(false), "half encrypted is not encrypted");
}

#[test]
fn a_confined_service_sees_the_machines_mounts_and_not_its_own() {
    // As a unit with ProtectSystem=strict and ProtectHome=yes sees them: all is read-only, and homes are hidden.
    let own = format!(
        "{SYS}27 1 253:0 / / ro - ext4 /dev/root rw\n30 27 8:2 / /srv ro - ext4 /dev/sda2 rw\n31 27 0:40 / /home ro - tmpfs tmpfs rw\n"
    );
    let machines = format!(
        "{SYS}27 1 253:0 / / rw - ext4 /dev/root rw\n30 27 8:2 / /srv rw - ext4 /dev/sda2 rw\n31 27 8:1 / /home rw - ext4 /dev/sda1 rw\n"
    );
    let tree = || {
        machine("253:0")
            .file("/proc/self/mountinfo", &own)
            .file("/proc/1/mountinfo", &machines)
            .file("/srv/file", "")
    };
    assert_eq!(
        tree().read("disk:unencrypted_filesystems"),
        number(2),
        "both, though we could write to neither"
    );
    assert_eq!(
        tree().read("disk:fullest_percent"),
        Err(Absence::NeedsRoot),
        "nobody here sees how full homes are"
    );
    let seen = machines.replace("31 27 8:1 / /home rw - ext4 /dev/sda1 rw\n", "");
    let tree = tree().file("/proc/1/mountinfo", &seen);
    assert!(matches!(tree.read("disk:fullest_percent"), Ok(FactValue::Number(_))));
}

#[test]
fn without_a_device_of_its_own_a_file_system_is_not_judged() {
    let on = |kind: &str| format!("{SYS}27 1 0:30 / / rw - {kind} {kind} rw\n");
    let cases =
        [("overlay", Absence::DoesNotApply), ("tmpfs", Absence::DoesNotApply), ("zfs", Absence::Unsupported)];
    for (kind, absence) in cases {
        check(&[("/proc/self/mountinfo", &on(kind))], "disk:root_encrypted", &Err(absence));
    }
    check(
        &[("/proc/self/mountinfo", &on("tmpfs"))],
        "disk:unencrypted_filesystems",
        &Err(Absence::DoesNotApply),
    );
    for text in ["", "27 1 8:1 / /\n", "nonsense - x y z\n"] {
        check(&[("/proc/self/mountinfo", text)], "disk:root_encrypted", &Err(Absence::Malformed));
    }
    check(&[], "disk:root_encrypted", &Err(Absence::NotInstalled));
    let btrfs = machine("253:0").file(
        "/proc/self/mountinfo",
        &format!("{SYS}27 1 0:30 / / rw - btrfs /dev/mapper/vg-root rw,subvol=/a\\040b\n"),
    );
    let btrfs = btrfs.file("/dev/dm-1", "").link("/dev/mapper/vg-root", "../dm-1");
    assert_eq!(btrfs.read("disk:root_encrypted"), flag(true));
}

#[test]
fn swap_is_judged_by_its_device_or_its_file_system() {
    let fact = "disk:unencrypted_swaps";
    let swaps = |lines: &str| format!("Filename Type Size Used Priority\n{lines}");
    let with = |root: &str, lines: &str| machine(root).file("/proc/swaps", &swaps(lines)).read(fact);
    assert_eq!(with("253:0", ""), number(0));
    assert_eq!(with("253:0", "/dev/dm-1 partition 1 0 -2\n/dev/zram0 partition 1 0 100\n"), number(0));
    assert_eq!(with("253:0", "/dev/sda2 partition 1 0 -2\n"), number(1));
    assert_eq!(with("253:0", "/var/swapfile file 1 0 -2\n"), number(0));
    assert_eq!(with("8:2", "/var/swapfile file 1 0 -2\n"), number(1));
    assert_eq!(with("8:2", "/dev/sdz partition 1 0 -2\n"), Err(Absence::Unreadable));
    check(&[("/proc/swaps", "")], fact, &Err(Absence::Malformed));
    check(&[], fact, &Err(Absence::NotInstalled));
}

#[test]
fn a_path_is_what_stands_there_itself() {
    let tree = Tree::of(&[("/etc/shadow", "")]).mode("/etc/shadow", 0o640).link("/etc/group", "shadow");
    let Ok(FactValue::Permissions(shadow)) = tree.read("path:/etc/shadow") else { panic!("no permissions") };
    assert_eq!((shadow.kind, shadow.mode.bits()), (FileKind::File, 0o640));
    let Ok(FactValue::Permissions(group)) = tree.read("path:/etc/group") else { panic!("no permissions") };
    assert_eq!(group.kind, FileKind::Symlink);
    assert_eq!(tree.read("path:/etc/gshadow"), Err(Absence::NotInstalled));
    assert_eq!(tree.read("path:etc"), Err(Absence::Unsupported));
    let in_store = Tree::of(&[("/nix/store/x/sshd_config", "")]);
    let in_store = in_store.link("/etc/ssh/sshd_config", "../../nix/store/x/sshd_config");
    assert_eq!(in_store.read("path:/etc/ssh/sshd_config"), Err(Absence::DoesNotApply));
}

#[test]
fn what_anyone_may_write_in_etc_is_counted() {
    let fact = "path:world_writable_in_etc";
    let tree = Tree::of(&[("/etc/a/b", ""), ("/etc/c", "")]).directory("/etc/sticky").link("/etc/d", "c");
    let tree = tree.mode("/etc/c", 0o644).mode("/etc/a/b", 0o644).mode("/etc/sticky", 0o1777);
    assert_eq!(tree.read(fact), number(0));
    let tree = tree.mode("/etc/a/b", 0o666).mode("/etc/a", 0o777);
    assert_eq!(tree.read(fact), number(2));
    assert_eq!(Tree::new().read(fact), Err(Absence::NotInstalled));
}

#[test]
fn own_directories_are_known_by_their_role() {
    let tree = Tree::new().directory("/own/evidence").mode("/own/evidence", 0o750);
    let Ok(FactValue::Permissions(seen)) = tree.read("own:evidence") else { panic!("no permissions") };
    assert_eq!((seen.kind, seen.mode.bits()), (FileKind::Directory, 0o750));
    assert_eq!(tree.read("own:agent-keys"), Err(Absence::NotInstalled));
    assert_eq!(tree.read("own:home"), Err(Absence::Unsupported));
}

#[test]
fn the_fullest_file_system_of_this_machine_is_told() {
    const FACT: &str = "disk:fullest_percent";
    match machine("8:2").read(FACT) {
        Ok(FactValue::Number(percent)) => assert!((0..=100).contains(&percent), "{percent}"),
        other => panic!("{other:?}"),
    }
    let none =
        format!("{SYS}27 1 8:2 / / ro - ext4 /dev/root ro\n30 27 8:1 / /boot rw - ext4 /dev/sda1 rw\n");
    check(&[("/proc/self/mountinfo", &none)], FACT, &Err(Absence::DoesNotApply));
    let gone = format!("{SYS}27 1 8:2 / /gone rw - ext4 /dev/root rw\n");
    check(&[("/proc/self/mountinfo", &gone)], FACT, &Err(Absence::NotInstalled));
    check(&[], FACT, &Err(Absence::NotInstalled));
}

#[test]
fn pressure_is_the_share_of_a_minute_in_which_work_waited() {
    const FACT: &str = "cpu:pressure_percent";
    let file = |text: &str, want| check(&[("/proc/pressure/cpu", text)], FACT, &want);
    file(
        "some avg10=9.00 avg60=12.34 avg300=1.00 total=5\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
        number(13),
    );
    file("some avg10=9.00 avg60=75.00 avg300=1.00 total=5\n", number(75));
    file("some avg10=9.00 avg60=0.00 avg300=1.00 total=5\n", number(0));
    for odd in [
        "",
        "full avg60=1.00\n",
        "some avg10=1.00\n",
        "some avg60=x\n",
        "some avg60=-1.00\n",
        "some avg60=100.01\n",
    ] {
        file(odd, Err(Absence::Malformed));
    }
    check(&[], FACT, &Err(Absence::NotInstalled));
}
