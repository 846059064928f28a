use super::*;

const RECORD: &str = concat!(
    r#"{"clock":{"synchronised_within_ms":12},"details":{"a":[1,"ü\n"]},"digests":{"baseline":"sha256:"#,
    "00000000000000000000000000000000000000000000000000000000000000ff",
    r#"","system":"sha256:"#,
    "1111111111111111111111111111111111111111111111111111111111111111",
    r#""},"format":1,"kind":"ended","origin":"hub.example/h-1","outcome":"healed","prev":""#,
    "2222222222222222222222222222222222222222222222222222222222222222",
    r#"","seq":7,"subject":"ssh.root-login","time":"2026-11-21T05:54:23.120Z"}"#
);

fn with(old: &str, new: &str) -> String {
    assert_eq!(RECORD.matches(old).count(), 1, "{old}");
    RECORD.replace(old, new)
}

#[test]
fn a_record_is_read() {
    let frame = Frame::read(RECORD.as_bytes()).unwrap();
    assert_eq!((frame.seq, frame.kind, frame.origin), (7, &b"ended"[..], &b"hub.example/h-1"[..]));
    assert_eq!((frame.prev, frame.details), (Some([0x22; 32]), r#"{"a":[1,"ü\n"]}"#.as_bytes()));
    assert_eq!(frame.time.instant().unwrap().to_string(), "2026-11-21T05:54:23.120Z");
}

#[test]
fn what_may_differ_may_differ() {
    let first = format!("\"prev\":\"{}\",\"seq\":7", "2".repeat(64));
    for (old, new) in [
        (r#"{"synchronised_within_ms":12}"#, r#""unsynchronised""#),
        (r#"{"synchronised_within_ms":12}"#, r#""unknown""#),
        (":12}", ":0}"),
        (":12}", ":4294967295}"),
        (r#"{"a":[1,"ü\n"]}"#, "{}"),
        (r#""ended""#, r#""of_a_later_release""#),
        (r#""kind":"ended","origin":"hub.example/h-1","outcome":"healed""#, r#""kind":"x","origin":"o""#),
        ("hub.example/h-1", r#"a\"b\\c~!"#),
        (first.as_str(), r#""prev":null,"seq":0"#),
        (r#""seq":7"#, r#""seq":9007199254740992"#),
    ] {
        Frame::read(with(old, new).as_bytes()).unwrap_or_else(|error| panic!("{new}: {error}"));
    }
}

#[test]
fn whatever_is_canonical_and_no_record_is_named_by_its_place() {
    let long = "s".repeat(161);
    for (old, new, place) in [
        (r#""clock":{"#, r#""clocks":{"#, "clock"),
        (":12}", ":4294967296}", "clock"),
        (r#"{"synchronised_within_ms":12}"#, "null", "clock"),
        (r#"{"a":[1,"ü\n"]}"#, "[]", "details"),
        (r#""system""#, r#""tystem""#, "digests"),
        ("00ff", "00f", "digests"),
        (r#""format":1"#, r#""format":10"#, "kind"),
        (r#""format":1"#, r#""format":2"#, "format"),
        (r#""ended""#, r#""Ended""#, "kind"),
        (r#""ended""#, r#""_ended""#, "kind"),
        (r#""ended""#, r#""""#, "kind"),
        (r#""ended""#, r#""abcdefghijklmnopqrstuvwxyzabcdefg""#, "kind"),
        (r#""ended""#, r#""intent""#, "outcome"),
        (r#","outcome":"healed""#, "", "outcome"),
        (r#""healed""#, r#""cured""#, "outcome"),
        ("hub.example/h-1", "", "origin"),
        ("hub.example/h-1", "a b", "origin"),
        ("hub.example/h-1", "ü", "origin"),
        ("hub.example/h-1", r"\n", "origin"),
        ("ssh.root-login", long.as_str(), "subject"),
        (r#""seq":7"#, r#""seq":-7"#, "seq"),
        (r#""seq":7"#, r#""seq":0"#, "prev"),
        ("2026-11-21", "2026-11-31", "time"),
        (r#".120Z""#, r#".120Z","x":1"#, "time"),
    ] {
        let text = with(old, new);
        assert_eq!(Frame::read(text.as_bytes()), Err(FrameError::NotARecord(place)), "{text}");
    }
}

#[test]
fn what_is_not_canonical_is_said_first() {
    for (old, new) in [
        ("{\"clock\"", "{ \"clock\""),
        ("{\"clock\"", "{\"clock\":1,\"clock\""),
        ("\"seq\":7", "\"seq\":07"),
        ("\"seq\":7", "\"seq\":9007199254740993"),
        ("\"seq\":7", "\"seq\":7.0"),
        ("[1,", "[1 ,"),
        ("ü", "\u{1}"),
        (".120Z\"}", ".120Z\"}\n"),
        ("ended", "end\\u0065d"),
        (".120Z\"}", ".120Z\""),
    ] {
        let text = with(old, new);
        let error = Frame::read(text.as_bytes()).unwrap_err();
        assert!(matches!(error, FrameError::NotCanonical(_)), "{text}: {error:?}");
    }
    let not_text = RECORD.as_bytes().iter().map(|b| if *b == 0xc3 { 0xff } else { *b }).collect::<Vec<_>>();
    assert!(matches!(Frame::read(&not_text), Err(FrameError::NotCanonical(_))));
    let long = with("[1,", &format!("[\"{}\",", "x".repeat(RECORD_MAX_BYTES)));
    assert_eq!(Frame::read(long.as_bytes()), Err(FrameError::TooLong(long.len())));
    assert!(matches!(Frame::read(b""), Err(FrameError::NotCanonical(_))));
}

#[test]
fn details_nest_as_deep_as_the_whole_record_may() {
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        Frame::read(with(r#"[1,"ü\n"]"#, &format!("{open}{close}")).as_bytes()).map(|_| ())
    };
    // The record is depth 1, its details are depth 2.
    assert_eq!(nested(30), Ok(()));
    assert!(matches!(nested(31), Err(FrameError::NotCanonical(_))));
}
