//! The machine's own network, whichever one this process was given: that of the first process. The executor may be kept in an empty one.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::HandError;

const MACHINES: &str = "/proc/1/ns/net";
const OURS: &str = "/proc/self/ns/net";

/// The namespace that the machine's first process is in.
pub(crate) fn open() -> Result<File, HandError> {
    File::open(MACHINES).map_err(failed("open the machine's network"))
}

/// Does `work` on a thread that stands in the machine's own network. Namespaces are a thread's own, so nothing else of this process moves.
pub(crate) fn within<T: Send>(work: impl FnOnce() -> Result<T, HandError> + Send) -> Result<T, HandError> {
    let machines = open()?;
    let same = |a: &std::fs::Metadata, b: &std::fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    let ours = File::open(OURS).and_then(|f| f.metadata()).map_err(failed("look at its own network"))?;
    let theirs = machines.metadata().map_err(failed("look at the machine's network"))?;
    if same(&ours, &theirs) {
        return work();
    }
    on_a_thread(|| {
        move_into_link_name_space(machines.as_fd(), Some(LinkNameSpaceType::Network))
            .map_err(|e| failed("enter the machine's network")(e.into()))?;
        work()
    })
}

/// Does `work` on a thread of its own, and waits for it.
pub(crate) fn on_a_thread<T: Send>(
    work: impl FnOnce() -> Result<T, HandError> + Send,
) -> Result<T, HandError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("hands-network".to_owned());
        let running = thread.spawn_scoped(scope, work).map_err(failed("start a thread"))?;
        running.join().unwrap_or_else(|_| Err(failed("finish a thread")(io::Error::other("it panicked"))))
    })
}

fn failed(action: &'static str) -> impl FnOnce(io::Error) -> HandError {
    move |source| HandError::File { path: Path::new(MACHINES).to_owned(), action, source }
}
