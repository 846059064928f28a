//! What this process has in its memory stays there: no core dump, no other process that reads it. The evidence key is in it.

use rustix::io::Errno;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Makes this process one that the kernel dumps for nobody. Programs that it starts are dumped as little; they may be traced, since they replace
/// its memory with their own.
pub fn keep_private() -> Result<(), Errno> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
}
