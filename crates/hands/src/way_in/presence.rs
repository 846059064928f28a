//! Whether there is an SSH server at all. Where none listens, and systemd has none running or waiting for the first who comes, nobody gets in by it,
//! and nothing that is done can cut anybody off. A server that cannot be seen is another thing: that one may be somebody's only way.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::systemd;
use crate::{HandError, UNITS_OF_SSH};

/// Where the kernel lists the sockets of the machine's own network: that of the first process.
const TABLES: [&str; 2] = ["/proc/1/net/tcp", "/proc/1/net/tcp6"];
const TABLE_BYTES_MAX: u64 = 64 << 20;
const LISTENS: &str = "0A";
/// What listens here is taken for an SSH server, whatever it is.
const PORT: u16 = 22;

/// True where it was seen that nobody is there.
pub(super) fn nobody_is_there() -> Result<bool, HandError> {
    let mut sockets = BTreeSet::new();
    for table in TABLES.map(Path::new) {
        // Without IPv6 there is no such table.
        if table.exists() {
            let read = |e: edge::file::FileError| HandError::File {
                path: e.path,
                action: "see who listens",
                source: e.source,
            };
            sockets.extend(listening(&edge::file::read_text(table, TABLE_BYTES_MAX).map_err(read)?));
        }
    }
    let at_port = sockets.iter().any(|socket| socket.port == PORT);
    Ok(!at_port
        && !an_sshd_holds(&sockets)?
        && systemd::those(&UNITS_OF_SSH, |state| !state.is_down())?.is_empty())
}

/// A socket that takes connections.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Listening {
    port: u16,
    inode: u64,
}

fn listening(table: &str) -> Vec<Listening> {
    let socket = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let port = fields.get(1)?.rsplit(':').next()?;
        let listens = *fields.get(3)? == LISTENS;
        let inode = fields.get(9)?.parse().ok()?;
        listens.then_some(Listening { port: u16::from_str_radix(port, 16).ok()?, inode })
    };
    table.lines().skip(1).filter_map(socket).collect()
}

/// Whether a process of that name has one of them open. One that serves a session, and listens no more, has not.
fn an_sshd_holds(sockets: &BTreeSet<Listening>) -> Result<bool, HandError> {
    let links: BTreeSet<String> = sockets.iter().map(|s| format!("socket:[{}]", s.inode)).collect();
    let processes = Path::new("/proc");
    let entries = fs::read_dir(processes).map_err(HandError::file(processes, "see who runs"))?;
    // A process that ends meanwhile is none.
    Ok(entries.flatten().map(|entry| entry.path()).filter(|process| is_sshd(process)).any(|process| {
        let open = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        open.filter_map(|fd| fs::read_link(fd.path()).ok())
            .any(|link| link.to_str().is_some_and(|link| links.contains(link)))
    }))
}

fn is_sshd(process: &Path) -> bool {
    edge::file::read_text(&process.join("comm"), 64).is_ok_and(|name| name.trim() == "sshd")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_takes_connections_listens() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
            0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0\n   \
            1: 0100007F:0016 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 20 4 30 10 -1\n";
        assert_eq!(listening(table), [Listening { port: 22, inode: 4711 }]);
    }
}
