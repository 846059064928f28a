//! One connection, in which nothing takes for ever but the silence between two questions.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use contract::frame::{self, FrameError};
use contract::record::Intrusion;
use contract::socket::{Answer, Question};

use super::places::Place;

/// How long a frame may take from its first byte to its last, either way; and how long a connection may be there without a first byte.
const FRAME_MAX: Duration = Duration::from_secs(10);

/// A connection, and until when it must have done what it does.
#[derive(Debug)]
pub(super) struct Line<'a> {
    place: &'a Place,
    until: Option<Instant>,
}

impl<'a> Line<'a> {
    /// Over a connection that was just made: its first question has to come soon.
    pub(super) const fn new(place: &'a Place) -> Self {
        Self { place, until: None }
    }

    /// The first question, within a time that has begun.
    pub(super) fn first_question(&mut self) -> Result<Question, FrameError> {
        self.until = Some(Instant::now() + FRAME_MAX);
        frame::read(self)
    }

    /// The next question: it may be long in coming, but not in being said.
    pub(super) fn question(&mut self) -> Result<Question, FrameError> {
        self.until = None;
        self.place.falls_silent(edge::clock::mono());
        frame::read(self)
    }

    /// Says `answer`.
    pub(super) fn say(&mut self, answer: &Answer) -> Result<(), FrameError> {
        self.until = Some(Instant::now() + FRAME_MAX);
        frame::write(self, answer)
    }

    /// What is left of the time; none where there is no limit.
    fn left(&self) -> std::io::Result<Option<Duration>> {
        let left = self.until.map(|until| until.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Line<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let mut stream = &self.place.stream;
            stream.set_read_timeout(self.left()?)?;
            match stream.read(bytes) {
                // Time is looked at again, or is over.
                Err(e) if matches!(e.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
                Err(e) => return Err(e),
                Ok(n) => {
                    self.place.speaks();
                    self.until.get_or_insert_with(|| Instant::now() + FRAME_MAX);
                    return Ok(n);
                }
            }
        }
    }
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        loop {
            let mut stream = &self.place.stream;
            stream.set_write_timeout(self.left()?)?;
            match stream.write(bytes) {
                Err(e) if matches!(e.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
                other => return other,
            }
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What a connection's end says of the peer; none where an honest one may end like that.
pub(super) fn intrusion(end: &FrameError) -> Option<Intrusion> {
    match end {
        FrameError::Length(0) | FrameError::NotUnderstood { .. } => Some(Intrusion::NotUnderstood),
        FrameError::Length(_) => Some(Intrusion::Oversize),
        FrameError::Io(e) if matches!(e.kind(), ErrorKind::TimedOut | ErrorKind::UnexpectedEof) => {
            Some(Intrusion::Slow)
        }
        FrameError::Io(_) | FrameError::Closed => None,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::serve::places::{Came, Places};

    /// A place, and its peer.
    fn pair() -> (std::sync::Arc<Place>, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let Came::In(place) = Places::default().come(ours, edge::clock::mono()) else { panic!("no place") };
        (place, theirs)
    }

    #[test]
    fn time_that_is_over_is_over_even_where_bytes_keep_coming() {
        let (ours, mut theirs) = pair();
        theirs.write_all(&[0; 64]).unwrap();
        let mut line = Line { place: &ours, until: Some(Instant::now() + Duration::from_millis(50)) };
        let mut byte = [0];
        assert_eq!(line.read(&mut byte).unwrap(), 1);
        std::thread::sleep(Duration::from_millis(60));
        assert_eq!(line.read(&mut byte).unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn a_reader_that_does_not_read_ends_a_write() {
        let (ours, _theirs) = pair();
        let mut line = Line { place: &ours, until: Some(Instant::now() + Duration::from_millis(50)) };
        assert_eq!(line.write_all(&vec![0; 8 << 20]).unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn the_first_byte_starts_the_clock() {
        let (ours, mut theirs) = pair();
        let mut line = Line { place: &ours, until: None };
        theirs.write_all(&[0]).unwrap();
        assert_eq!(line.read(&mut [0]).unwrap(), 1);
        assert!(line.until.is_some_and(|until| until <= Instant::now() + FRAME_MAX));
    }
}
