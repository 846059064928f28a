//! An exception needs two people, a reason and an end; an expired one is visible and excuses nothing.

use super::*;

const ONE: &str = "- control: ssh.root-login
  reason: the imaging vendor logs in as root
  risk: the vendor's access has no name of its own
  compensating_controls: [access only through the recorded jump host]
  owner: Ada Berg
  approver: Cleo Dahl
  from: 2026-11-01
  until: 2026-11-21
";

fn refusal(text: &str) -> String {
    Exceptions::parse("e.yaml", text).unwrap_err().to_string()
}

fn at(s: &str) -> UtcTime {
    s.parse().unwrap()
}

#[test]
fn it_holds_from_its_first_day_to_the_end_of_its_last() {
    let exceptions = Exceptions::parse("e.yaml", ONE).unwrap();
    let control = "ssh.root-login".parse().unwrap();
    let excused = |t: &str| exceptions.excuse(&control, at(t)).is_some();
    assert!(!excused("2026-10-31T23:59:59.999Z"));
    assert!(excused("2026-11-01T00:00:00.000Z"));
    assert!(excused("2026-11-21T23:59:59.999Z"));
    assert!(!excused("2026-11-22T00:00:00.000Z"));
    assert!(exceptions.excuse(&"ssh.other".parse().unwrap(), at("2026-11-02T00:00:00.000Z")).is_none());
    assert!(exceptions.expired(at("2026-11-21T23:59:59.999Z")).is_empty());
    assert_eq!(exceptions.expired(at("2026-11-22T00:00:00.000Z")).len(), 1);
}

#[test]
fn what_makes_no_sense_is_refused_with_its_line() {
    assert!(Exceptions::parse("e.yaml", "[]\n").unwrap().iter().next().is_none());
    let cases = [
        (
            ONE.replace("Cleo Dahl", "ada  berg"),
            "e.yaml:1: the exception to ssh.root-login is approved by its own owner",
        ),
        (
            ONE.replace("until: 2026-11-21", "until: 2027-01-31"),
            "e.yaml:1: the exception to ssh.root-login runs for 91 days",
        ),
        (
            ONE.replace("until: 2026-11-21", "until: 2026-10-31"),
            "e.yaml:1: the exception to ssh.root-login ends before it begins",
        ),
        (
            ONE.replace("[access only through the recorded jump host]", "[]"),
            "e.yaml:1: the exception to ssh.root-login names no compensating",
        ),
        (ONE.replace("2026-11-01", "2026-02-30"), "e.yaml:7:9: "),
        (ONE.replace("2026-11-01", "2026-11-01T00:00"), "e.yaml:7:9: "),
        (ONE.replace("  owner: Ada Berg\n", ""), "e.yaml:7:3: "),
        (ONE.replace("owner: Ada Berg", "owner: Ada Berg\n  forever: true"), "e.yaml:6:3: "),
        (ONE.replace("the imaging vendor logs in as root", "\"\""), "e.yaml:2:11: "),
        (String::new(), "e.yaml:1: there is no list here"),
    ];
    for (text, message) in cases {
        let said = refusal(&text);
        assert!(said.starts_with(message), "{said}\n  is not\n{message}");
    }
    assert!(
        Exceptions::parse("e.yaml", &ONE.replace("2026-11-21", "2027-01-30")).is_ok(),
        "90 days were refused"
    );
}

#[test]
fn an_exception_to_an_unknown_control_is_refused_against_the_baseline() {
    let baseline = Baseline::parse(
        "b.yaml",
        "name: s\nversion: 1\ncontrols:\n- {id: a.b, title: t, area: ssh, observe: \"sshd:x\", expect: {flag: true}, severity: low, citations: [\"164.312(b)\"], why: w, nixos: {none: n}}\n",
    )
    .unwrap();
    let said = Exceptions::parse("e.yaml", ONE).unwrap().check_against(&baseline).unwrap_err();
    assert_eq!(said.to_string(), "e.yaml:1: the baseline has no control ssh.root-login");
    let known = Exceptions::parse("e.yaml", &ONE.replace("ssh.root-login", "a.b")).unwrap();
    assert_eq!(known.check_against(&baseline), Ok(()));
}
