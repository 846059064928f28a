//! What the kernel announces beside files: mounts, swaps, the clock's being set, the packet filter's rules, and those of the audit trail.

use std::io;
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, Protocol, RecvFlags, SocketFlags, SocketType};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};

use crate::interest::Stir;

/// `NFNLGRP_NFTABLES`, the seventh group, as a mask.
const NFTABLES: u32 = 1 << 6;
/// `AUDIT_NLGRP_READLOG`, the first group, as a mask: what auditd hears.
const AUDIT_LOG: u32 = 1;
/// `AUDIT_CONFIG_CHANGE`: a rule came or went, or the trail was turned on or off (linux/audit.h).
const AUDIT_CONFIG_CHANGE: u16 = 1305;

/// So many messages are read before others are listened to.
const AT_ONCE: usize = 256;

/// One thing that is listened to.
#[derive(Debug)]
pub struct Ear {
    fd: OwnedFd,
    flags: PollFlags,
    stir: Stir,
}

/// Listens to what the kernel announces of `stir`; none where it announces nothing of it, or not to us.
pub fn listen(stir: &Stir) -> Option<Ear> {
    let opened = match stir {
        // The machine's mounts are its first process's; a confined service has others, which a remount of the machine's does not reach.
        Stir::Mounts => table("/proc/1/mountinfo").or_else(|_| table("/proc/self/mountinfo")),
        Stir::Swaps => table("/proc/swaps"),
        Stir::Clock => clock(),
        Stir::Firewall => group(netlink::NETFILTER, NFTABLES),
        Stir::Audit => group(netlink::AUDIT, AUDIT_LOG),
        Stir::Unit(_)
        | Stir::Units
        | Stir::AllUnits
        | Stir::Sockets
        | Stir::Parameter(_)
        | Stir::Processes(_) => return None,
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
    pub fn poll(&self) -> PollFd<'_> {
        PollFd::new(&self.fd, self.flags)
    }

    /// What was heard, where it is of interest; it is silent again afterwards, where not more came than [`AT_ONCE`]. An error is for good.
    pub fn heard(&self) -> io::Result<Option<Stir>> {
        let is_news = match &self.stir {
            // That the poll returned was the announcement: the next one is a new one.
            Stir::Mounts
            | Stir::Swaps
            | Stir::Unit(_)
            | Stir::Units
            | Stir::AllUnits
            | Stir::Sockets
            | Stir::Parameter(_)
            | Stir::Processes(_) => true,
            // Fails, as the clock was set.
            Stir::Clock => {
                let _ = rustix::io::read(&self.fd, &mut [0; 8]);
                true
            }
            Stir::Firewall => self.drain(|_| true)?,
            // The trail itself comes the same way: only what is said of its rules matters.
            Stir::Audit => self.drain(|message| kind(message) == Some(AUDIT_CONFIG_CHANGE))?,
        };
        Ok(is_news.then(|| self.stir.clone()))
    }

    /// Reads what is there, to a bound: whoever makes the kernel tell much, in the audit trail say, must not keep us from the rest. Whether any of it is news;
    /// what was dropped because we were slow may have been.
    fn drain(&self, is_news: impl Fn(&[u8]) -> bool) -> io::Result<bool> {
        let (mut buffer, mut news) = ([0; 8192], false);
        for _ in 0..AT_ONCE {
            match rustix::net::recv(&self.fd, &mut buffer, RecvFlags::empty()) {
                Ok((0, _)) | Err(Errno::WOULDBLOCK) => break,
                Ok((length, _)) => news |= is_news(&buffer[..length]),
                Err(Errno::NOBUFS) => news = true,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(news)
    }
}

/// The type of a message: the second field of its `nlmsghdr` (netlink(7)).
fn kind(message: &[u8]) -> Option<u16> {
    Some(u16::from_ne_bytes(message.get(4..6)?.try_into().ok()?))
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

/// What `nft monitor` or auditd hears. The kernel tells it to those alone who may administer the network, or read the audit trail.
fn group(protocol: Protocol, groups: u32) -> io::Result<(OwnedFd, PollFlags)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let fd = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(protocol))?;
    rustix::net::bind(&fd, &SocketAddrNetlink::new(0, groups))?;
    Ok((fd, PollFlags::IN))
}
