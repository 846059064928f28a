//! Three servers, of which one is killed, and one is cut off from the network.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use queue::conformance::limits;
use queue::{Limits, Queue as _};

use crate::bad_days::{kept, publish_until_answered};
use crate::rig::Rigged;
use crate::server::{How, Seat};

fn ip(words: &str) {
    let done = Command::new("ip").args(words.split(' ')).output().unwrap();
    assert!(done.status.success(), "ip {words}: {}", String::from_utf8_lossy(&done.stderr));
}

/// A network of three machines and the hub's, each machine a network namespace with one cable.
struct Network {
    id: u32,
}

impl Network {
    fn new() -> Self {
        let id = std::process::id() % 60_000;
        let network = Self { id };
        ip(&format!("link add sq{id} type bridge"));
        ip(&format!("addr add {}/24 dev sq{id}", network.address(254)));
        ip(&format!("link set sq{id} up"));
        for machine in 0..3 {
            let (space, cable) = (network.space(machine), network.cable(machine));
            ip(&format!("netns add {space}"));
            ip(&format!("link add {cable} type veth peer name eth0 netns {space}"));
            ip(&format!("link set {cable} master sq{id} up"));
            ip(&format!("-n {space} addr add {}/24 dev eth0", network.address(machine + 1)));
            ip(&format!("-n {space} link set eth0 up"));
            ip(&format!("-n {space} link set lo up"));
        }
        network
    }

    fn address(&self, host: usize) -> String {
        format!("10.{}.{}.{host}", 64 + self.id / 256 % 64, self.id % 256)
    }

    fn space(&self, machine: usize) -> String {
        format!("sq{}-{machine}", self.id)
    }

    fn cable(&self, machine: usize) -> String {
        format!("sqv{}-{machine}", self.id)
    }

    fn cut(&self, machine: usize) {
        ip(&format!("link set {} down", self.cable(machine)));
    }

    fn mend(&self, machine: usize) {
        ip(&format!("link set {} up", self.cable(machine)));
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for machine in 0..3 {
            let _ = Command::new("ip").args(["netns", "del", &self.space(machine)]).status();
        }
        let _ = Command::new("ip").args(["link", "del", &format!("sq{}", self.id)]).status();
    }
}

/// Publishes and works off all the time while one server is killed and, later, another one is cut off.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_of_which_one_is_killed_and_then_one_is_cut_off_lose_and_double_nothing() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not run: only root can make network namespaces");
        return;
    }
    let network = Network::new();
    let seat = |n: usize| Seat { address: network.address(n + 1), port: 4222, routes: 6222 };
    let mut rig = Rigged::new(&[seat(0), seat(1), seat(2)], |n| How {
        under: ["ip", "netns", "exec", &network.space(n)].map(str::to_owned).into(),
        ..How::safe()
    });
    rig.keys.retain(|tenant, _| tenant.as_str() == "a");
    rig.start_all();
    let limits = Limits { pending_max: 100_000, deliveries_max: 1000, ..limits() };
    rig.provision(&rig.plan(limits)).await;
    let queue = Arc::new(rig.queue(limits).await);
    let began = std::time::Instant::now();
    let (mut names, mut waited) = (Vec::new(), false);
    // What it is called, and what happens in the middle of it.
    // With the first server killed, the hub is at one of the others: one of the two cuts is its own cable.
    for (stage, count) in [
        ("whole", 20),
        ("killed", 40),
        ("back", 20),
        ("cut-1", 40),
        ("mended-1", 20),
        ("cut-2", 40),
        ("mended-2", 20),
    ] {
        for n in 0..count {
            if n == count / 4 {
                match stage {
                    "killed" => rig.servers[0].kill(),
                    "back" => rig.servers[0].start(),
                    "cut-1" => network.cut(1),
                    "mended-1" => network.mend(1),
                    "cut-2" => network.cut(2),
                    "mended-2" => network.mend(2),
                    _ => {}
                }
            }
            let name = format!("{stage}-{n}");
            let patience = Duration::from_secs(60);
            let answered = tokio::time::timeout(patience, publish_until_answered(&queue, "a", &name)).await;
            let tries = answered.unwrap_or_else(|_| panic!("{name} was not answered in {patience:?}"));
            waited |= tries > 1 && stage.starts_with("cut");
            if tries > 1 {
                println!("  {name} took {tries} tries");
            }
            names.push(name);
        }
    }
    assert!(waited, "no cut was felt");
    println!("  published after {:.1} s", began.elapsed().as_secs_f64());
    let kept = kept(&queue, &["a"]).await;
    for name in &names {
        assert_eq!(kept.get(name), Some(&1), "{name} was answered and is not there once");
    }
    assert_eq!(kept.len(), names.len());
    let mut worked = std::collections::BTreeSet::new();
    while worked.len() < names.len() {
        let fetched = tokio::time::timeout(Duration::from_secs(60), queue.fetch(64)).await.unwrap();
        for delivery in fetched.unwrap() {
            let name = String::from_utf8(delivery.body().to_vec()).unwrap();
            if queue.acknowledge(delivery).await.is_ok() {
                assert!(worked.insert(name.clone()), "{name} came again after it was acknowledged");
            }
        }
    }
    println!("  worked off after {:.1} s", began.elapsed().as_secs_f64());
    // Then all are killed at once, right after the last acknowledgement.
    for server in &mut rig.servers {
        server.kill();
    }
    rig.start_all();
    drop(queue);
    let queue = {
        let mut tries = 0;
        loop {
            match queue::nats::Nats::open(rig.settings.clone(), limits).await {
                Ok(queue) => break queue,
                Err(e) => assert!(
                    {
                        tries += 1;
                        tries
                    } < 60,
                    "{e:?}"
                ),
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    publish_until_answered(&queue, "a", "last").await;
    let mut again = Vec::new();
    while let Ok(fetched) = tokio::time::timeout(Duration::from_secs(6), queue.fetch(64)).await {
        for delivery in fetched.unwrap() {
            again.push(String::from_utf8(delivery.body().to_vec()).unwrap());
            queue.acknowledge(delivery).await.unwrap();
        }
    }
    println!("  after all three were killed at once, {} came again: {again:?}", again.len() - 1);
    assert!(again.contains(&"last".to_owned()));
    drop((queue, rig));
}
