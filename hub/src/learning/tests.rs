use contract::decision::{Asked, Choice, Decision, Provenance};
use contract::digest::Digest;
use contract::incident::{Incident, What};
use contract::outcome::Outcome;
use contract::runbook::Catalogue;
use identity::{Authority, Holder};
use planner::learn::stage::NotTaken;
use rusqlite::params;

use super::*;
use crate::library::{Library, Sources};
use crate::people::Scope;
use crate::planning::{Comes, Thought};
use crate::store::{Looked, NewHost, NewOrder, Store};

const MODEL: &str = "small";

fn at(ms: u64) -> UtcTime {
    UtcTime::from_unix_ms(1_800_000_000_000).unwrap().plus_ms(ms)
}

/// A hub's parts whose table has no rule for `ssh.root-login`, and machines at two sites.
struct Rig {
    _directory: tempfile::TempDir,
    store: Store,
    library: Arc<Library>,
    tables: Tables,
    runs: u64,
}

/// The shipped table without the rule that names the control.
fn without_ssh() -> Library {
    let library = Library::read(&Sources::default()).unwrap();
    let retire = planner::learn::Retire {
        rule: RuleId::try_from("ssh-log-in".to_owned()).unwrap(),
        figures: Figures::default(),
    };
    let (rules_text, rules) = retire.carried_out("shipped", &library.rules_text).unwrap();
    Library { rules, rules_text, ..library }
}

impl Rig {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("hub.db")).unwrap();
        let authority = Authority::create("localhost", at(0)).unwrap();
        store.add_tenant("clinic".parse().unwrap(), at(0)).await.unwrap();
        for site in ["main", "annex"] {
            let scope = || Scope::of_a_test("clinic".parse().unwrap());
            store.add_site(scope(), site.parse().unwrap(), at(0)).await.unwrap();
            let holder = holder(site);
            let bootstrap = authority.bootstrap(&holder, at(0)).unwrap().issued;
            let new = NewHost {
                origin: format!("localhost/{}", holder.host),
                holder,
                token: format!("k-{site}").parse().unwrap(),
                secret: Digest::of(b"secret"),
                token_until: at(900_000),
                bootstrap,
            };
            store.add_host(scope(), new).await.unwrap();
        }
        let library = Arc::new(without_ssh());
        let tables = Tables::new(&library, &[]);
        Self { _directory: directory, store, library, tables, runs: 0 }
    }

    fn parts(&self) -> Parts<'_> {
        Parts { store: &self.store, library: &self.library, tables: &self.tables }
    }

    /// One incident of `ssh.root-login` at a site, decided so, whose order ended so.
    async fn ran(&mut self, site: &str, by: Provenance, outcome: Outcome, ms: u64) {
        self.runs += 1;
        let (n, holder) = (self.runs, holder(site));
        let (fact, observed) = ("sshd:permitrootlogin".parse().unwrap(), FactValue::Flag(false));
        let what = What::Drift { control: "ssh.root-login".parse().unwrap(), fact, observed };
        let incident = Incident { incident: format!("i-{n}").parse().unwrap(), found: at(ms), what };
        self.store.take(holder.clone(), incident.clone(), at(ms)).await.unwrap();
        let order: contract::ids::OrderId = format!("o-{n}").parse().unwrap();
        let new = NewOrder { id: order.clone(), expires: at(ms + 1_000), envelope: vec![1] };
        let choice = Choice::Run("RB-SSH-001-log-in".parse().unwrap());
        let comes = Comes::Decided(Decision { choice, provenance: by }, Some(new));
        let decide = |_: &planner::Case, _| Ok(Thought { comes, why: String::new(), line: "{}".to_owned() });
        let looked = Looked { now: at(ms), hears_since: at(ms) };
        self.store.decide(holder.clone(), incident.incident.clone(), looked, decide).await.unwrap();
        let said = serde_json::json!({ "ended": { "outcome": outcome, "acted_ms": 1, "verified_ms": 1 } })
            .to_string();
        let sql =
            "INSERT INTO moment (host, record, at, said, order_id, incident) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let closed = "UPDATE incident SET closed = 1, state = json_object('closed', json_object('record', ?3)) WHERE host = ?1 AND incident = ?2";
        let record = i64::try_from(n).unwrap();
        let done = self.store.run_for_a_test(move |c| {
            let (host, incident) = (holder.host.as_str(), incident.incident.as_str());
            c.execute(sql, params![host, record, at(ms + 1).unix_ms(), said, order.as_str(), incident])?;
            c.execute(closed, params![host, incident, record])
        });
        assert_eq!(done.await.unwrap(), 1);
    }

    async fn stands(&self) -> Vec<&'static str> {
        let stages = self.store.learnt().await.unwrap().into_iter().map(|kept| stage(&kept).unwrap().stage);
        stages
            .map(|stage| match stage {
                Stage::Proposed(_) | Stage::Approved(_) => "proposed",
                Stage::Canary(_) => "canary",
                Stage::Everywhere(_) => "everywhere",
                Stage::Retired(_) => "retired",
            })
            .collect()
    }

    /// What the table in force at a site says of the control.
    fn says(&self, site: &str) -> Option<RunbookId> {
        let table = self.tables.of(&"clinic".parse().unwrap(), &site.parse().unwrap());
        let what = What::Drift {
            control: "ssh.root-login".parse().unwrap(),
            fact: "sshd:permitrootlogin".parse().unwrap(),
            observed: FactValue::Flag(false),
        };
        let Library { baseline, catalogue, .. } = &*self.library;
        let catalogue: &Catalogue = catalogue;
        let knowledge = Knowledge { rules: &table.rules, baseline, catalogue };
        match planner::plan(&what, None, &knowledge).choice {
            Choice::Run(runbook) => Some(runbook),
            Choice::Escalate(_) => None,
        }
    }
}

