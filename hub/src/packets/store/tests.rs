//! What is answered within one tenant's scope has to do with that tenant; and nobody is shown what the hub's own log does not tell of.

use super::*;

fn at(ms: u64) -> UtcTime {
    UtcTime::from_unix_ms(1_800_000_000_000).unwrap().plus_ms(ms)
}

fn made(tenant: &str, serial: u32) -> Made {
    Made {
        id: format!("p-{tenant}-{serial}"),
        tenant: tenant.parse().unwrap(),
        kind: PacketKind::Month,
        period: "2026-10".into(),
        serial,
        corrects: None,
        replaces: None,
        by: None,
        time: at(0),
        digest: Digest::of(b""),
        files: BTreeMap::from([("packet.json", format!("of {tenant}").into_bytes())]),
        no_pdf: None,
        mail: vec![format!("office@{tenant}.example")],
    }
}

async fn told(kept: &Kept) {
    for unrecorded in kept.unrecorded().await.unwrap() {
        kept.recorded(unrecorded.number, 7).await.unwrap();
    }
}

#[tokio::test]
async fn within_a_scope_there_is_no_packet_of_another_tenant() {
    let directory = tempfile::tempdir().unwrap();
    let kept = Kept::open(directory.path()).unwrap();
    // The same month: nothing but the tenant tells them apart.
    for tenant in ["a", "b"] {
        kept.keep(made(tenant, 1)).await.unwrap();
        kept.keep_exceptions(tenant.parse().unwrap(), format!("text of {tenant}"), at(0)).await.unwrap();
    }
    told(&kept).await;
    assert_eq!(
        kept.told("p-a-1".into()).await.unwrap().map(|(seq, told)| (seq, told.tenant.to_string())),
        Some((7, "a".into()))
    );
    for (own, other) in [("a", "b"), ("b", "a"), ("nobody", "a")] {
        let scope = || Scope::of_a_test(own.parse::<TenantId>().unwrap());
        let has = own != "nobody";
        let (own_id, other_id) = (format!("p-{own}-1"), format!("p-{other}-1"));
        let mine = if has { vec![own_id.clone()] } else { vec![] };
        let newest = kept.newest(scope(), PacketKind::Month, "2026-10".into()).await.unwrap();
        assert_eq!(newest.map(|view| view.id), has.then(|| own_id.clone()));
        let ids = |views: Vec<PacketView>| views.into_iter().map(|view| view.id).collect::<Vec<_>>();
        assert_eq!(ids(kept.of_tenant(scope()).await.unwrap()), mine);
        let reach = Reach::Tenants([own.parse().unwrap()].into());
        assert_eq!(ids(kept.within(Scope::of_a_test(reach)).await.unwrap()), mine);
        assert!(kept.one(scope(), other_id.clone()).await.unwrap().is_none());
        assert_eq!(kept.one(scope(), own_id.clone()).await.unwrap().is_some(), has);
        assert!(kept.file(scope(), other_id.clone(), "packet.json".into()).await.unwrap().is_none());
        let bytes = kept.file(scope(), own_id, "packet.json".into()).await.unwrap().map(|(_, bytes)| bytes);
        assert_eq!(bytes, has.then(|| format!("of {own}").into_bytes()));
        let texts: Vec<String> = kept.exceptions(scope()).await.unwrap().into_values().collect();
        assert_eq!(texts, if has { vec![format!("text of {own}")] } else { vec![] });
        // Of another tenant's packet nobody says that they read it.
        kept.acknowledge(scope(), other_id, "eve".parse().unwrap(), at(1)).await.unwrap();
    }
    let everywhere = kept.within(Scope::of_a_test(Reach::Everywhere)).await.unwrap();
    assert_eq!(
        (everywhere.len(), everywhere.iter().map(|view| view.acknowledged.len()).sum::<usize>()),
        (2, 0)
    );
}

#[tokio::test]
async fn what_the_own_log_does_not_tell_of_is_neither_shown_nor_mailed_nor_stored() {
    let directory = tempfile::tempdir().unwrap();
    let kept = Kept::open(directory.path()).unwrap();
    kept.keep(made("a", 1)).await.unwrap();
    let scope = || Scope::of_a_test("a".parse::<TenantId>().unwrap());
    assert!(kept.of_tenant(scope()).await.unwrap().is_empty());
    assert!(kept.file(scope(), "p-a-1".into(), "packet.json".into()).await.unwrap().is_none());
    assert!(kept.due(at(9)).await.unwrap().is_empty() && kept.unstored("s3", 0).await.unwrap().is_none());
    told(&kept).await;
    assert_eq!(kept.due(at(9)).await.unwrap().len(), 1);
    let packet = kept.unstored("s3", 0).await.unwrap().unwrap().packet;
    // What lies in one store does not lie in the other.
    kept.stored(packet, "s3").await.unwrap();
    assert!(
        kept.unstored("s3", 0).await.unwrap().is_none()
            && kept.unstored("directory", 0).await.unwrap().is_some()
    );
    assert!(kept.unstored("directory", packet).await.unwrap().is_none(), "it holds up no other");
    assert_eq!(kept.of_tenant(scope()).await.unwrap()[0].locked_in, ["s3"]);
}

#[tokio::test]
async fn a_letter_that_was_not_taken_is_due_again_and_one_that_was_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let kept = Kept::open(directory.path()).unwrap();
    kept.keep(made("a", 1)).await.unwrap();
    told(&kept).await;
    let due = kept.due(at(0)).await.unwrap().remove(0);
    kept.mailed(&due, Err(at(500))).await.unwrap();
    assert!(kept.due(at(499)).await.unwrap().is_empty());
    let due = kept.due(at(500)).await.unwrap().remove(0);
    assert_eq!(due.tries, 1);
    let untaken = async |often, since| -> Vec<String> {
        kept.untaken(often, at(since)).await.unwrap().into_iter().map(|(_, packet)| packet).collect()
    };
    assert_eq!(untaken(1, 0).await, ["p-a-1"]);
    assert_eq!((untaken(2, 0).await.len(), untaken(1, 1).await.len()), (0, 0), "rarer, and older");
    kept.mailed(&due, Ok(at(501))).await.unwrap();
    assert!(kept.due(at(9_999_999)).await.unwrap().is_empty() && untaken(0, 0).await.is_empty());
    // The same packet is never kept twice.
    assert!(kept.keep(made("a", 1)).await.is_err());
}
