//! What is shipped repairs real things: broken in a real systemd machine, ordered, done by the real executor, proven by the same check, and looked at
//! from outside afterwards.

use contract::outcome::Outcome;
use contract::record::{Body, RunState, Trouble};

use super::rig::Rig;

/// One thing that breaks: how, which control sees it, which runbook repairs it, and what a person then sees.
struct Fault {
    broken: &'static str,
    control: &'static str,
    runbook: &'static str,
    seen: &'static str,
    expected: &'static str,
}

const FAULTS: [Fault; 7] = [
    Fault {
        broken: "systemctl stop cron",
        control: "services.timers",
        runbook: "RB-SERVICE-001-restart",
        seen: "systemctl is-active cron",
        expected: "active",
    },
    Fault {
        broken: "chmod 666 /etc/shadow",
        control: "files.shadow",
        runbook: "RB-FILE-002-system-files",
        seen: "stat -c %a /etc/shadow",
        expected: "640",
    },
    Fault {
        broken: "useradd -m guest && passwd -d guest",
        control: "accounts.empty-passwords",
        runbook: "RB-ACCOUNT-001-empty-passwords",
        seen: "passwd -S guest | cut -d' ' -f2",
        expected: "L",
    },
    Fault {
        broken: "sysctl -qw net.ipv4.conf.all.accept_redirects=1",
        control: "kernel.redirects",
        runbook: "RB-KERNEL-001-sysctl",
        seen: "sysctl -n net.ipv4.conf.all.accept_redirects",
        expected: "0",
    },
    Fault {
        broken: "echo 'Defaults !use_pty' > /etc/sudoers.d/aaa && chmod 440 /etc/sudoers.d/aaa",
        control: "sudo.terminal",
        runbook: "RB-SUDO-001-defaults",
        seen: "visudo -cq && echo sound",
        expected: "sound",
    },
    Fault {
        broken: "useradd -m -G sudo admin; install -d -m 700 -o admin -g admin ~admin/.ssh; ssh-keygen -qN '' -t ed25519 -f /run/k; \
                 install -m 600 -o admin -g admin /run/k.pub ~admin/.ssh/authorized_keys; \
                 echo 'PermitRootLogin yes' > /etc/ssh/sshd_config.d/50-site.conf; systemctl restart ssh",
        control: "ssh.root-login",
        runbook: "RB-SSH-001-log-in",
        seen: "sshd -T | grep -i ^permitrootlogin",
        expected: "permitrootlogin no",
    },
    Fault {
        broken: "systemctl stop nginx",
        control: "services.web",
        runbook: "RB-SERVICE-001-restart",
        seen: "systemctl is-active nginx",
        expected: "active",
    },
];

#[test]
fn what_is_shipped_repairs_what_is_broken_in_a_real_machine() {
    if !guest::runnable() {
        return;
    }
    let rig = Rig::in_guest();
    let guest = rig.guest.as_ref().unwrap();
    // Somebody who may become root has a key: what decides who gets in is touched only where the way in is seen.
    guest.ok("useradd -m -G sudo keeper && install -d -m 700 ~keeper/.ssh && echo 'ssh-ed25519 AAAA' > ~keeper/.ssh/authorized_keys");
    let mut running = rig.start();
    for (counter, fault) in (1..).zip(&FAULTS) {
        let began = std::time::Instant::now();
        guest.ok(fault.broken);
        let order = rig.order(fault.control, fault.runbook, counter);
        let answer = rig.send(&mut rig.agent(), &order);
        println!("{} by {}: {:?} after {:?}", fault.control, fault.runbook, answer.outcome, began.elapsed());
        let place = format!("{} by {}: {answer:?}", fault.control, fault.runbook);
        assert_eq!(answer.outcome, Outcome::Healed, "{place}");
        assert_eq!(guest.ok(fault.seen), fault.expected, "{place}");
    }
    assert!(running.stop().success());
    let healed = rig.records().iter().filter(|r| matches!(r.body, Body::Ended(Outcome::Healed, _))).count();
    assert_eq!(healed, FAULTS.len());
}

#[test]
fn what_cannot_be_repaired_is_put_back_and_a_person_is_told() {
    if !guest::runnable() {
        return;
    }
    let rig = Rig::in_guest();
    let guest = rig.guest.as_ref().unwrap();
    let mut running = rig.start();
    // A cron that starts and dies: the repair cannot hold.
    guest.ok("install -d /etc/systemd/system/cron.service.d && systemctl stop cron && \
              printf '[Service]\nExecStart=\nExecStart=/bin/sleep 1\nRestart=no\n' > /etc/systemd/system/cron.service.d/x.conf && \
              systemctl daemon-reload");
    let answer = rig.send(&mut rig.agent(), &rig.order("services.timers", "RB-SERVICE-001-restart", 1));
    assert!(matches!(answer.outcome, Outcome::Reverted | Outcome::Failed), "{answer:?}");
    assert_ne!(guest.ok("systemctl is-active cron || true"), "active");
    assert!(running.stop().success());
    let records = rig.records();
    let reverting = records.iter().any(|r| matches!(&r.body, Body::Moved(m) if m.to == RunState::Reverting));
    let told =
        records.iter().any(|r| matches!(&r.body, Body::Escalated(e) if e.trouble == Trouble::NotHealed));
    assert!(reverting && told, "nobody is told: {records:?}");
}
