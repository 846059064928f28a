//! Put, locked, read back; overwritten, deleted, shortened, and found out.

use std::collections::BTreeSet;

use archive::audit::{self, Finding};
use archive::s3::{Credentials, S3};
use archive::{Blame, Keep, Key, Lock, Mode, Put, Retention, StoreError, WriteOnce as _};
use contract::time::UtcTime;
use reqwest::{Method, StatusCode};

use crate::moto::Moto;

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

fn keep() -> (Keep, UtcTime) {
    let until = Retention::default().until(edge::clock::utc());
    (Keep::LockedUntil(until), until)
}

fn credentials() -> Credentials {
    Credentials::new("HUB".to_owned(), "secret".to_owned(), None)
}

fn open(url: &str, place: &str, credentials: Credentials) -> S3 {
    let place = format!("{url}/{place}").parse().unwrap();
    S3::new(place, "us-east-1".parse().unwrap(), credentials, edge::clock::utc).unwrap()
}

/// A bucket with a prefix, in which `bundle` lies locked.
async fn stocked() -> (Moto, S3) {
    let moto = Moto::start();
    moto.bucket("evidence").await;
    let s3 = open(&moto.url, "evidence/hub-1", credentials());
    s3.check().await.unwrap();
    assert_eq!(s3.put(&key("t/h/bundle"), b"first", keep().0).await.unwrap(), Put::Written);
    (moto, s3)
}

async fn findings(s3: &S3, expected: &[Key]) -> Vec<Finding> {
    audit::of_versions(&s3.versions(&key("t/h")).await.unwrap(), expected)
}

