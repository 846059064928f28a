//! Framing on the socket between agent and executor: a length of four bytes, big-endian, then so many bytes of JSON.

use std::io::{Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// The longest frame: 4 MiB. A longer one is refused from its length alone, before anything is read or allocated.
pub const FRAME_MAX_BYTES: usize = 4 << 20;

/// Why a frame was not read or written.
#[derive(Debug, Error)]
pub enum FrameError {
    /// The other side went away between frames.
    #[error("the connection was closed")]
    Closed,
    /// The other side went away within a frame, or the socket failed.
    #[error("the connection failed within a frame")]
    Io(#[source] std::io::Error),
    /// A length above the limit, or none at all.
    #[error("a frame of {0} bytes is outside 1..={FRAME_MAX_BYTES}")]
    Length(usize),
    /// The bytes are not what was expected.
    #[error("the frame is not understood: line {line}, column {column}: {message}")]
    NotUnderstood {
        /// Counted from 1; 0 where the reader could not tell.
        line: usize,
        /// Counted from 1; 0 where the reader could not tell.
        column: usize,
        /// What is wrong there.
        message: String,
    },
}

/// Checks a frame's length.
pub const fn length(header: [u8; 4]) -> Result<usize, FrameError> {
    let n = u32::from_be_bytes(header) as usize;
    if n == 0 || n > FRAME_MAX_BYTES { Err(FrameError::Length(n)) } else { Ok(n) }
}

/// Parses a frame's bytes.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FrameError> {
    serde_json::from_slice(bytes).map_err(|e| FrameError::NotUnderstood {
        line: e.line(),
        column: e.column(),
        message: e.to_string(),
    })
}

/// Writes a message as length and bytes.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, FrameError> {
    let mut out = vec![0; 4];
    serde_json::to_writer(&mut out, message).map_err(|e| FrameError::Io(e.into()))?;
    let n = out.len() - 4;
    match u32::try_from(n) {
        Ok(header) if n <= FRAME_MAX_BYTES => {
            out[..4].copy_from_slice(&header.to_be_bytes());
            Ok(out)
        }
        _ => Err(FrameError::Length(n)),
    }
}

/// Reads one frame from a blocking reader.
pub fn read<T: DeserializeOwned>(from: &mut impl Read) -> Result<T, FrameError> {
    let mut header = [0; 4];
    match from.read(&mut header).map_err(FrameError::Io)? {
        0 => return Err(FrameError::Closed),
        n => from.read_exact(&mut header[n..]).map_err(FrameError::Io)?,
    }
    let mut bytes = vec![0; length(header)?];
    from.read_exact(&mut bytes).map_err(FrameError::Io)?;
    decode(&bytes)
}

/// Writes one frame to a blocking writer.
pub fn write<T: Serialize>(to: &mut impl Write, message: &T) -> Result<(), FrameError> {
    to.write_all(&encode(message)?).map_err(FrameError::Io)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_survives_and_nonsense_is_refused() {
        let frame = encode(&vec![1u8, 2]).unwrap();
        assert_eq!(read::<Vec<u8>>(&mut frame.as_slice()).unwrap(), vec![1, 2]);
        assert!(matches!(read::<Vec<u8>>(&mut [].as_slice()), Err(FrameError::Closed)));
        assert!(matches!(read::<Vec<u8>>(&mut [0, 0, 0, 0].as_slice()), Err(FrameError::Length(0))));
        assert!(matches!(read::<Vec<u8>>(&mut [0xff; 4].as_slice()), Err(FrameError::Length(_))));
        assert!(matches!(read::<Vec<u8>>(&mut frame[..5].as_ref()), Err(FrameError::Io(_))));
        let nonsense = encode(&"x").unwrap();
        let refused = read::<Vec<u8>>(&mut nonsense.as_slice());
        assert!(matches!(refused, Err(FrameError::NotUnderstood { line: 1, .. })), "{refused:?}");
    }
}
