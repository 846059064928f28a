//! How people get in, by the real executor in a real machine: what it cannot see it does not touch, what nobody uses is no obstacle, and an
//! interruption beside the dead-man timer is settled like any other.

use contract::order::Order;
use contract::outcome::Outcome;
use contract::record::{Body, Record, Trouble, Unseen};
use guest::Guest;

use super::crash::attach;
use super::rig::{Rig, Template, send};

/// Lets in whoever comes by the machine's own interface, and not the look, which comes by another.
const BY_INTERFACE: &str = "table inet site {\n chain i {\n type filter hook input priority 0; policy accept;\n iifname suture-in drop\n }\n}\n";

/// Somebody who may become root, with a key.
const ADMIN: &str = "useradd -m -G sudo admin; install -d -m 700 -o admin -g admin ~admin/.ssh; ssh-keygen -qN '' -t ed25519 -f /run/k; \
     install -m 600 -o admin -g admin /run/k.pub ~admin/.ssh/authorized_keys";
const ROOT_MAY_LOG_IN: &str =
    "echo 'PermitRootLogin yes' > /etc/ssh/sshd_config.d/50-site.conf; systemctl restart ssh";

fn boot() -> Option<Rig> {
    guest::runnable().then(Rig::in_guest)
}

fn machine(rig: &Rig) -> &Guest {
    rig.guest.as_ref().unwrap()
}

/// Which start of the SSH server this is.
fn server(rig: &Rig) -> String {
    machine(rig).ok("systemctl show ssh -p ActiveState,InvocationID")
}

fn troubles(records: &[Record]) -> Vec<Trouble> {
    let told = |r: &Record| match &r.body {
        Body::Escalated(escalated) => Some(escalated.trouble.clone()),
        _ => None,
    };
    records.iter().filter_map(told).collect()
}

#[test]
fn what_the_look_cannot_see_is_not_touched_and_a_person_is_told_why_in_a_guest() {
    let Some(rig) = boot() else { return };
    machine(&rig).ok(&format!("{ADMIN}; {ROOT_MAY_LOG_IN}"));
    machine(&rig).put("/tmp/site.nft", BY_INTERFACE.as_bytes());
    machine(&rig).ok("nft -f /tmp/site.nft");
    let before = server(&rig);
    let mut running = rig.start();
    let answer = rig.send(&mut rig.agent(), &rig.order("ssh.root-login", "RB-SSH-001-log-in", 1));
    assert_eq!(answer.outcome, Outcome::Failed, "{answer:?}");
    assert!(running.stop().success());
    assert_eq!(server(&rig), before, "the server was restarted for nothing");
    // The timer that was taken back sees that at its next look, and ends.
    let ended = "for i in $(seq 100); do pgrep -f 'dead-ma[n] /' >/dev/null || break; sleep 0.1; done";
    let left =
        machine(&rig).ok(&format!("{ended}; ls /etc/ssh/sshd_config.d; pgrep -fc 'dead-ma[n] /' || true"));
    assert_eq!(left, "50-site.conf\n0", "something was done, or is left");
    assert_eq!(troubles(&rig.records()), [Trouble::WayInNotSeen(Unseen::NoAnswer)]);
}

#[test]
fn accounts_among_which_nobody_is_seen_to_get_in_are_left_alone_in_a_guest() {
    let Some(rig) = boot() else { return };
    machine(&rig).ok("usermod -p '*' root && useradd -m open && passwd -d open");
    let before = machine(&rig).read("/etc/shadow");
    let mut running = rig.start();
    let order = rig.order("accounts.empty-passwords", "RB-ACCOUNT-001-empty-passwords", 1);
    assert_eq!(rig.send(&mut rig.agent(), &order).outcome, Outcome::Failed);
    assert!(running.stop().success());
    assert_eq!(machine(&rig).read("/etc/shadow"), before);
    assert_eq!(troubles(&rig.records()), [Trouble::WayInNotSeen(Unseen::NobodyCanGetIn)]);
}

