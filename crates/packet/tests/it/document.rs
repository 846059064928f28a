//! What is written down of a month.

use std::collections::BTreeMap;

use contract::finding::Verdict;
use contract::outcome::Outcome;
use contract::record::{Body, Record};
use contract::score::Counted;
use packet::sample::{FAIL, Log, PASS, Scene};
use packet::{
    Block, Claim, Document, EndedBy, Inline, Need, Packet, Tone, Unmeasured, assessment_results, document,
    html, incidents_csv, ocsf, plan_of_action, postcard,
};

/// Everything that a document says.
fn said(document: &Document) -> String {
    let run = |run: &[Inline]| -> String {
        run.iter()
            .map(|inline| match inline {
                Inline::Text(t)
                | Inline::Strong(t)
                | Inline::Emphasis(t)
                | Inline::Code(t)
                | Inline::Toned(_, t)
                | Inline::Anchor(_, t) => t.as_str(),
                Inline::Field(field) => field.label.as_str(),
            })
            .collect()
    };
    let mut lines = vec![document.title.clone(), document.subject.clone(), document.foot.clone()];
    for block in &document.blocks {
        match block {
            Block::Heading { text, .. } | Block::Verbatim(text) => lines.push(text.clone()),
            Block::Paragraph(inlines) | Block::Notice(inlines) => lines.push(run(inlines)),
            Block::List(items) => lines.extend(items.iter().map(|item| run(item))),
            Block::Figures(figures) => {
                lines.extend(figures.iter().map(|f| format!("{} {} {}", f.value, f.label, f.note)));
            }
            Block::Table(table) => {
                lines.push(table.caption.clone());
                lines.extend(table.columns.iter().map(|column| column.head.clone()));
                lines.extend(
                    table
                        .rows
                        .iter()
                        .map(|row| row.iter().map(|cell| run(cell)).collect::<Vec<_>>().join(" | ")),
                );
            }
            Block::Pairs(pairs) => {
                lines.extend(pairs.iter().map(|(name, value)| format!("{name}: {}", run(value))));
            }
            Block::Chart(picture) => lines.push(picture.alt.clone()),
            Block::Square(picture, words) => lines.extend([picture.alt.clone(), run(words)]),
            Block::Lines(fields) => lines.extend(fields.iter().map(|field| field.label.clone())),
            Block::Break => {}
        }
    }
    lines.join("\n")
}

/// What no packet may promise (invariant 12), put together here so that this file does not say it either.
const PROMISES: [&str; 8] = [
    concat!("ensu", "res"),
    concat!("guaran", "tees"),
    concat!("guaran", "teed"),
    concat!("compli", "ant"),
    concat!("certi", "fied"),
    concat!("audit", "-ready"),
    concat!("100 % ", "secure"),
    concat!("100% ", "secure"),
];

fn scenes() -> Vec<Scene> {
    let usual = Scene::default;
    vec![
        usual(),
        Scene { controls: 1, incidents: 0, hosts: vec!["front-desk".into()], ..usual() },
        Scene { controls: 60, incidents: 30, silent: vec!["lab".into()], ..usual() },
        Scene { gap_percent: 40, incidents: 20, ..usual() },
    ]
}

fn usual() -> (Packet, Document) {
    let packet = Scene::default().packet();
    let document = document(&packet, &Scene::brand()).unwrap();
    (packet, document)
}

#[test]
fn a_packet_is_the_same_when_it_was_written_and_read_and_each_time_it_is_made() {
    for scene in scenes() {
        let packet = scene.packet();
        let json = packet.to_json().unwrap();
        assert_eq!(serde_json::from_slice::<Packet>(&json).unwrap(), packet);
        assert_eq!(json, scene.packet().to_json().unwrap());
        let page = html(&document(&packet, &Scene::brand()).unwrap());
        assert_eq!(page, html(&document(&packet.clone(), &Scene::brand()).unwrap()));
    }
}

#[test]
fn nothing_that_is_written_promises_what_nobody_can() {
    for scene in scenes() {
        let packet = scene.packet();
        let digest = contract::digest::Digest::of(b"");
        let brand = Scene::brand();
        let documents = [document(&packet, &brand).unwrap(), postcard(&packet, &brand).unwrap()];
        let plan = plan_of_action(&packet, digest).map(|plan| plan.to_string()).unwrap_or_default();
        let mut all: Vec<String> = documents.iter().map(said).collect();
        all.extend(documents.iter().map(html));
        all.extend([
            assessment_results(&packet, digest).to_string(),
            plan,
            ocsf(&packet),
            incidents_csv(&packet),
        ]);
        for text in all {
            let text = text.to_lowercase();
            let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '-').collect();
            for promise in PROMISES {
                assert!(
                    !words.contains(&promise) && (!promise.contains(' ') || !text.contains(promise)),
                    "{promise}"
                );
            }
        }
        for document in &documents {
            assert!(said(document).contains("does not certify compliance with HIPAA"), "{}", document.title);
        }
    }
}

