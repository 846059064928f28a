//! Server-sent events (WHATWG HTML, "Server-sent events"), as far as providers use them: the data of each event, however the bytes are cut into pieces.

/// The longest line, and the most data of one event, in bytes.
const EVENT_BYTES_MAX: usize = 256 * 1024;

/// It is longer than anybody's events are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong;

/// What was read of a stream and is no whole event yet.
#[derive(Debug, Default)]
pub(crate) struct Events {
    line: Vec<u8>,
    data: Option<String>,
    after_cr: bool,
}

impl Events {
    /// Takes a piece, and gives the data of each event that ends in it.
    pub(crate) fn take(&mut self, piece: &[u8]) -> Result<Vec<String>, TooLong> {
        let mut whole = Vec::new();
        for byte in piece {
            let after_cr = std::mem::take(&mut self.after_cr);
            match byte {
                // The end of a line that began with CR.
                b'\n' if after_cr => {}
                b'\n' | b'\r' => {
                    self.after_cr = *byte == b'\r';
                    whole.extend(self.end_of_line());
                }
                _ => self.line.push(*byte),
            }
            if self.line.len() > EVENT_BYTES_MAX
                || self.data.as_ref().is_some_and(|d| d.len() > EVENT_BYTES_MAX)
            {
                return Err(TooLong);
            }
        }
        Ok(whole)
    }

    /// An empty line ends an event; of the others only data counts.
    fn end_of_line(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return self.data.take();
        }
        let line = String::from_utf8_lossy(&line);
        let value = line.strip_prefix("data:")?;
        let value = value.strip_prefix(' ').unwrap_or(value);
        match &mut self.data {
            None => self.data = Some(value.to_owned()),
            Some(data) => {
                data.push('\n');
                data.push_str(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = ": a comment\nevent: x\ndata: {\"a\":\ndata: 1}\n\ndata:two\r\n\r\nid: 7\n\ndata: ü\n\ndata: not whole\n";

    #[test]
    fn events_are_the_same_however_they_are_cut() {
        let expected = ["{\"a\":\n1}", "two", "ü"];
        for size in 1..STREAM.len() {
            let mut events = Events::default();
            let pieces = STREAM.as_bytes().chunks(size);
            let all: Vec<String> = pieces.flat_map(|piece| events.take(piece).unwrap()).collect();
            assert_eq!(all, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn what_never_ends_is_refused() {
        let mut events = Events::default();
        let endless = vec![b'x'; EVENT_BYTES_MAX + 1];
        assert_eq!(events.take(&endless), Err(TooLong));
        let mut events = Events::default();
        let line = [b"data: ".as_slice(), &[b'x'; 1000], b"\n"].concat();
        assert!((0..1000).any(|_| events.take(&line).is_err()));
    }
}
