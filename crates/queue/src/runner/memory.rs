//! What one attempt leaves for the next: a short note that outlives the process.
//!
//! A runner that hands a request on to another queue must know after a crash that it has done so, or it would submit, and pay,
//! twice. The note belongs to the request: each attempt finds what the last one wrote.

use tokio::sync::{mpsc, oneshot};

/// The longest note, in bytes: a few ids.
pub const NOTE_BYTES_MAX: usize = 1024;

/// A request's note, read when the attempt began, and the way to replace it.
#[derive(Clone, Default)]
pub struct Memory {
    earlier: Option<String>,
    sink: Option<mpsc::Sender<Note>>,
}

/// A note on its way to the store. Whoever takes it writes it under the attempt's lease and then says so.
#[derive(Debug)]
pub struct Note {
    pub text: String,
    /// Told once the note is durable; dropped where it can't be written.
    pub kept: oneshot::Sender<()>,
}

/// The note isn't durable: nobody keeps notes here, it is too long, or the store failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the note was not kept")]
pub struct NotKept;

impl Memory {
    /// Nobody keeps notes.
    pub fn none() -> Memory {
        Memory::default()
    }

    /// With what an earlier attempt left, and where new notes come out. One waits at a time, since each is waited for.
    pub fn channel(earlier: Option<String>) -> (Memory, mpsc::Receiver<Note>) {
        let (sender, receiver) = mpsc::channel(1);
        (Memory { earlier, sink: Some(sender) }, receiver)
    }

    /// Whether a later attempt will read what is noted; there is none where nobody keeps notes.
    pub fn serves_later_attempts(&self) -> bool {
        self.sink.is_some()
    }

    /// What an earlier attempt left. What this attempt writes doesn't show here.
    pub fn recall(&self) -> Option<&str> {
        self.earlier.as_deref()
    }

    /// Replaces the note. Durable when it returns.
    pub async fn remember(&self, text: String) -> Result<(), NotKept> {
        let sink = self.sink.as_ref().filter(|_| text.len() <= NOTE_BYTES_MAX).ok_or(NotKept)?;
        let (kept, written) = oneshot::channel();
        sink.send(Note { text, kept }).await.map_err(|_| NotKept)?;
        written.await.map_err(|_| NotKept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_note_counts_only_once_it_is_kept() {
        assert_eq!(Memory::none().remember("a".into()).await, Err(NotKept));
        let (memory, mut notes) = Memory::channel(Some("before".into()));
        assert_eq!(memory.recall(), Some("before"));
        let keeping = async {
            let note = notes.recv().await.unwrap();
            note.kept.send(()).unwrap();
            drop(notes.recv().await);
            note.text
        };
        let writing = async {
            let first = memory.remember("first".into()).await;
            (first, memory.remember("lost on the way".into()).await)
        };
        assert_eq!(tokio::join!(writing, keeping), ((Ok(()), Err(NotKept)), "first".to_owned()));
        assert_eq!(memory.remember("x".repeat(NOTE_BYTES_MAX + 1)).await, Err(NotKept));
        assert_eq!(memory.recall(), Some("before"));
    }
}
