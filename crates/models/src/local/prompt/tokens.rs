//! A prompt as words, numbers, colours and pauses, each with its place in the text.

/// What stands at one place.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// In lower case. A hyphen separates words.
    Word(String),
    Number(f32),
    /// A number that was followed by a per cent sign, or the word for it.
    Percent(f32),
    /// `#ff8800`, or `rgb` with three numbers.
    Colour([u8; 3]),
    /// A comma, a bracket, a colon.
    Pause,
    /// The end of a sentence.
    Stop,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Bytes of the prompt.
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Token {
    pub(super) fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }
}

pub(super) fn of(prompt: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut rest = prompt;
    while let Some(first) = rest.chars().next() {
        let start = prompt.len() - rest.len();
        let (kind, length) = next(rest, first);
        let end = start + length;
        match kind {
            Some(Kind::Word(word)) if word == "percent" => percent(&mut tokens, end),
            Some(kind) => tokens.push(Token { kind, start, end }),
            None if first == '%' => percent(&mut tokens, end),
            None => {}
        }
        rest = &prompt[end..];
    }
    with_rgb(tokens)
}

/// What begins here, and how many bytes it takes; `None` for what only separates.
fn next(rest: &str, first: char) -> (Option<Kind>, usize) {
    let run = |belongs: fn(char) -> bool| rest.find(|c| !belongs(c)).unwrap_or(rest.len());
    if first == '#' {
        let digits = rest[1..].bytes().take_while(u8::is_ascii_hexdigit).count();
        return (hex_colour(&rest[1..=digits]).map(Kind::Colour), digits + 1);
    }
    if first.is_ascii_digit() {
        let length = run(|c| c.is_ascii_digit() || c == '.');
        let text = rest[..length].trim_end_matches('.');
        let letters = rest[length..].chars().next().is_some_and(char::is_alphabetic);
        if !letters {
            return (text.parse().ok().map(Kind::Number), text.len());
        }
    }
    if is_of_word(first) {
        let length = run(is_of_word);
        return (Some(Kind::Word(rest[..length].to_lowercase())), length);
    }
    let kind = match first {
        ',' | ';' | ':' | '(' | ')' | '"' | '/' => Some(Kind::Pause),
        '.' | '!' | '?' | '\n' | '।' => Some(Kind::Stop),
        _ => None,
    };
    (kind, first.len_utf8())
}

/// Marks that combine with letters are part of the word: many scripts write vowels so.
fn is_of_word(c: char) -> bool {
    let separates = c.is_ascii() || c.is_whitespace() || matches!(c, '।' | '–' | '—' | '“' | '”');
    c.is_alphanumeric() || c == '\'' || !separates
}

fn percent(tokens: &mut [Token], end: usize) {
    if let Some(Token { kind, end: last, .. }) = tokens.last_mut()
        && let Kind::Number(number) = *kind
    {
        (*kind, *last) = (Kind::Percent(number), end);
    }
}

fn hex_colour(digits: &str) -> Option<[u8; 3]> {
    let value = u32::from_str_radix(digits, 16).ok()?;
    let [_, r, g, b] = value.to_be_bytes();
    match digits.len() {
        6 => Some([r, g, b]),
        3 => Some([(value >> 8) & 15, (value >> 4) & 15, value & 15].map(|digit| (digit * 17) as u8)),
        _ => None,
    }
}

/// Joins `rgb` and the three numbers after it.
fn with_rgb(tokens: Vec<Token>) -> Vec<Token> {
    let mut joined: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let colour = (token.word() == Some("rgb")).then(|| three_numbers(&tokens[at + 1..])).flatten();
        let (kind, length) = match colour {
            Some((colour, length)) => (Kind::Colour(colour), length + 1),
            None => (token.kind.clone(), 1),
        };
        joined.push(Token { kind, start: token.start, end: tokens[at + length - 1].end });
        at += length;
    }
    joined
}

/// The colour that three numbers make, and how many tokens they take with the pauses between them.
fn three_numbers(tokens: &[Token]) -> Option<([u8; 3], usize)> {
    let mut numbers = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Number(number) if (0.0..=255.0).contains(&number) => numbers.push(number as u8),
            Kind::Pause => {}
            _ => return None,
        }
        if let [r, g, b] = numbers[..] {
            return Some(([r, g, b], at + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(prompt: &str) -> Vec<Kind> {
        of(prompt).into_iter().map(|token| token.kind).collect()
    }

    fn word(text: &str) -> Kind {
        Kind::Word(text.to_owned())
    }

    #[test]
    fn words_numbers_and_pauses() {
        assert_eq!(kinds("High-key, don't"), [word("high"), word("key"), Kind::Pause, word("don't")]);
        assert_eq!(
            kinds("88 % of 2.5. 4k"),
            [Kind::Percent(88.0), word("of"), Kind::Number(2.5), Kind::Stop, word("4k")]
        );
        assert_eq!(kinds("85 percent"), [Kind::Percent(85.0)]);
        assert_eq!(kinds("% percent"), []);
        assert_eq!(kinds("सफेद पृष्ठभूमि।"), [word("सफेद"), word("पृष्ठभूमि"), Kind::Stop]);
        assert_eq!(kinds(""), []);
    }

    #[test]
    fn colours() {
        for (prompt, colour) in [
            ("rgb 255,254,253", [255, 254, 253]),
            ("RGB(1, 2, 3)", [1, 2, 3]),
            ("#ff8800", [255, 136, 0]),
            ("#FFF", [255, 255, 255]),
        ] {
            assert_eq!(kinds(prompt).first(), Some(&Kind::Colour(colour)), "{prompt}");
        }
        assert_eq!(kinds("rgb 1,2"), [word("rgb"), Kind::Number(1.0), Kind::Pause, Kind::Number(2.0)]);
        assert_eq!(kinds("rgb 1 2 300")[0], word("rgb"));
        assert_eq!(kinds("#ff"), []);
    }

    #[test]
    fn places_are_bytes_of_the_prompt() {
        let prompt = "é – RGB 1, 2, 3!";
        let tokens = of(prompt);
        let texts: Vec<&str> = tokens.iter().map(|token| &prompt[token.start..token.end]).collect();
        assert_eq!(texts, ["é", "RGB 1, 2, 3", "!"]);
    }
}
