//! What a record of signals can hold, and what it cannot.

use super::*;
use crate::baseline::Severity;
use crate::incident::{Incident, What};
use crate::signal::{About, Device, Mount, Pseudonym, Signal, SignalKind, Unit};

fn signalled(about: About) -> Signalled {
    let signal = Signal {
        detector: "ssh.failed-logins".parse().unwrap(),
        kind: SignalKind::FailedLogins,
        severity: Severity::High,
        count: 5,
        window_s: 60,
        about,
    };
    let found = UtcTime::from_unix_ms(1_800_000_000_000).unwrap();
    let what = What::Signal(signal);
    Signalled::of(&Incident { incident: "inc-1".parse().unwrap(), found, what }).unwrap()
}

fn signals_record(signals: Vec<Signalled>) -> Record {
    Record { subject: "detectors".into(), body: Body::Signals(SignalsTaken { signals }), ..sample() }
}

#[test]
fn a_record_of_signals_survives_its_bytes_and_holds_nothing_but_words_of_closed_sets() {
    let pseudonym = Pseudonym([0xab; 8]);
    let numbers = About {
        from: Some(pseudonym),
        percent: Some(97),
        port: Some(2222),
        amount: Some(4711),
        days: Some(13),
        ..About::default()
    };
    let sshd = Unit::known(b"sshd.service").unwrap();
    let (home, sda) = (Mount::known(b"/home"), Device::of(b"sda"));
    let strange = Some(Unit::other(pseudonym));
    let abouts = [
        numbers.clone(),
        About { unit: Some(sshd), mount: home, ..numbers.clone() },
        About { unit: strange, mount: home, device: sda, ..numbers.clone() },
        About { unit: strange, mount: Some(Mount::other(pseudonym)), device: sda, ..numbers.clone() },
        About { unit: strange, mount: Some(Mount::other(pseudonym)), ..numbers },
    ];
    let record = signals_record(abouts.into_iter().map(signalled).collect());
    let text = bytes(&record);
    assert_eq!(Record::parse(text.as_bytes()).unwrap(), record);
    let rest = r#""count":5,"detector":"ssh.failed-logins","found":"2027-01-15T08:00:00.000Z","incident":"inc-1","kind":"failed_logins","severity":"high","window_s":60}"#;
    let one = |about: &str| format!("{{{about}{rest}");
    let all = [
        one(""),
        one(r#""about":{"unit":"sshd.service"},"#),
        one(r#""about":{"mount":"/home"},"#),
        one(r#""about":{"device":"sda"},"#),
        one(""),
    ];
    let details = format!(r#""details":{{"signals":[{}]}}"#, all.join(","));
    assert!(text.contains(&details) && text.contains(r#""kind":"signals""#), "{details} is not in {text}");
}

#[test]
fn a_signal_with_a_pseudonym_a_text_or_an_outcome_is_no_record() {
    let unit = Unit::known(b"sshd.service");
    let text = bytes(&signals_record(vec![signalled(About { unit, ..About::default() })]));
    assert!(Record::parse(text.as_bytes()).is_ok());
    let cases = [
        text.replace(r#"{"unit":"sshd.service"}"#, r#"{"unit":"other:abababababababab"}"#),
        text.replace(r#"{"unit":"sshd.service"}"#, r#"{"unit":"jane.service"}"#),
        text.replace(r#"{"unit":"sshd.service"}"#, r#"{"from":"abababababababab"}"#),
        text.replace(r#"{"unit":"sshd.service"}"#, r#"{"device":"jane"}"#),
        text.replace(r#"{"unit":"sshd.service"}"#, r#"{"mount":"/home/jane"}"#),
        text.replace(r#""count":5,"#, r#""count":5,"days":3,"#),
        text.replace(r#""count":5,"#, r#""count":-5,"#),
        text.replace(r#""kind":"failed_logins""#, r#""kind":"Jane Doe""#),
        text.replace(r#""severity":"high""#, r#""severity":"dire""#),
        text.replace(r#""detector":"ssh.failed-logins""#, r#""detector":"Failed password for jane""#),
        text.replace(r#""incident":"inc-1","#, ""),
        text.replace("\"prev\":", "\"outcome\":\"healed\",\"prev\":"),
    ];
    for case in cases {
        assert!(case != text && Record::parse(case.as_bytes()).is_err(), "{case} was taken");
    }
}

#[test]
fn the_most_signals_with_the_longest_words_fit_in_one_record() {
    let unit = Unit::known(b"systemd-networkd-wait-online.service");
    let mut longest = signalled(About { unit, ..About::default() });
    longest.incident = "i".repeat(48).parse().unwrap();
    longest.detector = "d".repeat(64).parse().unwrap();
    longest.kind = SignalKind::CertificateExpiring;
    longest.severity = Severity::Critical;
    (longest.count, longest.window_s) = (u32::MAX, u32::MAX);
    let digest = Some(Digest::of(b"x"));
    let mut record = signals_record(vec![longest; SIGNALS_MAX]);
    record.origin = "o".repeat(160);
    record.subject = "s".repeat(160);
    record.seq = INTEGER_MAX;
    record.digests =
        Digests { baseline: digest, catalogue: digest, order: digest, runbook: digest, system: digest };
    let text = bytes(&record);
    assert!(text.len() <= RECORD_MAX_BYTES, "{} bytes", text.len());
    assert_eq!(Record::parse(text.as_bytes()).unwrap(), record);
}
