use super::*;

const GOOD: &str = "- id: a.b\n  title: t\n  kind: clock\n  severity: low\n  source: { programs: [p] }\n  lines: [{ literal: abc, pattern: '^abc' }]\n  when: { rate: 1 in 1 s }\n  matches: [abc]\n  ignores: [xyz]\n";

/// What `GOOD` is refused with, where `from` reads `to`.
fn refusal(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    Library::parse(&[("d.yaml", &GOOD.replace(from, to))]).unwrap_err().to_string()
}

#[test]
fn a_detector_that_makes_no_sense_is_refused_with_its_place() {
    Library::parse(&[("d.yaml", GOOD)]).unwrap();
    for (from, to, why) in [
        ("title: t", "title: ' '", "title"),
        ("kind: clock", "kind: clocks", "3:9"),
        ("severity: low", "severity: none", "4:"),
        ("programs: [p]", "programs: []", "source"),
        ("programs: [p]", "everything: true, programs: [p]", "source"),
        ("programs: [p]", "measured: disk", "lines"),
        ("literal: abc", "literal: ab", "3 to 80 bytes"),
        ("literal: abc", "literal: abd", "also matches lines without \"abd\""),
        ("'^abc'", "'abc'", "must begin with ^"),
        ("'^abc'", "'^abc('", "unclosed group"),
        ("'^abc'", "'^abc(?=d)'", "look-around"),
        ("'^abc'", "'^(a)bc\\1'", "backreferences"),
        ("'^abc'", "'^abc.{1000}{1000}'", "size"),
        ("'^abc'", "'^abc(?P<user>x)'", "\"user\""),
        ("'^abc'", "'^abc(?P<unit>x)'", "`unit` is taken out of a line and not counted apart"),
        ("1 in 1 s", "1 in 1 s per unit", "counts per unit"),
        ("1 in 1 s", "0 in 1 s", "1 to 1000"),
        ("rate: 1 in 1 s", "missing: 0 d", "length of time"),
        ("rate: 1 in 1 s", "fills: 1 d", "only a measure"),
        ("rate: 1 in 1 s", "days_left: 14", "days_left"),
        ("rate: 1 in 1 s", "after: { detector: x.y, rate: 1 in 1 s }", "no detector x.y"),
        ("matches: [abc]", "matches: []", "sample"),
        ("ignores: [xyz]", "ignores: []", "sample"),
        ("  title: t", "  titel: t", "titel"),
        ("  title: t", "  title: t\n  title: u", "duplicate"),
    ] {
        let refused = refusal(from, to);
        assert!(refused.starts_with("d.yaml:") && refused.contains(why), "{from} → {to}: {refused}");
    }
    let twice =
        Library::parse(&[("d.yaml", GOOD), ("e.yaml", &format!("# twice\n{GOOD}"))]).unwrap_err().to_string();
    assert_eq!(twice, "e.yaml:2: detector a.b: it appears twice");
    assert!(matches!(Library::parse(&[("d.yaml", "[]")]), Err(BadDetectors::None)));
    assert!(matches!(Library::parse(&[]), Err(BadDetectors::None)));
}

#[test]
fn a_sample_that_is_wrong_is_named_with_its_line() {
    let wrong = GOOD
        .replace("matches: [abc]", "matches:\n    - abc\n    - abd")
        .replace("ignores: [xyz]", "ignores: ['abcd']");
    let tried = crate::missed(&[("d.yaml", &wrong)]).unwrap();
    let missed: Vec<_> = tried.missed.iter().map(|m| (m.line, m.why.split(',').next().unwrap())).collect();
    assert_eq!(missed, [(10, "it does not count"), (11, "it counts")]);
    assert_eq!((tried.detectors, tried.samples), (1, 3));
}