#[test]
fn every_link_leads_somewhere_and_every_anchor_stands_once() {
    for scene in scenes() {
        let document = document(&scene.packet(), &Scene::brand()).unwrap();
        let anchors: Vec<&String> = document
            .blocks
            .iter()
            .filter_map(|block| match block {
                Block::Heading { anchor, .. } => Some(anchor),
                _ => None,
            })
            .collect();
        let once: std::collections::BTreeSet<_> = anchors.iter().collect();
        assert!(
            once.len() == anchors.len() && anchors.iter().all(|anchor| !anchor.is_empty()),
            "{anchors:?}"
        );
        let page = html(&document);
        for link in page.split("href=\"#").skip(1) {
            let to = link.split('"').next().unwrap();
            assert!(page.contains(&format!("id=\"{to}\"")), "{to}");
        }
    }
}

#[test]
fn a_month_without_records_is_not_measured_and_never_nought() {
    // Its log begins after the month.
    let scene = Scene {
        incidents: 0,
        hosts: vec!["late".into()],
        since: "2026-11".parse().unwrap(),
        ..Scene::default()
    };
    let packet = scene.packet();
    assert_eq!(packet.summary.fixed, Claim::not(Unmeasured::NoRecord));
    assert_eq!(packet.summary.incidents, Claim::not(Unmeasured::NoRecord));
    assert_eq!(packet.summary.score.value(), None);
    let document = document(&packet, &Scene::brand()).unwrap();
    let Some(Block::Figures(figures)) =
        document.blocks.iter().find(|block| matches!(block, Block::Figures(_)))
    else {
        panic!("no figures")
    };
    for figure in figures.iter().filter(|figure| figure.label != "could not be checked") {
        assert_eq!((figure.value.as_str(), figure.tone), ("not measured", Tone::Unknown), "{figure:?}");
    }
    let said = said(&document);
    assert!(
        said.contains("Nobody can tell") && !said.contains("No control that could be checked fails"),
        "{said}"
    );
    assert!(said.contains("What monitoring saw on 0 of 1 machine,"));
}

#[test]
fn a_machine_that_nobody_heard_of_is_told_of_on_the_first_page_and_counts_as_not_known() {
    let scene = Scene { silent: vec!["lab".into()], incidents: 0, ..Scene::default() };
    let packet = scene.packet();
    let score = packet.summary.score.value().unwrap();
    assert_eq!((score.total(), packet.summary.machines), (3 * 104, (2, 3)));
    assert!(score.assessed() <= 2 * 104);
    let said = said(&document(&packet, &Scene::brand()).unwrap());
    assert!(said.contains("lab. Nothing is known of this machine: no record of it was received."), "{said}");
}

#[test]
fn a_machine_that_failed_and_went_away_still_needs_somebody() {
    let (sync, root) = ("time.sync", "ssh.root-login");
    let october = |seen: &[(&str, Verdict)]| {
        let log = Log::opened("2026-09-20")
            .found("2026-10-02", &[(sync, FAIL), (root, PASS)])
            .found("2026-10-20", seen);
        let (scene, marks) = (Scene { hosts: vec!["h-1".into()], ..Scene::default() }, Scene::marks());
        let logged = scene.logged(std::slice::from_ref(&log), &marks);
        scene.packet_of(logged, marks)
    };
    // Switched off; and no longer declared to anybody.
    let undeclared = Verdict::NotAssessed(contract::fact::Absence::NotDeclared);
    for seen in [vec![(sync, FAIL)], vec![(sync, undeclared)]] {
        let packet = october(&seen);
        let [Need::FailedLast { control, hosts, .. }] = &packet.summary.needs_you[..] else {
            panic!("{:?}", packet.summary.needs_you)
        };
        assert_eq!((control.as_str(), hosts.len()), (sync, 1));
        assert!(plan_of_action(&packet, contract::digest::Digest::of(b"")).is_some());
        let document = document(&packet, &Scene::brand()).unwrap();
        let Some(Block::Figures(figures)) =
            document.blocks.iter().find(|block| matches!(block, Block::Figures(_)))
        else {
            panic!("no figures")
        };
        assert!(figures.iter().all(|figure| figure.tone != Tone::Good), "{figures:?}");
        assert!(said(&document).contains("when it was looked at last, and nobody has looked since"));
    }
}

#[test]
fn a_long_silence_is_told_of_on_the_first_page() {
    let packet = Scene { gap_percent: 40, ..Scene::default() }.packet();
    let said = said(&document(&packet, &Scene::brand()).unwrap());
    assert!(
        said.contains("It wrote no record for 40.") && said.contains("nobody can tell what was"),
        "{said}"
    );
    let whole = self::said(&document(&Scene::default().packet(), &Scene::brand()).unwrap());
    assert!(!whole.contains("It wrote no record for"), "{whole}");
}

