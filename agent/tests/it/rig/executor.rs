//! A made-up executor: answers over a real Unix socket, writes nothing, and can die when a test wants it to.

use std::collections::{BTreeMap, VecDeque};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use contract::fact::{FactId, FactSet};
use contract::finding::Finding;
use contract::frame;
use contract::heartbeat::ExecutorCondition;
use contract::ids::IncidentId;
use contract::incident::What;
use contract::outcome::Outcome;
use contract::paper::PaperKind;
use contract::record::{LineLoss, Signalled, Trigger};
use contract::refusal::Mode;
use contract::runbook::Confinement;
use contract::socket::{Answer, EntryPackage, OrderAnswer, PROTOCOL, Question};
use contract::time::UtcTime;

/// What it saw and how it behaves.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) findings: Vec<(Trigger, Vec<Finding>)>,
    /// What it was asked to look at.
    pub(crate) probed: Vec<FactId>,
    /// What it sees there.
    pub(crate) sees: FactSet,
    pub(crate) orders: u32,
    pub(crate) receipts: Vec<String>,
    /// Everything that came, as text.
    pub(crate) raw: Vec<String>,
    /// How many more findings it dies over, after reading and before answering.
    pub(crate) deaths: u32,
    /// It hangs up on the next who waits for a change, and tells whoever comes then at once that nothing has changed.
    pub(crate) hangs_up: bool,
    pub(crate) connections: u32,
    /// What it was given back of the log that it lacks.
    pub(crate) restored: Vec<EntryPackage>,
    /// How many incidents each gap was about.
    pub(crate) gaps: Vec<u64>,
    pub(crate) lines_lost: Vec<(LineLoss, u64)>,
    /// The signals of each record.
    pub(crate) signals: Vec<Vec<Signalled>>,
    /// What it answers to signals instead of writing them down, in turn.
    pub(crate) signal_answers: VecDeque<Answer>,
    /// How long its log is said to be when it has all that it lacks: until then it wants to be given back.
    pub(crate) lacks_until: Option<u64>,
    /// The first entry that it still has.
    pub(crate) first: u64,
    pub(crate) size: u64,
    /// How often each order is under way before it ends.
    pub(crate) slow: BTreeMap<Vec<u8>, u32>,
    /// What it was asked to decide.
    pub(crate) decided: Vec<(IncidentId, What)>,
    /// What it answers to that, in turn; then it heals.
    pub(crate) decisions: VecDeque<OrderAnswer>,
    /// The standing orders that it was handed, with their rules.
    pub(crate) standing: Vec<(Vec<u8>, String)>,
    /// The papers that it was handed.
    pub(crate) papers: Vec<(PaperKind, Vec<u8>)>,
    /// What it answers to papers instead of keeping them, in turn.
    pub(crate) paper_answers: VecDeque<Answer>,
    /// Until when the glass is broken there.
    pub(crate) glass_until: Option<UtcTime>,
    hung_up: bool,
    /// Its ends of the connections.
    open: Vec<UnixStream>,
}

#[derive(Debug, Clone)]
pub(crate) struct FakeExecutor {
    pub(crate) seen: Arc<Mutex<Seen>>,
}

impl FakeExecutor {
    /// Listens at `socket` and acts for `host`. `act` is what carrying out an order does.
    pub(crate) fn start(socket: &Path, host: &str, act: impl Fn() + Send + Sync + 'static) -> Self {
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let listener = UnixListener::bind(socket).unwrap();
        let (all, host, act) = (Arc::clone(&seen), host.to_owned(), Arc::new(act));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let mut seen = all.lock().unwrap();
                seen.connections += 1;
                seen.open.push(stream.try_clone().unwrap());
                let (all, host, act) = (Arc::clone(&all), host.clone(), Arc::clone(&act));
                std::thread::spawn(move || converse(stream, &all, &host, &*act));
            }
        });
        Self { seen }
    }

    /// Ends every conversation, and is at `socket` no more.
    pub(crate) fn go_away(self, socket: &Path) {
        std::fs::remove_file(socket).unwrap();
        self.with(|s| s.open.drain(..).for_each(|stream| drop(stream.shutdown(Shutdown::Both))));
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.seen.lock().unwrap())
    }
}

/// One connection, until it ends or the executor dies over a question.
fn converse(mut stream: UnixStream, seen: &Mutex<Seen>, host: &str, act: &impl Fn()) {
    while let Ok(question) = frame::read::<Question>(&mut stream) {
        // Nothing changes here that root alone may watch.
        if let Question::AwaitChange = question {
            let mut now = seen.lock().unwrap();
            if std::mem::take(&mut now.hangs_up) {
                now.hung_up = true;
                break;
            }
            if !std::mem::take(&mut now.hung_up) {
                drop(now);
                std::thread::sleep(std::time::Duration::from_millis(contract::socket::CHANGE_WITHIN_MS));
            }
            if frame::write(&mut stream, &Answer::Changed { facts: Vec::new() }).is_err() {
                break;
            }
            continue;
        }
        let mut seen = seen.lock().unwrap();
        seen.raw.push(serde_json::to_string(&question).unwrap());
        let Some(answer) = seen.answer(question, host, act) else { break };
        if frame::write(&mut stream, &answer).is_err() {
            break;
        }
    }
    // The other end may be gone already.
    let _ = stream.shutdown(Shutdown::Both);
}

