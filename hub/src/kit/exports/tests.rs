//! What is answered within one tenant's scope has to do with that tenant.

use super::*;

fn at(ms: u64) -> UtcTime {
    UtcTime::from_unix_ms(1_800_000_000_000).unwrap().plus_ms(ms)
}

#[tokio::test]
async fn within_a_scope_there_is_no_kit_of_another_tenant() {
    let directory = tempfile::tempdir().unwrap();
    let exports = Exports::open(directory.path()).unwrap();
    let digest = Digest::of(b"zip");
    // The same period by the same person: nothing but the tenant tells them apart.
    for tenant in ["a", "b"] {
        let values = [format!("k-{tenant}"), tenant.to_owned(), digest.to_string()];
        let sql = "INSERT INTO export (id, tenant, since, until, by, time, cover, note, bytes, digest)
                   VALUES (?1, ?2, ?4, ?5, 'Ada', ?5, x'', '', 3, ?3)";
        let (from, to) = (at(0).unix_ms(), at(1).unix_ms());
        let made = exports.run(move |c| c.execute(sql, params![values[0], values[1], values[2], from, to]));
        assert_eq!(made.await.unwrap(), 1);
    }
    for (own, other) in [("a", "b"), ("b", "a"), ("nobody", "a")] {
        let scope = || Scope::of_a_test(own.parse::<TenantId>().unwrap());
        let has = own != "nobody";
        let by = || Person::try_from("Ada".to_owned()).unwrap();
        let newest = exports.newest(scope(), at(0), at(1), by()).await.unwrap();
        let own_id = format!("k-{own}");
        assert_eq!(newest.map(|kept| kept.view.id), has.then(|| Some(own_id.clone())));
        let told: Vec<String> = exports.history(scope()).await.unwrap().into_iter().map(|e| e.id).collect();
        assert_eq!(told, if has { vec![own_id.clone()] } else { vec![] });
        assert!(matches!(exports.kit(scope(), format!("k-{other}")).await, Ok(None)));
        // Its own is found: that it is no kit that could be read is another matter.
        assert_eq!(matches!(exports.kit(scope(), own_id).await, Ok(None)), !has);
    }
}
