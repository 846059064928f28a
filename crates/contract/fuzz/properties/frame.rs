//! Frames: nothing is read past a frame's end, nothing longer than the limit is read at all, and what was understood is written again with the same
//! meaning.

use contract::frame::{self, FRAME_MAX_BYTES, FrameError};
use contract::socket::{Answer, Question};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Holds for any bytes, of all that is said over the socket. None of it holds a number with a point, which would not survive.
pub(crate) fn holds(bytes: &[u8]) {
    of::<Question>(bytes);
    of::<Answer>(bytes);
}

fn of<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    let mut rest = bytes;
    match frame::read::<T>(&mut rest) {
        Ok(message) => {
            let header = [bytes[0], bytes[1], bytes[2], bytes[3]];
            let length = frame::length(header).expect("a frame was read whose length is refused");
            assert_eq!(bytes.len() - rest.len(), 4 + length, "not exactly one frame was read");
            let written = frame::encode(&message).expect("what was read cannot be written");
            let again: T = frame::read(&mut written.as_slice()).expect("what was written cannot be read");
            let meaning = |message: &T| serde_json::to_value(message).expect("it was written as JSON before");
            assert_eq!(meaning(&again), meaning(&message), "the meaning changed");
        }
        Err(FrameError::Closed) => assert!(bytes.is_empty(), "a frame was taken for the end"),
        Err(FrameError::Length(n)) => {
            assert!(n == 0 || n > FRAME_MAX_BYTES);
            assert_eq!(bytes.len() - rest.len(), 4, "more was read than a length that is refused");
        }
        Err(FrameError::Io(_)) => assert!(rest.is_empty(), "bytes were left, and yet they ran out"),
        Err(FrameError::NotUnderstood { line, .. }) => {
            let lines = bytes.split(|b| *b == b'\n').count();
            assert!(line <= lines, "line {line} of {lines}");
        }
    }
}
