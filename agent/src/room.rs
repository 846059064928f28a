//! Room that runs out, which nothing announces: once a second it is asked how full the fullest file system is, and the observer hears where that is
//! another percentage than before. On a thread of its own: a disk that hangs must hold up nothing else.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use contract::fact::FactId;
use facts::Reader;
use tokio::sync::mpsc;

use crate::observe::News;
use crate::thread::{Stop, Thread};

/// The fact that is asked for.
const FULLEST: &str = "disk:fullest_percent";
const EVERY: Duration = Duration::from_secs(1);

/// Begins to ask.
pub fn follow(config: facts::Config, observer: mpsc::Sender<News>) -> io::Result<Thread> {
    let fact: FactId = FULLEST.parse().map_err(io::Error::other)?;
    let reader = Reader::new(config);
    Thread::begin("room", move |stop: Stop| {
        let mut last = reader.read(&fact);
        while !stop.within(EVERY) {
            let now = reader.read(&fact);
            if now != last {
                last = now;
                if observer.blocking_send(News::Changed(BTreeSet::from([fact.clone()]))).is_err() {
                    return;
                }
            }
        }
    })
}