#[test]
fn the_records_of_a_number_are_those_that_it_is_from() {
    let scene = Scene::default();
    let packet = scene.packet();
    let logs: BTreeMap<_, _> = scene.logs().into_iter().map(|log| (log.whose.host.clone(), log)).collect();
    let record = |host: &contract::ids::HostId, seq: u64| {
        Record::parse(&logs[host].entries[usize::try_from(seq).unwrap()]).unwrap()
    };
    let mut fixed = 0;
    for incident in &packet.incidents {
        let began = record(&incident.host, incident.detected.seq);
        let Body::Findings(taken) = began.body else { panic!("an incident begins with what was found") };
        assert!(taken.findings.iter().any(
            |f| f.control == incident.control && matches!(f.verdict, contract::finding::Verdict::Fail(_))
        ));
        let Some(over) = &incident.over else { continue };
        let EndedBy::Repair(order) = &over.by else { continue };
        let Body::Ended(outcome, ended) = record(&incident.host, over.at.seq).body else {
            panic!("{over:?}")
        };
        assert_eq!((outcome, &ended.order), (Outcome::Healed, order));
        fixed += 1;
    }
    assert_eq!(packet.summary.fixed.value(), Some(&fixed));
    for standing in &packet.controls {
        for seen in &standing.machines {
            let Body::Findings(taken) = record(&seen.host, seen.checked.unwrap().seq).body else {
                panic!("{seen:?}")
            };
            assert!(taken.findings.iter().any(|finding| finding.control == standing.control));
        }
    }
}

#[test]
fn the_head_is_on_paper_as_it_was_signed() {
    let (packet, document) = usual();
    let said = said(&document);
    for log in &packet.logs {
        assert!(log.checkpoint.starts_with(&format!("{}\n{}\n{}\n\n", log.origin, log.size, log.root)));
        assert!(
            said.contains(&format!("suture-verify --head {}:{}:{} kit.zip", log.origin, log.size, log.root))
        );
    }
    let card = postcard(&packet, &Scene::brand()).unwrap();
    let words = super::document::said(&card);
    assert!(packet.logs.iter().all(|log| words.contains(&log.root)));
}

#[test]
fn a_name_is_never_markup() {
    let client = "<script>alert(1)</script> # *x* [y](z) {client}".to_owned();
    let packet = Scene { client: client.clone(), ..Scene::default() }.packet();
    let document = document(&packet, &Scene::brand()).unwrap();
    assert!(said(&document).contains(&client));
    let page = html(&document);
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"), "{}", &page[..600]);
}

#[test]
fn what_does_not_fit_in_print_is_said_to_be_elsewhere() {
    let packet = Scene { incidents: 300, every_hours: 24, ..Scene::default() }.packet();
    let document = document(&packet, &Scene::brand()).unwrap();
    let said = said(&document);
    assert!(said.contains("These are 100 of 3"), "nothing says what is left out");
    let lines = incidents_csv(&packet).lines().count();
    assert_eq!(lines, packet.incidents.len() + 1);
}

#[test]
fn what_is_not_known_satisfies_nothing() {
    let packet = Scene { silent: vec!["lab".into()], ..Scene::default() }.packet();
    let results = assessment_results(&packet, contract::digest::Digest::of(b""));
    let findings = results["assessment-results"]["results"][0]["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 2);
    // One machine is silent, so no control passes on all of them, and there is a finding of those alone that fail.
    assert!(findings.iter().all(|finding| finding["target"]["status"]["state"] == "not-satisfied"));
    let result = &results["assessment-results"]["results"][0];
    assert!(
        result["remarks"].as_str().unwrap().contains("time.sync")
            && result["observations"].as_array().unwrap().len() == 2 * 104
    );
    assert!(!ocsf(&packet).contains("null"));
    let all = Scene::default().packet();
    let results = assessment_results(&all, contract::digest::Digest::of(b""));
    let findings = results["assessment-results"]["results"][0]["findings"].as_array().unwrap().clone();
    let satisfied =
        findings.iter().filter(|finding| finding["target"]["status"]["state"] == "satisfied").count();
    let passing =
        all.controls.iter().filter(|c| c.machines.iter().all(|seen| seen.state == Counted::Passes)).count();
    assert!(satisfied == passing && passing > 90, "{satisfied} {passing}");
    let events = ocsf(&all);
    let of_class = |class: u32| {
        events
            .lines()
            .filter(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["class_uid"] == class)
            .count()
    };
    assert_eq!((of_class(2003), of_class(7001)), (2 * 104, all.repairs.len()));
}
