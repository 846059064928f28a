//! What only time can show: what ends, what overlaps, what is used up.

use std::path::Path;

use contract::people::{NewKey, NewPerson, Reach, Right, Role, RoleChange};
use contract::time::UtcTime;

use super::super::{Secret, Sort, terms, totp};
use super::*;

fn at(ms: u64) -> UtcTime {
    UtcTime::from_unix_ms(1_800_000_000_000).unwrap().plus_ms(ms)
}

fn secret(sort: Sort, n: u8) -> Secret {
    Secret::of(sort, &[n; 32])
}

async fn with_ada(directory: &Path) -> PeopleStore {
    let store = PeopleStore::open(&directory.join("people.db")).unwrap();
    let invitation = secret(Sort::Invitation, 1).digest();
    store.invite_first(invitation, at(1000)).await.unwrap();
    let ada = || "ada".parse().unwrap();
    assert!(!store.join(invitation, ada(), "x".into(), at(1000)).await.unwrap(), "it had run out");
    assert!(store.join(invitation, ada(), "x".into(), at(999)).await.unwrap());
    assert!(!store.join(invitation, ada(), "x".into(), at(999)).await.unwrap(), "it was used twice");
    store
}

#[tokio::test]
async fn a_session_ends_by_idling_and_by_age() {
    let directory = tempfile::tempdir().unwrap();
    let store = with_ada(directory.path()).await;
    let open = async |n| {
        let digest = secret(Sort::Session, n).digest();
        assert!(store.open_session("ada".parse().unwrap(), "::1".into(), None, digest, at(0)).await.unwrap());
        secret(Sort::Session, n)
    };
    let known = async |s: &Secret, ms| store.who(s, at(ms)).await.unwrap().is_some();
    let idle = open(1).await;
    assert!(known(&idle, terms::IDLE_MS - 1).await);
    assert!(!known(&idle, 2 * terms::IDLE_MS).await, "it idled, and opens");
    let used = open(2).await;
    let mut ms = 0;
    while ms + terms::IDLE_MS / 2 < terms::SESSION_MS {
        ms += terms::IDLE_MS / 2;
        assert!(known(&used, ms).await, "{ms}");
    }
    assert!(!known(&used, terms::SESSION_MS).await, "it is old, and opens");
    assert!(!known(&secret(Sort::Key, 2), 0).await, "a session opened as a key");
}

#[tokio::test]
async fn a_key_has_an_end_and_the_one_before_it_an_overlap() {
    let directory = tempfile::tempdir().unwrap();
    let store = with_ada(directory.path()).await;
    let ada = || "ada".parse().unwrap();
    let id: contract::ids::ApiKeyId = "k-1".parse().unwrap();
    let new = NewKey { reach: Reach::Everywhere, rights: [Right::StatusRead].into(), days: 3 };
    let end = 3 * terms::DAY_MS;
    store.add_key(ada(), id.clone(), secret(Sort::Key, 1).digest(), new, at(end)).await.unwrap();
    let known = async |n, ms| store.who(&secret(Sort::Key, n), at(ms)).await.unwrap().is_some();
    assert!(known(1, end - 1).await && !known(1, end).await);
    let rotate = async |n, ms| {
        store.rotate_key(ada(), id.clone(), secret(Sort::Key, n).digest(), at(ms)).await.unwrap()
    };
    assert_eq!(rotate(2, 0).await, KeyChange::Rotated(at(end), at(terms::OVERLAP_MS)));
    assert!(known(1, terms::OVERLAP_MS - 1).await && known(2, 0).await);
    assert!(!known(1, terms::OVERLAP_MS).await, "the one before opens after the overlap");
    assert_eq!(rotate(3, 1).await, KeyChange::TooSoon(at(terms::OVERLAP_MS)));
    assert_eq!(rotate(3, end).await, KeyChange::Over);
    let other =
        store.rotate_key("eve".parse().unwrap(), id.clone(), secret(Sort::Key, 4).digest(), at(1)).await;
    assert_eq!(other.unwrap(), KeyChange::None);
}

#[tokio::test]
async fn a_key_is_never_worth_more_than_its_owner_is_at_the_time() {
    let directory = tempfile::tempdir().unwrap();
    let store = with_ada(directory.path()).await;
    let eve = || "eve".parse().unwrap();
    let invitation = secret(Sort::Invitation, 2).digest();
    let some = |tenants: &[&str]| Reach::Tenants(tenants.iter().map(|t| t.parse().unwrap()).collect());
    let new = NewPerson { person: eve(), role: Role::Technician, reach: some(&["a", "b"]), until: None };
    store.invite(new, invitation, at(1000)).await.unwrap();
    assert!(!store.is_invited(invitation, "mallory".parse().unwrap(), at(0)).await.unwrap());
    assert!(store.join(invitation, eve(), "x".into(), at(0)).await.unwrap());
    let key = NewKey { reach: some(&["b", "c"]), rights: [Right::StatusRead].into(), days: 1 };
    store
        .add_key(eve(), "k-2".parse().unwrap(), secret(Sort::Key, 9).digest(), key, at(10_000))
        .await
        .unwrap();
    let reach =
        async || store.who(&secret(Sort::Key, 9), at(0)).await.unwrap().map(|who| who.reach().clone());
    assert_eq!(reach().await, Some(some(&["b"])));
    let to = RoleChange { role: Role::Technician, reach: some(&["c"]), until: Some(at(5000)) };
    assert_eq!(store.change_role(eve(), to).await.unwrap(), Changed::Done);
    assert_eq!(reach().await, Some(some(&["c"])));
    assert!(store.who(&secret(Sort::Key, 9), at(5000)).await.unwrap().is_none(), "its owner's time is over");
    assert_eq!(store.disable(eve(), true).await.unwrap(), Changed::Done);
    assert_eq!(reach().await, None);
    assert_eq!(store.disable("ada".parse().unwrap(), true).await.unwrap(), Changed::LastAdmin);
}

#[tokio::test]
async fn a_second_factor_is_asked_for_once_it_counts_and_a_code_works_once() {
    let directory = tempfile::tempdir().unwrap();
    let store = with_ada(directory.path()).await;
    let ada = || "ada".parse().unwrap();
    let factor = vec![7; 20];
    assert!(store.begin_totp(ada(), factor.clone()).await.unwrap());
    let account = async |ms| store.begin_try(ada(), "::1".into(), at(ms)).await.unwrap().unwrap().unwrap();
    assert!(account(0).await.totp.is_none(), "it counts before a code was seen");
    let code = totp::code_for_tests(&factor, at(0));
    assert!(!store.confirm_totp(ada(), "000000".into(), at(0)).await.unwrap());
    assert!(store.confirm_totp(ada(), code.clone(), at(0)).await.unwrap());
    let (kept, step) = account(1).await.totp.unwrap();
    assert_eq!(totp::step_of(&kept, &code, at(1), step), None, "the code works twice");
    let used = at(30_000).unix_seconds() / 30;
    let open = async |n| {
        let digest = secret(Sort::Session, n).digest();
        store.open_session(ada(), "::1".into(), Some(used), digest, at(30_000)).await.unwrap()
    };
    assert!(open(1).await);
    assert!(!open(2).await, "two came in with one code");
    assert!(!store.begin_totp(ada(), factor).await.unwrap(), "a factor that counts was replaced");
}
