//! sudo, the audit subsystem and kernel parameters.

use contract::fact::Absence;

use crate::tree::{Tree, as_root, check, flag, number, word};

fn sudoers(text: &str) -> Tree {
    Tree::of(&[("/etc/sudoers", text)])
}

#[test]
fn rules_without_a_password_are_counted_wherever_they_stand() {
    let fact = "sudo:nopasswd_rules";
    check(&[], fact, &Err(Absence::NotInstalled));
    assert_eq!(sudoers("root ALL=(ALL:ALL) ALL\n# x ALL=NOPASSWD: ALL\n").read(fact), number(0));
    assert_eq!(sudoers("#1000 ALL = NOPASSWD: ALL\nDefaults:ada !authenticate\n").read(fact), number(2));
    assert_eq!(sudoers("ada ALL = \\\n  NOPASSWD: ALL\n").read(fact), number(1));
    let tree = sudoers("@includedir /etc/sudoers.d\n#include sudoers.local\n")
        .file("/etc/sudoers.d/a", "ada ALL=(ALL) NOPASSWD: ALL\n")
        .file("/etc/sudoers.d/a.bak", "ben ALL=(ALL) NOPASSWD: ALL\n")
        .file("/etc/sudoers.d/b~", "ben ALL=(ALL) NOPASSWD: ALL\n")
        .file("/etc/sudoers.local", "cleo ALL=(ALL) NOPASSWD: /bin/ls\n");
    assert_eq!(tree.read(fact), number(2));
    assert_eq!(sudoers("@include /etc/sudoers\n").read(fact), Err(Absence::Malformed));
    assert_eq!(sudoers("@include /etc/gone\n").read(fact), Err(Absence::NotInstalled));
}

#[test]
fn sudo_defaults_are_read_or_known_by_version() {
    let version = |tree: Tree, v: &str| tree.program("/usr/bin/sudo", &format!("echo 'Sudo version {v}'"));
    assert_eq!(sudoers("Defaults env_reset, use_pty\n").read("sudo:use_pty"), flag(true));
    assert_eq!(sudoers("Defaults use_pty\nDefaults !use_pty\n").read("sudo:use_pty"), flag(false));
    assert_eq!(version(sudoers(""), "1.9.13p3").read("sudo:use_pty"), flag(false));
    assert_eq!(version(sudoers(""), "1.9.16p2").read("sudo:use_pty"), flag(true));
    assert_eq!(version(sudoers(""), "new").read("sudo:use_pty"), Err(Absence::Malformed));
    assert_eq!(sudoers("").read("sudo:use_pty"), Err(Absence::NotInstalled));
    assert_eq!(sudoers("").read("sudo:logs"), flag(true));
    assert_eq!(sudoers("Defaults !syslog\n").read("sudo:logs"), flag(false));
    assert_eq!(sudoers("Defaults !syslog\nDefaults syslog=authpriv\n").read("sudo:logs"), flag(true));
    assert_eq!(sudoers("Defaults syslog=authpriv, !syslog\n").read("sudo:logs"), flag(false));
    assert_eq!(sudoers("Defaults !syslog, logfile=/var/log/sudo\n").read("sudo:logs"), flag(true));
    for (text, want) in [
        ("", number(15)),
        ("Defaults timestamp_timeout=5\n", number(5)),
        ("Defaults timestamp_timeout = 2.5\n", number(3)),
        ("Defaults timestamp_timeout=-1\n", number(-1)),
        ("Defaults !timestamp_timeout\n", number(0)),
        ("Defaults:ada timestamp_timeout=60\n", number(15)),
        ("Defaults timestamp_timeout=soon\n", Err(Absence::Malformed)),
    ] {
        assert_eq!(sudoers(text).read("sudo:timestamp_timeout_minutes"), want, "{text}");
    }
}

#[test]
fn the_kernel_is_asked_for_its_audit_state() {
    let auditctl = |script: &str| Tree::new().program("/sbin/auditctl", script);
    let cases = [
        ("enabled 1\nfailure 1\npid 412", flag(true)),
        ("enabled 2", flag(true)),
        ("enabled 0\nfailure 1", flag(false)),
        ("", Err(Absence::Malformed)),
    ];
    for (status, want) in cases {
        let tree = auditctl(&format!("test $1 = -s && echo '{status}'"));
        assert_eq!(tree.read("audit:enabled"), as_root(want), "{status}");
    }
    assert_eq!(auditctl("exit 4").read("audit:enabled"), as_root(Err(Absence::Unreadable)));
    for (list, want) in [
        ("No rules", number(0)),
        ("-w /etc/passwd -p wa\n-a always,exit -S adjtimex", number(2)),
        ("what", Err(Absence::Malformed)),
    ] {
        assert_eq!(auditctl(&format!("echo '{list}'")).read("audit:rules"), as_root(want), "{list}");
    }
    check(&[], "audit:enabled", &Err(Absence::NotInstalled));
}

#[test]
fn auditd_rotates_unless_told_to_keep() {
    let conf = |text| [("/etc/audit/auditd.conf", text)];
    check(&conf("max_log_file_action = KEEP_LOGS\n"), "audit:max_log_file_action", &word("keep_logs"));
    check(&conf("# max_log_file_action = KEEP_LOGS\n"), "audit:max_log_file_action", &word("rotate"));
    check(&[], "audit:max_log_file_action", &Err(Absence::NotInstalled));
}

#[test]
fn a_kernel_parameter_is_one_number() {
    let of = |text| [("/proc/sys/net/ipv4/conf/all/accept_redirects", text)];
    let fact = "sysctl:net.ipv4.conf.all.accept_redirects";
    check(&of("0\n"), fact, &number(0));
    check(&of("-1\n"), fact, &number(-1));
    for text in ["", "1 2 3\n", "on\n"] {
        check(&of(text), fact, &Err(Absence::Malformed));
    }
    check(&[], fact, &Err(Absence::NotInstalled));
    check(&of("0\n"), "sysctl:net.ipv4.conf.all", &Err(Absence::Unreadable));
}
