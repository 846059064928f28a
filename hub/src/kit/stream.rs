//! The zip as a response's body: written on a thread of its own, a few pieces ahead of the reader and no more.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use contract::digest::Digest;
use evidence::kit::Kit;
use hyper::body::{Frame, SizeHint};
use tokio::sync::mpsc;

use super::copy::Copies;
use super::make::Digesting;
use crate::problem::chain;

/// The length of a piece.
const PIECE_BYTES: usize = 256 * 1024;
/// Pieces that wait for the reader.
const PIECES_MAX: usize = 4;

type Piece = Result<Bytes, io::Error>;

/// A download that has begun.
pub(crate) struct Download {
    pub(crate) body: Body,
    pub(crate) bytes: u64,
    pub(crate) digest: Digest,
}

/// Starts to write the zip. What was kept of it says how long it must be and what it must come to.
pub(super) fn start(kit: Kit, source: Copies, bytes: u64, digest: Digest) -> Download {
    let (sender, pieces) = mpsc::channel(PIECES_MAX);
    tokio::task::spawn_blocking(move || write(&kit, source, digest, sender));
    Download { body: Body::new(Pieces { pieces, left: bytes }), bytes, digest }
}

/// Writes all of the zip, its last piece only once the whole is known to be what it was: a reader never ends up with other bytes unawares.
fn write(kit: &Kit, mut source: Copies, digest: Digest, sender: mpsc::Sender<Piece>) {
    let mut out = Pieced { sender, piece: Vec::new(), digesting: Digesting::default() };
    let failed = match kit.write(&mut source, &mut out) {
        Ok(_) => {
            let Pieced { sender, piece, digesting } = out;
            if digesting.digest() == digest {
                let _ = sender.blocking_send(Ok(piece.into()));
                return;
            }
            let what = "a kit came to other bytes than when it was exported".to_owned();
            let _ = sender.blocking_send(Err(io::Error::other(what.clone())));
            what
        }
        Err(e) => {
            let _ = out.sender.blocking_send(Err(io::Error::other(e.to_string())));
            chain(&e)
        }
    };
    tracing::error!(cause = failed, "a download was broken off");
}

struct Pieced {
    sender: mpsc::Sender<Piece>,
    piece: Vec<u8>,
    digesting: Digesting,
}

impl Write for Pieced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full piece goes when the next byte comes, so the last one stays here.
        if self.piece.len() >= PIECE_BYTES {
            let piece = std::mem::take(&mut self.piece);
            let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the reader went away");
            self.sender.blocking_send(Ok(piece.into())).map_err(gone)?;
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
        Poll::Ready(piece.map(|piece| {
            let piece = piece?;
            self.left = self.left.saturating_sub(piece.len() as u64);
            Ok(Frame::data(piece))
        }))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
