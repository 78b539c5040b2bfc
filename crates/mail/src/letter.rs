//! What is sent: words as text and as HTML, and files beside them.

use bytes::Bytes;
use jiff::Timestamp;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Message, MultiPart, SinglePart};
use url::Url;

use crate::address::{MailAddress, Sender};

/// Bytes of all files of a letter. Many servers stop at 25 MB, and files grow by a third on their way.
pub const FILES_BYTES_MAX: usize = 15 * 1024 * 1024;

/// A letter to one mailbox.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Names the letter: the same text each time it is sent, in letters, digits and `.-_`.
    pub id: String,
    pub to: MailAddress,
    pub subject: String,
    pub text: String,
    pub html: String,
    pub files: Vec<File>,
    /// Where the receiver says that they want no more of these; `None` for what they asked for themselves.
    pub unsubscribe: Option<Url>,
}

/// A file beside the words.
#[derive(Clone, Debug)]
pub struct File {
    pub name: String,
    /// Such as `image/jpeg`.
    pub content_type: String,
    pub bytes: Bytes,
}

/// A letter can't be written down: a fault of its maker.
#[derive(Debug, thiserror::Error)]
#[error("the letter can't be written: {0}")]
pub struct Unwritable(String);

impl Letter {
    /// The files that fit, in their order; what is left out has to be linked.
    pub fn fitting(files: Vec<File>) -> Vec<File> {
        let mut room = FILES_BYTES_MAX;
        let mut fits = |file: &File| match room.checked_sub(file.bytes.len()) {
            Some(rest) => {
                room = rest;
                true
            }
            None => false,
        };
        files.into_iter().filter(|file| fits(file)).collect()
    }

    pub(crate) fn written(&self, from: &Sender, now: Timestamp) -> Result<Message, Unwritable> {
        let wrong = |what: &str| Unwritable(what.to_owned());
        let id = self.id.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c)) && !self.id.is_empty();
        if !id {
            return Err(wrong("its id"));
        }
        let mut message = Message::builder()
            .from(from.mailbox())
            .to(self.to.inner().clone().into())
            .subject(one_line(&self.subject))
            .message_id(Some(format!("<{}@{}>", self.id, from.domain())))
            .date(now.into())
            // Absence notes and lists leave it alone.
            .raw_header(header("Auto-Submitted", "auto-generated")?);
        if let Some(url) = &self.unsubscribe {
            message = message
                .raw_header(header("List-Unsubscribe", &format!("<{url}>"))?)
                .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")?);
        }
        let words = MultiPart::alternative_plain_html(self.text.clone(), self.html.clone());
        let body = if self.files.is_empty() { words } else { self.with_files(words)? };
        message.multipart(body).map_err(|error| Unwritable(error.to_string()))
    }

    fn with_files(&self, words: MultiPart) -> Result<MultiPart, Unwritable> {
        let part = |file: &File| -> Result<SinglePart, Unwritable> {
            let kind = ContentType::parse(&file.content_type).map_err(|_| Unwritable("a file's type".to_owned()))?;
            Ok(Attachment::new(one_line(&file.name)).body(file.bytes.to_vec(), kind))
        };
        let mixed = MultiPart::mixed().multipart(words);
        self.files.iter().try_fold(mixed, |mixed, file| Ok(mixed.singlepart(part(file)?)))
    }
}

fn header(name: &'static str, value: &str) -> Result<HeaderValue, Unwritable> {
    let name = HeaderName::new_from_ascii(name.to_owned()).map_err(|_| Unwritable(name.to_owned()))?;
    // Folding an address would break it for programs that read the line as it stands.
    Ok(HeaderValue::dangerous_new_pre_encoded(name, one_line(value), one_line(value)))
}

/// No line of a letter's head ends where a stranger's text says so.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter() -> Letter {
        Letter {
            id: "msg_019a".into(),
            to: MailAddress::parse("asha@example.com").unwrap(),
            subject: "आपकी तस्वीरें\r\nBcc: all@example.com".into(),
            text: "Three pictures.".into(),
            html: "<p>Three pictures.</p>".into(),
            files: Vec::new(),
            unsubscribe: None,
        }
    }

    fn written(letter: &Letter) -> String {
        let from = Sender::parse("Studio <photos@example.com>").unwrap();
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        String::from_utf8(letter.written(&from, now).unwrap().formatted()).unwrap()
    }

    #[test]
    fn a_letter_says_who_when_and_which_and_a_strangers_words_add_no_header() {
        let text = written(&letter());
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        for line in [
            "From: Studio <photos@example.com>",
            "To: asha@example.com",
            "Message-ID: <msg_019a@example.com>",
            "Date: Sat, 21 Nov 2026 12:00:00 +0000",
            "Auto-Submitted: auto-generated",
        ] {
            assert!(head.lines().any(|said| said == line), "{line}\n{head}");
        }
        assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
        assert!(!head.contains("List-Unsubscribe"));
        assert!(head.contains("multipart/alternative") && body.contains("text/plain") && body.contains("text/html"));
        assert!(head.is_ascii(), "{head}");
    }

    #[test]
    fn files_go_along_under_their_names_and_one_can_leave() {
        let file =
            File { name: "B0TEST.MAIN.jpg".into(), content_type: "image/jpeg".into(), bytes: vec![255; 99].into() };
        let unsubscribe = Some(Url::parse("https://studio.example/unsubscribe/1.2").unwrap());
        let text = written(&Letter { files: vec![file], unsubscribe, ..letter() });
        assert!(text.contains("multipart/mixed") && text.contains("filename=\"B0TEST.MAIN.jpg\""), "{text}");
        assert!(text.contains("List-Unsubscribe: <https://studio.example/unsubscribe/1.2>\r\n"), "{text}");
        assert!(text.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"));
    }

    #[test]
    fn what_makes_a_letter_too_large_is_left_out() {
        let file = |name: &str, megabytes: usize| File {
            name: name.into(),
            content_type: "image/jpeg".into(),
            bytes: vec![0; megabytes << 20].into(),
        };
        let kept = Letter::fitting(vec![file("a", 7), file("b", 9), file("c", 8)]);
        assert_eq!(kept.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    }

    #[test]
    fn a_letter_without_a_usable_name_is_refused() {
        let from = Sender::parse("photos@example.com").unwrap();
        for id in ["", "a b", "a>\r\nX: y", "a@b"] {
            assert!(Letter { id: id.into(), ..letter() }.written(&from, Timestamp::UNIX_EPOCH).is_err(), "{id}");
        }
    }
}
