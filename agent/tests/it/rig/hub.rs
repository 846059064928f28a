//! A made-up hub: HTTP/1.1 over real mutual TLS, with just enough of each answer, and a switch to break it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::machine::HUB_SEED;
use contract::blob::Blob;
use contract::digest::Digest;
use contract::dsse::{HubSigner, PayloadType};
use contract::heartbeat::{Heard, Heartbeat};
use contract::incident::Incident;
use contract::paper::PaperKind;
use contract::plane::{
    EnrolRequest, Enrolled, EnvelopeCarried, EvidenceHeld, EvidenceTaken, GrantAnswer, GrantWaiting,
    IncidentReceipt, IncidentTaken, OrderWaiting, OrdersWaiting, PaperNamed, PapersIssued, Problem,
    RenewRequest, StandingIssued, TurnedAway,
};
use contract::socket::EntryPackage;
use identity::{Authority, Holder, VerifiedRequest};
use rustls::pki_types::CertificateDer;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What it saw and how it behaves.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) incidents: Vec<Incident>,
    pub(crate) evidence: Vec<String>,
    pub(crate) answers: Vec<String>,
    pub(crate) orders: VecDeque<(String, Vec<u8>)>,
    /// How long it lets a long poll wait; next to nothing otherwise.
    pub(crate) hold: Option<Duration>,
    pub(crate) enrolments: Vec<EnrolRequest>,
    /// Every request, as text.
    pub(crate) raw: Vec<String>,
    /// Answers everything with this status instead, without taking anything.
    pub(crate) broken: Option<u16>,
    /// Does not say how much evidence it holds.
    pub(crate) silent_on_evidence: bool,
    /// Takes so many incidents and enrolments without ever answering: the reply is lost.
    pub(crate) replies_lost: u32,
    /// Break-glass grants that were not answered.
    pub(crate) glass: BTreeMap<u64, Vec<u8>>,
    pub(crate) glass_answers: Vec<(u64, Option<String>)>,
    /// Answers everything about papers with this instead.
    pub(crate) papers_say: Option<(u16, Vec<u8>)>,
    /// Does not take what begins like this.
    pub(crate) deaf_to: Option<&'static str>,
    /// Takes no incident, and everything else.
    pub(crate) refuses_incidents: bool,
    /// Has enough of what detectors found, and says after how many seconds to come again.
    pub(crate) signals_again_s: Option<u32>,
    /// Its standing order.
    pub(crate) standing: Vec<u8>,
    /// How long ago the certificates that it issues at enrolment were made.
    pub(crate) aged_days: i64,
    /// Says that every certificate was revoked.
    pub(crate) revoked: bool,
    /// The certificates that were shown with requests other than for renewal and enrolment, in their order, each once in a row.
    pub(crate) shown: Vec<Digest>,
    /// What it issued at enrolment, which it gives again while nothing is due by its clock.
    pub(crate) issued: Option<String>,
    pub(crate) due: Due,
    /// How often it was asked to renew.
    pub(crate) renewals: u32,
    pub(crate) heartbeats: Vec<Heartbeat>,
    /// What it gives as receipts for incidents.
    pub(crate) receipts: Receipts,
    /// Its papers: under which number each is listed, and its envelope.
    pub(crate) papers: BTreeMap<PaperKind, (u64, Vec<u8>)>,
    /// Answers answers so, and forgets no order by them.
    pub(crate) answers_wrongly: Option<(u16, &'static [u8])>,
    /// Answers everything with these bytes instead, and closes.
    pub(crate) garbage: Option<Vec<u8>>,
}

/// What is due by its clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Due {
    #[default]
    Whatever,
    Nothing,
}

/// What it gives as receipts for incidents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Receipts {
    #[default]
    Good,
    None,
    OtherKey,
    OtherKind,
    OtherIncident,
    OtherHost,
}

#[derive(Debug, Clone)]
pub(crate) struct FakeHub {
    pub(crate) seen: Arc<Mutex<Seen>>,
    pub(crate) authority: Arc<Authority>,
    pub(crate) holder: Holder,
    pub(crate) url: String,
}

