//! What the tests are given: a machine, requests, records and an extension that counts.

use std::collections::BTreeSet;

use contract::ids::OrderId;
use contract::runbook::{Catalogue, CatalogueFile};
use contract::time::MonoNs;
use policy::token::{Mint, Process, Token};
use policy::{
    Actor, Allowed, Answer, Ask, CanonicalPath, Decision, DecisionRecord, Engine, Extension, ExtensionFault,
    InForce, Measures, Operation, Policy, Presented, Protected, Reason, Recorded, Request, Resource, Role,
    UnitName, Verbs,
};

pub(crate) const NOW: MonoNs = MonoNs(1_000_000_000_000);
pub(crate) const RUNBOOK: &str = "RB-SERVICE-001-restart";

pub(crate) fn verbs() -> Verbs {
    Verbs::of(&["unit.restart", "file.restore", "sysctl.set", "files.prune", "command.run"]).unwrap()
}

pub(crate) fn path(text: &str) -> CanonicalPath {
    CanonicalPath::try_from(text).unwrap()
}

pub(crate) fn protected() -> Protected {
    let paths = [
        ("/etc/suture/policy.yaml", Role::Policy),
        ("/var/lib/suture/evidence", Role::Evidence),
        ("/var/lib/suture", Role::State),
        ("/var/lib/suture/keys", Role::Keys),
        ("/usr/bin/suture-executor", Role::Executor),
    ];
    let paths = paths.into_iter().map(|(text, role)| (path(text), role)).collect();
    Protected::new(paths, vec![UnitName::try_from("suture-executor.service").unwrap()]).unwrap()
}

pub(crate) fn policy_of(rules: &str) -> Policy {
    let text = format!("policy: 1\nname: test\nrules:{}", if rules.is_empty() { " []\n" } else { rules });
    Policy::parse("test.yaml", &text, &verbs()).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

/// One rule in short: its id, what it matches, what it answers, and what it excepts.
pub(crate) fn rule(id: &str, matches: &str, answer: &str, except: &[&str]) -> String {
    let except = match except {
        [] => String::new(),
        some => {
            format!(
                "\n    except: [{}]",
                some.iter().map(|e| format!("{{ {e} }}")).collect::<Vec<_>>().join(", ")
            )
        }
    };
    format!("\n  - id: {id}\n    match: {{ {matches} }}{except}\n    answer: {answer}\n    why: a test\n")
}

pub(crate) fn engine_of(policy: Policy) -> Engine {
    let digest = policy.digest();
    Engine::new(InForce::of(policy, Some(digest), None).unwrap(), protected())
}

pub(crate) fn engine(rules: &[String]) -> Engine {
    engine_of(policy_of(&rules.concat()))
}

/// An engine for one verb.
pub(crate) fn engine_knowing(verb: &str, rule: &str) -> Engine {
    let text = format!("policy: 1\nname: test\nrules:{rule}");
    engine_of(Policy::parse("test.yaml", &text, &Verbs::of(&[verb]).unwrap()).unwrap())
}

pub(crate) fn ask(verb: &str, operation: Operation, resource: Resource) -> Request {
    Request {
        verb: verb.try_into().unwrap(),
        operation,
        resource,
        runbook: RUNBOOK.parse().unwrap(),
        actor: Actor::Hub,
        tags: BTreeSet::new(),
        measures: Measures::default(),
    }
}

/// `unit.restart` of a unit.
pub(crate) fn restart(unit: &str) -> Request {
    ask("unit.restart", Operation::Control, Resource::Unit(unit.try_into().unwrap()))
}

/// `files.prune` of a path.
pub(crate) fn prune(text: &str) -> Request {
    ask("files.prune", Operation::Delete, Resource::Path(path(text)))
}

/// A log that keeps what it is told in memory.
#[derive(Debug, Clone)]
pub(crate) struct Written(pub(crate) DecisionRecord);

impl Recorded for Written {
    fn holds(&self, decision: &DecisionRecord) -> bool {
        self.0 == *decision
    }
}

pub(crate) fn recorded<'a>(pending: policy::Pending<'a, '_>) -> (Decision<'a>, DecisionRecord) {
    let mut kept = None;
    let decision = pending
        .open(|record| {
            kept = Some(record.clone());
            Ok::<_, std::io::Error>(Written(record.clone()))
        })
        .unwrap();
    (decision, kept.unwrap())
}

