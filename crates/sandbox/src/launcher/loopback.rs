//! The address of the step's own network: `lo`, and a socket that listens on it for the proxy.
//!
//! Invariant 1 stands: this socket lies in a network that holds the step and nothing else. No packet from any machine, nor from any other process
//! of this one, can reach it. We accept from it because a descriptor works across networks, and no address does.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};

/// Raises `lo` and listens on it.
pub(super) fn listen() -> io::Result<TcpListener> {
    raise()?;
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
}

/// One `RTM_NEWLINK` message: a header, and an `ifinfomsg` that sets `IFF_UP` on the first interface, which is `lo` in every new network.
fn raise() -> io::Result<()> {
    const LENGTH: u32 = 32;
    const RTM_NEWLINK: u16 = 16;
    const REQUEST_AND_ACK: u16 = 1 | 4;
    const IFF_UP: u32 = 1;
    let mut message = Vec::new();
    message.extend(LENGTH.to_ne_bytes());
    message.extend(RTM_NEWLINK.to_ne_bytes());
    message.extend(REQUEST_AND_ACK.to_ne_bytes());
    message.extend([0; 8]); // sequence and port
    message.extend([0; 4]); // family, padding, type
    message.extend(1u32.to_ne_bytes()); // index
    message.extend(IFF_UP.to_ne_bytes()); // flags
    message.extend(IFF_UP.to_ne_bytes()); // of which this one changes
    // No protocol is protocol 0, which is NETLINK_ROUTE.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    sendto(&socket, &message, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    // The answer is a header of 16 bytes and an errno, negative or zero.
    let mut answer = [0u8; 256];
    let (length, _) = recv(&socket, &mut answer[..], RecvFlags::empty())?;
    match answer.get(..length).and_then(|bytes| bytes.get(16..20)).map(<[u8; 4]>::try_from) {
        Some(Ok(errno)) if i32::from_ne_bytes(errno) == 0 => Ok(()),
        Some(Ok(errno)) => Err(io::Error::from_raw_os_error(-i32::from_ne_bytes(errno))),
        _ => Err(io::Error::other("the kernel's answer makes no sense")),
    }
}