impl FakeHub {
    pub(crate) async fn start() -> Self {
        let now = edge::clock::utc();
        let authority = Arc::new(Authority::create("made-up", now).unwrap());
        let (config, _) = identity::server_config(&authority, &["127.0.0.1".to_owned()], now).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let holder = Holder {
            tenant: "clinic".parse().unwrap(),
            site: "main".parse().unwrap(),
            host: "h-1".parse().unwrap(),
        };
        let url = format!("https://{}", listener.local_addr().unwrap());
        let hub = Self { seen: Arc::default(), authority, holder, url };
        let (acceptor, served) = (TlsAcceptor::from(config), hub.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, hub) = (acceptor.clone(), served.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        let shown = stream.get_ref().1.peer_certificates().unwrap()[0].clone();
                        hub.serve(stream, &shown).await;
                    }
                });
            }
        });
        hub
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.seen.lock().unwrap())
    }

    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin, shown: &CertificateDer<'_>) {
        while let Some((line, body)) = read_request(&mut stream).await {
            self.with(|seen| seen.raw.push(format!("{line} {}", String::from_utf8_lossy(&body))));
            if line.starts_with("GET /v1/orders") {
                let hold = self.with(|seen| seen.hold);
                tokio::time::sleep(hold.unwrap_or(Duration::from_millis(20))).await;
            }
            if let Some(garbage) = self.with(|seen| seen.garbage.clone()) {
                let _ = stream.write_all(&garbage).await;
                return;
            }
            let is_signal = body.windows(10).any(|word| word == b"\"signal\":{");
            if let Some(seconds) = self.with(|seen| seen.signals_again_s).filter(|_| is_signal) {
                let refused =
                    format!("HTTP/1.1 429 .\r\nretry-after: {seconds}\r\ncontent-length: 0\r\n\r\n");
                if stream.write_all(refused.as_bytes()).await.is_err() {
                    return;
                }
                continue;
            }
            let denied = self.denied(&line, shown);
            let Some((status, answer)) = denied.or_else(|| self.answer(&line, &body)) else { return };
            let head = format!("HTTP/1.1 {status} .\r\ncontent-length: {}\r\n\r\n", answer.len());
            if stream.write_all(head.as_bytes()).await.is_err() || stream.write_all(&answer).await.is_err() {
                return;
            }
        }
    }

    /// As the real one: what was revoked opens nothing, and what has run out opens its renewal.
    fn denied(&self, line: &str, shown: &CertificateDer<'_>) -> Option<(u16, Vec<u8>)> {
        let mut seen = self.seen.lock().unwrap();
        let denied = |why| Some((403, json(&Problem { problem: "no".to_owned(), turned_away: Some(why) })));
        if seen.revoked {
            return denied(TurnedAway::Revoked);
        }
        if line.starts_with("POST /v1/renew") || line.starts_with("POST /v1/enrol") {
            return None;
        }
        let fingerprint = identity::fingerprint(shown);
        if seen.shown.last() != Some(&fingerprint) {
            seen.shown.push(fingerprint);
        }
        let pem = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            String::from(Blob(shown.to_vec()))
        );
        let holds = identity::validity_of(&pem).unwrap().holds(edge::clock::utc());
        if holds { None } else { denied(TurnedAway::OutOfTime) }
    }

    fn answer(&self, line: &str, body: &[u8]) -> Option<(u16, Vec<u8>)> {
        let mut seen = self.seen.lock().unwrap();
        if let Some(said) = seen.misbehaves(line) {
            return Some(said);
        }
        let mut reply_is_lost = |taken: Vec<u8>| {
            seen.replies_lost = seen.replies_lost.checked_sub(1)?;
            Some(taken)
        };
        if line.starts_with("POST /v1/incidents") || line.starts_with("POST /v1/enrol") {
            let lost = reply_is_lost(Vec::new()).is_some();
            let answer =
                if line.contains("enrol") { self.enrol(&mut seen, body) } else { take(&mut seen, body) };
            return (!lost).then_some((200, answer));
        }
        Some((
            200,
            match line.split(' ').take(2).collect::<Vec<_>>()[..] {
                ["GET", path] if path.starts_with("/v1/orders") => {
                    let waiting = |(order, envelope): &(String, Vec<u8>)| OrderWaiting {
                        order: order.parse().unwrap(),
                        envelope: Blob(envelope.clone()),
                    };
                    let known: Vec<&str> = path.rsplit('=').next().unwrap().split(',').collect();
                    let orders = seen.orders.iter().filter(|(id, _)| !known.contains(&id.as_str()));
                    let orders = orders.map(waiting).collect();
                    let grant = |(number, envelope): (&u64, &Vec<u8>)| GrantWaiting {
                        number: *number,
                        envelope: Blob(envelope.clone()),
                    };
                    let break_glass = seen.glass.iter().map(grant).collect();
                    let standing = Some(Digest::of(&seen.standing));
                    let papers = Some(says(&seen.papers));
                    json(&OrdersWaiting { orders, break_glass, standing, papers })
                }
                ["POST", "/v1/heartbeat"] => {
                    seen.heartbeats.push(serde_json::from_slice(body).unwrap());
                    json(&Heard { heard: edge::clock::utc(), again: false })
                }
                ["POST", "/v1/renew"] => {
                    let request: RenewRequest = serde_json::from_slice(body).unwrap();
                    let csr = VerifiedRequest::verify(&request.csr).unwrap();
                    assert_eq!(Some(csr.key_digest()), seen.enrolments.last().map(key_of), "another key");
                    seen.renewals += 1;
                    let issued = || self.authority.device(&csr, &self.holder, edge::clock::utc()).unwrap();
                    let same = seen.issued.clone().filter(|_| seen.due == Due::Nothing);
                    let certificate = same.unwrap_or_else(|| issued().certificate_pem);
                    json(&Enrolled { certificate })
                }
                ["GET", "/v1/standing"] => {
                    let (envelope, says) = (Blob(seen.standing.clone()), Digest::of(&seen.standing));
                    json(&StandingIssued { envelope, rules: "rules: made up".to_owned(), says })
                }
                ["GET", "/v1/papers"] => {
                    let named = |(&kind, &(number, _)): (&PaperKind, &(u64, _))| PaperNamed { kind, number };
                    let papers = seen.papers.iter().map(named).collect();
                    json(&PapersIssued { papers, says: says(&seen.papers) })
                }
                ["GET", path] if path.starts_with("/v1/papers/") => {
                    let kind: PaperKind = path.rsplit('/').next().unwrap().parse().unwrap();
                    json(&EnvelopeCarried { envelope: Blob(seen.papers[&kind].1.clone()) })
                }
                ["POST", path] if path.starts_with("/v1/break-glass/") => {
                    let number: u64 = path.split('/').nth(3).unwrap().parse().unwrap();
                    seen.glass.remove(&number);
                    let answer: GrantAnswer = serde_json::from_slice(body).unwrap();
                    seen.glass_answers.push((number, answer.refused));
                    b"{}".to_vec()
                }
                ["POST", path] if path.ends_with("/answer") => {
                    let id = path.split('/').nth(3).unwrap().to_owned();
                    seen.orders.retain(|(order, _)| *order != id);
                    seen.answers.push(String::from_utf8_lossy(body).into_owned());
                    b"{}".to_vec()
                }
                ["GET", "/v1/evidence"] => json(&EvidenceHeld { size: seen.evidence.len() as u64 }),
                ["GET", path] if path.starts_with("/v1/evidence/entries?from=") => {
                    let from: usize = path.rsplit('=').next().unwrap().parse().unwrap();
                    let entries = seen.evidence.iter().skip(from).take(2).cloned().collect();
                    let checkpoint = "made up, cosigned".to_owned();
                    json(&EntryPackage { from: from as u64, entries, checkpoint })
                }
                ["POST", "/v1/evidence"] => {
                    let package: EntryPackage = serde_json::from_slice(body).unwrap();
                    assert_eq!(package.from, seen.evidence.len() as u64);
                    seen.evidence.extend(package.entries);
                    let size = seen.evidence.len() as u64;
                    json(&EvidenceTaken { size, receipt: Some(format!("receipt for {size}")) })
                }
                _ => return Some((404, json(&problem("no such path")))),
            },
        ))
    }

    fn enrol(&self, seen: &mut Seen, body: &[u8]) -> Vec<u8> {
        let request: EnrolRequest = serde_json::from_slice(body).unwrap();
        let csr = VerifiedRequest::verify(&request.csr).unwrap();
        seen.enrolments.push(request);
        let then = edge::clock::utc().unix_ms() - seen.aged_days * 24 * 60 * 60 * 1000;
        let then = contract::time::UtcTime::from_unix_ms(then).unwrap();
        let issued = self.authority.device(&csr, &self.holder, then).unwrap();
        seen.issued = Some(issued.certificate_pem.clone());
        json(&Enrolled { certificate: issued.certificate_pem })
    }
}

