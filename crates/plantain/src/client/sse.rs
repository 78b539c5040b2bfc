//! Server-sent events, as far as the studio uses them: the data of each event, whole.

/// Larger than any description of a job.
const EVENT_BYTES_MAX: usize = 8 << 20;

/// Takes the stream in pieces of any size.
#[derive(Debug, Default)]
pub struct Reader {
    line: Vec<u8>,
    data: Vec<u8>,
}

/// The stream holds an event that no studio sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

impl Reader {
    /// The data of every event that this piece completes.
    pub fn push(&mut self, piece: &[u8]) -> Result<Vec<Vec<u8>>, TooLarge> {
        let mut events = Vec::new();
        for byte in piece {
            match byte {
                b'\n' => self.end_line(&mut events),
                _ => self.line.push(*byte),
            }
            if self.line.len() + self.data.len() > EVENT_BYTES_MAX {
                return Err(TooLarge);
            }
        }
        Ok(events)
    }

    fn end_line(&mut self, events: &mut Vec<Vec<u8>>) {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        if line.is_empty() {
            if !self.data.is_empty() {
                events.push(std::mem::take(&mut self.data));
            }
        } else if let Some(data) = line.strip_prefix(b"data:") {
            if !self.data.is_empty() {
                self.data.push(b'\n');
            }
            self.data.extend(data.strip_prefix(b" ").unwrap_or(data));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_however_the_stream_is_cut() {
        let stream =
            b":hello\n\nid: 1\nretry: 2000\ndata: {\"a\":\ndata:1}\r\n\r\ndata: x\n\nevent: odd\n\ndata: unfinished";
        for size in [1, 2, 7, stream.len()] {
            let mut reader = Reader::default();
            let events: Vec<_> = stream.chunks(size).flat_map(|piece| reader.push(piece).unwrap()).collect();
            assert_eq!(events, [b"{\"a\":\n1}".to_vec(), b"x".to_vec()], "pieces of {size}");
        }
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut reader = Reader::default();
        let piece = vec![b'x'; 1 << 20];
        assert!((0..9).any(|_| reader.push(&piece) == Err(TooLarge)));
    }
}
