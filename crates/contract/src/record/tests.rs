use super::*;

fn sample() -> Record {
    Record {
        origin: "hub.example/h-1".into(),
        seq: 3,
        time: "2026-11-21T05:54:23.120Z".to_owned().try_into().unwrap(),
        clock: ClockOffset::Unsynchronised,
        prev: Some(PreviousLeaf([7; 32])),
        subject: "log".into(),
        digests: Digests::default(),
        body: Body::Recovered(Recovered { torn_bytes: 0, unfinished: vec![] }),
    }
}

fn bytes(record: &Record) -> String {
    // Keys of our records are ASCII and `serde_json::Value` keeps them sorted, so its own writing is already canonical here.
    record.to_value().unwrap().to_string()
}

#[test]
fn a_record_survives_its_bytes() {
    let text = bytes(&sample());
    assert_eq!(Record::parse(text.as_bytes()).unwrap(), sample());
}

#[test]
fn whatever_is_not_exactly_a_record_is_refused() {
    let text = bytes(&sample());
    let cases = [
        text.replace("\"format\":1", "\"format\":2"),
        text.replace("\"seq\":3", "\"seq\":0"),
        text.replace("\"seq\":3", "\"seq\":3.0"),
        text.replace("\"seq\":3", "\"seq\":9007199254740993"),
        text.replace("\"subject\":\"log\"", "\"subject\":\"\""),
        text.replace("\"torn_bytes\"", "\"torn_byte\""),
        text.replace("\"kind\":\"recovered\"", "\"kind\":\"recovered\",\"outcome\":\"healed\""),
        text.replace("\"kind\":\"recovered\"", "\"kind\":\"ended\",\"outcome\":\"healed\""),
        text.replace('{', "{ "),
        format!("{text}\n"),
        String::new(),
    ];
    for case in cases {
        assert!(Record::parse(case.as_bytes()).is_err(), "{case} was taken");
    }
}
