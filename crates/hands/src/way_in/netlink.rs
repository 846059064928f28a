//! What is asked of the kernel's routing socket (rtnetlink(7)): a virtual cable, an address with its link up, a route, and the cable's end.

use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::netdevice::name_to_index;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};

// Kinds of message, their flags and the kinds of attribute, by their names in linux/rtnetlink.h, if_link.h and veth.h.
const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_NEWADDR: u16 = 20;
const RTM_NEWROUTE: u16 = 24;
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_ACK: u16 = 0x4;
const NLM_F_EXCL: u16 = 0x200;
const NLM_F_CREATE: u16 = 0x400;
const IFLA_IFNAME: u16 = 3;
const IFLA_LINKINFO: u16 = 18;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const RTA_GATEWAY: u16 = 5;
const IFF_UP: u32 = 1;
const AF_INET: u8 = 2;
const RT_TABLE_MAIN: u8 = 254;
const RTPROT_STATIC: u8 = 4;
const RTN_UNICAST: u8 = 1;

const HEADER_BYTES: usize = 16;

/// A virtual cable: one end here, its peer in another namespace.
#[derive(Debug)]
pub(super) struct Link<'a> {
    pub(super) name: &'a str,
    pub(super) peer: &'a str,
    pub(super) peer_in: BorrowedFd<'a>,
}

/// The routing socket of the namespace in which it was opened.
#[derive(Debug)]
pub(super) struct Routes {
    socket: OwnedFd,
}

impl Routes {
    /// Opens it. No protocol means the first: `NETLINK_ROUTE`.
    pub(super) fn open() -> Result<Self, Errno> {
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
        Ok(Self { socket })
    }

    /// Makes a cable.
    pub(super) fn make(&mut self, link: &Link<'_>) -> Result<(), Errno> {
        let mut peer = ifinfomsg(0, 0);
        attribute(&mut peer, IFLA_IFNAME, &text(link.peer));
        attribute(&mut peer, IFLA_NET_NS_FD, &link.peer_in.as_raw_fd().to_ne_bytes());
        let mut data = Vec::new();
        attribute(&mut data, VETH_INFO_PEER, &peer);
        let mut info = Vec::new();
        attribute(&mut info, IFLA_INFO_KIND, b"veth");
        attribute(&mut info, IFLA_INFO_DATA, &data);
        let mut message = ifinfomsg(0, 0);
        attribute(&mut message, IFLA_IFNAME, &text(link.name));
        attribute(&mut message, IFLA_LINKINFO, &info);
        self.ask(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &message)
    }

    /// Takes a cable away, with both of its ends.
    pub(super) fn remove(&mut self, name: &str) -> Result<(), Errno> {
        let index = name_to_index(&self.socket, name)?;
        self.ask(RTM_DELLINK, 0, &ifinfomsg(index, 0))
    }

    /// Gives an interface an address, and switches it on.
    pub(super) fn address(&mut self, name: &str, address: Ipv4Addr, prefix: u8) -> Result<(), Errno> {
        let index = name_to_index(&self.socket, name)?;
        let mut message = vec![AF_INET, prefix, 0, 0];
        message.extend(index.to_ne_bytes());
        attribute(&mut message, IFA_LOCAL, &address.octets());
        attribute(&mut message, IFA_ADDRESS, &address.octets());
        self.ask(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &message)?;
        self.ask(RTM_NEWLINK, 0, &ifinfomsg(index, IFF_UP))
    }

    /// Sends all that has no other way by this one.
    pub(super) fn default_route(&mut self, gateway: Ipv4Addr) -> Result<(), Errno> {
        let mut message = vec![AF_INET, 0, 0, 0, RT_TABLE_MAIN, RTPROT_STATIC, 0, RTN_UNICAST, 0, 0, 0, 0];
        attribute(&mut message, RTA_GATEWAY, &gateway.octets());
        self.ask(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &message)
    }

    fn ask(&mut self, kind: u16, flags: u16, body: &[u8]) -> Result<(), Errno> {
        let length = u32::try_from(HEADER_BYTES + body.len()).map_err(|_| Errno::MSGSIZE)?;
        let mut message = Vec::with_capacity(HEADER_BYTES + body.len());
        message.extend(length.to_ne_bytes());
        message.extend(kind.to_ne_bytes());
        message.extend((flags | NLM_F_REQUEST | NLM_F_ACK).to_ne_bytes());
        // Sequence and sender: one question at a time, and the kernel knows who asks.
        message.extend([0; 8]);
        message.extend(body);
        sendto(&self.socket, &message, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
        let mut answer = [0_u8; 4096];
        let (_, length) = recv(&self.socket, &mut answer, RecvFlags::empty())?;
        judge(&answer[..length.min(answer.len())])
    }
}

/// An acknowledgement is an error message whose number is 0.
fn judge(answer: &[u8]) -> Result<(), Errno> {
    let (Some(kind), Some(number)) = (answer.get(4..6), answer.get(HEADER_BYTES..HEADER_BYTES + 4)) else {
        return Err(Errno::BADMSG);
    };
    let number = number.try_into().map(i32::from_ne_bytes).map_err(|_| Errno::BADMSG)?;
    match (kind == NLMSG_ERROR.to_ne_bytes(), number) {
        (false, _) => Err(Errno::BADMSG),
        (true, 0) => Ok(()),
        (true, number) => Err(Errno::from_raw_os_error(number.saturating_neg())),
    }
}

/// What begins a message about an interface; by its flags the link is switched.
fn ifinfomsg(index: u32, flags: u32) -> Vec<u8> {
    let mut message = vec![0; 4];
    message.extend(index.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    message
}

fn text(name: &str) -> Vec<u8> {
    [name.as_bytes(), &[0]].concat()
}

/// Length, kind, bytes, and zeros up to a multiple of four.
fn attribute(message: &mut Vec<u8>, kind: u16, bytes: &[u8]) {
    // No attribute here is longer than two names and a few numbers.
    let length = u16::try_from(4 + bytes.len()).unwrap_or(u16::MAX);
    message.extend(length.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(bytes);
    message.resize(message.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_is_padded_and_not_its_length() {
        let mut message = Vec::new();
        attribute(&mut message, 3, b"ab\0");
        assert_eq!(message, [&7_u16.to_ne_bytes()[..], &3_u16.to_ne_bytes(), b"ab\0\0"].concat());
    }

    #[test]
    fn only_an_acknowledgement_is_one() {
        let answer = |kind: u16, number: i32| {
            let mut bytes = vec![0; HEADER_BYTES + 4];
            bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
            bytes[HEADER_BYTES..].copy_from_slice(&number.to_ne_bytes());
            judge(&bytes)
        };
        assert_eq!(answer(NLMSG_ERROR, 0), Ok(()));
        assert_eq!(answer(NLMSG_ERROR, -17), Err(Errno::EXIST));
        assert_eq!((answer(RTM_NEWLINK, 0), judge(&[])), (Err(Errno::BADMSG), Err(Errno::BADMSG)));
    }
}