fn key_of(request: &EnrolRequest) -> Digest {
    VerifiedRequest::verify(&request.csr).unwrap().key_digest()
}

fn problem(words: &str) -> Problem {
    Problem { problem: words.to_owned(), turned_away: None }
}

fn take(seen: &mut Seen, body: &[u8]) -> Vec<u8> {
    let incident: Incident = serde_json::from_slice(body).unwrap();
    let id = incident.incident.clone();
    seen.incidents.push(incident);
    json(&IncidentTaken { incident: id.clone(), receipt: receipt(seen.receipts, "h-1", id.as_str()) })
}

/// The hub's word for one incident, or something that looks like it.
fn receipt(kind: Receipts, host: &str, incident: &str) -> Blob {
    let (host, reported) = match kind {
        Receipts::Good | Receipts::OtherKey | Receipts::OtherKind => (host, incident),
        Receipts::OtherIncident => (host, "inc-other"),
        Receipts::OtherHost => ("h-2", incident),
        Receipts::None => return Blob(Vec::new()),
    };
    let said = IncidentReceipt { host: host.parse().unwrap(), reported: reported.parse().unwrap() };
    let seed = if kind == Receipts::OtherKey { [9; 32] } else { HUB_SEED };
    let kind = if kind == Receipts::OtherKind { PayloadType::Order } else { PayloadType::IncidentReceipt };
    Blob(HubSigner::from_seed(&seed).sign(kind, &json(&said)))
}

