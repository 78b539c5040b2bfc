//! A reader of server-sent events: bytes in, the data of whole events out.
//!
//! Only what the protocol uses: `data` lines, comments, blank lines; other fields are skipped. Invariant: it never holds more
//! than [`EVENT_BYTES_MAX`] of an unfinished event.

/// The largest event: a status with a long log.
pub const EVENT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// An event grew beyond the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadEvent;

/// Keeps what of a line and of an event has come so far.
#[derive(Debug, Default)]
pub struct Reader {
    line: Vec<u8>,
    data: Option<Vec<u8>>,
    /// The last line ended with a carriage return, so a line feed that follows belongs to it.
    after_return: bool,
}

impl Reader {
    /// Takes the next bytes, however they were cut, and returns the events that became complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, BadEvent> {
        let mut events = Vec::new();
        for &byte in bytes {
            let continues = std::mem::replace(&mut self.after_return, byte == b'\r') && byte == b'\n';
            match byte {
                b'\n' if continues => {}
                b'\n' | b'\r' => events.extend(self.end_line()),
                other => self.line.push(other),
            }
            if self.line.len() + self.data.as_ref().map_or(0, Vec::len) > EVENT_BYTES_MAX {
                return Err(BadEvent);
            }
        }
        Ok(events)
    }

    fn end_line(&mut self) -> Option<Vec<u8>> {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&line);
        if line.is_empty() {
            return self.data.take();
        }
        let value = match line.strip_prefix(b"data") {
            Some(rest @ ([] | [b':', ..])) => rest.strip_prefix(b":").unwrap_or(rest),
            // Comments, other fields, and fields whose names only start like ours.
            _ => return None,
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &mut self.data {
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
            None => self.data = Some(value.to_vec()),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(stream: &str, expected: &[&str]) {
        for size in [1, 2, 3, stream.len().max(1)] {
            let mut reader = Reader::default();
            let pieces = stream.as_bytes().chunks(size);
            let events: Vec<_> = pieces.flat_map(|piece| reader.feed(piece).unwrap()).collect();
            let events: Vec<_> = events.iter().map(|event| std::str::from_utf8(event).unwrap()).collect();
            assert_eq!(events, expected, "{stream:?} in pieces of {size}");
        }
    }

    #[test]
    fn events_are_found_however_the_bytes_are_cut() {
        reads("data: {\"a\":1}\n\ndata:{}\n\n", &["{\"a\":1}", "{}"]);
        reads(": ping\n\n: ping\r\n\r\ndata: 1\r\n\r\n", &["1"]);
        reads("data: a\rdata: b\r\r", &["a\nb"]);
        reads("event: x\nid: 7\nretry: 5\ndatax: no\ndata\n\n", &[""]);
        reads("\u{feff}data: x\n\ndata:  y\n\n", &["x", " y"]);
        reads("data: never finished\n", &[]);
        reads("", &[]);
    }

    #[test]
    fn an_endless_line_or_event_ends_the_reading() {
        let chunk = vec![b'a'; 1024 * 1024];
        let mut reader = Reader::default();
        assert_eq!((0..9).find_map(|_| reader.feed(&chunk).err()), Some(BadEvent));
        let mut reader = Reader::default();
        let line = [b"data: ".as_slice(), &chunk, b"\n"].concat();
        assert_eq!((0..9).find_map(|_| reader.feed(&line).err()), Some(BadEvent));
    }
}
