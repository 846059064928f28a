//! Listening sockets of this network namespace, from `/proc/net`. Those that only this machine itself can reach are left out.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use contract::allowlist::Allowlist;
use contract::fact::{Absence, FactValue, Observation};

use super::FactSource;
use crate::config::Config;
use crate::inputs::Input;
use crate::root::{Root, count};

/// Where passwords and records would pass in the clear: ftp, telnet, tftp, finger, pop3, imap, rexec, rlogin, rsh, rsync, vnc.
const PLAINTEXT: [u16; 11] = [21, 23, 69, 79, 110, 143, 512, 513, 514, 873, 5900];
/// The kernel's number for a TCP socket that listens.
const TCP_LISTEN: &str = "0A";
/// The kernel's number for a UDP socket that is bound and not connected.
const UDP_BOUND: &str = "07";

/// Listening sockets.
pub(crate) struct Listening<'a> {
    root: &'a Root,
    allowed: &'a Result<Allowlist, Absence>,
    tcp: OnceCell<Result<Vec<u16>, Absence>>,
    udp: OnceCell<Result<Vec<u16>, Absence>>,
}

impl<'a> Listening<'a> {
    pub(crate) fn new(config: &'a Config) -> Self {
        Self { root: &config.root, allowed: &config.allowed, tcp: OnceCell::new(), udp: OnceCell::new() }
    }

    fn tcp(&self) -> Result<&[u16], Absence> {
        self.tcp.get_or_init(|| ports(self.root, "tcp", TCP_LISTEN)).as_deref().map_err(|a| *a)
    }

    fn udp(&self) -> Result<&[u16], Absence> {
        self.udp.get_or_init(|| ports(self.root, "udp", UDP_BOUND)).as_deref().map_err(|a| *a)
    }
}

impl FactSource for Listening<'_> {
    fn read(&self, name: &str) -> Observation {
        match name {
            "tcp_ports" => Ok(FactValue::Ports(self.tcp()?.to_vec())),
            "unlisted_ports" => {
                let list = self.allowed.as_ref().map_err(|absence| *absence)?;
                let allowed = list.listening.as_ref().ok_or(Absence::NotDeclared)?;
                let tcp = self.tcp()?.iter().filter(|port| !allowed.tcp.contains(port));
                let udp = self.udp()?.iter().filter(|port| !allowed.udp.contains(port));
                Ok(FactValue::Ports(tcp.chain(udp).copied().collect::<BTreeSet<_>>().into_iter().collect()))
            }
            "udp_ports" => Ok(FactValue::Ports(self.udp()?.to_vec())),
            "plaintext_ports" => {
                let open: BTreeSet<_> = self.tcp()?.iter().chain(self.udp()?).collect();
                count(open.into_iter().filter(|p| PLAINTEXT.contains(p)).count())
            }
            _ => Err(Absence::Unsupported),
        }
    }

    fn inputs(&self, name: &str) -> Vec<Input> {
        match name {
            "tcp_ports" | "udp_ports" | "plaintext_ports" | "unlisted_ports" => vec![Input::Sockets],
            _ => Vec::new(),
        }
    }
}

/// Ascending, each once. A kernel without IPv6 has no second table.
fn ports(root: &Root, protocol: &str, state: &str) -> Result<Vec<u16>, Absence> {
    let first = root.text(format!("/proc/net/{protocol}"))?;
    let second = root.optional_text(format!("/proc/net/{protocol}6"))?;
    let mut open = BTreeSet::new();
    for table in [Some(first), second].into_iter().flatten() {
        let mut lines = table.lines();
        if !lines.next().is_some_and(|header| header.contains("local_address")) {
            return Err(Absence::Malformed);
        }
        for line in lines {
            let (address, port, is_open) = parse(line, state).ok_or(Absence::Malformed)?;
            if is_open && !is_loopback(address) {
                open.insert(port);
            }
        }
    }
    Ok(open.into_iter().collect())
}

/// `0: 0100007F:1F90 00000000:0000 0A …`: the local address, its port, and whether the socket is in `state`.
fn parse<'l>(line: &'l str, state: &str) -> Option<(&'l str, u16, bool)> {
    let mut fields = line.split_whitespace().skip(1);
    let (local, _, found) = (fields.next()?, fields.next()?, fields.next()?);
    let (address, port) = local.split_once(':')?;
    Some((address, u16::from_str_radix(port, 16).ok()?, found == state))
}

/// Addresses stand there as the machine's own words, so on the little-endian machines we run on `127.0.0.1` begins at the end.
fn is_loopback(address: &str) -> bool {
    let v4 = |a: &str| a.len() == 8 && a.ends_with("7F");
    v4(address)
        || address == "00000000000000000000000001000000"
        || address.strip_prefix("0000000000000000FFFF0000").is_some_and(v4)
}