#[test]
fn a_server_that_was_stopped_on_purpose_is_no_obstacle_and_stays_stopped_in_a_guest() {
    let Some(rig) = boot() else { return };
    machine(&rig).ok("systemctl stop ssh && chmod 666 /etc/ssh/sshd_config /etc/ssh/ssh_host_ed25519_key");
    let mut running = rig.start();
    let repaired = rig.order("files.ssh-host-key", "RB-FILE-002-system-files", 1);
    assert_eq!(rig.send(&mut rig.agent(), &repaired).outcome, Outcome::Healed);
    // Somebody else opens the other file up again while the hold-down lasts: the repair is undone.
    let undone = rig.order("files.sshd-config", "RB-FILE-002-system-files", 2);
    let answer = std::thread::scope(|scope| {
        let mode = |script: &str| machine(&rig).ok(script);
        scope.spawn(move || {
            mode("until test $(stat -c %a /etc/ssh/sshd_config) != 666; do sleep 0.02; done; chmod 606 /etc/ssh/sshd_config")
        });
        rig.send(&mut rig.agent(), &undone)
    });
    assert_eq!(answer.outcome, Outcome::Reverted, "{answer:?}");
    assert_eq!(
        machine(&rig).ok("stat -c %a /etc/ssh/sshd_config; systemctl is-active ssh || true"),
        "666\ninactive"
    );
    assert!(running.stop().success());
}

#[test]
fn a_server_that_has_failed_is_started_and_seen_to_answer_in_a_guest() {
    let Some(rig) = boot() else { return };
    let mut running = rig.start();
    machine(&rig).ok("systemctl stop ssh");
    let order = rig.order("services.ssh", "RB-SERVICE-001-restart", 1);
    assert_eq!(rig.send(&mut rig.agent(), &order).outcome, Outcome::Healed);
    assert!(running.stop().success());
}

#[test]
fn a_server_that_starts_and_is_not_seen_to_answer_is_down_again_in_a_guest() {
    let Some(rig) = boot() else { return };
    let mut running = rig.start();
    machine(&rig).put("/tmp/site.nft", BY_INTERFACE.as_bytes());
    machine(&rig).ok("nft -f /tmp/site.nft && systemctl stop ssh");
    let order = rig.order("services.ssh", "RB-SERVICE-001-restart", 1);
    assert_eq!(rig.send(&mut rig.agent(), &order).outcome, Outcome::Reverted);
    assert_eq!(machine(&rig).ok("systemctl is-active ssh || true"), "inactive");
    assert!(running.stop().success());
}

/// Kills it on entry to its nth rename, settles it, and says how the run ended, where it began.
fn killed_at_rename(rig: &Rig, order: &Order, nth: u32) -> (bool, Option<Outcome>) {
    use contract::blob::Blob;
    use contract::frame;
    use contract::socket::{Answer, Question};
    let mut running = rig.start();
    let mut agent = rig.agent();
    let (mut strace, _words) =
        attach(&running, &format!("inject=rename,renameat2,renameat:signal=SIGKILL:when={nth}"));
    let question = Question::Order { envelope: Blob(rig.sign(order)) };
    let died = frame::write(&mut agent, &question).and_then(|()| frame::read::<Answer>(&mut agent)).is_err();
    running.stop();
    let _ = strace.kill();
    let _ = strace.wait();
    let _running = rig.start();
    (died, Some(send(&mut rig.agent(), &rig.sign(order)).outcome))
}

#[test]
fn killed_between_its_intent_and_its_timer_a_step_is_done_again_and_confirmed_once_in_a_guest() {
    let Some(rig) = boot() else { return };
    machine(&rig).ok(ADMIN);
    let intents = || rig.records().iter().filter(|r| matches!(r.body, Body::Intent(_))).count();
    let template = Template::of(&rig);
    let mut again = 0;
    for nth in 1..12 {
        template.put_back(&rig);
        machine(&rig).ok(&format!("useradd -m a{nth} && passwd -d a{nth}"));
        let order = rig.order("accounts.empty-passwords", "RB-ACCOUNT-001-empty-passwords", 1);
        let (died, outcome) = killed_at_rename(&rig, &order, nth);
        let locked = machine(&rig).ok(&format!("passwd -S a{nth} | cut -d' ' -f2"));
        println!("killed at rename {nth}: {outcome:?}, {locked}, {} intents", intents());
        match outcome.unwrap() {
            Outcome::Healed => assert_eq!(locked, "L", "{nth}"),
            Outcome::Reverted => assert_eq!(locked, "NP", "{nth}"),
            other => panic!("killed at rename {nth}: {other:?}"),
        }
        again += u32::from(outcome == Some(Outcome::Healed) && intents() == 2);
        machine(&rig).ok(&format!("userdel -rf a{nth}"));
        if !died {
            break;
        }
    }
    assert!(again > 0, "no kill fell between an intent and its timer, or none was healed");
}
