//! A scan: each source on its own thread, all within one limit.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use contract::allowlist::Allowlist;
use contract::fact::{Absence, FactId, FactSet, Observation, Source};

use crate::config::Config;
use crate::inputs::Input;
use crate::sources;

/// Reads facts. Cheap to keep, and to share between scans.
#[derive(Debug)]
pub struct Reader {
    config: Arc<Config>,
    stuck: Arc<List>,
}

/// The sources that are being read.
#[derive(Debug, Default)]
struct List {
    sources: Mutex<Vec<Source>>,
    freed: Condvar,
}

/// A source that is being read. Its name comes off the list when its thread ends, however it ends.
struct Busy {
    source: Source,
    list: Arc<List>,
}

impl Busy {
    /// Marks `source` as being read, once no other scan reads it; `None` where a thread of another scan still is in it at the deadline.
    fn begin(list: &Arc<List>, source: Source, deadline: Instant) -> Option<Self> {
        let mut held = list.sources.lock().unwrap_or_else(PoisonError::into_inner);
        while held.contains(&source) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            held = list.freed.wait_timeout(held, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        held.push(source);
        drop(held);
        Some(Self { source, list: Arc::clone(list) })
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.list.sources.lock().unwrap_or_else(PoisonError::into_inner).retain(|s| *s != self.source);
        self.list.freed.notify_all();
    }
}

impl Reader {
    /// A reader of one machine.
    pub fn new(config: Config) -> Self {
        Self { config: Arc::new(config), stuck: Arc::default() }
    }

    /// As this one, for a host that may have something else. What hangs in a source of this one hangs in it for the other too.
    #[must_use]
    pub fn allowing(&self, allowed: Result<Allowlist, Absence>) -> Self {
        let config = Config { allowed, ..(*self.config).clone() };
        Self { config: Arc::new(config), stuck: Arc::clone(&self.stuck) }
    }

    /// Looks at one fact, now.
    pub fn read(&self, id: &FactId) -> Observation {
        self.read_all(std::slice::from_ref(id), |_, _| ()).observation(id)
    }

    /// What `id` hangs on, as the machine is now. Empty for a fact that no source knows.
    pub fn inputs(&self, id: &FactId) -> Vec<Input> {
        sources::open(id.source(), &self.config).inputs(id.name())
    }

    /// Looks at each of `ids` once. `seen` hears of each as it comes in, in no particular order. What several facts share (a program's output, a
    /// file, a connection) is read once.
    pub fn read_all(&self, ids: &[FactId], mut seen: impl FnMut(&FactId, &Observation)) -> FactSet {
        let deadline = Instant::now() + self.config.limit;
        let mut wanted: BTreeMap<Source, Vec<FactId>> = BTreeMap::new();
        for id in ids {
            let of_source = wanted.entry(id.source()).or_default();
            if !of_source.contains(id) {
                of_source.push(id.clone());
            }
        }
        let mut missing: Vec<FactId> = wanted.values().flatten().cloned().collect();
        let answers = self.ask(wanted, deadline);
        let mut facts = FactSet::default();
        let mut take = |id: FactId, observation: Observation| {
            seen(&id, &observation);
            facts.insert(id, observation);
        };
        let silence = loop {
            match answers.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok((id, observation)) => {
                    missing.retain(|m| *m != id);
                    take(id, observation);
                }
                Err(RecvTimeoutError::Timeout) => break Absence::TimedOut,
                // Every thread has ended: what is missing was lost with one that could not start or did not finish.
                Err(RecvTimeoutError::Disconnected) => break Absence::Unreadable,
            }
        };
        for id in missing {
            take(id, Err(silence));
        }
        facts
    }

    fn ask(
        &self,
        wanted: BTreeMap<Source, Vec<FactId>>,
        deadline: Instant,
    ) -> Receiver<(FactId, Observation)> {
        let (send, answers) = mpsc::channel();
        for (source, ids) in wanted {
            self.ask_source(source, ids, deadline, send.clone());
        }
        answers
    }

    fn ask_source(
        &self,
        source: Source,
        ids: Vec<FactId>,
        deadline: Instant,
        send: Sender<(FactId, Observation)>,
    ) {
        let (config, list) = (Arc::clone(&self.config), Arc::clone(&self.stuck));
        let thread = thread::Builder::new().name(format!("facts-{}", source.word()));
        let work = move || {
            let Some(busy) = Busy::begin(&list, source, deadline) else {
                for id in ids {
                    let _ = send.send((id, Err(Absence::TimedOut)));
                }
                return;
            };
            let source = sources::open(busy.source, &config);
            for id in ids {
                let observation = source.read(id.name());
                // Nobody listens any more where the scan has passed its limit.
                if send.send((id, observation)).is_err() {
                    break;
                }
            }
            // The scan ends with the last sender: by then this source must be free for the next one.
            drop(source);
            drop(busy);
            drop(send);
        };
        // Where no thread can be had, the sender is dropped and the scan counts these facts as unreadable.
        let _ = thread.spawn(work);
    }
}
