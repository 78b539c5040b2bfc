//! A message by an approved template, as the Cloud API takes it. Pure.

use serde_json::{Value, json};

use crate::graph::MediaId;
use crate::number::Number;

/// Characters of one of the words that fill a template; longer ones would be refused with the whole message.
const WORD_CHARS_MAX: usize = 200;

/// An approved template with what fills it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pub name: String,
    /// As the template was approved: `en` or `hi`.
    pub language: String,
    /// The picture of its header, where it has one.
    pub picture: Option<MediaId>,
    /// `{{1}}`, `{{2}}` and so on of its body.
    pub words: Vec<String>,
    /// What follows the fixed part of its button's address.
    pub button: Option<String>,
}

impl Template {
    /// The request's body. `about` comes back with every notice of this message, whether or not its id was heard.
    pub fn message(&self, to: &Number, about: &str) -> Value {
        let text = |word: &str| json!({"type": "text", "text": tame(word)});
        let picture = self
            .picture
            .as_ref()
            .map(|id| json!({"type": "header", "parameters": [{"type": "image", "image": {"id": id.as_str()}}]}));
        let words: Vec<Value> = self.words.iter().map(|word| text(word)).collect();
        let body = (!words.is_empty()).then(|| json!({"type": "body", "parameters": words}));
        let button = self.button.as_deref().map(|suffix| {
            let parameters = [json!({"type": "text", "text": suffix})];
            json!({"type": "button", "sub_type": "url", "index": "0", "parameters": parameters})
        });
        let components: Vec<Value> = [picture, body, button].into_iter().flatten().collect();
        json!({
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": to.digits(),
            "type": "template",
            "template": {"name": self.name, "language": {"code": self.language}, "components": components},
            "biz_opaque_callback_data": about,
        })
    }
}

/// The API refuses words with line breaks, tabs or more than four spaces in a row, and empty ones.
fn tame(word: &str) -> String {
    let words: Vec<&str> =
        word.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    let tame: String = words.join(" ").chars().take(WORD_CHARS_MAX).collect();
    if tame.is_empty() { "-".to_owned() } else { tame }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_written_as_the_api_documents_it() {
        let template = Template {
            name: "pictures_ready".into(),
            language: "hi".into(),
            picture: Some(MediaId::new("4711")),
            words: vec!["3".into()],
            button: Some("jobs/42".into()),
        };
        let number = Number::parse("+91 98765 43210").unwrap();
        assert_eq!(
            template.message(&number, "m.1"),
            json!({
                "messaging_product": "whatsapp", "recipient_type": "individual", "to": "919876543210",
                "type": "template",
                "template": {"name": "pictures_ready", "language": {"code": "hi"}, "components": [
                    {"type": "header", "parameters": [{"type": "image", "image": {"id": "4711"}}]},
                    {"type": "body", "parameters": [{"type": "text", "text": "3"}]},
                    {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "jobs/42"}]},
                ]},
                "biz_opaque_callback_data": "m.1",
            })
        );
        let bare = Template { picture: None, words: Vec::new(), button: None, ..template };
        assert_eq!(bare.message(&number, "m.1")["template"]["components"], json!([]));
    }

    #[test]
    fn words_are_such_as_the_api_takes() {
        for (word, sent) in [
            ("3", "3"),
            (" a\n\tshoe      red ", "a shoe red"),
            ("", "-"),
            ("\u{7}\r\n", "-"),
            (&"x".repeat(999), &"x".repeat(WORD_CHARS_MAX)),
        ] {
            assert_eq!(tame(word), sent);
        }
    }
}