impl Seen {
    /// The ways in which it was told to be wrong.
    fn misbehaves(&self, line: &str) -> Option<(u16, Vec<u8>)> {
        if let Some(status) = self.broken {
            return Some((status, json(&problem("broken"))));
        }
        if self.silent_on_evidence && line.starts_with("GET /v1/evidence") {
            return Some((503, json(&problem("broken"))));
        }
        if let Some(said) = self.says_instead(line) {
            return Some(said);
        }
        if self.refuses_incidents && line.starts_with("POST /v1/incidents") {
            return Some((503, json(&problem("broken"))));
        }
        self.answers_wrongly
            .filter(|_| line.contains("/answer "))
            .map(|(status, said)| (status, said.to_vec()))
    }

    fn says_instead(&self, line: &str) -> Option<(u16, Vec<u8>)> {
        if self.deaf_to.is_some_and(|beginning| line.starts_with(beginning)) {
            return Some((503, json(&problem("deaf"))));
        }
        self.papers_say.clone().filter(|_| line.starts_with("GET /v1/papers"))
    }
}

fn says(papers: &BTreeMap<PaperKind, (u64, Vec<u8>)>) -> Digest {
    Digest::of(&json(papers))
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

/// A request line and a body whose length is given.
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let length =
        head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
    let mut body = vec![0; length.map_or(0, |l| l.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    Some((head.lines().next().unwrap_or_default().to_owned(), body))
}
