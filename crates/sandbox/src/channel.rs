//! What we and the launcher say to each other: packets of JSON over a socket pair, with descriptors beside them.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::confinement::Confinement;

/// No packet is longer.
const BYTES_MAX: usize = 128 << 10;
/// Nor carries more descriptors.
const DESCRIPTORS_MAX: usize = 4;

/// What the launcher is to do. The program and what it reads come beside it, as descriptors.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) confinement: Confinement,
    pub(crate) path: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) loader: Option<PathBuf>,
    /// The kernel has Landlock, and so it is used or nothing starts.
    pub(crate) landlock: bool,
    /// A limit on memory for each process, because no cgroup holds the tree to one.
    pub(crate) memory_per_process: bool,
    /// A limit on processes by the tree's own `pid_max`, because no cgroup has one.
    pub(crate) pid_max: bool,
    /// Whose child the launcher is, if it is ours: it ends with us.
    pub(crate) parent: Option<u32>,
}

/// What the launcher answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Said {
    /// The tree is made: its first process, and the listening socket of its network, come beside this.
    Ready,
    /// It could not be made, and the program did not start.
    Failed { at: String, why: String },
    /// The program has ended.
    Ended { code: Option<i32>, signal: Option<i32>, user: Duration, system: Duration, peak_bytes: u64 },
}

/// Two ends.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC;
    Ok(rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?)
}

/// Sends one packet.
pub(crate) fn send<T: Serialize>(
    socket: impl AsFd,
    value: &T,
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let bytes = serde_json::to_vec(value)?;
    if bytes.len() > BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "more than a packet holds"));
    }
    // A plain write: the launcher says what failed through it even after the filter stands, which has no sendmsg under `strict`.
    if descriptors.is_empty() {
        rustix::io::write(socket, &bytes)?;
        return Ok(());
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    if !beside.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "more descriptors than a packet holds"));
    }
    rustix::net::sendmsg(socket, &[IoSlice::new(&bytes)], &mut beside, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Receives one packet, or `None` when the other end is gone.
pub(crate) fn receive<T: DeserializeOwned>(socket: impl AsFd) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut bytes = vec![0; BYTES_MAX + 1];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(&mut bytes)];
    let length = match rustix::net::recvmsg(socket, &mut parts, &mut beside, RecvFlags::CMSG_CLOEXEC) {
        Ok(received) => received.bytes,
        Err(rustix::io::Errno::CONNRESET) => 0,
        Err(e) => return Err(e.into()),
    };
    let mut descriptors = Vec::new();
    for message in beside.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    match bytes.get(..length) {
        None | Some([]) => Ok(None),
        Some(bytes) => Ok(Some((serde_json::from_slice(bytes)?, descriptors))),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn a_packet_arrives_whole_with_its_descriptors_and_an_end_is_told() {
        let (ours, theirs) = pair().unwrap();
        let (mut read, write) = std::io::pipe().unwrap();
        let said = Said::Failed { at: "here".to_owned(), why: "there".to_owned() };
        send(&ours, &said, &[write.as_fd()]).unwrap();
        let (said, mut beside) = receive::<Said>(&theirs).unwrap().unwrap();
        assert!(matches!(said, Said::Failed { at, why } if at == "here" && why == "there"));
        assert_eq!(beside.len(), 1);
        drop(write);
        std::fs::File::from(beside.remove(0)).write_all(b"through it").unwrap();
        let mut text = String::new();
        read.read_to_string(&mut text).unwrap();
        assert_eq!(text, "through it");
        drop(ours);
        assert!(receive::<Said>(&theirs).unwrap().is_none());
    }

    #[test]
    fn what_no_packet_holds_is_refused_by_the_sender() {
        let (ours, _theirs) = pair().unwrap();
        assert!(send(&ours, &"x".repeat(BYTES_MAX), &[]).is_err());
    }
}
