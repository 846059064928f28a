//! The one request that the proxy knows: `CONNECT host:port HTTP/1.1`, headers that are not looked at, an empty line.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};

use super::{Inner, LOOK, Refusal};
use crate::confinement::Destination;

const BYTES_MAX: usize = 8 << 10;
const LIMIT: Duration = Duration::from_secs(10);

/// Reads it: where to, and what the program sent on without waiting for the answer.
pub(super) fn read(mut stream: &TcpStream, inner: &Inner) -> Result<(Destination, Vec<u8>), Refusal> {
    let began = Instant::now();
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let early = bytes.split_off(end + 4);
            return Ok((parse(&bytes).ok_or(Refusal::Malformed)?, early));
        }
        if bytes.len() > BYTES_MAX {
            return Err(Refusal::TooLong);
        }
        if began.elapsed() > LIMIT || inner.over() {
            return Err(Refusal::TimedOut);
        }
        let mut waited = [PollFd::from_borrowed_fd(stream.as_fd(), PollFlags::IN)];
        if matches!(poll(&mut waited, Some(&LOOK)), Ok(0) | Err(_)) {
            continue;
        }
        let mut buffer = [0; 1024];
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return Err(Refusal::Malformed),
            Ok(length) => bytes.extend_from_slice(buffer.get(..length).unwrap_or_default()),
        }
    }
}

/// The destination of a request's head. Only what a host's name or an address is made of gets through, because it goes into a record.
pub(super) fn parse(head: &[u8]) -> Option<Destination> {
    let line = std::str::from_utf8(head).ok()?.split("\r\n").next()?;
    let mut words = line.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    if method != "CONNECT" || !version.starts_with("HTTP/1.") || words.next().is_some() {
        return None;
    }
    let (host, port) = target.rsplit_once(':')?;
    if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let port = port.parse().ok().filter(|port| *port != 0)?;
    let host = match host.strip_prefix('[') {
        Some(rest) => {
            let address = rest.strip_suffix(']')?.parse::<IpAddr>().ok().filter(IpAddr::is_ipv6)?;
            address.to_string()
        }
        None => host.to_ascii_lowercase(),
    };
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':');
    let brackets = host.contains(':') == target.starts_with('[');
    (!host.is_empty() && host.len() <= 253 && host.bytes().all(known) && brackets)
        .then_some(Destination { host, port })
}

/// Says that it is connected.
pub(super) fn established(mut stream: &TcpStream) {
    let _ = stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n");
}

/// Says why it is not.
pub(super) fn answer(mut stream: &TcpStream, why: Refusal) {
    let status = match why {
        Refusal::NotDeclared => "403 Not declared by this step",
        Refusal::NotPublic => "403 Not a public address",
        Refusal::Unresolved => "502 The name leads nowhere",
        Refusal::Unreachable => "502 Nobody answers there",
        Refusal::Malformed => "400 CONNECT and nothing else",
        Refusal::TooLong => "431 Too long",
        Refusal::TimedOut => "408 Too slow",
        Refusal::TooMany => "429 Too many",
    };
    let _ = stream.set_write_timeout(Some(LIMIT));
    let _ = stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes());
}
