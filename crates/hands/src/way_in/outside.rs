//! A connection from outside: a network namespace of its own, with a virtual cable whose other end is an interface of the machine.
//!
//! The cable is taken away when the look is over. After a crash the kernel does it, with the namespace, which was a thread's: a moment later, so a
//! cable that is still there is waited for.

use std::fs::File;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::netlink::{Link, Routes};
use crate::{HandError, host_network};

/// The ends of the cable. A name that no network daemon takes for its own.
const INSIDE: &str = "suture-in";
const OUTSIDE: &str = "suture-out";

/// Networks of four addresses each, of which a machine that has a route into one takes another. Private ones: rules often let in nothing else.
const NETWORKS: [Ipv4Addr; 4] = [
    Ipv4Addr::new(192, 168, 255, 252),
    Ipv4Addr::new(172, 31, 255, 252),
    Ipv4Addr::new(10, 255, 255, 252),
    Ipv4Addr::new(192, 168, 254, 252),
];
const PREFIX: u8 = 30;

const BANNER: &[u8] = b"SSH-2.0-";
/// How long the cable of an earlier look may take to go.
const CABLE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);
/// A worker of the kernel's opens an interface's queue a moment after it was switched on (`net/core/link_watch.c`): what is sent before is lost, and sent again
/// after a second.
const QUEUE: Duration = Duration::from_millis(10);

/// Whether something that speaks SSH answers at one of these addresses, in time. `0.0.0.0` is the machine's end of the cable.
pub(super) fn ssh_answers(at: &[SocketAddrV4], limit: Duration) -> Result<bool, HandError> {
    host_network::within(|| {
        let machine = host_network::open()?;
        let network = free_network()?;
        let mut here = Routes::open().map_err(wrong("open a netlink socket"))?;
        host_network::on_a_thread(|| {
            sandbox::leave_network().map_err(wrong("make a network namespace"))?;
            let mut there = Routes::open().map_err(wrong("open a netlink socket outside"))?;
            lay(&mut there, &Link { name: OUTSIDE, peer: INSIDE, peer_in: machine.as_fd() })?;
            let connected = connect(&mut here, &mut there, network, at, limit);
            there.remove(OUTSIDE).map_err(wrong("take the virtual cable away"))?;
            connected
        })
    })
}

fn lay(there: &mut Routes, cable: &Link<'_>) -> Result<(), HandError> {
    let until = Instant::now() + CABLE;
    loop {
        match there.make(cable) {
            Err(Errno::EXIST) if Instant::now() < until => std::thread::sleep(PAUSE),
            made => return made.map_err(wrong("make a virtual cable")),
        }
    }
}

fn connect(
    here: &mut Routes,
    there: &mut Routes,
    network: Ipv4Addr,
    at: &[SocketAddrV4],
    limit: Duration,
) -> Result<bool, HandError> {
    let [inside, outside] = [1, 2].map(|n| Ipv4Addr::from(u32::from(network) + n));
    here.address(INSIDE, inside, PREFIX).map_err(wrong("give the inner end an address"))?;
    there.address(OUTSIDE, outside, PREFIX).map_err(wrong("give the outer end an address"))?;
    there.default_route(inside).map_err(wrong("make a route inwards"))?;
    std::thread::sleep(QUEUE);
    let places = at.iter().map(|at| {
        let ip = if at.ip().is_unspecified() { inside } else { *at.ip() };
        SocketAddrV4::new(ip, at.port())
    });
    Ok(any_answers(&places.collect::<Vec<_>>(), limit))
}

fn wrong<E: Into<std::io::Error>>(action: &'static str) -> impl FnOnce(E) -> HandError {
    HandError::file(Path::new("/proc/self/ns/net"), action)
}

/// One of the networks that the machine has no route into, but the default one.
fn free_network() -> Result<Ipv4Addr, HandError> {
    let path = Path::new("/proc/thread-self/net/route");
    let read = |source| HandError::File { path: path.to_owned(), action: "read the routes", source };
    let mut table = String::new();
    File::open(path).and_then(|mut f| f.read_to_string(&mut table)).map_err(read)?;
    NETWORKS
        .into_iter()
        .find(|network| !is_reached(&table, *network))
        .ok_or(HandError::NotAsDeclared { what: "no network is free to look from" })
}

/// Whether the table has a route into this network. Its numbers are in hexadecimal, as this machine's memory holds the network's order.
fn is_reached(table: &str, network: Ipv4Addr) -> bool {
    let address = |field: Option<&&str>| u32::from_str_radix(field?, 16).ok().map(u32::from_be);
    table.lines().skip(1).any(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        match (address(fields.get(1)), address(fields.get(7))) {
            (Some(to), Some(mask)) => {
                let both = mask & (u32::MAX << (32 - PREFIX));
                mask != 0 && u32::from(network) & both == to & both
            }
            _ => false,
        }
    })
}

fn any_answers(places: &[SocketAddrV4], limit: Duration) -> bool {
    let until = Instant::now() + limit;
    while Instant::now() < until {
        if places.iter().any(|place| answers(*place, until)) {
            return true;
        }
        std::thread::sleep(PAUSE);
    }
    false
}

fn answers(place: SocketAddrV4, until: Instant) -> bool {
    let left = || until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    let Ok(mut stream) = TcpStream::connect_timeout(&place.into(), left()) else { return false };
    let mut banner = [0; BANNER.len()];
    stream.set_read_timeout(Some(left())).is_ok()
        && stream.read_exact(&mut banner).is_ok()
        && banner == BANNER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_the_machine_has_a_route_into_is_not_taken() {
        let head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
        let default = format!("{head}eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n");
        assert!(!is_reached(&default, NETWORKS[0]));
        // 192.168.0.0/16 and 10.0.0.0/8.
        let lan = format!("{default}eth0\t0000A8C0\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n");
        assert!(is_reached(&lan, NETWORKS[0]) && !is_reached(&lan, NETWORKS[2]));
        let ten = format!("{default}eth0\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0\n");
        assert!(is_reached(&ten, NETWORKS[2]) && !is_reached(&ten, NETWORKS[1]));
    }
}
