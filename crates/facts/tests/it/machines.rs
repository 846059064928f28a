//! Three machines, replayed from their facts: what each control came to, and that nothing missing became a pass.

use contract::baseline::{Severity, Users};
use contract::exception::Exceptions;
use contract::fact::{Absence, FactSet};
use contract::finding::{Finding, Tally, Verdict};

use crate::baseline::baseline;

/// The user that runs Suture on each of them.
const SUTURE: u32 = 990;

struct Machine(Vec<Finding>);

impl Machine {
    fn replay(json: &str) -> Self {
        let facts: FactSet = serde_json::from_str(json).unwrap();
        let now = "2026-11-21T06:00:00.000Z".parse().unwrap();
        Self(baseline().evaluate(&facts, &Exceptions::default(), now, Users::one(SUTURE)))
    }

    fn hardened() -> Self {
        Self::replay(include_str!("../machines/hardened.json"))
    }

    fn careless() -> Self {
        Self::replay(include_str!("../machines/careless.json"))
    }

    fn half_broken() -> Self {
        Self::replay(include_str!("../machines/half-broken.json"))
    }

    fn verdict(&self, control: &str) -> &Verdict {
        &self.0.iter().find(|f| f.control.as_str() == control).unwrap().verdict
    }

    fn check(&self, pass: u32, fail: u32, not_assessed: u32) {
        let want = Tally { pass, fail, excepted: 0, not_assessed };
        assert_eq!(Tally::of(&self.0), want);
    }
}

#[test]
fn on_the_hardened_machine_all_that_applies_passes() {
    let machine = Machine::hardened();
    machine.check(93, 1, 10);
    // Restored and compared within 90 days, and not within the week.
    assert!(matches!(machine.verdict("backup.restore-weekly"), Verdict::Fail(_)));
    let generation = Verdict::NotAssessed(Absence::DoesNotApply);
    assert_eq!(*machine.verdict("nixos.store-read-only"), generation);
}

#[test]
fn on_the_careless_machine_every_critical_control_that_was_assessed_fails_or_was_never_loosened() {
    let machine = Machine::careless();
    let sound = ["files.ssh-host-key", "suture.executor-keys", "files.passwd"];
    let baseline = baseline();
    for finding in &machine.0 {
        let critical = baseline.control(&finding.control).unwrap().severity == Severity::Critical;
        let passes = matches!(finding.verdict, Verdict::Pass(_));
        assert!(!(critical && passes) || sound.contains(&finding.control.as_str()), "{finding:?}");
    }
    for control in sound {
        assert!(matches!(machine.verdict(control), Verdict::Pass(_)), "{control}");
    }
    for control in
        ["ssh.root-login", "files.sudoers", "files.sshd-config", "suture.evidence-directory", "tls.expiry"]
    {
        assert!(matches!(machine.verdict(control), Verdict::Fail(_)), "{control}");
    }
    assert_eq!(*machine.verdict("backup.restore-test"), Verdict::NotAssessed(Absence::NotDeclared));
    machine.check(23, 66, 15);
}

#[test]
fn on_the_half_broken_machine_what_cannot_be_judged_is_not() {
    let machine = Machine::half_broken();
    let cases = [
        ("ssh.root-login", Absence::Malformed),
        ("accounts.empty-passwords", Absence::NeedsRoot),
        ("sudo.no-password", Absence::NeedsRoot),
        ("time.sync", Absence::TimedOut),
        ("tls.key-permissions", Absence::Unreadable),
        ("journal.persistent", Absence::NotRunning),
        ("suture.executor-keys", Absence::NotInstalled),
        // Values of the wrong kind: a word for a length, a number for a mask.
        ("accounts.password-length", Absence::Malformed),
        ("accounts.umask", Absence::Malformed),
    ];
    for (control, absence) in cases {
        assert_eq!(*machine.verdict(control), Verdict::NotAssessed(absence), "{control}");
    }
    assert!(matches!(machine.verdict("suture.agent-keys"), Verdict::Fail(_)), "somebody else's directory");
    assert!(matches!(machine.verdict("files.crontab"), Verdict::Fail(_)), "a link in the place of a file");
    machine.check(21, 15, 68);
}
