use super::*;

mod signals;

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

#[test]
fn what_the_hub_says_of_a_packet_survives_its_bytes() {
    let noted = PacketNoted {
        tenant: "t-1".parse().unwrap(),
        packet: crate::packet::PacketKind::Month,
        period: "2026-10".into(),
        number: 1,
        digest: Digest::of(b""),
        files: Digest::of(b""),
        corrects: None,
        what: PacketWhat::Acknowledged("ada".parse().unwrap()),
    };
    let record = Record { body: Body::Packet(noted), ..sample() };
    let text = bytes(&record);
    assert!(text.contains("\"what\":{\"acknowledged\":\"ada\"}") && !text.contains("corrects"), "{text}");
    assert_eq!(Record::parse(text.as_bytes()).unwrap(), record);
    let with_outcome = text.replace("\"prev\":", "\"outcome\":\"healed\",\"prev\":");
    assert!(Record::parse(with_outcome.as_bytes()).is_err());
}

#[test]
fn every_kind_about_the_log_itself_survives_its_bytes_and_has_no_outcome() {
    let time = UtcTime::from_unix_ms(1_800_000_000_000).unwrap();
    let root = RootHash([3; 32]);
    let succeeds =
        Succeeds { origin: "hub.example/h-1".into(), size: 7, root, reason: SuccessionReason::LogLost };
    let opened = Opened {
        tenant: "clinic".parse().unwrap(),
        site: "main".parse().unwrap(),
        host: "h-1".parse().unwrap(),
        key: "k".into(),
        software: "1".into(),
        succeeds: Some(succeeds),
    };
    let ended = LastRun {
        runbook: "RB-X-001-x".parse().unwrap(),
        target: crate::resource::Resource::Clock,
        ended: time,
    };
    let answered =
        Answered { order: "o-1".parse().unwrap(), outcome: Outcome::Healed, refusal: None, seq: 3 };
    let healthy = GenerationHealthy { number: 42, closure: "/nix/store/x-nixos-system".parse().unwrap() };
    let paper = PaperTaken {
        paper: crate::paper::PaperKind::Allowlist,
        state: PaperState::InForce,
        number: 4,
        text: None,
    };
    let standing = Standing {
        highest_counter: 9,
        last_runs: vec![ended],
        failing: vec!["x".parse().unwrap()],
        turned: vec![],
        standing_order: None,
        break_glass: None,
        policy: None,
        policy_announced: None,
        latest: Some(time),
        papers: vec![paper.clone()],
        confined: None,
        healthy: vec![healthy.clone()],
        answers: vec![answered],
    };
    let gap = |lost| Gap { reason: GapReason::LogLost, from: time, until: time, lost };
    let bodies = [
        (
            Body::Opened(opened),
            "\"reason\":\"log_lost\",\"root\":\"AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=\"",
        ),
        (
            Body::Standing(Standing::default()),
            "\"details\":{\"answers\":[],\"failing\":[],\"highest_counter\":0",
        ),
        (Body::Standing(standing), "\"latest\":\"20"),
        (Body::Gap(gap(Lost::Unknown)), "\"lost\":\"unknown\""),
        (Body::Gap(gap(Lost::Count(3))), "\"lost\":{\"count\":3}"),
        (Body::Restored(Restored { from: 1, size: 2, root }), "\"kind\":\"restored\""),
        (Body::GenerationHealthy(healthy), "\"closure\":\"/nix/store/x-nixos-system\",\"number\":42"),
        (Body::PaperTaken(paper), "{\"number\":4,\"paper\":\"allowlist\",\"state\":\"in_force\"}"),
        (Body::KeyNamed(KeyNamed { key: "k".into() }), "\"kind\":\"key_named\""),
        (
            Body::Acted(Acted {
                person: Some("ada".parse().unwrap()),
                machine_user: None,
                key: None,
                right: Some(crate::people::Right::SitesAdd),
                tenant: None,
                path: None,
                stage: Stage::Refused { why: NotAllowed::Role, times: 1 },
            }),
            "\"right\":\"sites-add\"",
        ),
        (
            Body::LoggedIn(LoggedIn { person: "ada".parse().unwrap(), entry: Entry::Refused }),
            "\"kind\":\"logged_in\"",
        ),
        (
            Body::Device(DeviceNoted {
                tenant: None,
                host: None,
                what: DeviceEvent::TurnedAway { why: NotLetIn::Handshake, times: 7 },
            }),
            "{\"what\":{\"turned_away\":{\"times\":7,\"why\":\"handshake\"}}}",
        ),
        (Body::KeyTaken(KeyTaken { handover: "note".into(), key: "k".into() }), "\"kind\":\"key_taken\""),
    ];
    for (body, written) in bodies {
        let record = Record { body, ..sample() };
        let text = bytes(&record);
        assert!(text.contains(written), "{written} is not in {text}");
        assert_eq!(Record::parse(text.as_bytes()).unwrap(), record);
        let with_outcome = text.replace("\"prev\":", "\"outcome\":\"healed\",\"prev\":");
        assert!(Record::parse(with_outcome.as_bytes()).is_err(), "{with_outcome} was taken");
    }
    let short = r#""AwM=""#;
    assert!(serde_json::from_str::<RootHash>(short).is_err());
}
