//! What the store answers within one tenant's scope has to do with that tenant, whatever is asked for: properties over drawn fleets and questions.

use contract::attest::{Announced, Attested, Program};
use contract::fact::Word;
use contract::ids::{HostId, TenantId};
use contract::people::Reach;
use proptest::prelude::*;

use super::*;

/// One question or change within a scope, about things that are anybody's.
#[derive(Debug, Clone)]
struct Asked {
    scope: usize,
    host: usize,
    what: u8,
}

const TENANTS: usize = 3;
const HOSTS: usize = 5;

fn asked() -> impl Strategy<Value = Asked> {
    (0..TENANTS, 0..HOSTS, 0..18_u8).prop_map(|(scope, host, what)| Asked { scope, host, what })
}

fn tenant(n: usize) -> TenantId {
    format!("t-{n}").parse().unwrap()
}

fn host(n: usize) -> HostId {
    format!("h-{n}").parse().unwrap()
}

fn software(closure: Option<Word>) -> Attested {
    let agent = Program { version: "1".to_owned().try_into().unwrap(), binary: None };
    Attested { agent, executor: None, closure }
}

/// A fleet in which host `n` is the tenant's that `owners` says, with an incident and an order each.
async fn fleet(store: &Store, authority: &Authority, owners: &[usize]) -> Vec<Digest> {
    let mut certificates = Vec::new();
    for n in 0..TENANTS {
        store.add_tenant(tenant(n), at(0)).await.unwrap();
        store.add_site(Scope::of_a_test(tenant(n)), "main".parse().unwrap(), at(0)).await.unwrap();
    }
    for (n, owner) in owners.iter().enumerate() {
        let holder = Holder { tenant: tenant(*owner), site: "main".parse().unwrap(), host: host(n) };
        let bootstrap = authority.bootstrap(&holder, at(0)).unwrap().issued;
        certificates.push(bootstrap.fingerprint);
        let new = NewHost {
            holder: holder.clone(),
            origin: format!("localhost/h-{n}"),
            token: format!("k-{n}").parse().unwrap(),
            secret: Digest::of(b"secret"),
            token_until: at(900_000),
            bootstrap,
        };
        store.add_host(Scope::of_a_test(tenant(*owner)), new).await.unwrap();
        report(store, &holder, "i-1", at(0)).await;
        heal(store, &holder).await;
        for closure in ["was", "is"] {
            let closure = closure.to_owned().try_into().unwrap();
            store.attest(holder.clone(), software(Some(closure)), at(0)).await.unwrap();
        }
    }
    certificates
}

/// The host's own run healed its incident.
async fn heal(store: &Store, holder: &Holder) {
    use contract::record::{Body, Digests, Ended, Record, Resolution};
    let ended = Ended {
        order: "o-1".parse().unwrap(),
        incident: "i-1".parse().unwrap(),
        control: "a.b".parse().unwrap(),
        resolution: Resolution::Passes(contract::fact::FactValue::Flag(true)),
        resumed: false,
        acted_ms: 1,
        verified_ms: 1,
        counts: vec![],
    };
    let record = Record {
        origin: "localhost/h".to_owned(),
        seq: 0,
        time: at(5),
        clock: contract::time::ClockOffset::Unsynchronised,
        prev: None,
        subject: "order".to_owned(),
        digests: Digests::default(),
        body: Body::Ended(Outcome::Healed, ended),
    };
    let consequences = crate::consequence::of(&record);
    let lesson = Lesson { records: vec![record], received: None };
    store.settle(holder.host.clone(), 1, consequences, lesson).await.unwrap();
}

