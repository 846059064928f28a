//! What has to be seen from inside: the table of routes, and a log that cannot be written.

use std::path::Path;

use contract::people::{Reach, Right, SessionOpened};
use reqwest::{Client, StatusCode};
use serde_json::json;

use super::*;
use crate::config::{Archives, Config, Door, Outside};
use crate::library::Sources;
use crate::people::{Scope, is_about_a_tenant};
use crate::serve::{Running, start};

pub(super) fn config(directory: &Path) -> Config {
    Config {
        directory: directory.to_owned(),
        device: "127.0.0.1:0".parse().unwrap(),
        operator: "127.0.0.1:0".parse().unwrap(),
        door: Door::Loopback,
        oidc: None,
        name: "localhost".parse().unwrap(),
        events: false,
        sources: Sources::default(),
        archives: Archives::default(),
        bounds: crate::config::Bounds::default(),
        alerts: None,
        packets: None,
        typesetter: None,
        alerts_every: std::time::Duration::from_secs(30),
        models: None,
        nats: None,
        collector: None,
        outside: Outside::default(),
    }
}

pub(super) async fn admin(running: &Running) -> (Client, String, String) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().build().unwrap();
    let url = format!("http://{}", running.operator());
    let secret = running.first_run().unwrap().split_once('#').unwrap().1;
    let join = json!({ "secret": secret, "person": "ada", "password": "a password of a test" });
    let opened = client.post(format!("{url}/api/v1/join")).json(&join).send().await.unwrap();
    let opened: SessionOpened = opened.json().await.unwrap();
    (client, url, opened.session)
}

#[test]
fn a_right_that_is_about_a_tenant_stands_on_a_path_that_names_one() {
    for RouteView { method, path, right, summary: _ } in views() {
        let about_a_tenant = right.is_some_and(is_about_a_tenant);
        assert_eq!(path.contains("{tenant}"), about_a_tenant, "{method} {path}");
    }
    let used: Vec<Right> = views().into_iter().filter_map(|view| view.right).collect();
    assert!(Right::ALL.iter().all(|right| used.contains(right)), "a right opens nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_recorded_is_not_done_and_nobody_comes_in() {
    let directory = tempfile::tempdir().unwrap();
    let running = start(&config(directory.path())).await.unwrap();
    let (client, url, session) = admin(&running).await;
    let hub = Arc::clone(running.hub());
    let add = async |tenant: &str| {
        let post = client.post(format!("{url}/api/v1/tenants")).bearer_auth(&session);
        post.json(&json!({ "tenant": tenant })).send().await.unwrap().status()
    };
    assert_eq!(add("before").await, StatusCode::CREATED);
    hub.people.log.close();
    assert_eq!(add("after").await, StatusCode::INTERNAL_SERVER_ERROR);
    let there =
        async |tenant: &str| hub.store.has_tenant(Scope::of_a_test(tenant.parse().unwrap())).await.unwrap();
    assert!(there("before").await && !there("after").await, "it was done all the same");
    let login = json!({ "person": "ada", "password": "a password of a test" });
    let login = client.post(format!("{url}/api/v1/login")).json(&login).send().await.unwrap();
    assert_eq!(login.status(), StatusCode::INTERNAL_SERVER_ERROR);
    // Looking is not recorded, and goes on.
    let status = client.get(format!("{url}/api/v1/status")).bearer_auth(&session).send().await.unwrap();
    assert_eq!(status.status(), StatusCode::OK);
    assert!(hub.store.hosts_within(Scope::of_a_test(Reach::Everywhere)).await.unwrap().is_empty());
    drop(hub);
    running.stop().await;
}

#[test]
fn a_source_of_ipv6_is_a_network_and_one_of_ipv4_an_address() {
    let text = |address: &str| super::Source(address.parse().unwrap()).text();
    assert_eq!(text("2001:db8:1:2:3:4:5:6"), text("2001:db8:1:2:ffff::1"));
    assert_ne!(text("2001:db8:1:2::1"), text("2001:db8:1:3::1"));
    assert_eq!(text("::ffff:192.0.2.1"), "192.0.2.1");
    assert_ne!(text("192.0.2.1"), text("192.0.2.2"));
}
