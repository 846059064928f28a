//! A clinic's proxy carries bytes of TLS and nothing else, and a hostile one can only keep them from arriving.

use std::sync::{Arc, Mutex};

use identity::Authority;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::rig::executor::FakeExecutor;
use crate::rig::hub::FakeHub;
use crate::rig::machine::{EVIDENCE_KEY, Machine};
use crate::rig::until;

/// What the proxy does with what it is asked to carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Carries it.
    Honest,
    /// Changes a bit of each thing that the device sends.
    Flips,
    /// Is the hub itself, by a certificate of its own.
    Pretends,
    /// Wants to be paid first.
    Refuses,
    /// Sends the device elsewhere.
    Redirects,
    /// Says things that are no HTTP.
    Babbles,
    /// Closes at once.
    Closes,
}

#[derive(Debug, Clone)]
struct FakeProxy {
    port: u16,
    way: Arc<Mutex<Way>>,
    /// What it was asked in the clear.
    asked: Arc<Mutex<Vec<String>>>,
    /// All bytes that it saw inside tunnels.
    carried: Arc<Mutex<Vec<u8>>>,
    /// What it read as the hub that it pretended to be.
    understood: Arc<Mutex<Vec<u8>>>,
}

impl FakeProxy {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            way: Arc::new(Mutex::new(Way::Honest)),
            asked: Arc::default(),
            carried: Arc::default(),
            understood: Arc::default(),
        };
        let serving = proxy.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let proxy = serving.clone();
                tokio::spawn(async move { proxy.serve(stream).await });
            }
        });
        proxy
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn become_(&self, way: Way) {
        *self.way.lock().unwrap() = way;
    }

    async fn serve(&self, mut device: TcpStream) -> Option<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(device.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).unwrap();
        let to = head.split(' ').nth(1).unwrap().to_owned();
        self.asked.lock().unwrap().push(head);
        let way = *self.way.lock().unwrap();
        let answer: &[u8] = match way {
            Way::Honest | Way::Flips | Way::Pretends => b"HTTP/1.1 200 OK\r\n\r\n",
            Way::Refuses => {
                b"HTTP/1.1 407 Pay\r\nproxy-authenticate: Basic realm=x\r\ncontent-length: 0\r\n\r\n"
            }
            Way::Redirects => {
                b"HTTP/1.1 302 Go\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
            }
            Way::Babbles => b"SSH-2.0-what\r\n\0\0\0\0",
            Way::Closes => return None,
        };
        device.write_all(answer).await.ok()?;
        match way {
            Way::Honest | Way::Flips => self.carry(device, &to, way == Way::Flips).await,
            Way::Pretends => self.pretend(device).await,
            Way::Refuses | Way::Redirects | Way::Babbles | Way::Closes => None,
        }
    }

    async fn carry(&self, device: TcpStream, to: &str, flips: bool) -> Option<()> {
        let hub = TcpStream::connect(to).await.ok()?;
        let ((mut from_device, mut to_device), (mut from_hub, mut to_hub)) =
            (device.into_split(), hub.into_split());
        let carried = Arc::clone(&self.carried);
        let back = tokio::spawn(async move {
            let mut bytes = vec![0; 16 * 1024];
            while let Ok(n @ 1..) = from_hub.read(&mut bytes).await {
                carried.lock().unwrap().extend_from_slice(&bytes[..n]);
                if to_device.write_all(&bytes[..n]).await.is_err() {
                    break;
                }
            }
        });
        let mut bytes = vec![0; 16 * 1024];
        while let Ok(n @ 1..) = from_device.read(&mut bytes).await {
            self.carried.lock().unwrap().extend_from_slice(&bytes[..n]);
            if flips {
                bytes[n - 1] ^= 1;
            }
            to_hub.write_all(&bytes[..n]).await.ok()?;
        }
        back.abort();
        Some(())
    }

    async fn pretend(&self, device: TcpStream) -> Option<()> {
        let now = edge::clock::utc();
        let own = Authority::create("made-up", now).unwrap();
        let (tls, _) = identity::server_config(&own, &["127.0.0.1".to_owned()], now).unwrap();
        let mut stream = TlsAcceptor::from(tls).accept(device).await.ok()?;
        let mut bytes = vec![0; 16 * 1024];
        while let Ok(n @ 1..) = stream.read(&mut bytes).await {
            self.understood.lock().unwrap().extend_from_slice(&bytes[..n]);
        }
        Some(())
    }
}

