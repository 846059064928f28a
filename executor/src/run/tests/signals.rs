//! What detectors told: one record for each time that the agent brings some, and not more of them than a minute has.

use contract::incident::{Incident, What};
use contract::record::{SIGNALS_MAX, Signalled, SignalsTaken};
use contract::signal::{About, Signal, SignalKind};

use super::super::signals::{RECORDS_MAX, SignalsError};
use super::*;

fn signals(many: usize) -> Vec<Signalled> {
    let one = |n| {
        let signal = Signal {
            detector: "ssh.failed-logins".parse().unwrap(),
            kind: SignalKind::FailedLogins,
            severity: contract::baseline::Severity::High,
            count: 5,
            window_s: 60,
            about: About::default(),
        };
        let incident = format!("inc-{n}").parse().unwrap();
        let what = What::Signal(signal);
        Signalled::of(&Incident { incident, found: fixtures::utc(fixtures::NOW), what }).unwrap()
    };
    (0..many).map(one).collect()
}

#[test]
fn what_comes_together_is_one_record_as_the_agents_word() {
    let rig = Rig::new(fixtures::site());
    for many in [1, SIGNALS_MAX] {
        let before = rig.records().len() as u64;
        assert_eq!(rig.runner.signals(signals(many)).unwrap(), before + 1);
        let record = rig.records().pop().unwrap();
        assert_eq!((record.subject.as_str(), record.seq), ("detectors", before));
        assert_eq!(record.body, Body::Signals(SignalsTaken { signals: signals(many) }));
    }
}

#[test]
fn none_and_too_many_are_no_record() {
    let rig = Rig::new(fixtures::site());
    for many in [0, SIGNALS_MAX + 1] {
        let refused = rig.runner.signals(signals(many)).unwrap_err();
        assert!(matches!(refused, SignalsError::Number(n) if n == many), "{refused}");
    }
    assert_eq!(rig.kinds(), []);
}

#[test]
fn an_agent_that_chatters_fills_no_log() {
    let rig = Rig::new(fixtures::site());
    let chatter = || (0..500).filter(|_| rig.runner.signals(signals(SIGNALS_MAX)).is_ok()).count();
    assert_eq!(chatter(), RECORDS_MAX as usize);
    rig.clock.advance_ms(59_000);
    assert!(matches!(rig.runner.signals(signals(1)), Err(SignalsError::TooSoon)));
    rig.clock.advance_ms(1_000);
    assert_eq!(chatter(), RECORDS_MAX as usize);
    assert_eq!(rig.kinds(), [Kind::Signals; 2 * RECORDS_MAX as usize]);
}