async fn check(store: &Store, certificates: &[Digest], owners: &[usize], asked: &Asked) {
    let Asked { scope: n, host: of, what } = *asked;
    let scope = Scope::of_a_test(tenant(n));
    let reach = || Scope::of_a_test(Reach::Tenants([tenant(n)].into()));
    let ours = owners[of] == n;
    let mine = |other: &HostId| owners.iter().enumerate().any(|(m, owner)| *owner == n && host(m) == *other);
    let count = owners.iter().filter(|owner| **owner == n).count();
    match what {
        0 => assert_eq!(store.holder(scope, host(of)).await.unwrap().is_some(), ours),
        1 => {
            let incidents = store.incidents(scope, None, 100).await.unwrap();
            assert!(incidents.len() == count && incidents.iter().all(|(_, view)| mine(&view.host)));
        }
        2 => {
            let hosts = store.hosts_within(reach()).await.unwrap();
            assert!(hosts.len() == count && hosts.iter().all(|row| row.holder.tenant == tenant(n)));
        }
        3 => assert_eq!(store.has_log(reach(), format!("localhost/h-{of}")).await.unwrap(), ours),
        4 => {
            let revoked = store.revoke(reach(), certificates[of], at(1)).await.unwrap();
            assert_eq!(revoked.map(|(host, _)| host), ours.then(|| host(of)));
        }
        5 => {
            let logs = store.logs_of(scope).await.unwrap();
            assert!(logs.len() == count && logs.iter().all(|log| log.holder.tenant == tenant(n)));
        }
        6 => {
            let waiting = store.orders_that_wait(scope.clone(), at(1), None, 100).await.unwrap();
            assert!(waiting.iter().all(|(_, waits)| mine(&waits.host)));
            let order = format!("o-{of}").parse().unwrap();
            assert!(ours || store.order_that_waits(scope, order, at(1)).await.unwrap().is_none());
        }
        7 => {
            let order = format!("o-{of}").parse().unwrap();
            let judge = |_: &[u8], _: bool| Err::<Vec<u8>, _>("reached");
            let approved = store.approve(scope, order, at(1), judge).await.unwrap();
            assert!(
                ours || matches!(approved, Err(NotApproved::NotWaiting)),
                "another tenant's order was shown"
            );
        }
        8 => {
            store.set_exceptions(scope, Some(tenant(n).to_string()), at(1)).await.unwrap();
            told(store, owners, n, |said| said.exceptions).await;
        }
        9 => {
            let site = AllowedFor::Site(scope, "main".parse().unwrap());
            store.set_allowlist(site, Some(tenant(n).to_string()), at(1), |_| true).await.unwrap();
            told(store, owners, n, |said| said.allowlist).await;
        }
        10 => {
            let sites = store.fleet(Whose::Reach(reach()), Vec::new(), at(1)).await.unwrap();
            let hosts = sites.iter().flat_map(|site| &site.hosts);
            assert!(sites.iter().all(|site| site.tenant == tenant(n)));
            assert!(hosts.clone().count() == count && hosts.clone().all(|facts| mine(&facts.host)));
        }
        11 => {
            let site = Whose::Site(scope, "main".parse().unwrap());
            let sites = store.fleet(site, Vec::new(), at(1)).await.unwrap();
            assert!(sites.iter().flat_map(|site| &site.hosts).all(|facts| mine(&facts.host)));
        }
        12 => {
            let filter = Filter { host: Some(host(of)), ..Filter::default() };
            let incidents = store.incidents_before(scope, filter, None, 9).await.unwrap();
            assert_eq!(incidents.len(), usize::from(ours), "incidents of {of}");
        }
        13 => {
            let pending = store.pending(reach(), at(1)).await.unwrap();
            assert!(pending.iter().all(|pending| mine(&pending.holder.host)));
        }
        14 => {
            let filter = Filter { host: Some(host(of)), ..Filter::default() };
            let healed = store.healings(scope, filter, 9).await.unwrap();
            assert_eq!(healed.len(), usize::from(ours), "healings of {of}");
        }
        15 => {
            let listed = store.quarantined(scope).await.unwrap();
            assert!(listed.len() <= count && listed.iter().all(|view| mine(&view.host)));
        }
        16 => {
            // What one tenant announces explains nothing at another's.
            let closure: Word = format!("c-{n}").try_into().unwrap();
            store.announce(scope, Announced { closure: closure.clone() }, at(1)).await.unwrap();
            for (m, owner) in owners.iter().enumerate() {
                let holder = Holder { tenant: tenant(*owner), site: "main".parse().unwrap(), host: host(m) };
                let said = software(Some(closure.clone()));
                let known = matches!(store.attest(holder, said, at(1)).await.unwrap(), Attesting::Known);
                assert!(!known || *owner == n, "host {m} of tenant {owner}");
            }
        }
        _ => {
            let actions = serde_json::to_value(store.actions(scope).await.unwrap()).unwrap();
            let told = actions["certificates"].as_array().unwrap();
            assert!(
                told.len() == count
                    && told.iter().all(|c| mine(&c["host"].as_str().unwrap().parse().unwrap()))
            );
        }
    }
}

/// What was set within a scope is said of that tenant's hosts, and of no others.
async fn told(store: &Store, owners: &[usize], n: usize, of: impl Fn(Said) -> Option<String>) {
    for (m, owner) in owners.iter().enumerate() {
        let holder = Holder { tenant: tenant(*owner), site: "main".parse().unwrap(), host: host(m) };
        let said = of(store.said(holder).await.unwrap());
        assert_eq!(
            said == Some(tenant(n).to_string()),
            *owner == n,
            "host {m} of tenant {owner} is told {said:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn within_a_scope_there_is_nothing_of_another_tenant(
        owners in proptest::collection::vec(0..TENANTS, HOSTS),
        questions in proptest::collection::vec(asked(), 1..24),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let store = Store::open(&directory.path().join("hub.db")).unwrap();
            let authority = Authority::create("localhost", at(0)).unwrap();
            let certificates = fleet(&store, &authority, &owners).await;
            for asked in &questions {
                check(&store, &certificates, &owners, asked).await;
            }
        });
    }
}
