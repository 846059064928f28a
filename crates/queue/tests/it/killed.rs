//! A process that publishes and works off, killed at any moment, again and again: what it was answered stands, and stands once.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};
use queue::{Embedded, Limits, Queue as _, Sequence};

use crate::rig::now;
use crate::{id, subject};

/// How often, unless `SUTURE_QUEUE_KILLS` says more.
const KILLS: usize = 40;
const PRODUCERS: usize = 4;
/// Where the process that is killed finds its queue, and with which number each producer begins.
const PLACE: &str = "SUTURE_QUEUE_CHILD";

fn limits() -> Limits {
    // Nothing may be forgotten, and no death of its process may be held against a message.
    Limits {
        pending_max: 1_000_000,
        remembered_max: 10_000_000,
        deliveries_max: u32::MAX,
        ..Limits::default()
    }
}

fn tell(what: &str, name: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{what} {name}\n").as_bytes()).and_then(|()| out.flush()).unwrap();
}

/// Publishes and works off until it is killed, telling of each when it was answered. Nothing where it is run as a test among others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let mut words = place.split(' ');
    let path = words.next().unwrap().to_owned();
    let queue = Arc::new(Embedded::open(Path::new(&path), limits(), now(0)).await.unwrap());
    for (producer, first) in words.enumerate() {
        let (queue, first) = (Arc::clone(&queue), first.parse::<usize>().unwrap());
        tokio::spawn(async move {
            for n in first.. {
                let name = format!("{producer}-{n}");
                let tenant = subject(&format!("t{producer}"), "s");
                queue.publish(tenant, id(&name), name.clone().into_bytes()).await.unwrap();
                tell("published", &name);
            }
        });
    }
    loop {
        for delivery in queue.fetch(3).await.unwrap() {
            let name = crate::text(&delivery).to_owned();
            queue.acknowledge(delivery).await.unwrap();
            tell("acknowledged", &name);
        }
    }
}

fn begin(path: &Path, firsts: &BTreeMap<usize, usize>) -> Child {
    let firsts: Vec<String> =
        (0..PRODUCERS).map(|p| firsts.get(&p).copied().unwrap_or(0).to_string()).collect();
    Command::new(std::env::current_exe().unwrap())
        .args(["killed::child", "--exact", "--nocapture"])
        .env(PLACE, format!("{} {}", path.display(), firsts.join(" ")))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What the processes were answered.
#[derive(Default)]
struct Told {
    published: BTreeSet<String>,
    acknowledged: BTreeSet<String>,
    /// Where each producer goes on: at the last number that may not have been answered.
    firsts: BTreeMap<usize, usize>,
}

impl Told {
    fn hear(&mut self, child: &mut Child) {
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while out.read_line(&mut line).unwrap() > 0 {
            // A line that the kill cut short tells nothing.
            if let Some(whole) = line.strip_suffix('\n') {
                if let Some((_, name)) = whole.split_once("published ") {
                    let (producer, n) = name.split_once('-').unwrap();
                    self.firsts.insert(producer.parse().unwrap(), n.parse::<usize>().unwrap() + 1);
                    self.published.insert(name.to_owned());
                } else if let Some((_, name)) = whole.split_once("acknowledged ") {
                    assert!(self.acknowledged.insert(name.to_owned()), "{name} came again after it was done");
                }
            }
            line.clear();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_at_any_moment_loses_nothing_and_publishes_nothing_twice() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("queue.db");
    let kills = std::env::var("SUTURE_QUEUE_KILLS").map_or(KILLS, |n| n.parse().unwrap());
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut told = Told::default();
    for _ in 0..kills {
        let mut child = begin(&path, &told.firsts);
        let lives = Duration::from_micros(u64::from(random.next_u32() % 200_000));
        // Not a synchronisation: the moment of the kill is what is tried.
        std::thread::sleep(lives);
        child.kill().unwrap();
        child.wait().unwrap();
        told.hear(&mut child);
    }
    assert!(told.published.len() > kills, "hardly anything was published: {}", told.published.len());
    assert!(told.acknowledged.len() > kills / 2, "hardly anything was done: {}", told.acknowledged.len());

    let queue = Embedded::open(&path, limits(), now(0)).await.unwrap();
    let mut kept = BTreeSet::new();
    for producer in 0..PRODUCERS {
        let tenant = format!("t{producer}").parse().unwrap();
        for message in queue.replay(&tenant, Sequence::START, usize::MAX).await.unwrap() {
            let name = String::from_utf8(message.body).unwrap();
            assert!(kept.insert(name.clone()), "{name} was published twice");
        }
    }
    let lost: Vec<_> = told.published.difference(&kept).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    // Each that was never answered may be there or not; one for each producer and kill at most.
    let beyond = kept.difference(&told.published).count();
    assert!(beyond <= PRODUCERS, "{beyond} that nobody published");
    let left = usize::try_from(queue.depth_of_all().await.unwrap().pending()).unwrap();
    let left: BTreeSet<_> = crate::taken(&queue, left).await;
    assert!(left.is_disjoint(&told.acknowledged), "what was done came again");
    println!("{kills} kills, {} published, {} done", told.published.len(), told.acknowledged.len());
}
