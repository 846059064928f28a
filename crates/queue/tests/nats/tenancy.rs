//! One tenant's credentials against everything of another's. The servers keep accounts apart; this tries them, one door after another.

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::{Client, ConnectOptions};
use futures_util::StreamExt as _;
use queue::conformance::limits;
use queue::nats::{Credentials, Key, Nats, NatsError, Servers, hub_user};
use queue::{Limits, Queue as _, Sequence, Subject};
use serde_json::{Value, json};

use crate::now;
use crate::rig::Rigged;
use crate::server::{How, private};

/// Long enough for anything that got through to arrive.
const LISTEN: Duration = Duration::from_millis(500);

/// Somebody in this tenant's account who may do all that an account may: more than the hub's own user there.
async fn intruder(rig: &Rigged, key: &Key) -> Client {
    rig.client(&Rigged::unrestricted(key), LISTEN).await
}

/// What is to stay as it is.
async fn picture(queue: &Nats) -> (Vec<Vec<u8>>, usize, u64) {
    let b = "b".parse().unwrap();
    let kept = queue.replay(&b, Sequence::START, 100).await.unwrap();
    let dead = queue.dead(&b, Sequence::START, 100).await.unwrap().len();
    let depth = queue.depth(&b).await.unwrap();
    (kept.into_iter().map(|kept| kept.body).collect(), dead, depth.pending())
}

async fn put(queue: &Nats, tenant: &str, name: &str) {
    let subject = Subject::new(tenant.parse().unwrap(), "s".parse().unwrap());
    queue
        .publish(subject, name.parse().unwrap(), format!("secret of {tenant}: {name}").into_bytes())
        .await
        .unwrap();
}

/// Everything that can be asked of `JetStream`, by verb, for what `b` has.
fn questions(b: &str, reply: &str) -> Vec<(String, Value)> {
    let mut all = vec![
        ("$JS.API.STREAM.NAMES".to_owned(), json!({})),
        ("$JS.API.STREAM.LIST".to_owned(), json!({})),
        (format!("$JS.API.ACCOUNT.PURGE.{b}"), json!({})),
        (format!("$JS.API.ACCOUNT.STREAM.MOVE.{b}.INCIDENTS"), json!({})),
        (format!("$JS.API.ACCOUNT.STREAM.CANCEL_MOVE.{b}.INCIDENTS"), json!({})),
        ("$JS.API.META.LEADER.STEPDOWN".to_owned(), json!({})),
        ("$JS.API.SERVER.REMOVE".to_owned(), json!({ "peer": "n0" })),
        (reply.to_owned(), json!(null)),
        ("$JS.ACK.INCIDENTS.planner.1.1.1.1.0".to_owned(), json!(null)),
    ];
    for stream in ["INCIDENTS", "DEAD", "RELEASED"] {
        for (verb, body) in [
            ("STREAM.INFO", json!({})),
            ("STREAM.PURGE", json!({})),
            ("STREAM.DELETE", json!({})),
            ("STREAM.MSG.GET", json!({ "seq": 1 })),
            ("STREAM.MSG.DELETE", json!({ "seq": 1 })),
            ("STREAM.SNAPSHOT", json!({ "deliver_subject": "stolen" })),
            ("STREAM.LEADER.STEPDOWN", json!({})),
            ("STREAM.PEER.REMOVE", json!({ "peer": "n0" })),
            ("DIRECT.GET", json!({ "seq": 1 })),
            ("CONSUMER.LIST", json!({})),
            ("CONSUMER.NAMES", json!({})),
        ] {
            all.push((format!("$JS.API.{verb}.{stream}"), body));
        }
        for verb in ["CONSUMER.INFO", "CONSUMER.DELETE", "CONSUMER.MSG.NEXT", "CONSUMER.LEADER.STEPDOWN"] {
            all.push((format!("$JS.API.{verb}.{stream}.planner"), json!({})));
        }
    }
    for request in ["CONNZ", "SUBSZ", "JSZ", "INFO", "CLAIMS.LOOKUP"] {
        all.push((format!("$SYS.REQ.ACCOUNT.{b}.{request}"), json!({})));
    }
    for request in ["STATSZ", "VARZ", "CONNZ", "JSZ", "ACCOUNTZ", "SUBSZ"] {
        all.push((format!("$SYS.REQ.SERVER.PING.{request}"), json!({ "account": b })));
    }
    for request in ["UPDATE", "DELETE", "LIST", "PACK"] {
        all.push((format!("$SYS.REQ.CLAIMS.{request}"), json!({})));
    }
    all
}

