//! The measurements, over any queue.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use queue::{MessageId, Queue, Subject};

/// A message as the hub publishes it: about 100 bytes.
const BODY: &[u8] =
    br#"{"host":"host-0000000000000000000000000000000001","incident":"i-00000000000000000000000000000000001"}"#;
pub(crate) const TENANTS: usize = 16;

/// Times of one kind, in operations per second.
#[derive(Default)]
pub(crate) struct Rates(Vec<f64>);

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn rate(operations: usize, took: Duration) -> f64 {
    operations as f64 / took.as_secs_f64()
}

impl Rates {
    pub(crate) fn turn(&mut self, operations: usize, run: impl FnOnce()) {
        let began = Instant::now();
        run();
        self.0.push(rate(operations, began.elapsed()));
    }

    pub(crate) async fn time(&mut self, operations: usize, run: impl Future<Output = ()>) {
        let began = Instant::now();
        run.await;
        self.0.push(rate(operations, began.elapsed()));
    }

    pub(crate) fn median(&self) -> f64 {
        median(self.0.clone())
    }

    /// How these are beside those of the same turns: the median of the turns.
    pub(crate) fn beside(&self, others: &Self) -> f64 {
        median(self.0.iter().zip(&others.0).map(|(one, other)| one / other).collect())
    }

    pub(crate) fn row(&self, what: &str, beside: &str) {
        println!("  {what:<58} {:>12.0}/s   {beside}", self.median());
    }
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// The disk's own rate: each append is synced before the next. How long each took goes to `each`.
pub(crate) fn disk(scratch: &Path, appends: usize, each: &mut Vec<Duration>) {
    let mut file = File::create(scratch.join("raw")).unwrap();
    for _ in 0..appends {
        let began = Instant::now();
        file.write_all(BODY).unwrap();
        file.sync_data().unwrap();
        each.push(began.elapsed());
    }
}

/// The p-th percentile, in milliseconds.
pub(crate) fn percentile(took: &mut [Duration], percent: usize) -> f64 {
    took.sort_unstable();
    took[(took.len() * percent / 100).min(took.len() - 1)].as_secs_f64() * 1000.0
}

fn subject(n: usize) -> Subject {
    Subject::new(format!("tenant-{}", n % TENANTS).parse().unwrap(), "main".parse().unwrap())
}

fn id(name: &str) -> MessageId {
    name.parse().unwrap()
}

pub(crate) async fn from_one(queue: &impl Queue, turn: usize, messages: usize) {
    for n in 0..messages {
        let published =
            queue.publish(subject(0), id(&format!("one-{turn}-{n}")), BODY.to_vec()).await.unwrap();
        assert!(!published.repeated);
    }
}

pub(crate) async fn from_many(queue: &impl Queue, turn: usize, each: usize) {
    let producer = |producer: usize| async move {
        for n in 0..each {
            let id = id(&format!("many-{turn}-{producer}-{n}"));
            assert!(!queue.publish(subject(producer), id, BODY.to_vec()).await.unwrap().repeated);
        }
    };
    join((0..64).map(producer)).await;
}

/// Drives all of them at once.
async fn join<F: Future<Output = ()>>(all: impl Iterator<Item = F>) {
    let mut all: Vec<_> = all.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        all.retain_mut(|one| one.as_mut().poll(context).is_pending());
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

/// Works everything off.
pub(crate) async fn drain(queue: &impl Queue) {
    while queue.depth_of_all().await.unwrap().pending() > 0 {
        let deliveries = queue.fetch(256).await.unwrap();
        let acknowledge = |delivery| async move { queue.acknowledge(delivery).await.unwrap() };
        join(deliveries.into_iter().map(acknowledge)).await;
    }
}

const SECONDS: usize = 5;
const EVERY: Duration = Duration::from_millis(1);

/// From before it is published to when it is fetched, at a steady thousand a second, each acknowledged: p50 and p99 in milliseconds. Each is published
/// when its time comes, whether those before it were answered or not, and its time counts from then: a queue that stalls cannot hide it.
pub(crate) async fn latency(queue: &impl Queue) -> (f64, f64) {
    let began = Instant::now();
    let messages = SECONDS * 1000;
    let due = |n: usize| EVERY * u32::try_from(n).unwrap();
    let publisher = move |n: usize| async move {
        tokio::time::sleep_until((began + due(n)).into()).await;
        queue.publish(subject(n), id(&format!("late-{n}")), n.to_string().into_bytes()).await.unwrap();
    };
    let consume = async {
        let mut took = Vec::with_capacity(messages);
        while took.len() < messages {
            let deliveries = queue.fetch(64).await.unwrap();
            let now = began.elapsed();
            for delivery in &deliveries {
                let n = std::str::from_utf8(delivery.body()).unwrap().parse().unwrap();
                took.push(now.saturating_sub(due(n)));
            }
            let acknowledge = |delivery| async move { queue.acknowledge(delivery).await.unwrap() };
            join(deliveries.into_iter().map(acknowledge)).await;
        }
        took
    };
    // A thousand timers in one list are polled each time one is due: so one list for each hundred.
    let publish = join((0..messages).step_by(100).map(|first| async move {
        tokio::time::sleep_until((began + due(first)).into()).await;
        join((first..first + 100).map(publisher)).await;
    }));
    let ((), mut took) = tokio::join!(publish, consume);
    (percentile(&mut took, 50), percentile(&mut took, 99))
}
