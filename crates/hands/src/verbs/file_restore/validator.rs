//! Who judges a candidate: alone, before it takes its place, and again as a part of the whole that it then belongs to.
//!
//! A part of nginx's configuration is nothing by itself, so nginx judges the whole only. It reads its files again only when it is told to: a
//! refused candidate stood in its place for a moment, and nobody used it.

use std::path::{Path, PathBuf};

use contract::runbook::{SandboxProfile, Validator};

use crate::{HandError, Place, Program};

/// Refuses where the candidate itself is wrong.
pub(super) fn alone(
    by: Validator,
    candidate: &Path,
    target: &Path,
    place: &Place<'_>,
) -> Result<(), HandError> {
    let file = candidate.to_string_lossy();
    match by {
        Validator::Sshd => judge("sshd", &["-t", "-f", &file], "sshd -t -f", target, place),
        Validator::Nft => judge("nft", &["-c", "-f", &file], "nft -c -f", target, place),
        Validator::Visudo => judge("visudo", &["-c", "-f", &file], "visudo -c -f", target, place),
        Validator::Nginx => Ok(()),
    }
}

/// Refuses where the whole is wrong, with the candidate in its place.
pub(super) fn whole(by: Validator, target: &Path, place: &Place<'_>) -> Result<(), HandError> {
    match by {
        Validator::Sshd => judge("sshd", &["-t"], "sshd -t with all of its files", target, place),
        Validator::Visudo => judge("visudo", &["-c"], "visudo -c with all of its files", target, place),
        Validator::Nginx => judge("nginx", &["-t", "-q"], "nginx -t", target, place),
        Validator::Nft => Ok(()),
    }
}

fn judge(
    name: &str,
    arguments: &[&str],
    by: &'static str,
    target: &Path,
    place: &Place<'_>,
) -> Result<(), HandError> {
    let mut program = Program::named(name, arguments)?;
    program.time_limit_ms = program.time_limit_ms.min(place.left_ms());
    let there = |paths: &[&str]| paths.iter().map(PathBuf::from).filter(|p| p.exists()).collect();
    match name {
        // It wants the directory that it gives up its privileges in to be there.
        "sshd" => program.reads = there(&["/run/sshd"]),
        "nft" => {
            program.capabilities = vec!["CAP_NET_ADMIN"];
            program.host_network = true;
        }
        // It opens its logs and its sockets even when it only tests, and lets go of them.
        "nginx" => {
            program.capabilities = vec!["CAP_NET_BIND_SERVICE", "CAP_CHOWN", "CAP_DAC_OVERRIDE"];
            program.profile = SandboxProfile::StandardNet;
            program.writes = there(&["/var/log/nginx", "/var/lib/nginx"]);
        }
        _ => {}
    }
    let ran = place.programs.run(&program)?;
    if ran.status == Some(0) {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ran.complaint);
    tracing::warn!(by, said = %said.trim().chars().take(300).collect::<String>(), "candidate refused");
    Err(HandError::Candidate { path: target.to_owned(), by })
}
