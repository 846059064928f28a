//! What the store answers within one tenant's scope has to do with that tenant, whatever is asked for: properties over drawn fleets and questions. A scan
//! of the source knows every method that takes a scope, so none is left out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use contract::attest::{Attested, Program};
use contract::fact::Word;
use contract::ids::{HostId, TenantId};
use proptest::prelude::*;
use rusqlite::params;

use super::*;

mod arms;

use arms::{ARMS, Asking};

const TENANTS: usize = 3;
const HOSTS: usize = 5;
/// Far enough for all that waits.
const LATE_MS: u64 = 10 * LIFETIME_MS;

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

/// A fleet in which host `n` is the tenant's that `owners` says, with one of everything each. The bootstrap certificates by host.
async fn fleet(store: &Store, authority: &Authority, owners: &[usize]) -> Vec<Digest> {
    for n in 0..TENANTS {
        let scope = || Scope::of_a_test(tenant(n));
        store.add_tenant(tenant(n), at(0)).await.unwrap();
        for site in ["main".to_owned(), format!("own-{n}")] {
            store.add_site(scope(), site.parse().unwrap(), at(0)).await.unwrap();
        }
        store.propose(scope(), arms::proposal(&format!("x-{n}"))).await.unwrap();
        store.set_exceptions(scope(), Some(tenant(n).to_string()), at(0)).await.unwrap();
        let site = AllowedFor::Site(scope(), "main".parse().unwrap());
        store.set_allowlist(site, Some(tenant(n).to_string()), at(0), |_| true).await.unwrap();
        let alert =
            "INSERT INTO alert (key, kind, tenant, what, since) VALUES (?1, '\"waiting\"', ?1, '', 0)";
        store.run_for_a_test(move |c| c.execute(alert, [tenant(n).as_str()])).await.unwrap();
    }
    let mut certificates = Vec::new();
    for (n, owner) in owners.iter().enumerate() {
        certificates.push(machine(store, authority, n, tenant(*owner)).await);
    }
    certificates
}

/// Host `n`, enrolled: one incident healed, one that waits for people, one for a window, and software that nothing explains.
async fn machine(store: &Store, authority: &Authority, n: usize, tenant: TenantId) -> Digest {
    let holder = Holder { tenant: tenant.clone(), site: "main".parse().unwrap(), host: host(n) };
    let bootstrap = authority.bootstrap(&holder, at(0)).unwrap().issued;
    let fingerprint = bootstrap.fingerprint;
    let (token, secret): (contract::ids::TokenId, _) =
        (format!("k-{n}").parse().unwrap(), Digest::of(b"secret"));
    let new = NewHost {
        holder: holder.clone(),
        origin: format!("localhost/h-{n}"),
        token: token.clone(),
        secret,
        token_until: at(900_000),
        bootstrap,
    };
    store.add_host(Scope::of_a_test(tenant), new).await.unwrap();
    let fresh = authority.bootstrap(&holder, at(0)).unwrap().issued;
    let keys = (Digest::of(b"key"), "a key".to_owned());
    store.enrol(host(n), token, secret, keys, fresh, at(0)).await.unwrap();

    report(store, &holder, "i-1", at(0)).await;
    heal(store, &holder).await;
    let waits = [
        ("a.b", "o", contract::record::WaitingFor::Approval { have: 0, need: 1 }),
        ("w.c", "w", contract::record::WaitingFor::Window { opens: at(1_000 + n as u64) }),
    ];
    for (control, letter, waiting_for) in waits {
        let (incident, id) = (format!("{letter}-of"), format!("{letter}-{n}"));
        let mut found = serde_json::to_value(drift(&incident)).unwrap();
        found["what"]["drift"]["control"] = control.into();
        store.take(holder.clone(), serde_json::from_value(found).unwrap(), at(0)).await.unwrap();
        order(store, &holder, &incident, &id, at(0)).await;
        let waits = Consequence::Waits { order: id.parse().unwrap(), waiting_for, until: at(LATE_MS) };
        store.settle(host(n), 1, vec![waits], Lesson::default()).await.unwrap();
    }
    for closure in ["was", "is"] {
        let closure = closure.to_owned().try_into().unwrap();
        store.attest(holder.clone(), software(Some(closure)), at(0)).await.unwrap();
    }
    let alarm = Alarm { kind: "fork", detail: format!("h-{n}") };
    store.raise(host(n), alarm, at(0)).await.unwrap();
    store.run_for_a_test(move |c| marked(c, n)).await.unwrap();
    let number = i64::try_from(n).unwrap() + 1;
    let call = "INSERT INTO call (number, host, incident, severity, raised, due) VALUES (?1, ?2, 'o-of', '\"low\"', 0, 0)";
    store.run_for_a_test(move |c| c.execute(call, params![number, format!("h-{n}")])).await.unwrap();
    fingerprint
}

/// What only this host's evidence says.
fn marked(c: &rusqlite::Connection, n: usize) -> rusqlite::Result<usize> {
    let (host, control) = (format!("h-{n}"), format!("c.h-{n}"));
    let values = params![host, control, at(0).unix_ms()];
    c.execute(
        "INSERT INTO control VALUES (?1, ?2, 'pass', 0, ?3, 8, ?3, 1, '{\"pass\":{\"flag\":true}}')",
        values,
    )?;
    let said = format!("\"h-{n}\"");
    c.execute("INSERT INTO last_word VALUES (?1, 'mode', 7, ?2, ?3)", params![host, at(0).unix_ms(), said])
}