/// Answer and reasons, in short.
pub(crate) fn answer(engine: &Engine, request: &Request) -> (Answer, Vec<Reason>) {
    let (decision, record) = recorded(engine.decide(Ask::plain(request, NOW)));
    assert_eq!(decision.answer(), record.answer);
    (record.answer, record.reasons)
}

pub(crate) fn rules_named(reasons: &[Reason]) -> Vec<String> {
    reasons.iter().map(|r| if let Reason::Rule(id) = r { id.to_string() } else { r.to_string() }).collect()
}

/// An extension that answers one thing and counts.
#[derive(Debug)]
pub(crate) struct Counting {
    pub(crate) says: Result<&'static str, ExtensionFault>,
    pub(crate) asked: usize,
    pub(crate) restarted: usize,
}

impl Counting {
    pub(crate) fn saying(says: Result<&'static str, ExtensionFault>) -> Self {
        Self { says, asked: 0, restarted: 0 }
    }
}

impl Extension for Counting {
    fn ask(&mut self, _: &Request) -> Result<Vec<u8>, ExtensionFault> {
        self.asked += 1;
        self.says.map(|text| text.as_bytes().to_vec())
    }
    fn restart(&mut self) {
        self.restarted += 1;
    }
}

pub(crate) fn with_extension(
    engine: &Engine,
    request: &Request,
    extension: &mut Counting,
) -> (Answer, Vec<Reason>) {
    let ask = Ask { request, now: NOW, token: None, extension: Some(extension) };
    let (_, record) = recorded(engine.decide(ask));
    (record.answer, record.reasons)
}

pub(crate) const EXECUTOR: Process = Process { pid: 1, started_ticks: 10, pidfd_inode: 100 };
pub(crate) const STEP: Process = Process { pid: 2, started_ticks: 20, pidfd_inode: 200 };

pub(crate) fn run() -> OrderId {
    "order-1".parse().unwrap()
}

pub(crate) fn mint() -> Mint {
    Mint::new([7; 32], EXECUTOR)
}

/// The shipped runbooks.
pub(crate) fn catalogue() -> Catalogue {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runbooks");
    let files = std::fs::read_dir(directory).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        CatalogueFile { file, text: std::fs::read_to_string(&path).unwrap() }
    });
    Catalogue::parse(&Catalogue::bundle(files.collect()).unwrap()).unwrap()
}

/// A request that the first step of the first shipped runbook could make, and an engine whose one rule allows it.
pub(crate) fn approved_step(catalogue: &Catalogue) -> (Request, Engine) {
    let runbook = &catalogue.iter().next().unwrap().runbook;
    let verb = runbook.steps[0].verb().to_string();
    let mut request = ask(&verb, Operation::Write, Resource::Path(path("/srv/app/state")));
    request.runbook = runbook.id.clone();
    let rule = rule("allow-app", &format!("verbs: [{verb}], paths: [/srv/app/**]"), "allow", &[]);
    let engine = engine_knowing(&verb, &rule);
    (request, engine)
}

pub(crate) fn allowed<'a>(engine: &'a Engine, request: &'a Request) -> Allowed<'a> {
    match recorded(engine.decide(Ask::plain(request, NOW))).0 {
        Decision::Allow(allowed) => allowed,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn shown<'a>(mint: &'a mut Mint, token: &'a Token, run: &'a OrderId) -> Presented<'a> {
    Presented { mint, token, bearer: STEP, run }
}
