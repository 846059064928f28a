//! What the kernel announces beside files: mounts, swaps, the clock's being set, and the packet filter's rules.

use std::io;
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};

use crate::interest::Stir;

/// `NFNLGRP_NFTABLES`, the seventh group, as a mask.
const NFTABLES: u32 = 1 << 6;

/// One thing that is listened to.
#[derive(Debug)]
pub(super) struct Ear {
    fd: OwnedFd,
    flags: PollFlags,
    stir: Stir,
}

/// Listens to what the kernel announces of `stir`; none where it announces nothing of it, or not to us.
pub(super) fn listen(stir: &Stir) -> Option<Ear> {
    let opened = match stir {
        Stir::Mounts => table("/proc/self/mountinfo"),
        Stir::Swaps => table("/proc/swaps"),
        Stir::Clock => clock(),
        Stir::Firewall => packet_filter(),
        Stir::Unit(_) | Stir::Units | Stir::AllUnits | Stir::Sockets | Stir::Parameter(_) => return None,
    };
    match opened {
        Ok((fd, flags)) => Some(Ear { fd, flags, stir: stir.clone() }),
        Err(error) => {
            tracing::warn!(?stir, %error, "not watched: changes are found by the next full scan");
            None
        }
    }
}

impl Ear {
    /// What to wait for.
    pub(super) fn poll(&self) -> PollFd<'_> {
        PollFd::new(&self.fd, self.flags)
    }

    /// What was heard; it is silent again afterwards.
    pub(super) fn heard(&self) -> Stir {
        let mut buffer = [0; 8192];
        match &self.stir {
            // That the poll returned was the announcement: the next one is a new one.
            Stir::Mounts
            | Stir::Swaps
            | Stir::Unit(_)
            | Stir::Units
            | Stir::AllUnits
            | Stir::Sockets
            | Stir::Parameter(_) => {}
            // Fails, as the clock was set.
            Stir::Clock => drop(rustix::io::read(&self.fd, &mut buffer)),
            // What was dropped because we were slow is heard as much as what was not.
            Stir::Firewall => loop {
                match rustix::net::recv(&self.fd, &mut buffer, RecvFlags::empty()) {
                    Ok((0, _)) | Err(Errno::WOULDBLOCK) => break,
                    Ok(_) | Err(Errno::NOBUFS | Errno::INTR) => {}
                    Err(error) => {
                        tracing::warn!(%error, "the packet filter's news cannot be read");
                        break;
                    }
                }
            },
        }
        self.stir.clone()
    }
}

/// A table of the kernel's, which says that it changed as an exceptional condition: see proc(5).
fn table(path: &str) -> io::Result<(OwnedFd, PollFlags)> {
    let fd = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    // The first poll of a fresh file may report what was there before.
    let mut first = [PollFd::new(&fd, PollFlags::PRI)];
    rustix::event::poll(&mut first, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
    Ok((fd, PollFlags::PRI))
}

/// A timer that never comes, and is cancelled when somebody sets the clock: see `timerfd_create(2)`.
fn clock() -> io::Result<(OwnedFd, PollFlags)> {
    let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
    let fd = rustix::time::timerfd_create(TimerfdClockId::Realtime, flags)?;
    let never = Itimerspec {
        it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
        it_value: Timespec { tv_sec: i64::from(u32::MAX), tv_nsec: 0 },
    };
    let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
    rustix::time::timerfd_settime(&fd, flags, &never)?;
    Ok((fd, PollFlags::IN))
}

/// What `nft monitor` hears. The kernel tells it to those alone who may administer the network.
fn packet_filter() -> io::Result<(OwnedFd, PollFlags)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let protocol = Some(netlink::NETFILTER);
    let fd = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, protocol)?;
    rustix::net::bind(&fd, &SocketAddrNetlink::new(0, NFTABLES))?;
    Ok((fd, PollFlags::IN))
}