/// The host's own run healed its incident.
async fn heal(store: &Store, holder: &Holder) {
    use contract::record::{Body, Digests, Ended, Record, Resolution};
    let ended = Ended {
        order: format!("s-{}", holder.host).parse().unwrap(),
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

/// All that is kept of other tenants than this one, row by row.
fn of_others(c: &rusqlite::Connection, owners: &[usize], n: usize) -> rusqlite::Result<BTreeSet<String>> {
    let mut tables =
        c.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")?;
    let tables: Vec<String> = tables.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let hosts: Vec<String> =
        (0..owners.len()).filter(|m| owners[*m] != n).map(|m| host(m).to_string()).collect();
    let (hosts, own) = (serde_json::to_string(&hosts).unwrap(), tenant(n).to_string());
    let mut kept = BTreeSet::new();
    for table in tables {
        let mut columns = c.prepare(&format!("SELECT name FROM pragma_table_info('{table}')"))?;
        let columns: Vec<String> = columns.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let (whose, value) = match ["tenant", "host"].map(|name| columns.iter().any(|column| column == name))
        {
            [true, _] => ("coalesce(tenant, '') != ?1", &own),
            [false, true] => ("host IN (SELECT value FROM json_each(?1))", &hosts),
            [false, false] => continue,
        };
        let mut rows = c.prepare(&format!("SELECT * FROM \"{table}\" WHERE {whose}"))?;
        let line = |row: &rusqlite::Row<'_>| -> rusqlite::Result<String> {
            let values: Vec<String> = (0..columns.len())
                .map(|i| Ok(format!("{:?}", row.get_ref(i)?)))
                .collect::<Result<_, rusqlite::Error>>()?;
            Ok(format!("{table}: {}", values.join(" ")))
        };
        for row in rows.query_map([value], line)? {
            kept.insert(row?);
        }
    }
    Ok(kept)
}

async fn snapshot(store: &Store, owners: &[usize], n: usize) -> BTreeSet<String> {
    let owners = owners.to_vec();
    store.run_for_a_test(move |c| of_others(c, &owners, n)).await.unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn within_a_scope_there_is_nothing_of_another_tenant(
        owners in proptest::collection::vec(0..TENANTS, HOSTS),
        questions in Just((0..ARMS.len()).collect::<Vec<_>>()).prop_shuffle(),
        within in proptest::collection::vec((0..TENANTS, 0..HOSTS), ARMS.len()),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let store = Store::open(&directory.path().join("hub.db")).unwrap();
            let authority = Authority::create("localhost", at(0)).unwrap();
            let certificates = fleet(&store, &authority, &owners).await;
            for (question, (n, of)) in questions.iter().zip(within) {
                let asking = Asking { store: &store, owners: &owners, certificates: &certificates, n, of };
                let before = snapshot(&store, &owners, n).await;
                arms::ask(ARMS[*question], &asking).await;
                let after = snapshot(&store, &owners, n).await;
                assert_eq!(before, after, "{} within t-{n}, about h-{of}, changed what is others'", ARMS[*question]);
            }
        });
    }
}

/// The source below a place, without its tests.
fn sources(below: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("tests") {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
}

/// The names of the functions whose parameters name a scope, by itself or within one of the types that hold one.
fn scoped(text: &str) -> impl Iterator<Item = String> + '_ {
    text.match_indices(" fn ").filter_map(|(at, _)| {
        let rest = &text[at + 4..];
        let end = rest.find(['(', '<'])?;
        let (head, _) = rest.split_once('{')?;
        let parameters = head.split("->").next()?;
        let takes = ["Scope<", "AllowedFor", "Whose"].iter().any(|holds| parameters.contains(holds));
        (takes && parameters.contains("&self,")).then(|| rest[..end].to_owned())
    })
}

#[test]
fn every_method_that_takes_a_scope_has_an_arm() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![];
    sources(&root.join("store"), &mut files);
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    let methods: BTreeSet<String> =
        files.iter().flat_map(|path| scoped(&read(path)).collect::<Vec<_>>()).collect();
    let arms: BTreeSet<String> = ARMS.iter().map(|arm| (*arm).to_owned()).collect();
    assert_eq!(methods, arms, "on the left what takes a scope, on the right what is asked");
    let asked =
        ["arms.rs", "arms/calls.rs"].map(|file| read(&root.join("store/tests/scopes").join(file))).concat();
    for arm in &arms {
        assert!(asked.contains(&format!("store.{arm}(")), "the arm {arm} does not ask {arm}");
    }
    // So are packets.
    let packets: BTreeSet<String> = scoped(&read(&root.join("packets/store.rs"))).collect();
    let asked = read(&root.join("packets/store/tests.rs"));
    assert!(
        packets.len() >= 7 && packets.iter().all(|one| asked.contains(&format!("kept.{one}("))),
        "{packets:?}"
    );
    // Kits are in a database of their own, whose own tests ask for all of these.
    let kits: BTreeSet<String> = scoped(&read(&root.join("kit/exports.rs"))).collect();
    let asked = read(&root.join("kit/exports/tests.rs"));
    assert!(kits.len() >= 3 && kits.iter().all(|kit| asked.contains(&format!("exports.{kit}("))), "{kits:?}");
}
