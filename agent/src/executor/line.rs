//! One connection to the executor: the other side's user is checked before a byte is sent, and the greeting before a question is.

use std::time::Duration;

use contract::frame::{self, FrameError};
use contract::socket::{Answer, PROTOCOL, Question};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::{LineError, Seat, WrongExecutor};

const GREETING_LIMIT: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Line(UnixStream);

impl Line {
    /// Connects; the other side's log is as long as it says.
    pub(super) async fn connect(seat: &Seat) -> Result<(Self, u64), LineError> {
        let stream = UnixStream::connect(&seat.socket).await.map_err(LineError::Connect)?;
        let found = stream.peer_cred().map_err(LineError::Connect)?.uid();
        if found != seat.uid {
            return Err(WrongExecutor::Uid { expected: seat.uid, found }.into());
        }
        let mut line = Self(stream);
        let hello = Question::Hello { protocol: PROTOCOL, software: env!("CARGO_PKG_VERSION").to_owned() };
        match line.ask(&hello, GREETING_LIMIT).await? {
            Answer::Welcome { protocol, software, .. } if protocol != PROTOCOL => {
                Err(WrongExecutor::Protocol { expected: PROTOCOL, found: protocol, software }.into())
            }
            Answer::Welcome { host, .. } if host != seat.host => {
                Err(WrongExecutor::Host { expected: seat.host.clone(), found: host }.into())
            }
            Answer::Welcome { size, .. } => Ok((line, size)),
            Answer::Sorry { why } => Err(LineError::NoWelcome(why.chars().take(300).collect())),
            Answer::Recorded { .. }
            | Answer::Order(_)
            | Answer::UnderWay { .. }
            | Answer::Entries(_)
            | Answer::Condition(_)
            | Answer::Probed(_)
            | Answer::Changed { .. }
            | Answer::NotApproved { .. }
            | Answer::PaperRefused { .. }
            | Answer::Kept
            | Answer::Restoring { .. }
            | Answer::Pruned { .. }
            | Answer::Unrecorded { .. } => Err(LineError::NoWelcome("something else".to_owned())),
        }
    }

    pub(super) async fn ask(&mut self, question: &Question, limit: Duration) -> Result<Answer, LineError> {
        let exchange = async {
            self.0.write_all(&frame::encode(question)?).await.map_err(FrameError::Io)?;
            self.read().await
        };
        timeout(limit, exchange).await.unwrap_or(Err(LineError::TimedOut))
    }

    /// Waits until the other side closes, or speaks unasked.
    pub(super) async fn stirred(&self) {
        let mut byte = [0];
        loop {
            // An error is news too.
            if self.0.readable().await.is_err() {
                return;
            }
            // Readiness outlives the bytes that caused it: only a look tells whether there is anything. What is read here is lost, and so is
            // the connection: whoever speaks unasked has lost the thread.
            match self.0.try_read(&mut byte) {
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
                Ok(_) | Err(_) => return,
            }
        }
    }

    async fn read(&mut self) -> Result<Answer, LineError> {
        let mut header = [0; 4];
        self.0.read_exact(&mut header).await.map_err(|e| match e.kind() {
            std::io::ErrorKind::UnexpectedEof => FrameError::Closed,
            _ => FrameError::Io(e),
        })?;
        // The length is judged before anything is allocated for it.
        let mut bytes = vec![0; frame::length(header)?];
        self.0.read_exact(&mut bytes).await.map_err(FrameError::Io)?;
        Ok(frame::decode(&bytes)?)
    }
}
