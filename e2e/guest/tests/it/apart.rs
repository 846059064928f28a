//! A guest touches neither the image, nor another guest, nor this machine.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use guest::{Guest, Image};

use super::inside::active_state;

#[test]
fn the_image_is_as_before_whatever_a_guest_does() {
    if !guest::runnable() {
        return;
    }
    let image = Image::ready();
    let before = image.fingerprint();
    let guest = Guest::boot();
    guest.put("/etc/ssh/sshd_config", b"PermitRootLogin yes\n");
    guest.ok("rm -r /etc/nginx; chmod 777 /etc/shadow; useradd alice; echo x >/new");
    assert_eq!(guest.read("/new"), b"x\n");
    drop(guest);
    assert_eq!(image.fingerprint(), before);
    let fresh = Guest::boot();
    assert!(!fresh.run(&["test", "-e", "/new"]).status.success());
    fresh.ok("nginx -t && sshd -t");
}

#[test]
fn two_guests_do_not_meet() {
    if !guest::runnable() {
        return;
    }
    let (one, other) = (Guest::boot(), Guest::boot());
    assert_ne!(one.ok("hostname"), other.ok("hostname"));
    assert_ne!(one.ok("readlink /proc/self/ns/net"), other.ok("readlink /proc/self/ns/net"));
    assert_ne!(one.cgroup(), other.cgroup());
    one.put("/only-here", b"");
    one.ok("systemctl stop cron nginx && pkill sshd");
    assert!(!other.run(&["test", "-e", "/only-here"]).status.success());
    assert_eq!(active_state(&other, "cron.service"), "active");
    other.ok("pgrep sshd && pgrep nginx");
    drop(one);
    assert_eq!(other.ok("systemctl is-system-running"), "running");
}

#[test]
fn what_is_shared_is_the_same_on_both_sides_and_survives_the_boot() {
    if !guest::runnable() {
        return;
    }
    let (shared, shown) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(shared.path().join("from-outside"), "a").unwrap();
    fs::write(shown.path().join("program"), "b").unwrap();
    let guest = Guest::plan().share(&shared).show_program(shown.path().join("program")).boot();
    let inside = |name: &str| shared.path().join(name).display().to_string();
    assert_eq!(guest.read(&inside("from-outside")), b"a");
    guest.put(&inside("from-inside"), b"c");
    assert_eq!(fs::read(shared.path().join("from-inside")).unwrap(), b"c");
    assert_eq!(guest.read(&shown.path().join("program").display().to_string()), b"b");
    assert!(!guest.run(&["touch", &shown.path().join("program").display().to_string()]).status.success());
}

#[test]
fn a_program_from_outside_is_a_child_here_and_a_process_there_and_cannot_touch_this_machine() {
    if !guest::runnable() {
        return;
    }
    let guest = Guest::boot();
    let mut child = guest.spawn(guest.command("sleep").arg("1000")).unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    let limit = Instant::now() + Duration::from_secs(10);
    while !guest.sh("pgrep -x sleep").status.success() && Instant::now() < limit {
        std::thread::sleep(Duration::from_millis(10));
    }
    let cgroup = fs::read_to_string(format!("/proc/{}/cgroup", child.id())).unwrap();
    assert!(cgroup.contains(guest.name()), "{cgroup}");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(15));
    // To what it is already, should it ever succeed.
    assert!(!guest.sh("date --set=\"$(date)\"").status.success(), "the clock is this machine's");
    assert!(!guest.sh("cat /proc/sys/kernel/panic >/proc/sys/kernel/panic").status.success());
    assert!(!guest.sh("mknod /block b 254 0").status.success(), "disks are this machine's");
    guest.ok("echo 1 >/proc/sys/net/ipv4/ip_forward");
    guest.ok("nft add table inet t && nft list ruleset | grep -q 'table inet t'");
    let allowed = |who: &str| guest.ok(&format!("grep CapBnd /proc/{who}/status"));
    assert_eq!(allowed("self"), allowed("1"));
}