#[tokio::test]
async fn what_is_put_is_locked_for_years_read_back_and_put_once() {
    let (moto, s3) = stocked().await;
    let (keep, until) = keep();
    let name = key("t/h/tile/entries/000");
    assert_eq!(s3.put(&name, b"bytes", keep).await.unwrap(), Put::Written);
    let lock = s3.lock(&name).await.unwrap();
    assert_eq!(lock, Some(Lock::Locked { until: Some(until), mode: Mode::Compliance }));
    assert_eq!(audit::of_lock(&name, lock, until), None);
    assert_eq!(s3.oldest(&name).await.unwrap().unwrap(), b"bytes");

    assert_eq!(s3.put(&name, b"bytes", keep).await.unwrap(), Put::AlreadyThere, "a retry");
    let conflict = s3.put(&name, b"other", keep).await.unwrap_err();
    assert!(matches!(&conflict, StoreError::Conflict { key, .. } if *key == name), "{conflict}");
    assert_eq!(conflict.blame(), Blame::Somebody);
    assert_eq!(s3.oldest(&name).await.unwrap().unwrap(), b"bytes");
    assert_eq!(findings(&s3, std::slice::from_ref(&name)).await, vec![], "a refused put left something");

    // That the lock of this test is one: nobody can remove the version.
    let versions = s3.versions(&key("t/h/tile")).await.unwrap();
    let [version] = versions.as_slice() else { panic!("{versions:?}") };
    assert_eq!(version.key, name);
    let path = format!("/evidence/hub-1/{name}?versionId={}", version.id);
    let removed = moto.tamper(Method::DELETE, &path, &[], "").await;
    assert_eq!(removed.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_is_not_there_is_none_and_what_is_not_to_be_locked_is_not() {
    let (_moto, s3) = stocked().await;
    // A key that is the beginning of another is another key.
    for absent in ["t/h/bund", "t/h/none", "t"] {
        assert_eq!(s3.oldest(&key(absent)).await.unwrap(), None, "{absent}");
        assert_eq!(s3.lock(&key(absent)).await.unwrap(), None, "{absent}");
    }
    let partial = key("partial/t/h/000.p/17");
    s3.put(&partial, b"part", Keep::Unlocked).await.unwrap();
    let lock = s3.lock(&partial).await.unwrap();
    assert_eq!(lock, Some(Lock::Unlocked));
    let finding = audit::of_lock(&partial, lock, edge::clock::utc());
    assert_eq!(finding, Some(Finding::Unlocked { key: partial.clone() }));
    assert!(s3.versions(&key("t/h")).await.unwrap().iter().all(|v| v.key != partial));
    assert_eq!(findings(&s3, &[key("t/h/gone")]).await, vec![Finding::Missing { key: key("t/h/gone") }]);
}

#[tokio::test]
async fn a_version_laid_on_top_is_found_and_the_oldest_is_read() {
    let (moto, s3) = stocked().await;
    let name = key("t/h/bundle");
    for forged in ["second", "third"] {
        let put = moto.tamper(Method::PUT, "/evidence/hub-1/t/h/bundle", &[], forged).await;
        assert!(put.status().is_success());
    }
    assert_eq!(s3.oldest(&name).await.unwrap().unwrap(), b"first");
    assert!(matches!(s3.lock(&name).await.unwrap(), Some(Lock::Locked { mode: Mode::Compliance, .. })));
    let found = findings(&s3, std::slice::from_ref(&name)).await;
    assert_eq!(found, vec![Finding::NewerVersion { key: name.clone(), newer: 2 }]);
    assert_eq!(s3.put(&name, b"first", keep().0).await.unwrap(), Put::AlreadyThere);
}

#[tokio::test]
async fn a_delete_marker_is_found_and_hides_nothing() {
    let (moto, s3) = stocked().await;
    let name = key("t/h/bundle");
    let deleted = moto.tamper(Method::DELETE, "/evidence/hub-1/t/h/bundle", &[], "").await;
    assert!(deleted.status().is_success());
    let plain = moto.tamper(Method::GET, "/evidence/hub-1/t/h/bundle", &[], "").await;
    assert_eq!(plain.status(), StatusCode::NOT_FOUND, "this test's marker hides the object from others");
    assert_eq!(s3.oldest(&name).await.unwrap().unwrap(), b"first");
    assert!(matches!(s3.lock(&name).await.unwrap(), Some(Lock::Locked { .. })));
    let found = findings(&s3, std::slice::from_ref(&name)).await;
    assert_eq!(found, vec![Finding::DeleteMarker { key: name }]);
}

#[tokio::test]
async fn a_shortened_or_weakened_lock_is_found_by_reading_it_back() {
    let (moto, s3) = stocked().await;
    let name = key("t/h/bundle");
    let stored = audit::stored(&s3.versions(&key("t/h")).await.unwrap(), &name).unwrap();
    let earliest = Retention::earliest(stored);
    assert_eq!(audit::of_lock(&name, s3.lock(&name).await.unwrap(), earliest), None);
    for (mode, until, unlocked) in
        [("COMPLIANCE", "2027-02-19T00:00:00Z", false), ("GOVERNANCE", "2099-01-01T00:00:00Z", true)]
    {
        let body =
            format!("<Retention><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>");
        // moto wants one of these; Amazon wants the right one, and refuses the change in any case.
        let digest = [("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")];
        let put = moto.tamper(Method::PUT, "/evidence/hub-1/t/h/bundle?retention", &digest, &body).await;
        assert!(
            put.status().is_success(),
            "moto refuses now what Amazon refuses: {}",
            put.text().await.unwrap()
        );
        let found = audit::of_lock(&name, s3.lock(&name).await.unwrap(), earliest);
        match found {
            Some(Finding::Unlocked { key }) if unlocked => assert_eq!(key, name),
            Some(Finding::EndsTooSoon { key, .. }) if !unlocked => assert_eq!(key, name),
            other => panic!("{mode} until {until}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_list_of_many_pages_is_read_to_its_end() {
    let (_moto, s3) = stocked().await;
    let keys: Vec<Key> = (0..1_003).map(|n| key(&format!("t/many/{n:04}"))).collect();
    for key in &keys {
        s3.put(key, b"", Keep::Unlocked).await.unwrap();
    }
    let listed = s3.versions(&key("t/many")).await.unwrap();
    let names: BTreeSet<&Key> = listed.iter().map(|v| &v.key).collect();
    assert_eq!((listed.len(), names.len()), (keys.len(), keys.len()));
}

#[tokio::test]
async fn a_bucket_without_versions_or_locks_is_refused_with_what_to_do() {
    let moto = Moto::start();
    moto.tamper(Method::PUT, "/plain", &[], "").await;
    moto.tamper(Method::PUT, "/versioned", &[], "").await;
    let on = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    assert!(moto.tamper(Method::PUT, "/versioned?versioning", &[], on).await.status().is_success());
    for (bucket, advice) in [
        ("plain", "turn versioning on"),
        ("versioned", "--object-lock-enabled-for-bucket"),
        ("absent", "there is no such bucket"),
    ] {
        let error = open(&moto.url, bucket, credentials()).check().await.unwrap_err();
        assert_eq!(error.blame(), Blame::Operator, "{bucket}: {error}");
        assert!(error.to_string().contains(advice), "{bucket}: {error}");
    }
    let error = open(&moto.url, "versioned", credentials()).put(&key("a"), b"", keep().0).await.unwrap_err();
    assert_eq!(error.blame(), Blame::Operator, "{error}");
}

#[tokio::test]
async fn nobody_listening_is_the_networks_turn_and_nothing_is_lost() {
    let (moto, s3) = stocked().await;
    let port = moto.port();
    drop(moto);
    let error = s3.put(&key("t/h/next"), b"next", keep().0).await.unwrap_err();
    assert_eq!(error.blame(), Blame::Network, "{error}");
    assert!(matches!(s3.check().await, Err(StoreError::Away(_))));
    // Another server at the same place: the same handle goes on.
    let moto = Moto::start_on(port);
    moto.bucket("evidence").await;
    assert_eq!(s3.put(&key("t/h/next"), b"next", keep().0).await.unwrap(), Put::Written);
}

/// The text of an element of an answer.
fn element(text: &str, name: &str) -> String {
    let (_, rest) = text.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("{name}: {text}"));
    rest.split_once('<').unwrap().0.to_owned()
}

#[tokio::test]
async fn our_signature_is_amazons_and_a_wrong_secret_is_the_operators_turn() {
    let moto = Moto::start();
    moto.bucket("evidence").await;
    moto.administer("Action=CreateUser&UserName=hub&Version=2010-05-08").await;
    let policy = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C\
                  %22Action%22%3A%22s3%3A%2A%22%2C%22Resource%22%3A%22%2A%22%7D%5D%7D";
    let attach =
        format!("Action=PutUserPolicy&UserName=hub&PolicyName=p&Version=2010-05-08&PolicyDocument={policy}");
    moto.administer(&attach).await;
    let made = moto.administer("Action=CreateAccessKey&UserName=hub&Version=2010-05-08").await;
    let (id, secret) = (element(&made, "AccessKeyId"), element(&made, "SecretAccessKey"));
    // From here on moto computes every signature itself.
    moto.check_signatures().await;

    let s3 = open(&moto.url, "evidence/hub-1", Credentials::new(id.clone(), secret, None));
    s3.check().await.unwrap();
    let name = key("t/h/signed");
    assert_eq!(s3.put(&name, b"bytes", keep().0).await.unwrap(), Put::Written);
    assert!(matches!(s3.lock(&name).await.unwrap(), Some(Lock::Locked { .. })));
    assert_eq!(s3.oldest(&name).await.unwrap().unwrap(), b"bytes");
    assert_eq!(s3.versions(&key("t/h")).await.unwrap().len(), 1);

    for wrong in [Credentials::new(id, "wrong".to_owned(), None), credentials()] {
        let error = open(&moto.url, "evidence/hub-1", wrong).check().await.unwrap_err();
        assert!(matches!(error, StoreError::Credentials(_)), "{error}");
        assert_eq!(error.blame(), Blame::Operator);
    }
}