impl Seen {
    fn condition(&self) -> ExecutorCondition {
        ExecutorCondition {
            binary: None,
            software: "0.0.0-made-up".to_owned().try_into().unwrap(),
            mode: Mode::Enforce,
            mode_set_by: None,
            window: None,
            break_glass_until: self.glass_until,
            confinement: [Confinement::Landlock].into(),
        }
    }

    fn answer(&mut self, question: Question, host: &str, act: &impl Fn()) -> Option<Answer> {
        Some(match question {
            Question::AwaitChange => return None,
            Question::Hello { .. } => Answer::Welcome {
                protocol: PROTOCOL,
                software: "made up".to_owned(),
                host: host.parse().unwrap(),
                size: self.size,
                lacks: self.lacks_until.is_some(),
            },
            Question::Restore(package) => {
                self.size += package.entries.len() as u64;
                // The made-up hub's pieces have two entries: a shorter one is its last.
                let last = self.lacks_until.is_none() && package.entries.len() < 2;
                self.restored.push(package);
                if last || self.lacks_until == Some(self.size) {
                    self.lacks_until = None;
                    return Some(Answer::Recorded { size: self.size });
                }
                Answer::Restoring { from: self.size }
            }
            _ if self.lacks_until.is_some() => Answer::Restoring { from: self.size },
            Question::Findings { .. } if self.deaths > 0 => {
                self.deaths -= 1;
                return None;
            }
            Question::Findings { trigger, findings } => {
                self.findings.push((trigger, findings));
                self.size += 1;
                Answer::Recorded { size: self.size }
            }
            Question::Signals { .. } if !self.signal_answers.is_empty() => self.signal_answers.pop_front()?,
            Question::Signals { signals } => {
                self.signals.push(signals);
                self.size += 1;
                Answer::Recorded { size: self.size }
            }
            Question::Condition => Answer::Condition(self.condition()),
            Question::Probe { facts } => {
                self.probed.extend(facts);
                Answer::Probed(self.sees.clone())
            }
            Question::Order { envelope } if self.slow.get(&envelope.0).is_some_and(|left| *left > 0) => {
                *self.slow.entry(envelope.0).or_default() -= 1;
                Answer::UnderWay { order: "ord-1".parse().unwrap() }
            }
            Question::Decide { incident, what } => {
                self.decided.push((incident, what));
                let answer = self.decisions.pop_front().unwrap_or(OrderAnswer {
                    order: None,
                    outcome: Outcome::Healed,
                    refusal: None,
                    seq: self.size,
                });
                if answer.outcome == Outcome::Healed {
                    act();
                    self.size += 1;
                }
                Answer::Order(answer)
            }
            Question::StandingOrder { envelope, rules } => {
                self.standing.push((envelope.0, rules));
                Answer::Kept
            }
            Question::Paper { kind, envelope } => {
                self.papers.push((kind, envelope.0));
                self.paper_answers.pop_front().unwrap_or(Answer::Kept)
            }
            Question::BreakGlass { envelope } if envelope.0 == b"a good grant" => Answer::Kept,
            Question::BreakGlass { .. } => Answer::Sorry { why: "no pinned operator signed it".to_owned() },
            Question::Order { .. } => {
                act();
                self.orders += 1;
                self.size += 1;
                let seq = self.size - 1;
                Answer::Order(OrderAnswer { order: None, outcome: Outcome::Healed, refusal: None, seq })
            }
            Question::Entries { from } if from < self.first => Answer::Pruned { first: self.first },
            Question::Entries { from } if from < self.size => Answer::Entries(EntryPackage {
                from,
                entries: (from..self.size).map(|n| format!("{{\"seq\":{n}}}")).collect(),
                checkpoint: "made up".to_owned(),
            }),
            Question::Entries { from } => Answer::Sorry { why: format!("there is no entry {from} yet") },
            Question::Receipt { note } => {
                self.receipts.push(note);
                Answer::Kept
            }
            Question::Gap { lost, .. } => {
                self.gaps.push(lost);
                self.size += 1;
                Answer::Recorded { size: self.size }
            }
            Question::LinesLost { why, lost, .. } => {
                self.lines_lost.push((why, lost));
                self.size += 1;
                Answer::Recorded { size: self.size }
            }
        })
    }
}
