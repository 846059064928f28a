//! A guest boots, is a machine of its own, and leaves nothing.
#![expect(clippy::unwrap_used, reason = "a failed expectation is the test's own message")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use guest::{Guest, Image};

const HOLD: &str = "SUTURE_GUEST_TEST_HOLDS";

/// What systemd says over D-Bus, as the executor asks it.
fn active_state(guest: &Guest, unit: &str) -> String {
    let path = format!("/org/freedesktop/systemd1/unit/{}", unit.replace('.', "_2e"));
    let state = guest.ok(&format!(
        "busctl --system get-property org.freedesktop.systemd1 {path} org.freedesktop.systemd1.Unit ActiveState"
    ));
    state.trim_start_matches("s ").trim_matches('"').to_owned()
}

/// What of a guest is still there, by its name: processes, cgroups, mounts, files.
fn left_of(name: &str, init: u32) -> Vec<String> {
    let mut left = Vec::new();
    let comm = fs::read_to_string(format!("/proc/{init}/comm")).unwrap_or_default();
    if comm.trim() == "systemd" {
        left.push(format!("its init {init}"));
    }
    for process in fs::read_dir("/proc").unwrap().flatten() {
        for file in ["cgroup", "cmdline"] {
            let text = fs::read(process.path().join(file)).unwrap_or_default();
            if String::from_utf8_lossy(&text).contains(name) {
                left.push(format!("{}: {}", process.path().display(), String::from_utf8_lossy(&text)));
            }
        }
    }
    if fs::read_to_string("/proc/self/mountinfo").unwrap().contains(name) {
        left.push("a mount".into());
    }
    let places = [
        "/sys/fs/cgroup",
        "/sys/fs/cgroup/unified",
        "/sys/fs/cgroup/systemd",
        "/run/suture-guest",
        "/run/systemd/nspawn/propagate",
    ];
    let places = places.iter().map(|p| Path::new(p).join(name)).filter(|p| p.exists());
    left.extend(places.map(|p| p.display().to_string()));
    left
}

#[test]
fn it_boots_within_its_limit_and_systemd_runs() {
    if !guest::runnable() {
        return;
    }
    Image::ready();
    let begun = Instant::now();
    let guest = Guest::boot();
    let took = begun.elapsed();
    println!("booted in {:.2} s", took.as_secs_f64());
    assert!(took < Duration::from_secs(30), "{took:?}");
    assert_eq!(guest.ok("systemctl is-system-running"), "running");
    assert_eq!(guest.ok("cat /proc/1/comm"), "systemd");
    assert_eq!(guest.ok("hostname"), guest.name());
    for unit in ["dbus.service", "cron.service", "nginx.service", "ssh.service"] {
        assert_eq!(active_state(&guest, unit), "active", "{unit}");
    }
    assert!(guest.journal().contains("Reached target"), "the journal is read");
    assert_eq!(guest.run(&["sh", "-c", "exit 7"]).status.code(), Some(7));
}

#[test]
fn a_unit_that_stops_is_seen_stopped_over_the_bus() {
    if !guest::runnable() {
        return;
    }
    let guest = Guest::boot();
    assert!(guest.run(&["systemctl", "stop", "cron"]).status.success());
    assert_eq!(active_state(&guest, "cron.service"), "inactive");
    // A crash is one also to this systemd.
    guest.ok("systemctl kill --signal=SEGV nginx");
    let failed = || active_state(&guest, "nginx.service") == "failed";
    let limit = Instant::now() + Duration::from_secs(10);
    while !failed() && Instant::now() < limit {
        std::thread::sleep(Duration::from_millis(20));
    }
    let result = guest.ok("systemctl show --property=Result nginx");
    assert!(matches!(result.as_str(), "Result=signal" | "Result=core-dump"), "{result}");
    guest.ok("systemctl restart nginx");
    assert_eq!(active_state(&guest, "nginx.service"), "active");
}

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
fn nothing_is_left_of_it_when_it_is_dropped() {
    if !guest::runnable() {
        return;
    }
    let guest = Guest::boot();
    let (name, init) = (guest.name().to_owned(), guest.init());
    let mut child = guest.spawn(guest.command("sleep").arg("1000")).unwrap();
    guest.ok("systemd-run --quiet setsid sleep 1000");
    assert!(left_of(&name, init).len() > 4, "the search finds a guest that is there");
    let begun = Instant::now();
    drop(guest);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(left_of(&name, init), Vec::<String>::new());
    // Nobody waited for it in time.
    assert!(child.wait().is_err());
    assert!(!Path::new(&format!("/proc/{}", child.id())).exists());
}

#[test]
fn nothing_is_left_of_it_after_a_panic() {
    if !guest::runnable() {
        return;
    }
    let (tell, told) = std::sync::mpsc::channel();
    let fails = std::thread::spawn(move || {
        let guest = Guest::boot();
        tell.send((guest.name().to_owned(), guest.init())).unwrap();
        guest.ok("false");
    });
    assert!(fails.join().is_err());
    let (name, init) = told.recv().unwrap();
    assert_eq!(left_of(&name, init), Vec::<String>::new());
}

#[test]
fn a_killed_test_takes_its_guest_along_and_the_next_boot_sweeps() {
    if !guest::runnable() {
        return;
    }
    if std::env::var_os(HOLD).is_some() {
        // The one to be killed.
        let guest = Guest::boot();
        println!("\nholds {} {}", guest.name(), guest.init());
        std::thread::sleep(Duration::from_secs(60));
        return;
    }
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_killed_test_takes_its_guest_along_and_the_next_boot_sweeps", "--nocapture"])
        .env(HOLD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    let line = lines.map_while(Result::ok).find(|l| l.starts_with("holds ")).unwrap();
    let mut words = line.split(' ').skip(1);
    let (name, init) = (words.next().unwrap(), words.next().unwrap().parse().unwrap());
    holder.kill().unwrap();
    holder.wait().unwrap();
    let limit = Instant::now() + Duration::from_secs(10);
    let runs = |left: &[String]| left.iter().any(|l| l.contains("/proc/") || l.contains("init"));
    while runs(&left_of(name, init)) && Instant::now() < limit {
        std::thread::sleep(Duration::from_millis(10));
    }
    let left = left_of(name, init);
    assert!(!runs(&left), "{left:?}");
    drop(Guest::boot());
    assert_eq!(left_of(name, init), Vec::<String>::new());
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
