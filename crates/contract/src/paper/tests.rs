use super::*;
use crate::dsse::HubSigner;

fn hub() -> HubSigner {
    HubSigner::from_seed(&[7; 32])
}

fn paper(kind: PaperKind, number: u64, text: Option<&str>) -> Paper {
    Paper {
        kind,
        tenant: "clinic".parse().unwrap(),
        site: "main".parse().unwrap(),
        host: "h-1".parse().unwrap(),
        number,
        issued: UtcTime::from_unix_ms(1_700_000_000_000).unwrap(),
        text: text.map(str::to_owned),
    }
}

fn signed(paper: &Paper) -> Vec<u8> {
    hub().sign(PayloadType::Paper, &serde_json::to_vec(paper).unwrap())
}

fn opened(kind: PaperKind, envelope: &[u8]) -> Result<OpenedPaper, PaperFault> {
    opened_with(open, kind, envelope)
}

type Open = fn(PaperKind, &[u8], &[HubKey], Holds<'_>) -> Result<OpenedPaper, PaperFault>;

fn opened_with(open: Open, kind: PaperKind, envelope: &[u8]) -> Result<OpenedPaper, PaperFault> {
    let ours = paper(kind, 1, None);
    let holds = Holds { tenant: &ours.tenant, site: &ours.site, host: &ours.host };
    open(kind, envelope, &[hub().public()], holds)
}

#[test]
fn only_what_the_pinned_key_signed_as_this_for_this_very_host_opens() {
    let kind = PaperKind::Allowlist;
    let good = paper(kind, 3, Some("setuid: []\n"));
    let open = opened(kind, &signed(&good)).unwrap();
    assert_eq!((open.number(), open.text()), (3, Some("setuid: []\n")));
    assert_eq!(open.digest(), Some(Digest::of(b"setuid: []\n")));

    let stranger =
        HubSigner::from_seed(&[8; 32]).sign(PayloadType::Paper, &serde_json::to_vec(&good).unwrap());
    let signature = |fault| Err(PaperFault::Signature(fault));
    assert_eq!(opened(kind, &stranger), signature(SignatureFault::NotByAPinnedKey));
    assert_eq!(opened(PaperKind::Baseline, &signed(&good)), Err(PaperFault::OtherKind(kind)));
    for other in [
        Paper { tenant: "other".parse().unwrap(), ..good.clone() },
        Paper { site: "other".parse().unwrap(), ..good.clone() },
        Paper { host: "h-2".parse().unwrap(), ..good.clone() },
    ] {
        assert_eq!(opened(kind, &signed(&other)), Err(PaperFault::NotForUs));
    }
    for number in [0, INTEGER_MAX + 1] {
        assert_eq!(opened(kind, &signed(&Paper { number, ..good.clone() })), Err(PaperFault::Number(number)));
    }
    let stray = hub().sign(PayloadType::Paper, b"{\"kind\":\"allowlist\"}");
    assert!(matches!(opened(kind, &stray), Err(PaperFault::NotAPaper(_))));
    // What a sheet carries is no paper: handed over later it would undo one.
    let enrolled = hub().sign(PayloadType::Allowlist, b"setuid: []\n");
    assert_eq!(opened(kind, &enrolled), signature(SignatureFault::WrongType));
}

#[test]
fn what_came_with_the_sheet_counts_as_number_0_and_stays_readable() {
    for (kind, enrolled) in [
        (PaperKind::Baseline, PayloadType::Baseline),
        (PaperKind::Catalogue, PayloadType::Catalogue),
        (PaperKind::Allowlist, PayloadType::Allowlist),
    ] {
        let held = opened_with(open_held, kind, &hub().sign(enrolled, b"text")).unwrap();
        assert_eq!((held.number(), held.text()), (0, Some("text")));
        let newer = opened_with(open_held, kind, &signed(&paper(kind, 1, Some("other")))).unwrap();
        assert_eq!(newer.clone().above(held.number()).unwrap(), newer);
        assert_eq!(held.above(newer.number()), Err(PaperFault::Older { number: 0, highest: 1 }));
        let stranger = HubSigner::from_seed(&[8; 32]).sign(enrolled, b"text");
        let refused = Err(PaperFault::Signature(SignatureFault::NotByAPinnedKey));
        assert_eq!(opened_with(open_held, kind, &stranger), refused);
    }
    // None of another kind, and an order is none.
    let other = hub().sign(PayloadType::Catalogue, b"text");
    let wrong = Err(PaperFault::Signature(SignatureFault::WrongType));
    assert_eq!(opened_with(open_held, PaperKind::Baseline, &other), wrong);
    assert_eq!(opened_with(open_held, PaperKind::Exceptions, &other), wrong);
}

#[test]
fn the_same_number_again_replaces_nothing_and_a_baseline_is_never_taken_back() {
    let kind = PaperKind::Exceptions;
    let back = opened(kind, &signed(&paper(kind, 5, None))).unwrap();
    assert_eq!((back.text(), back.digest()), (None, None));
    assert_eq!(back.clone().above(5), Err(PaperFault::Older { number: 5, highest: 5 }));
    assert!(back.above(4).is_ok());
    for kind in [PaperKind::Baseline, PaperKind::Catalogue] {
        assert_eq!(opened(kind, &signed(&paper(kind, 5, None))), Err(PaperFault::Withdrawn(kind)));
    }
}
