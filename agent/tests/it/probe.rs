//! What only root can see: the executor looks, the agent finds.

use std::time::Duration;

use agent::config::HubUrl;
use agent::deliver::{Incidents, Pinned};
use agent::executor::{Seat, channel, converse};
use agent::hub::Hub;
use agent::in_force::InForce;
use agent::look::{Eyes, Looker};
use agent::observe::{Parts, observe};
use agent::outbox::Outbox;
use agent::ship::{Shipping, ship};
use agent::site::{Places, read_identity, read_tls};
use contract::baseline::{Baseline, Users};
use contract::exception::Exceptions;
use contract::fact::{Absence, FactSet, FactValue};
use contract::finding::Verdict;
use edge::trace::Tracer;
use tokio::sync::mpsc;

use crate::rig::executor::FakeExecutor;
use crate::rig::hub::FakeHub;
use crate::rig::machine::Machine;
use crate::rig::until;

const BASELINE: &str = "name: test
version: 1
controls:
  - id: accounts.empty-passwords
    title: Nobody has an empty password
    area: accounts
    observe: accounts:empty_passwords
    expect: { equals: 0 }
    severity: high
    citations: [\"164.312(c)(1)\"]
    why: Made for a test.
    nixos: { none: 'made here' }
  - id: sudo.log
    title: What sudo does is logged
    area: accounts
    observe: sudo:logs
    expect: { flag: true }
    severity: high
    citations: [\"164.312(c)(1)\"]
    why: Made for a test.
    nixos: { none: 'made here' }
  - id: files.shadow
    title: The passwords are closed to others
    area: files
    observe: path:/srv/x
    expect: { permissions: { kind: file, mode_within: \"0600\", owner: root } }
    severity: high
    citations: [\"164.312(c)(1)\"]
    why: Made for a test.
    nixos: { none: 'made here' }
";

#[tokio::test]
async fn what_needs_root_is_seen_by_the_executor_and_nothing_else_is_asked_of_it() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    let baseline = Baseline::parse("b.yaml", BASELINE).unwrap();
    let ids = baseline.facts();
    let mut recorded = FactSet::default();
    for id in &ids {
        recorded.insert(id.clone(), Err(Absence::NeedsRoot));
    }
    let socket = machine.socket();
    let fake = FakeExecutor::start(&socket, "h-1", || ());
    // It sees one of the two, and tells of a third that nobody asked for.
    fake.with(|s| {
        s.sees.insert(ids[0].clone(), Ok(FactValue::Number(2)));
        s.sees.insert(ids[2].clone(), Ok(FactValue::Number(0)));
    });
    let uid = rustix::process::geteuid().as_raw();
    let (executor, questions) = channel();
    let seat = Seat { socket, uid, host: "h-1".parse().unwrap() };
    let talking = tokio::spawn(converse(seat, questions, |_| ()));
    let outbox = Outbox::open(&machine.path("outbox"), 1 << 20, edge::clock::utc()).unwrap();
    let tracer = Tracer::new(false);
    let shipping = Shipping::default();
    let places = Places::of(&machine.path("agent"));
    let identity = read_identity(&places).unwrap();
    let tls = read_tls(&places, &identity).unwrap();
    let to_hub = Hub::new(HubUrl::try_from(hub.url.clone()).unwrap(), tls, None).unwrap();
    let shipped = tokio::spawn(ship(shipping.clone(), executor.clone(), to_hub, tracer, Duration::ZERO));
    let parts = Parts {
        in_force: InForce::new(Looker {
            baseline,
            exceptions: Exceptions::default(),
            users: Users::one(uid),
            eyes: Eyes::Recorded(recorded),
        }),
        executor,
        incidents: Incidents::new(outbox, tracer, Pinned::of(&identity)),
        shipping,
        open: machine.path("open.json"),
        rescan: Duration::from_secs(3600),
        tracer,
    };
    let (_news, heard) = mpsc::channel(1);
    let observing = tokio::spawn(observe(parts, heard));
    let (_, findings) = until("the findings", || fake.with(|s| s.findings.first().cloned())).await;
    let verdicts: Vec<_> = findings.into_iter().map(|f| f.verdict).collect();
    let hidden = Verdict::NotAssessed(Absence::NeedsRoot);
    assert_eq!(verdicts, [Verdict::Fail(FactValue::Number(2)), hidden.clone(), hidden]);
    assert_eq!(fake.with(|s| s.probed.clone()), ids[..2]);
    observing.abort();
    shipped.abort();
    talking.abort();
}
