//! The SSH server as it would be started now: what it is told, whether it runs, whether it answers.

use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::time::Duration;

use super::{NotConfirmed, outside};
use crate::{Program, Programs};

/// How long it may take to answer from outside.
const ANSWER: Duration = Duration::from_secs(2);

/// What `sshd -T` says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Server {
    listens: Vec<SocketAddrV4>,
    pid_file: Option<PathBuf>,
}

/// Refuses where sshd would not start.
pub(super) fn accepts_its_configuration(programs: &dyn Programs) -> Result<(), NotConfirmed> {
    let ran = programs.run(&sshd("-t")?)?;
    if ran.status == Some(0) { Ok(()) } else { Err(NotConfirmed::Configuration) }
}

/// What it is told. What listens on this machine's own addresses alone lets others in by somebody's tunnel, if at all: that is out of sight.
pub(super) fn effective(programs: &dyn Programs) -> Result<Server, NotConfirmed> {
    let ran = programs.run(&sshd("-T")?)?;
    if ran.status != Some(0) {
        return Err(NotConfirmed::Configuration);
    }
    let server = Server::parse(&String::from_utf8_lossy(&ran.output));
    if server.listens.is_empty() { Err(NotConfirmed::OutOfSight) } else { Ok(server) }
}

fn sshd(argument: &str) -> Result<Program, NotConfirmed> {
    let mut sshd = Program::named("sshd", &[argument]).map_err(|_| NotConfirmed::OutOfSight)?;
    // It wants the directory that it gives up its privileges in to be there.
    sshd.reads.extend(Some(PathBuf::from("/run/sshd")).filter(|p| p.exists()));
    Ok(sshd)
}

impl Server {
    fn parse(text: &str) -> Self {
        let values = |name: &'static str| {
            text.lines().filter_map(move |line| line.strip_prefix(name)?.strip_prefix(' ').map(str::trim))
        };
        let listens = values("listenaddress").filter_map(|value| value.parse().ok());
        let pid_file = values("pidfile").find(|value| *value != "none").map(PathBuf::from);
        Self { listens: listens.filter(|at: &SocketAddrV4| !at.ip().is_loopback()).collect(), pid_file }
    }

    /// Whether its main process is there. Where it is told to write no number down, its answer alone must do.
    pub(super) fn runs(&self) -> Result<(), NotConfirmed> {
        let Some(pid_file) = &self.pid_file else { return Ok(()) };
        let name = || {
            let pid: u32 = edge::file::read_text(pid_file, 32).ok()?.trim().parse().ok()?;
            edge::file::read_text(&PathBuf::from(format!("/proc/{pid}/comm")), 64).ok()
        };
        match name() {
            Some(name) if name.trim() == "sshd" => Ok(()),
            _ => Err(NotConfirmed::NotRunning),
        }
    }

    /// Whether it answers from outside, at any place where it listens.
    pub(super) fn answers(&self) -> Result<(), NotConfirmed> {
        if outside::ssh_answers(&self.listens, ANSWER)? { Ok(()) } else { Err(NotConfirmed::NoAnswer) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_listens_to_others_is_a_way_in() {
        let text = "port 22\nlistenaddress [::]:22\nlistenaddress 127.0.0.1:22\nlistenaddress 0.0.0.0:2222\n\
                    pidfile none\n";
        let server = Server { listens: vec!["0.0.0.0:2222".parse().unwrap()], pid_file: None };
        assert_eq!(Server::parse(text), server);
    }
}
