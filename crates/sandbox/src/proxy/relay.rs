//! Bytes both ways until both sides are done, or one is gone, or the step is over. Each direction has a thread, so that none waits for the other.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::Inner;

/// How often it looks whether the step is over.
const LOOK: Duration = Duration::from_millis(100);
/// A connection on which nothing moves is closed.
const IDLE_MAX: Duration = Duration::from_mins(2);

/// The bytes from the step, and those to it.
pub(super) fn relay(step: &TcpStream, server: &TcpStream, early: &[u8], inner: &Inner) -> (u64, u64) {
    for side in [step, server] {
        let _ = side.set_nodelay(true);
        let _ = side.set_read_timeout(Some(LOOK));
        let _ = side.set_write_timeout(Some(LOOK));
    }
    let mut sent = 0;
    if !write(server, early, inner, &mut sent) {
        return (sent, 0);
    }
    thread::scope(|scope| {
        let back = scope.spawn(|| copy(server, step, inner));
        sent += copy(step, server, inner);
        (sent, back.join().unwrap_or_default())
    })
}

fn copy(mut from: &TcpStream, to: &TcpStream, inner: &Inner) -> u64 {
    let mut buffer = vec![0; 16 << 10];
    let mut count = 0;
    let mut moved = Instant::now();
    while !inner.over() && moved.elapsed() < IDLE_MAX {
        match from.read(&mut buffer) {
            Ok(0) => {
                // This side has said all; the other may still answer.
                let _ = to.shutdown(Shutdown::Write);
                return count;
            }
            Ok(length) => {
                moved = Instant::now();
                if !write(to, buffer.get(..length).unwrap_or_default(), inner, &mut count) {
                    break;
                }
            }
            Err(e) if waiting(e.kind()) => {}
            Err(_) => break,
        }
    }
    // Whatever ended it ends the other direction too.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
    count
}

fn write(mut to: &TcpStream, mut bytes: &[u8], inner: &Inner, count: &mut u64) -> bool {
    let mut moved = Instant::now();
    while !bytes.is_empty() {
        if inner.over() || moved.elapsed() > IDLE_MAX {
            return false;
        }
        match to.write(bytes) {
            Ok(0) => return false,
            Ok(length) => {
                *count += length as u64;
                moved = Instant::now();
                bytes = bytes.get(length..).unwrap_or_default();
            }
            Err(e) if waiting(e.kind()) => {}
            Err(_) => return false,
        }
    }
    true
}

fn waiting(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
