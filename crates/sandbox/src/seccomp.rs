//! The filters of system calls. They are data in `profiles/`, compiled when the crate is built.
//!
//! What a profile does not name kills the whole process (`SIGSYS`, told as [`Exit::BadSyscall`](crate::Exit::BadSyscall)); what programs are known
//! to try and to live without is answered with an errno. Calls of another architecture (32-bit, x32) are killed.

use seccompiler::{BpfProgram, apply_filter, sock_filter};

use crate::confinement::Profile;

#[allow(clippy::unreadable_literal, reason = "instructions, written by the build")]
mod compiled {
    include!(concat!(env!("OUT_DIR"), "/profiles.rs"));
}

fn filter(profile: Profile) -> BpfProgram {
    let rows = match profile {
        Profile::Strict => compiled::STRICT,
        Profile::Standard => compiled::STANDARD,
        Profile::StandardNet => compiled::STANDARD_NET,
        Profile::Netfilter => compiled::NETFILTER,
    };
    rows.iter().map(|&(code, jt, jf, k)| sock_filter { code, jt, jf, k }).collect()
}

/// Puts the calling thread under a profile, for good. An empty filter is an error in seccompiler, as it must be.
pub(crate) fn apply(profile: Profile) -> Result<(), seccompiler::Error> {
    apply_filter(&filter(profile))
}

#[cfg(test)]
#[path = "../build/compile.rs"]
mod compile;

#[cfg(test)]
mod tests;
