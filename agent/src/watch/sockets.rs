//! Listening sockets, asked of the kernel over `sock_diag`.
//!
//! The kernel announces to nobody that a socket begins to listen, so this is asked. The question names the one state that is meant: the kernel walks
//! its short table of listeners and not the connections, and nothing is printed as text or parsed.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;

use rustix::net::netlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

/// See `linux/sock_diag.h` and `linux/netlink.h`.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const REQUEST_AND_DUMP: u16 = 0x301;
const DONE: u16 = 3;
const ERROR: u16 = 2;
const HEADER_BYTES: usize = 16;

/// TCP sockets that listen, and UDP sockets that are bound and not connected: the protocol's number and the state's.
const TCP: (u8, u32) = (6, 1 << 10);
const UDP: (u8, u32) = (17, 1 << 7);
/// `AF_INET` and `AF_INET6`.
const FAMILIES: [u8; 2] = [2, 10];

/// A family, a port and an address.
type Listener = (u8, [u8; 2], [u8; 16]);

/// What listened when it was last asked.
#[derive(Debug)]
pub(super) struct Sockets {
    fd: OwnedFd,
    tcp: BTreeSet<Listener>,
    /// Those that were there twice in a row. Some resolvers open a port for one question, and that is no service.
    udp: BTreeSet<Listener>,
    udp_before: BTreeSet<Listener>,
}

impl Sockets {
    pub(super) fn ask() -> io::Result<Self> {
        let protocol = Some(netlink::SOCK_DIAG);
        let fd = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            protocol,
        )?;
        let (tcp, udp) = (dump(&fd, TCP)?, dump(&fd, UDP)?);
        Ok(Self { fd, tcp, udp_before: udp.clone(), udp })
    }

    /// Whether others listen than before. Where the kernel does not say, one has to look.
    pub(super) fn changed(&mut self) -> bool {
        match (dump(&self.fd, TCP), dump(&self.fd, UDP)) {
            (Ok(tcp), Ok(udp)) => {
                let settled: BTreeSet<_> = udp.intersection(&self.udp_before).copied().collect();
                let changed = tcp != self.tcp || settled != self.udp;
                (self.tcp, self.udp, self.udp_before) = (tcp, settled, udp);
                changed
            }
            (Err(error), _) | (_, Err(error)) => {
                tracing::warn!(%error, "the kernel does not say which sockets listen");
                true
            }
        }
    }
}

fn dump(fd: &OwnedFd, (protocol, states): (u8, u32)) -> io::Result<BTreeSet<Listener>> {
    let mut found = BTreeSet::new();
    for family in FAMILIES {
        rustix::net::send(fd, &question(family, protocol, states), SendFlags::empty())?;
        let mut buffer = vec![0; 32 * 1024];
        loop {
            let (bytes, _) = rustix::net::recv(fd, &mut buffer, RecvFlags::empty())?;
            if take(&buffer[..bytes], &mut found)? {
                break;
            }
        }
    }
    Ok(found)
}

/// `struct nlmsghdr` and `struct inet_diag_req_v2`, whose identity of one socket is left empty.
fn question(family: u8, protocol: u8, states: u32) -> [u8; 72] {
    let mut question = [0; 72];
    question[0..4].copy_from_slice(&72_u32.to_ne_bytes());
    question[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    question[6..8].copy_from_slice(&REQUEST_AND_DUMP.to_ne_bytes());
    question[16] = family;
    question[17] = protocol;
    question[20..24].copy_from_slice(&states.to_ne_bytes());
    question
}

/// The listeners of one package of messages; true where it holds the last one.
fn take(mut package: &[u8], found: &mut BTreeSet<Listener>) -> io::Result<bool> {
    let bent = || io::Error::from(io::ErrorKind::InvalidData);
    while package.len() >= HEADER_BYTES {
        let length = u32::from_ne_bytes(package[0..4].try_into().map_err(|_| bent())?);
        let kind = u16::from_ne_bytes(package[4..6].try_into().map_err(|_| bent())?);
        let length = usize::try_from(length).map_err(|_| bent())?;
        if length < HEADER_BYTES || length > package.len() {
            return Err(bent());
        }
        match kind {
            // A kernel without this family or protocol answers with an error: it has no such listeners.
            DONE | ERROR => return Ok(true),
            _ => found.insert(listener(&package[HEADER_BYTES..length]).ok_or_else(bent)?),
        };
        package = &package[length.next_multiple_of(4).min(package.len())..];
    }
    Ok(false)
}

/// `struct inet_diag_msg`: the family, then from the fifth byte on the port, the peer's port and the address.
fn listener(message: &[u8]) -> Option<Listener> {
    Some((*message.first()?, message.get(4..6)?.try_into().ok()?, message.get(8..24)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_begins_and_ends_to_listen_is_a_change_and_nothing_else_is() {
        let mut sockets = Sockets::ask().unwrap();
        let mut quiet = || (0..50).any(|_| !sockets.changed());
        assert!(quiet(), "this machine opens a new port at every look");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_be_bytes();
        let has = |sockets: &Sockets| sockets.tcp.iter().any(|(_, p, _)| *p == port);
        assert!(!has(&sockets));
        assert!(sockets.changed());
        assert!(has(&sockets));
        drop(listener);
        assert!(sockets.changed());
        assert!(!has(&sockets));
    }

    #[test]
    fn a_udp_port_counts_once_it_has_stayed() {
        let mut sockets = Sockets::ask().unwrap();
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port().to_be_bytes();
        let has = |sockets: &Sockets| sockets.udp.iter().any(|(_, p, _)| *p == port);
        sockets.changed();
        assert!(!has(&sockets));
        assert!(sockets.changed() && has(&sockets));
    }

    #[test]
    fn bent_answers_are_errors() {
        let mut found = BTreeSet::new();
        for bent in [[0_u8; 16], [255; 16]] {
            assert!(take(&bent, &mut found).is_err());
        }
        assert!(!take(&[1, 2, 3], &mut found).unwrap());
    }
}
