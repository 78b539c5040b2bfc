//! What a signature would have fitted, had the body not been written anew on its way.
//!
//! A proxy or framework that parses a body and writes it again changes no meaning and breaks every signature. This module
//! writes the body as common senders do and asks which of these was signed. For diagnosis only: a body that fits after such a
//! change is still refused.

use serde_json::value::RawValue;

/// Larger bodies are not looked at: each candidate is a whole copy, hashed and verified.
pub const LOOKED_AT_BYTES_MAX: usize = 64 * 1024;

/// Where a candidate gets longer than this it is left: indenting what is deep makes a small body very long.
const WRITTEN_BYTES_MAX: usize = 4 * LOOKED_AT_BYTES_MAX;

/// Deeper JSON is not written anew.
const DEPTH_MAX: usize = 64;

/// How the signed body was written, in words that follow "written" or "the body".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewriting(String);

impl Rewriting {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What happened and what to do, in full sentences.
    pub fn explain(&self) -> String {
        format!(
            "The signature fits the same body {}, so the key is right and the body was changed on the way: something between \
             the sender and this check parses the body and writes it anew. Check the raw bytes, as they came from the network.",
            self.0
        )
    }
}

/// The first of the usual ways to write `body` that `fits`; `None` where there is none, or the body is too large to look.
pub fn find(body: &[u8], fits: impl Fn(&[u8]) -> bool) -> Option<Rewriting> {
    if body.len() > LOOKED_AT_BYTES_MAX {
        return None;
    }
    let tried = |candidate: &[u8]| candidate != body && fits(candidate);
    let found = around(body).into_iter().find(|(candidate, _)| tried(candidate));
    if let Some((_, words)) = found {
        return Some(Rewriting(words.to_owned()));
    }
    let text = std::str::from_utf8(body).ok()?;
    let root = Node::parse(text)?;
    let written = |style: &Style| style.write(&root).is_some_and(|candidate| tried(candidate.as_bytes()));
    Style::all().find(written).map(|style| Rewriting(style.words()))
}

