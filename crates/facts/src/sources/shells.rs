//! `TMOUT` in the start-up files that every login shell reads.

use contract::fact::{Absence, FactValue, Observation};

use super::settings::{lines, matches};
use crate::inputs::{self, Input};
use crate::root::Root;

/// Read by bash and others at log-in or at the start of an interactive shell, in this order; `/etc/bashrc` is NixOS's name.
const FILES: [&str; 4] = ["/etc/profile", "/etc/bash.bashrc", "/etc/bashrc", "/etc/zshrc"];

/// What the timeout hangs on.
pub(super) fn inputs(root: &Root) -> Vec<Input> {
    [inputs::files(root, FILES), inputs::entries(root, ["/etc/profile.d"])].concat()
}

/// Seconds without input after which a shell ends; 0 where none is set. The last assignment wins, as it does in the shell. What an `if` around
/// it would decide, we do not.
pub(super) fn timeout_seconds(root: &Root) -> Observation {
    let mut texts = Vec::new();
    for file in FILES {
        texts.extend(root.optional_text(file)?);
    }
    let drop_ins = root.names("/etc/profile.d")?;
    for name in drop_ins.iter().filter(|n| matches("*.sh", n)) {
        texts.extend(root.optional_text(format!("/etc/profile.d/{name}"))?);
    }
    if texts.is_empty() {
        return Err(Absence::NotInstalled);
    }
    let seconds = texts.iter().flat_map(|t| lines(t)).flat_map(assignments).last();
    Ok(FactValue::Number(seconds.unwrap_or(0)))
}

/// Every `TMOUT=<number>` of a line, after `export`, `readonly` and the like.
fn assignments(line: &str) -> impl Iterator<Item = i64> {
    line.split([' ', '\t', ';', '&', '(', ')', '{', '}'])
        .filter_map(|token| token.strip_prefix("TMOUT="))
        .filter_map(|value| value.trim_matches(['"', '\'']).parse().ok())
}
