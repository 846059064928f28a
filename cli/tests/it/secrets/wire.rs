//! Between agent and hub: both ends of TLS, and every byte in the clear.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use identity::Authority;
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection, StreamOwned};

use super::super::stage::Stage;

pub(super) struct Wire {
    port: u16,
    open: Arc<AtomicBool>,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Wire {
    /// In front of the hub at `device`. Closed at first.
    pub(super) fn new(stage: &Stage, device: SocketAddr) -> Self {
        let read = |path: &str| fs::read_to_string(stage.data().join(path)).unwrap();
        let authority =
            Authority::load(&read("hub/keys/authority.pem"), &read("hub/keys/authority.key"), "localhost")
                .unwrap();
        let names = ["localhost".to_owned()];
        let (as_hub, _) = identity::server_config(&authority, &names, edge::clock::utc()).unwrap();
        let (certificate, key) = (read("site/agent/keys/device.crt"), read("site/agent/keys/device.key"));
        let as_agent =
            Arc::new(identity::client_config(authority.certificate_pem(), &certificate, &key).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let wire =
            Self { port: listener.local_addr().unwrap().port(), open: Arc::default(), bytes: Arc::default() };
        let (open, bytes) = (Arc::clone(&wire.open), Arc::clone(&wire.bytes));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if open.load(Ordering::Relaxed) {
                    let (as_hub, as_agent, bytes) =
                        (Arc::clone(&as_hub), Arc::clone(&as_agent), Arc::clone(&bytes));
                    std::thread::spawn(move || carry(stream, device, as_hub, as_agent, &bytes));
                }
            }
        });
        wire
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn open(&self) {
        self.open.store(true, Ordering::Relaxed);
    }

    /// All that was said so far, in both directions.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().clone()
    }
}

/// Requests and answers in turn, until one of the two leaves.
fn carry(
    agent: TcpStream,
    device: SocketAddr,
    as_hub: Arc<ServerConfig>,
    as_agent: Arc<ClientConfig>,
    bytes: &Mutex<Vec<u8>>,
) -> Option<()> {
    let hub = TcpStream::connect(device).ok()?;
    let mut agent = StreamOwned::new(ServerConnection::new(as_hub).ok()?, agent);
    let mut hub = StreamOwned::new(ClientConnection::new(as_agent, "localhost".try_into().ok()?).ok()?, hub);
    loop {
        let request = message(&mut agent)?;
        bytes.lock().unwrap().extend_from_slice(&request);
        hub.write_all(&request).ok()?;
        let answer = message(&mut hub)?;
        bytes.lock().unwrap().extend_from_slice(&answer);
        agent.write_all(&answer).ok()?;
    }
}

/// One message of HTTP/1.1 whose length is given, or that has no body.
fn message(from: &mut impl Read) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    while !all.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        from.read_exact(&mut byte).ok()?;
        all.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&all).to_lowercase();
    assert!(!head.contains("transfer-encoding"), "a body of unknown length: {head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    from.read_exact(&mut body).ok()?;
    all.extend(body);
    Some(all)
}
