//! What the executor hears of for the agent, over a line that may break.

use std::collections::BTreeSet;

use agent::executor::{Seat, channel, converse};
use agent::observe::News;
use contract::probe::PROBED;
use tokio::sync::mpsc;

use crate::rig::executor::FakeExecutor;
use crate::rig::machine::Machine;

#[tokio::test]
async fn what_may_have_been_lost_with_a_line_is_looked_at_again() {
    let machine = Machine::new();
    let socket = machine.socket();
    let fake = FakeExecutor::start(&socket, "h-1", || ());
    fake.with(|s| s.hangs_up = true);
    let uid = rustix::process::geteuid().as_raw();
    let (executor, questions) = channel();
    let seat = Seat { socket, uid, host: "h-1".parse().unwrap() };
    let talking = tokio::spawn(converse(seat, questions, |_| ()));
    let (observer, mut news) = mpsc::channel(1);
    let following = tokio::spawn(agent::lookout::follow(executor, observer));
    // The executor says of nothing that it has changed.
    let Some(News::Changed(facts)) = news.recv().await else { panic!("nothing is looked at") };
    assert_eq!(facts, PROBED.iter().map(|fact| fact.parse().unwrap()).collect::<BTreeSet<_>>());
    assert_eq!(fake.with(|s| s.connections), 2);
    following.abort();
    talking.abort();
}