/// Does everything that `a` can, and says which questions any answer came to that was no refusal.
async fn attack(rig: &Rigged, queue: &Nats, heard: &mut Vec<String>) -> BTreeSet<String> {
    let (a, b) = (&rig.keys[&"a".parse().unwrap()], rig.keys[&"b".parse().unwrap()].public());
    let client = intruder(rig, a).await;
    let mut ears = Vec::new();
    for subject in [
        ">",
        "tenants.>",
        "tenants.b.>",
        "tenants.*.sites.*.incidents",
        "tenants.b.sites.s.incidents",
        "$JS.>",
        "$JS.API.>",
        "$JS.ACK.>",
        "$JS.EVENT.ADVISORY.>",
        "$SYS.>",
        "$SYS.ACCOUNT.>",
        "_INBOX.>",
        "_R_.>",
        "$JSC.>",
        "$NRG.>",
        "$KV.>",
        "$G.>",
    ] {
        // Some are refused outright; the connection goes on.
        if let Ok(subscriber) = client.subscribe(subject).await {
            ears.push(subscriber);
        }
    }
    client.flush().await.unwrap();
    // B goes about its work meanwhile.
    put(queue, "b", "during").await;
    let delivery = queue.fetch(1).await.unwrap().remove(0);
    let reply = delivery.settled_at().unwrap().to_owned();
    let mut answered = BTreeSet::new();
    for (subject, body) in questions(&b, &reply) {
        let body = if body.is_null() { b"+ACK".to_vec() } else { body.to_string().into_bytes() };
        if let Ok(answer) = client.request(subject.clone(), body.into()).await {
            let text = String::from_utf8_lossy(&answer.payload).into_owned();
            // Servers answer some questions about the account that asks.
            let of_b =
                ["secret of b", b.as_str(), "suture-hub b"].into_iter().find(|of_b| text.contains(of_b));
            assert!(of_b.is_none() || text.contains("\"error\""), "{subject}: {text}");
            if !text.contains("\"error\"") {
                answered.insert(subject);
            }
        }
    }
    // And puts things where B's would be, and a stream over B's subjects.
    client.publish("tenants.b.sites.s.incidents", "forged".into()).await.unwrap();
    client.publish("$JS.API.STREAM.CREATE.STOLEN", json!({ "name": "STOLEN", "subjects": ["tenants.b.>"], "mirror": { "name": "INCIDENTS", "external": { "api": "$JS.API" } } }).to_string().into()).await.unwrap();
    client.flush().await.unwrap();
    queue.release(delivery, Duration::ZERO).await.unwrap();
    put(queue, "b", "after").await;
    for mut ear in ears {
        while let Ok(Some(message)) = tokio::time::timeout(Duration::from_millis(20), ear.next()).await {
            heard.push(format!("{} {}", message.subject, String::from_utf8_lossy(&message.payload)));
        }
    }
    answered
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_credentials_reach_nothing_of_anothers() {
    let mut rig = Rigged::start(1, &How::safe());
    rig.keys.retain(|tenant, _| ["a", "b"].contains(&tenant.as_str()));
    rig.provision(&rig.plan(limits())).await;
    // B's queue alone: what A's account holds is A's own business.
    let queue = rig.queue_of(&["b"], limits()).await;
    for name in ["one", "two"] {
        put(&queue, "b", name).await;
    }
    let before = picture(&queue).await;
    let mut heard = Vec::new();
    let answered = attack(&rig, &queue, &mut heard).await;
    let mut wanted = before.clone();
    wanted.0.extend(["during", "after"].map(|name| format!("secret of b: {name}").into_bytes()));
    wanted.2 += 2;
    // Nothing of it is dead, although it took many leases: what nobody was handed counts for nothing.
    assert_eq!(picture(&queue).await, wanted, "something of B's was changed");
    let of_b: Vec<&String> = heard.iter().filter(|text| text.contains("secret of b")).collect();
    assert_eq!(of_b, Vec::<&String>::new());
    println!("  {} answers that were no refusal, all about A's own account: {answered:?}", answered.len());
    let foreign: Vec<_> = answered
        .iter()
        .filter(|subject| subject.contains(&rig.keys[&"b".parse().unwrap()].public()))
        .collect();
    assert_eq!(foreign, Vec::<&String>::new(), "a question about B's account was answered");
}

/// Why older servers are refused: CVE-2025-30215. Any account may have another one's streams purged away.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_server_lets_one_tenant_destroy_anothers_streams_and_is_refused() {
    let mut rig = Rigged::start(1, &How::old());
    rig.keys.retain(|tenant, _| ["a", "b"].contains(&tenant.as_str()));
    let refused = rig.try_provision(&rig.plan(limits())).await;
    assert!(matches!(refused, Err(NatsError::TooOld(ref version)) if version == "2.9.10"), "{refused:?}");
    rig.settings.age = Servers::AnyForProtocolTestsOnly;
    rig.provision(&rig.plan(limits())).await;
    let queue = rig.queue_of(&["b"], limits()).await;
    put(&queue, "b", "one").await;
    let (a, b) = (&rig.keys[&"a".parse().unwrap()], rig.keys[&"b".parse().unwrap()].public());
    let client = intruder(&rig, a).await;
    let answer = client.request(format!("$JS.API.ACCOUNT.PURGE.{b}"), "".into()).await;
    let answer = answer.map(|answer| String::from_utf8_lossy(&answer.payload).into_owned());
    println!("  2.9.10 answers {answer:?}");
    // It is done beside the answer.
    let mut left = Ok(vec![]);
    for _ in 0..100 {
        left = queue.replay(&"b".parse().unwrap(), Sequence::START, 9).await;
        if left.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("  and B has {left:?}");
    assert!(left.is_err(), "2.9.10 keeps tenants apart after all: say so in docs/nats.md");
    rig.settings.age = Servers::Safe;
    let refused = Nats::open(rig.settings.clone(), limits()).await;
    assert!(matches!(refused, Err(NatsError::TooOld(_))), "{refused:?}");
}

/// The hub's own user in an account is not let do what it need not.
#[tokio::test(flavor = "multi_thread")]
async fn the_hubs_credentials_make_and_remove_no_streams() {
    let rig = Rigged::start(1, &How::safe());
    rig.provision(&rig.plan(limits())).await;
    let a = &rig.keys[&"a".parse().unwrap()];
    let file = hub_user(&"a".parse().unwrap(), a, now()).unwrap().file();
    let client = rig.client(&file, LISTEN).await;
    for subject in [
        "$JS.API.STREAM.DELETE.INCIDENTS",
        "$JS.API.STREAM.UPDATE.INCIDENTS",
        "$JS.API.STREAM.CREATE.MORE",
        "$JS.API.CONSUMER.DELETE.INCIDENTS.planner",
        "$JS.API.STREAM.SNAPSHOT.INCIDENTS",
        "tenants.b.sites.s.incidents",
    ] {
        let answer = client.request(subject, "{}".into()).await;
        assert!(answer.is_err(), "{subject}: {answer:?}");
    }
    let info = client.request("$JS.API.STREAM.INFO.INCIDENTS", "".into()).await.unwrap();
    assert!(String::from_utf8_lossy(&info.payload).contains("\"state\""));
}

/// Who has no certificate that the authority signed gets nowhere, whatever credentials it has; and the other way round.
#[tokio::test(flavor = "multi_thread")]
async fn certificates_and_credentials_are_both_needed() {
    let rig = Rigged::start(1, &How::safe());
    rig.provision(&rig.plan(limits())).await;
    let good = || rig.settings.clone();
    let elsewhere = tempfile::tempdir().unwrap();
    let stranger = crate::server::Certificates::new(elsewhere.path());
    let (certificate, key) = stranger.issue("hub", &["hub.example"]);
    let mut foreign = good();
    (foreign.certificate, foreign.key) = (certificate, key);
    let mut other_authority = good();
    other_authority.authority = stranger.authority.clone();
    for settings in [foreign, other_authority] {
        let refused = Nats::open(settings, limits()).await;
        assert!(matches!(refused, Err(NatsError::Nobody(8, _))), "{refused:?}");
    }
    // Signed by an account that the operator never signed.
    let own = elsewhere.path().join("credentials");
    std::fs::create_dir(&own).unwrap();
    let user = hub_user(&"a".parse().unwrap(), &Key::draw_account(), now()).unwrap();
    private(&own.join("a.creds"), &user.file());
    let mut unknown = good();
    unknown.credentials = own;
    let refused = Nats::open(unknown, limits()).await;
    assert!(matches!(refused, Err(NatsError::Nobody(1, _))), "{refused:?}");
    // No certificate at all, and no TLS at all.
    let text = std::fs::read_to_string(rig.credentials(&"a".parse().unwrap())).unwrap();
    Credentials::parse("a", &text).unwrap();
    let bare = ConnectOptions::with_credentials(&text).unwrap();
    let bare = bare.add_root_certificates(rig.settings.authority.clone());
    assert!(bare.connect(rig.settings.servers.as_slice()).await.is_err());
    let plain = ConnectOptions::with_credentials(&text).unwrap();
    assert!(plain.connect(rig.settings.servers[0].replace("tls:", "nats:")).await.is_err());
    Nats::open(good(), limits()).await.unwrap();
}

/// One tenant that stores all it can stops at its own bound.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_fills_its_account_fills_no_other() {
    let mut rig = Rigged::start(1, &How::safe());
    rig.quota.disk_bytes = 1 << 20;
    rig.provision(&rig.plan(limits())).await;
    let (queue, mut stored) = (rig.queue(Limits { pending_max: 1000, ..limits() }).await, 0);
    let refused = loop {
        let subject = Subject::new("a".parse().unwrap(), "s".parse().unwrap());
        match queue.publish(subject, format!("m{stored}").parse().unwrap(), vec![7; 60_000]).await {
            Ok(_) => stored += 1,
            Err(e) => break e,
        }
        assert!(stored < 50, "nothing stops it");
    };
    println!("  after {stored} messages of 60 kB in an account of 1 MiB: {refused:?}");
    assert!((10..18).contains(&stored), "{stored}");
    put(&queue, "b", "one").await;
}
