//! What every implementation of [`Queue`] must do, one named case for each duty, run over each implementation.
//!
//! An implementation brings a [`Rig`], which can open it, stop what serves it, kill that, and let time go by; [`conformance!`](crate::conformance!)
//! makes a test of every case, so that none can be left out. Deliberately absent: what only one implementation promises (its files, its server).
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed expectation is the case's own message"
)]

mod dead;
mod keeping;
mod leases;
mod publishing;

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

pub use dead::*;
pub use keeping::*;
pub use leases::*;
pub use publishing::*;

use crate::{Delivery, Limits, MessageId, Published, Queue, Reason, Subject};

/// Something that a queue can be opened on, again and again. Each begins empty.
pub trait Rig: Send {
    /// The implementation.
    type Queue: Queue + 'static;

    /// Opens the queue, on what is there.
    fn open(&mut self, limits: Limits) -> impl Future<Output = Self::Queue> + Send;

    /// Stops whatever serves it in good order and starts it again. Queues that were opened before were dropped.
    fn restart(&mut self) -> impl Future<Output = ()> + Send;

    /// Ends whatever serves it, without warning, while `queue` is open, and starts it again.
    fn kill(&mut self, queue: Self::Queue) -> impl Future<Output = ()> + Send;

    /// Lets this time go by, as far as leases and delays are concerned. One that only a real server can measure is waited for.
    fn pass(&mut self, time: Duration) -> impl Future<Output = ()> + Send;

    /// How long nothing must come until it is taken that nothing will.
    fn quiet(&self) -> Duration {
        Duration::from_millis(50)
    }
}

/// Short enough to be waited for, and long enough for a slow machine to settle what it has in hand.
pub const LEASE: Duration = Duration::from_secs(2);

/// What the cases open a queue with, unless they say otherwise.
pub fn limits() -> Limits {
    Limits { pending_max: 200, lease: LEASE, deliveries_max: 3, ..Limits::default() }
}

pub(crate) fn subject(tenant: &str, site: &str) -> Subject {
    Subject::new(tenant.parse().unwrap(), site.parse().unwrap())
}

pub(crate) fn id(text: &str) -> MessageId {
    text.parse().unwrap()
}

/// Publishes a message whose id and body are its name.
pub(crate) async fn put(queue: &impl Queue, tenant: &str, name: &str) -> Published {
    queue.publish(subject(tenant, "s"), id(name), name.as_bytes().to_vec()).await.unwrap()
}

pub(crate) fn text(delivery: &Delivery) -> String {
    String::from_utf8(delivery.body().to_vec()).unwrap()
}

/// How long to wait for what must come. It is never waited for where all is well.
const COMES: Duration = Duration::from_secs(30);

/// At most so many messages, of which one at least is to be had.
async fn fetched(queue: &impl Queue, max: usize) -> Vec<Delivery> {
    let fetched = tokio::time::timeout(COMES, queue.fetch(max)).await;
    fetched.expect("nothing came that had to come").unwrap()
}

/// One message, which is to be had.
pub(crate) async fn one(queue: &impl Queue) -> Delivery {
    let mut fetched = fetched(queue, 1).await;
    assert_eq!(fetched.len(), 1);
    fetched.remove(0)
}

/// So many messages, which are to be had.
pub(crate) async fn some(queue: &impl Queue, count: usize) -> Vec<Delivery> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(fetched(queue, count - all.len()).await);
    }
    all
}

/// Asks once how far it is, and then drops it: it has begun, and nobody waits for its end.
pub async fn begun(asked: impl Future<Output = impl Send>) {
    let mut asked = std::pin::pin!(asked);
    std::future::poll_fn(|context| {
        drop(asked.as_mut().poll(context));
        std::task::Poll::Ready(())
    })
    .await;
}

/// Takes and acknowledges so many messages, and says which they were.
pub(crate) async fn work_off(queue: &impl Queue, count: usize) -> BTreeSet<String> {
    let mut done = BTreeSet::new();
    for delivery in some(queue, count).await {
        assert!(done.insert(text(&delivery)), "{} came twice", text(&delivery));
        queue.acknowledge(delivery).await.unwrap();
    }
    done
}

/// Nothing is to be had.
pub(crate) async fn nothing<R: Rig>(rig: &R, queue: &R::Queue) {
    let more = tokio::time::timeout(rig.quiet(), queue.fetch(1)).await;
    assert!(more.is_err(), "something came: {more:?}");
}

pub(crate) fn reason() -> Reason {
    Reason::new("nobody can do it")
}

pub(crate) fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

/// Makes a test of every case over the rig that the expression makes (it may await).
#[macro_export]
macro_rules! conformance {
    ($rig:expr) => {
        $crate::conformance!($rig =>
            what_was_published_is_there_after_a_restart
            what_was_published_is_there_after_a_kill
            an_id_counts_once_for_each_tenant
            a_body_that_is_too_long_is_refused
            a_full_tenant_is_told_so_and_the_others_are_not
            many_publishers_lose_nothing
            a_publisher_that_gives_up_midway_loses_nothing
            a_flood_of_one_tenant_delays_no_other
            a_waiting_fetch_wakes
            a_fetch_that_gives_up_midway_loses_nothing
            what_is_acknowledged_never_comes_again
            what_is_in_hand_comes_to_nobody_else
            what_is_dropped_comes_again_when_its_lease_ends
            what_is_extended_stays_in_hand
            what_is_acknowledged_late_is_done_all_the_same
            what_is_released_comes_again_after_its_delay
            what_is_released_comes_again_after_a_restart
            what_is_given_up_is_dead_until_it_is_revived
            what_is_never_answered_is_given_up_by_itself
            what_kills_its_consumer_is_given_up_across_restarts
            what_is_released_is_not_given_up_soon
            what_was_acknowledged_is_replayed_in_order
            purging_takes_one_tenant_whole_and_no_other
            what_is_purged_in_hand_is_settled_harmlessly
            depth_tells_how_messages_stand
        );
    };
    ($rig:expr => $($case:ident)+) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::conformance::$case(&mut $rig).await;
            }
        )+
    };
}
