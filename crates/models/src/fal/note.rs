//! What is noted about a request that was handed on. Pure.

use plantain_wire::id::RequestId;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// As if nothing had happened.
    Nothing,
    /// A submit is about to be sent, or was.
    Submitting,
    /// The request's id over there.
    Accepted(RequestId),
}

const SUBMITTING: &str = "submitting";
const ACCEPTED: &str = "accepted ";

impl Note {
    pub(super) fn text(&self) -> String {
        match self {
            Note::Nothing => String::new(),
            Note::Submitting => SUBMITTING.to_owned(),
            Note::Accepted(id) => format!("{ACCEPTED}{id}"),
        }
    }

    /// `None` for no note, and for one that another runner left.
    pub(super) fn read(text: &str) -> Option<Note> {
        match text.strip_prefix(ACCEPTED) {
            Some(id) => RequestId::parse(id).ok().map(Note::Accepted),
            None => (text == SUBMITTING).then_some(Note::Submitting),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_reads_back_as_itself() {
        let id = RequestId::parse("019d9e0b-6eb0").unwrap();
        for note in [Note::Submitting, Note::Accepted(id)] {
            assert_eq!(Note::read(&note.text()), Some(note));
        }
        for other in [Note::Nothing.text().as_str(), "x", "accepted ", "accepted a/b"] {
            assert_eq!(Note::read(other), None, "{other}");
        }
    }
}