fn holder(site: &str) -> Holder {
    Holder {
        tenant: "clinic".parse().unwrap(),
        site: site.parse().unwrap(),
        host: format!("h-{site}").parse().unwrap(),
    }
}

fn by_model() -> Provenance {
    let (table, prompt) = (Digest::of(b"table"), Digest::of(b"prompt"));
    Provenance::Model(Asked {
        table,
        model: MODEL.parse().unwrap(),
        prompt,
        answer: None,
        confidence: Some(90),
    })
}

fn by_rule(rule: &str) -> Provenance {
    Provenance::Rules { table: Digest::of(b"table"), rule: Some(rule.to_owned()) }
}

fn place(site: &str) -> Place {
    Place { tenant: "clinic".parse().unwrap(), site: site.parse().unwrap() }
}

#[tokio::test]
async fn a_models_pick_that_keeps_healing_becomes_a_rule_by_a_person_on_one_site_first() {
    let mut rig = Rig::new().await;
    for n in 0..4 {
        rig.ran("main", by_model(), Outcome::Healed, n * 10_000).await;
    }
    look(&rig.parts(), at(50_000)).await.unwrap();
    assert!(rig.stands().await.is_empty(), "four at one site are no rule");
    rig.ran("annex", by_model(), Outcome::Healed, 60_000).await;
    look(&rig.parts(), at(70_000)).await.unwrap();
    look(&rig.parts(), at(80_000)).await.unwrap();
    assert_eq!(rig.stands().await, ["proposed"], "once");
    assert_eq!((rig.says("main"), rig.says("annex")), (None, None), "nothing changes by itself");

    let jane = || "jane".parse().unwrap();
    let approved = approve(&rig.parts(), 1, jane(), None, at(90_000)).await;
    assert!(matches!(approved, Err(NotApproved::Where)), "{approved:?}");
    approve(&rig.parts(), 1, jane(), Some(place("main")), at(90_000)).await.unwrap();
    assert_eq!(rig.stands().await, ["canary"]);
    assert!(rig.says("main").is_some() && rig.says("annex").is_none(), "it is tried on one site");
    let again = approve(&rig.parts(), 1, jane(), Some(place("annex")), at(90_001)).await;
    assert!(matches!(again, Err(NotApproved::NotTaken(NotTaken::OutOfTurn))), "{again:?}");

    let rule = rule_of(&rig.store.learnt().await.unwrap()[0].said.proposal).to_string();
    for n in 0..5 {
        rig.ran("main", by_rule(&rule), Outcome::Healed, 100_000 + n * 10_000).await;
    }
    look(&rig.parts(), at(200_000)).await.unwrap();
    assert_eq!(rig.stands().await, ["everywhere"]);
    assert!(rig.says("annex").is_some());
    // A start comes to the same tables.
    let anew = Tables::new(&rig.library, &standing(&rig.store).await.unwrap());
    assert_eq!(anew.everywhere(), rig.tables.everywhere());

    for n in 0..5 {
        rig.ran("annex", by_rule(&rule), Outcome::Reverted, 300_000 + n * 10_000).await;
    }
    look(&rig.parts(), at(400_000)).await.unwrap();
    assert_eq!(rig.stands().await, ["everywhere"], "one site takes it from no other");
    rig.ran("main", by_rule(&rule), Outcome::Reverted, 410_000).await;
    look(&rig.parts(), at(420_000)).await.unwrap();
    assert_eq!(rig.stands().await, ["retired"], "it does worse, and goes by itself");
    assert_eq!((rig.says("main"), rig.says("annex")), (None, None));
}

#[tokio::test]
async fn a_rule_that_keeps_failing_is_proposed_to_go_and_goes_by_a_person() {
    let mut rig = Rig::new().await;
    let rule = "ssh-settings";
    for n in 0..10 {
        rig.ran("main", by_rule(rule), Outcome::Reverted, n * 10_000).await;
    }
    look(&rig.parts(), at(200_000)).await.unwrap();
    assert_eq!(rig.stands().await, ["proposed"]);
    let is_there = |rig: &Rig| rig.tables.everywhere().text.contains("id: ssh-settings");
    assert!(is_there(&rig));
    approve(&rig.parts(), 1, "jane".parse().unwrap(), None, at(210_000)).await.unwrap();
    assert_eq!(rig.stands().await, ["retired"]);
    assert!(!is_there(&rig), "the rule still holds");
}
