//! From boot to end: in time, and with nothing left, however it ends.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use guest::{Guest, Image};

use super::inside::active_state;

const HOLD: &str = "SUTURE_GUEST_TEST_HOLDS";

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
        .args([
            "--exact",
            "life::a_killed_test_takes_its_guest_along_and_the_next_boot_sweeps",
            "--nocapture",
        ])
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