/// Changes that need no JSON.
fn around(body: &[u8]) -> [(Vec<u8>, &'static str); 5] {
    const BOM: &[u8] = b"\xef\xbb\xbf";
    let stripped = body.strip_prefix(BOM).unwrap_or(body);
    [
        (body.trim_ascii_end().to_vec(), "without the white space at its end"),
        ([body, b"\n"].concat(), "with a line feed at its end"),
        (stripped.to_vec(), "without the byte order mark at its beginning"),
        (replaced(body, b"\r\n", b"\n"), "with LF where CRLF came"),
        (replaced(&replaced(body, b"\r\n", b"\n"), b"\n", b"\r\n"), "with CRLF where LF came"),
    ]
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let (mut done, mut rest) = (Vec::with_capacity(bytes.len()), bytes);
    while let Some(at) = rest.windows(from.len()).position(|window| window == from) {
        done.extend_from_slice(&rest[..at]);
        done.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    done.extend_from_slice(rest);
    done
}

/// JSON with its numbers and strings as they were written.
enum Node<'t> {
    Scalar(&'t str),
    List(Vec<Node<'t>>),
    /// Keys with their quotes.
    Object(Vec<(&'t str, Node<'t>)>),
}

impl<'t> Node<'t> {
    fn parse(text: &'t str) -> Option<Node<'t>> {
        // From here on the text is known to be JSON, which is what makes the reader below so short.
        let whole: &RawValue = serde_json::from_str(text).ok()?;
        Reader(whole.get()).node(0)
    }
}

/// What is left of a text that is known to be JSON.
struct Reader<'t>(&'t str);

impl<'t> Reader<'t> {
    fn node(&mut self, depth: usize) -> Option<Node<'t>> {
        if depth > DEPTH_MAX {
            return None;
        }
        match self.peek()? {
            '[' => {
                let mut entries = Vec::new();
                self.next();
                while self.peek()? != ']' {
                    entries.push(self.node(depth + 1)?);
                    self.skip(',');
                }
                self.next();
                Some(Node::List(entries))
            }
            '{' => {
                let mut members = Vec::new();
                self.next();
                while self.peek()? != '}' {
                    let key = self.scalar()?;
                    self.skip(':');
                    members.push((key, self.node(depth + 1)?));
                    self.skip(',');
                }
                self.next();
                Some(Node::Object(members))
            }
            _ => self.scalar().map(Node::Scalar),
        }
    }

    fn peek(&mut self) -> Option<char> {
        self.0 = self.0.trim_start();
        self.0.chars().next()
    }

    fn next(&mut self) {
        self.0 = self.0.get(1..).unwrap_or_default();
    }

    fn skip(&mut self, mark: char) {
        if self.peek() == Some(mark) {
            self.next();
        }
    }

    fn scalar(&mut self) -> Option<&'t str> {
        let end = match self.peek()? {
            '"' => {
                let mut escaped = false;
                let closes = |(_, byte): &(usize, u8)| {
                    let closes = *byte == b'"' && !escaped;
                    escaped = *byte == b'\\' && !escaped;
                    closes
                };
                self.0.bytes().enumerate().skip(1).find(closes)?.0 + 1
            }
            _ => self.0.find([',', ']', '}', ' ', '\n', '\r', '\t']).unwrap_or(self.0.len()),
        };
        let (scalar, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        // Nothing was read: not JSON after all.
        (!scalar.is_empty()).then_some(scalar)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Spaced,
    Compact,
    Indented(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Letters {
    AsTheyCame,
    Escaped,
    Plain,
}

#[derive(Clone, Copy, Debug)]
struct Style {
    layout: Layout,
    sorted: bool,
    letters: Letters,
}

impl Style {
    /// What fal itself sends comes first.
    fn all() -> impl Iterator<Item = Style> {
        let layouts = [Layout::Spaced, Layout::Compact, Layout::Indented(2), Layout::Indented(4)];
        layouts.into_iter().flat_map(|layout| {
            [false, true].into_iter().flat_map(move |sorted| {
                let letters = [Letters::AsTheyCame, Letters::Plain, Letters::Escaped].into_iter();
                letters.map(move |letters| Style { layout, sorted, letters })
            })
        })
    }

    fn words(self) -> String {
        let layout = match self.layout {
            Layout::Spaced => "as JSON with a space after each colon and comma, as Python writes it".to_owned(),
            Layout::Compact => "as JSON without white space, as JavaScript writes it".to_owned(),
            Layout::Indented(by) => format!("as JSON indented by {by} spaces"),
        };
        let order = if self.sorted { ", its keys sorted" } else { "" };
        let letters = match self.letters {
            Letters::AsTheyCame => "",
            Letters::Escaped => ", its letters beyond ASCII escaped",
            Letters::Plain => ", its letters not escaped",
        };
        format!("written {layout}{order}{letters}")
    }

    /// `None` where it gets too long.
    fn write(self, root: &Node<'_>) -> Option<String> {
        let mut out = String::new();
        self.node(root, 1, &mut out);
        (out.len() <= WRITTEN_BYTES_MAX).then_some(out)
    }

    fn node(self, node: &Node<'_>, depth: usize, out: &mut String) {
        match node {
            Node::Scalar(text) => self.scalar(text, out),
            Node::List(entries) => {
                self.enclosed(('[', ']'), entries.len(), depth, out, |at, out| self.node(&entries[at], depth + 1, out));
            }
            Node::Object(members) => {
                let mut order: Vec<_> = members.iter().collect();
                if self.sorted {
                    order.sort_by_key(|(key, _)| *key);
                }
                self.enclosed(('{', '}'), order.len(), depth, out, |at, out| {
                    self.scalar(order[at].0, out);
                    out.push_str(if self.layout == Layout::Compact { ":" } else { ": " });
                    self.node(&order[at].1, depth + 1, out);
                });
            }
        }
    }

    fn enclosed(
        self,
        (open, close): (char, char),
        count: usize,
        depth: usize,
        out: &mut String,
        entry: impl Fn(usize, &mut String),
    ) {
        out.push(open);
        for at in 0..count {
            if out.len() > WRITTEN_BYTES_MAX {
                return;
            }
            if at > 0 {
                out.push_str(if self.layout == Layout::Spaced { ", " } else { "," });
            }
            self.line(depth, out);
            entry(at, out);
        }
        if count > 0 {
            self.line(depth - 1, out);
        }
        out.push(close);
    }

    fn line(self, depth: usize, out: &mut String) {
        if let Layout::Indented(by) = self.layout {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', by * depth));
        }
    }

    fn scalar(self, written: &str, out: &mut String) {
        let meant = match self.letters {
            Letters::AsTheyCame => None,
            // Lone halves of a pair have no other form.
            Letters::Escaped | Letters::Plain => serde_json::from_str::<String>(written).ok(),
        };
        match (meant, self.letters) {
            (Some(meant), Letters::Escaped) => escape(&crate::json::written(&meant), out),
            (Some(meant), _) => out.push_str(&crate::json::written(&meant)),
            (None, _) => out.push_str(written),
        }
    }
}

/// As Python and PHP do unless told otherwise.
fn escape(text: &str, out: &mut String) {
    for letter in text.chars() {
        if letter.is_ascii() {
            out.push(letter);
        } else {
            let mut units = [0; 2];
            letter.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED: &str = r#"{"b": 17454220438242315174000, "a": [1, {"é": "caf\u00e9 \"x\""}, [], {}], "c": null}"#;

    #[track_caller]
    fn found(signed: &str, came: &str) -> Option<String> {
        find(came.as_bytes(), |candidate| candidate == signed.as_bytes()).map(|rewriting| rewriting.as_str().to_owned())
    }

    #[test]
    fn what_proxies_do_to_a_body_is_named() {
        let compact = r#"{"b":17454220438242315174000,"a":[1,{"é":"caf\u00e9 \"x\""},[],{}],"c":null}"#;
        for (signed, came, words) in [
            (SIGNED, compact, "as Python writes it"),
            (compact, SIGNED, "as JavaScript writes it"),
            (r#"{"a": 1, "b": 2}"#, r#"{"b":2,"a":1}"#, "its keys sorted"),
            (r#"{"a": "caf\u00e9 \ud83d\ude00"}"#, r#"{"a":"café 😀"}"#, "escaped"),
            (r#"{"a":"café"}"#, r#"{"a":"caf\u00e9"}"#, "not escaped"),
            (r#"{"a":"x/y"}"#, r#"{"a":"x\/y"}"#, "not escaped"),
            ("{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}", r#"{"a":[1,2],"b":{}}"#, "indented by 2"),
            ("{\n    \"a\": 1\n}", r#"{"a":1}"#, "indented by 4"),
            ("{}", "{}\n", "without the white space"),
            ("{}\n", "{}", "line feed at its end"),
            ("{}", "\u{feff}{}", "byte order mark"),
            ("{\n}", "{\r\n}", "LF where CRLF came"),
            ("{\r\n}", "{\n}", "CRLF where LF came"),
            ("a\r\nb", "a\nb", "CRLF where LF came"),
        ] {
            let said = found(signed, came).unwrap_or_else(|| panic!("{came:?} is not led back to {signed:?}"));
            assert!(said.contains(words), "{said}");
        }
    }

    #[test]
    fn what_is_deep_and_wide_is_not_written_to_its_end() {
        let (deep, wide) = (62, "1,".repeat(30_000));
        let came = format!("{}{wide}1{}", "[".repeat(deep), "]".repeat(deep));
        assert!(came.len() < LOOKED_AT_BYTES_MAX);
        let longest = std::cell::Cell::new(0);
        let seen = |candidate: &[u8]| {
            longest.set(longest.get().max(candidate.len()));
            false
        };
        assert_eq!(find(came.as_bytes(), seen), None);
        assert!((came.len()..=WRITTEN_BYTES_MAX).contains(&longest.get()), "{}", longest.get());
        let root = Node::parse(&came).unwrap();
        let mut out = String::new();
        let style = Style { layout: Layout::Indented(4), sorted: false, letters: Letters::AsTheyCame };
        style.node(&root, 1, &mut out);
        assert!(out.len() < WRITTEN_BYTES_MAX + LOOKED_AT_BYTES_MAX, "it stops soon after: {}", out.len());
    }

    #[test]
    fn another_body_is_not_led_back_to_it() {
        for came in ["", "{", "[1", "{\"b\": 17454220438242316000}", "\u{0}", "nul", "\"\\", "{\"a\"}"] {
            assert_eq!(found(SIGNED, came), None, "{came:?}");
        }
        let (deep, large) = ("[".repeat(5_000) + &"]".repeat(5_000), " ".repeat(LOOKED_AT_BYTES_MAX + 1));
        assert_eq!((found(SIGNED, &deep), found(SIGNED, &large)), (None, None));
    }
}