fn behind(proxy: &FakeProxy) -> Machine {
    let mut machine = Machine::new();
    machine.more = Box::leak(format!("proxy: {}\nalone_after_s: 0\n", proxy.url()).into_boxed_str());
    machine
}

fn holds(all: &[u8], words: &str) -> bool {
    all.windows(words.len()).any(|w| w == words.as_bytes())
}

#[tokio::test]
async fn everything_goes_through_the_proxy_and_it_sees_a_name_and_tls() {
    let (hub, proxy) = (FakeHub::start().await, FakeProxy::start().await);
    let machine = behind(&proxy);
    let by_way = Some(proxy.url().parse().unwrap());
    let places = agent::site::Places::of(&machine.path("agent"));
    let sealing = agent::keystore::Sealing::Unsealed;
    agent::enrol::enrol(&machine.sheet(&hub), &places, &sealing, EVIDENCE_KEY, by_way).await.unwrap();
    assert_eq!(proxy.asked.lock().unwrap().len(), 1, "the enrolment went another way");
    machine.chmod("watched", 0o644);
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let running = machine.run(&hub);
    until("the incident", || hub.with(|s| (!s.incidents.is_empty()).then_some(()))).await;
    until("the receipt", || executor.with(|s| (!s.receipts.is_empty()).then_some(()))).await;
    running.stop().await.unwrap();

    let port = hub.url.rsplit(':').next().unwrap();
    for head in proxy.asked.lock().unwrap().iter() {
        assert!(head.starts_with(&format!("CONNECT 127.0.0.1:{port} HTTP/1.1\r\n")), "{head}");
        for kept in ["clinic", "h-1", "tok-1", "suture"] {
            assert!(!head.to_lowercase().contains(kept), "{head}");
        }
    }
    let carried = proxy.carried.lock().unwrap();
    assert!(carried.len() > 10_000, "{} bytes: the look is at the wrong place", carried.len());
    for words in ["HTTP/1.1", "/v1/", "files.watched", "tok-1", "suture-agent", "clinic"] {
        assert!(!holds(&carried, words), "{words:?} went through it in the clear");
    }
}

#[tokio::test]
async fn a_hostile_proxy_learns_nothing_changes_nothing_and_loses_nothing() {
    let (hub, proxy) = (FakeHub::start().await, FakeProxy::start().await);
    let machine = behind(&proxy);
    machine.enrol(&hub).await;
    machine.chmod("watched", 0o644);
    let _executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    for way in [Way::Flips, Way::Pretends, Way::Refuses, Way::Redirects, Way::Babbles, Way::Closes] {
        proxy.become_(way);
        let (asked, raw) = (proxy.asked.lock().unwrap().len(), hub.with(|s| s.raw.len()));
        let running = machine.run(&hub);
        until("three tries", || (proxy.asked.lock().unwrap().len() >= asked + 3).then_some(())).await;
        until("the incident on the disk", || (outbox(&machine) == 1).then_some(())).await;
        running.stop().await.unwrap();
        assert_eq!(hub.with(|s| s.raw.len()), raw, "{way:?}: something was understood");
        assert_eq!(outbox(&machine), 1, "{way:?}");
    }
    assert!(proxy.understood.lock().unwrap().is_empty(), "it was taken for the hub");

    proxy.become_(Way::Honest);
    let running = machine.run(&hub);
    until("the incident", || hub.with(|s| (!s.incidents.is_empty()).then_some(()))).await;
    until("an empty outbox", || (outbox(&machine) == 0).then_some(())).await;
    running.stop().await.unwrap();
    // Delivered at least once: an answer that a stop cut off is asked for again.
    let told = hub.with(|s| s.incidents.clone());
    assert!(told.iter().all(|one| one.incident == told[0].incident), "{told:#?}");
}

fn outbox(machine: &Machine) -> usize {
    let outbox = machine.path("agent/outbox").read_dir();
    outbox
        .map_or(0, |all| all.flatten().filter(|e| e.path().extension().is_some_and(|x| x == "json")).count())
}

#[test]
fn a_proxy_is_written_as_one() {
    for good in ["http://proxy", "http://10.0.0.1:3128", "http://proxy.clinic:8080/"] {
        assert!(good.parse::<agent::config::Proxy>().is_ok(), "{good}");
    }
    for bad in
        ["", "proxy:3128", "https://proxy", "socks5://proxy", "http://user:secret@proxy", "http://proxy/x"]
    {
        assert!(bad.parse::<agent::config::Proxy>().is_err(), "{bad} was taken");
    }
}
