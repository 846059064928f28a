//! The zip as a response's body: written on a thread of its own, a few pieces ahead of the reader and no more, and not for longer than it needs.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use contract::digest::Digest;
use contract::ids::OperatorId;
use evidence::kit::Kit;
use hyper::body::{Frame, SizeHint};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::copy::Copies;
use super::make::Digesting;
use crate::problem::chain;
use crate::seats::Seat;

/// The length of a piece.
const PIECE_BYTES: usize = 256 * 1024;
/// Pieces that wait for the reader.
const PIECES_MAX: usize = 4;

/// A download may take a minute, and beyond that a second for so many bytes (two megabits): whoever is slower holds up others.
const GRACE: Duration = Duration::from_secs(60);
const PACE_BYTES: u64 = 256 * 1024;

type Piece = Result<Bytes, io::Error>;

/// A download that has begun.
pub(crate) struct Download {
    pub(crate) body: Body,
    pub(crate) bytes: u64,
    pub(crate) digest: Digest,
}

/// Starts to write the zip. What was kept of it says how long it must be and what it must come to.
/// The seat is free again once its thread is.
pub(super) fn start(
    kit: Kit,
    source: Copies,
    bytes: u64,
    digest: Digest,
    seat: Seat<OperatorId>,
) -> Download {
    let (sender, pieces) = mpsc::channel(PIECES_MAX);
    let until = Instant::now() + GRACE + Duration::from_secs(bytes / PACE_BYTES);
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        write(
            &kit,
            source,
            digest,
            Pieced { sender, piece: Vec::new(), digesting: Digesting::default(), runtime, until },
        );
        drop(seat);
    });
    Download { body: Body::new(Pieces { pieces, left: bytes }), bytes, digest }
}

/// Writes all of the zip, its last piece only once the whole is known to be what it was: a reader never ends up with other bytes unawares.
fn write(kit: &Kit, mut source: Copies, digest: Digest, mut out: Pieced) {
    let failed = match kit.write(&mut source, &mut out) {
        Ok(_) => {
            if std::mem::take(&mut out.digesting).digest() == digest {
                let last = std::mem::take(&mut out.piece);
                let _ = out.send(last);
                return;
            }
            "a kit came to other bytes than when it was exported".to_owned()
        }
        Err(e) => chain(&e),
    };
    tracing::error!(cause = failed, "a download was broken off");
}

struct Pieced {
    sender: mpsc::Sender<Piece>,
    piece: Vec<u8>,
    digesting: Digesting,
    runtime: Handle,
    until: Instant,
}

impl Pieced {
    /// Waits for the reader, and not beyond its time.
    fn send(&self, piece: Vec<u8>) -> io::Result<()> {
        // The timer is made within the runtime, whose clock it asks.
        let sent = async { tokio::time::timeout_at(self.until, self.sender.send(Ok(piece.into()))).await };
        match self.runtime.block_on(sent) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::Error::new(io::ErrorKind::BrokenPipe, "the reader went away")),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the reader took too long")),
        }
    }
}

impl Write for Pieced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full piece goes when the next byte comes, so the last one stays here.
        if self.piece.len() >= PIECE_BYTES {
            let piece = std::mem::take(&mut self.piece);
            self.send(piece)?;
        }
        let room = bytes.len().min(PIECE_BYTES - self.piece.len());
        let taken = &bytes[..room];
        self.piece.extend_from_slice(taken);
        self.digesting.write(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The pieces as a body.
struct Pieces {
    pieces: mpsc::Receiver<Piece>,
    left: u64,
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let piece = std::task::ready!(self.pieces.poll_recv(context));
        Poll::Ready(match piece {
            Some(piece) => Some(piece.map(|piece| {
                self.left = self.left.saturating_sub(piece.len() as u64);
                Frame::data(piece)
            })),
            // Broken off: that is no end, whoever counts the bytes or does not.
            None if self.left > 0 => Some(Err(io::Error::other("the download was broken off"))),
            None => None,
        })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reader_that_takes_a_piece_now_and_then_is_cut_all_the_same() {
        let (sender, pieces) = mpsc::channel(PIECES_MAX);
        let until = Instant::now() + Duration::from_millis(300);
        let runtime = Handle::current();
        let mut out = Pieced { sender, piece: Vec::new(), digesting: Digesting::default(), runtime, until };
        let writing = tokio::task::spawn_blocking(move || out.write_all(&vec![7; 100 * PIECE_BYTES]));
        let mut body = Pieces { pieces, left: 100 * PIECE_BYTES as u64 };
        let (mut taken, mut end) = (0, None);
        while end.is_none() {
            match std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
                Some(Ok(_)) => taken += 1,
                broken => end = Some(broken),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let ended = tokio::time::timeout(Duration::from_secs(5), writing).await;
        let ended = ended.expect("its thread is held").unwrap().unwrap_err();
        assert_eq!(ended.kind(), io::ErrorKind::TimedOut);
        assert!((4..40).contains(&taken), "{taken}");
        assert!(matches!(end, Some(Some(Err(_)))), "what was broken off looks whole");
    }
}
