//! The step's way out: a CONNECT proxy in our own process, for the hosts and ports that the step declares and for nothing else.
//!
//! It listens in the step's own network (see the launcher's `loopback`), so nobody but the step can reach it. It resolves a name once and connects to the
//! address that it judged. It sees bytes and no content: TLS is between the program and its server.
//!
//! **Holds:** every connection that was asked for is a value that the caller gets, the refused ones too. **Absent:** any method but CONNECT; a wildcard
//! in the list; an address that is not public, unless the list names it as an address.

mod public;
mod relay;
mod request;

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

use crate::confinement::Destination;

/// At one time.
const OPEN_MAX: usize = 32;
/// In one step. What comes after is refused, and that is told once.
const TOLD_MAX: usize = 1000;
/// How long a server may take to answer the first packet.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How often the threads look whether the step is over.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// One connection that a step asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Where to, if it said so in words that make sense.
    pub to: Option<Destination>,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was made.
    Opened {
        /// To this address.
        address: SocketAddr,
        /// Bytes from the step.
        sent: u64,
        /// Bytes to the step.
        received: u64,
        /// For how long.
        lasted: Duration,
    },
    /// It was not.
    Refused(Refusal),
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The step does not declare it.
    NotDeclared,
    /// The name leads to no public address.
    NotPublic,
    /// The name leads nowhere.
    Unresolved,
    /// Nobody answers there.
    Unreachable,
    /// It is no CONNECT request.
    Malformed,
    /// The request is longer than any honest one.
    TooLong,
    /// The request did not come.
    TimedOut,
    /// Too many at once, or in all.
    TooMany,
}

/// A proxy that runs.
pub(crate) struct Proxy {
    inner: Arc<Inner>,
    accepting: JoinHandle<()>,
}

pub(crate) struct Inner {
    allowed: Vec<Destination>,
    told: Mutex<Vec<Connection>>,
    open: AtomicUsize,
    over: AtomicBool,
    /// Written to when the step is over, to have the accepting thread look up.
    wake: OwnedFd,
}

impl Proxy {
    /// Begins to accept.
    pub(crate) fn start(listener: OwnedFd, allowed: Vec<Destination>) -> io::Result<Self> {
        let listener = TcpListener::from(listener);
        listener.set_nonblocking(true)?;
        let inner = Arc::new(Inner {
            allowed,
            told: Mutex::new(Vec::new()),
            open: AtomicUsize::new(0),
            over: AtomicBool::new(false),
            wake: eventfd(0, EventfdFlags::CLOEXEC)?,
        });
        let theirs = Arc::clone(&inner);
        let accepting =
            thread::Builder::new().name("proxy".to_owned()).spawn(move || accept(&listener, &theirs))?;
        Ok(Self { inner, accepting })
    }

    /// Ends every connection, and tells of all of them.
    pub(crate) fn stop(self) -> Vec<Connection> {
        self.inner.over.store(true, Ordering::Release);
        let _ = rustix::io::write(&self.inner.wake, &1u64.to_ne_bytes());
        let _ = self.accepting.join();
        std::mem::take(&mut *self.inner.told.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Inner {
    /// Whether the step is over.
    pub(crate) fn over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    fn tell(&self, connection: Connection) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < TOLD_MAX {
            told.push(connection);
        }
    }

    fn full(&self) -> bool {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).len() + 1 >= TOLD_MAX
    }
}

fn accept(listener: &TcpListener, inner: &Arc<Inner>) {
    let mut serving: Vec<JoinHandle<()>> = Vec::new();
    while !inner.over() {
        let mut waited =
            [&listener.as_fd(), &inner.wake.as_fd()].map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN));
        if matches!(poll(&mut waited, Some(&LOOK)), Ok(0) | Err(_)) {
            continue;
        }
        let Ok((stream, _)) = listener.accept() else { continue };
        serving.retain(|thread| !thread.is_finished());
        if inner.open.load(Ordering::Acquire) >= OPEN_MAX || inner.full() {
            request::answer(&stream, Refusal::TooMany);
            inner.tell(Connection { to: None, verdict: Verdict::Refused(Refusal::TooMany) });
            continue;
        }
        inner.open.fetch_add(1, Ordering::AcqRel);
        let theirs = Arc::clone(inner);
        let thread = thread::Builder::new().name("proxied".to_owned()).spawn(move || {
            let connection = serve(&stream, &theirs);
            theirs.tell(connection);
            theirs.open.fetch_sub(1, Ordering::AcqRel);
        });
        match thread {
            Ok(thread) => serving.push(thread),
            Err(_) => {
                inner.open.fetch_sub(1, Ordering::AcqRel);
                inner.tell(Connection { to: None, verdict: Verdict::Refused(Refusal::TooMany) });
            }
        }
    }
    for thread in serving {
        let _ = thread.join();
    }
}

fn serve(stream: &TcpStream, inner: &Inner) -> Connection {
    let refuse = |to: Option<Destination>, why| {
        request::answer(stream, why);
        Connection { to, verdict: Verdict::Refused(why) }
    };
    let (to, early) = match request::read(stream, inner) {
        Ok(asked) => asked,
        Err(why) => return refuse(None, why),
    };
    let server = match declared(&inner.allowed, &to).and_then(connect) {
        Ok(server) => server,
        Err(why) => return refuse(Some(to), why),
    };
    let Ok(address) = server.peer_addr() else { return refuse(Some(to), Refusal::Unreachable) };
    request::established(stream);
    let began = Instant::now();
    let (sent, received) = relay::relay(stream, &server, &early, inner);
    Connection { to: Some(to), verdict: Verdict::Opened { address, sent, received, lasted: began.elapsed() } }
}

/// The entry of the list that this is.
fn declared<'a>(allowed: &'a [Destination], to: &Destination) -> Result<&'a Destination, Refusal> {
    let same = |entry: &&Destination| entry.port == to.port && entry.host.eq_ignore_ascii_case(&to.host);
    allowed.iter().find(same).ok_or(Refusal::NotDeclared)
}

fn connect(to: &Destination) -> Result<TcpStream, Refusal> {
    let address = match to.host.parse::<IpAddr>() {
        // The list itself names the address.
        Ok(address) => SocketAddr::new(address, to.port),
        Err(_) => {
            let found: Vec<_> =
                (to.host.as_str(), to.port).to_socket_addrs().map_err(|_| Refusal::Unresolved)?.collect();
            if found.is_empty() {
                return Err(Refusal::Unresolved);
            }
            found.into_iter().find(|address| public::is(address.ip())).ok_or(Refusal::NotPublic)?
        }
    };
    TcpStream::connect_timeout(&address, CONNECT_LIMIT).map_err(|_| Refusal::Unreachable)
}

#[cfg(test)]
mod tests;
