//! How long a decision takes at 1, 100 and 10 000 rules, and a check of a token: `cargo bench -p policy`.
//!
//! The rules are of one verb, which is the worst that the first index can be given. `spread` has one resource each; `crowded` names one of twenty
//! runbooks and one of five tags and no resource; `deep` are subtrees, asked with a path of ten names.
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion's macros make items without documentation")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::hint::black_box;

use contract::ids::OrderId;
use contract::runbook::{Catalogue, CatalogueFile};
use contract::time::MonoNs;
use criterion::{Criterion, criterion_group, criterion_main};
use policy::token::{Mint, Minting, Process, Token};
use policy::{
    Actor, Allowed, Ask, CanonicalPath, Decision, DecisionRecord, Engine, InForce, Measures, Operation,
    Policy, Protected, Recorded, Request, Resource, Role, Verbs,
};

fn engine(verb: &str, matches: impl Fn(usize) -> String, rules: usize) -> Engine {
    let mut text = "policy: 1\nname: bench\nrules:\n".to_owned();
    for n in 0..rules {
        let answer = if n % 3 == 2 { "require_review" } else { "allow" };
        let matches = matches(n);
        write!(
            text,
            "  - id: r{n}\n    match: {{ verbs: [{verb}], {matches} }}\n    answer: {answer}\n    why: bench\n"
        )
        .unwrap();
    }
    let policy = Policy::parse("bench.yaml", &text, &Verbs::of(&[verb, "file.restore"]).unwrap()).unwrap();
    let digest = policy.digest();
    let own = |text: &str| CanonicalPath::try_from(text).unwrap();
    let paths = vec![
        (own("/etc/suture/policy.yaml"), Role::Policy),
        (own("/var/lib/suture/evidence"), Role::Evidence),
        (own("/var/lib/suture"), Role::State),
        (own("/var/lib/suture/keys"), Role::Keys),
        (own("/usr/bin/suture-executor"), Role::Executor),
    ];
    let protected = Protected::new(paths, vec!["suture-executor.service".try_into().unwrap()]).unwrap();
    Engine::new(InForce::of(policy, Some(digest), None).unwrap(), protected)
}

fn request(verb: &str, operation: Operation, resource: Resource) -> Request {
    Request {
        verb: verb.try_into().unwrap(),
        operation,
        resource,
        runbook: "RB-BENCH-7-x".parse().unwrap(),
        actor: Actor::Hub,
        tags: BTreeSet::from(["t3".try_into().unwrap()]),
        measures: Measures::default(),
    }
}

fn decisions(c: &mut Criterion) {
    let unit = |n: usize| format!("units: [app-{n}.service]");
    let crowd = |n: usize| format!("runbooks: [RB-BENCH-{}-x], tags: [t{}]", n % 20, n % 5);
    let tree = |n: usize| format!("paths: [/srv/a/b/c/d/e/f/g/d{n}/**]");
    for rules in [1, 100, 10_000] {
        let cases = [
            (
                "spread",
                engine("unit.restart", unit, rules),
                request(
                    "unit.restart",
                    Operation::Control,
                    Resource::Unit("app-0.service".try_into().unwrap()),
                ),
            ),
            (
                "crowded",
                engine("unit.restart", crowd, rules),
                request(
                    "unit.restart",
                    Operation::Control,
                    Resource::Unit("app-0.service".try_into().unwrap()),
                ),
            ),
            (
                "deep",
                engine("files.prune", tree, rules),
                request(
                    "files.prune",
                    Operation::Delete,
                    Resource::Path(CanonicalPath::try_from("/srv/a/b/c/d/e/f/g/d0/file").unwrap()),
                ),
            ),
        ];
        for (name, engine, request) in &cases {
            c.bench_function(&format!("decide/{name}/{rules}"), |b| {
                b.iter(|| black_box(engine.decide(Ask::plain(black_box(request), MonoNs(1)))));
            });
        }
    }
}

struct Written(DecisionRecord);

impl Recorded for Written {
    fn holds(&self, decision: &DecisionRecord) -> bool {
        self.0 == *decision
    }
}

fn tokens(c: &mut Criterion) {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runbooks");
    let files = std::fs::read_dir(directory).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        CatalogueFile { file, text: std::fs::read_to_string(&path).unwrap() }
    });
    let catalogue = Catalogue::parse(&Catalogue::bundle(files.collect()).unwrap()).unwrap();
    let runbook = &catalogue.iter().next().unwrap().runbook;
    let verb = runbook.steps[0].verb().to_string();
    let resource = Resource::Path(CanonicalPath::try_from("/srv/app/state").unwrap());
    let mut request = request(&verb, Operation::Write, resource);
    request.runbook = runbook.id.clone();
    let engine = engine(&verb, |_| "paths: [/srv/app/**]".to_owned(), 1);
    let allowed: Allowed<'_> = match engine
        .decide(Ask::plain(&request, MonoNs(1)))
        .open(|record| Ok::<_, std::io::Error>(Written(record.clone())))
        .unwrap()
    {
        Decision::Allow(allowed) => allowed,
        Decision::Review(_) | Decision::Deny(_) => unreachable!("the one rule allows it"),
    };
    let executor = Process { pid: 1, started_ticks: 1, pidfd_inode: 1 };
    let bearer = Process { pid: 2, started_ticks: 2, pidfd_inode: 2 };
    let run: OrderId = "order-1".parse().unwrap();
    let mut mint = Mint::new([7; 32], executor);
    let allowed = [allowed];
    let mut token = None;
    // As many as may live at a time.
    for _ in 0..1024 {
        let minting = Minting {
            asker: executor,
            catalogue: &catalogue,
            run: &run,
            step: 0,
            allowed: &allowed,
            bearer,
            operations: 2,
            life_ns: 1_000_000_000,
            now: MonoNs(1),
        };
        token = Some(mint.mint(&minting).unwrap());
    }
    let token = token.unwrap();
    let forged = |at: usize| {
        let mut bytes = *token.secret_bytes();
        bytes[at] ^= 1;
        Token::from_bytes(bytes)
    };
    let (first, mac, last) = (forged(0), forged(8), forged(Token::BYTES - 1));
    for (name, token) in [
        ("genuine", &token),
        ("forged in its first byte", &first),
        ("forged in the MAC's first byte", &mac),
        ("forged in its last byte", &last),
    ] {
        c.bench_function(&format!("token/{name}"), |b| {
            b.iter(|| black_box(mint.fault(black_box(token), bearer, &run, &request, MonoNs(2))));
        });
    }
}

criterion_group!(benches, decisions, tokens);
criterion_main!(benches);
