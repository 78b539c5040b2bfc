//! A sentence with holes, matched without ever going back: each hole ends where the next words first come.

/// What a hole takes, by how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `{n}`: a number.
    Number,
    /// `{name}`: text from outside, which stays as it is.
    Outside,
    /// `{WHY}`: something that is in the table.
    Known,
    /// `{Why}`: something that may be in the table.
    Tried,
}

impl Kind {
    fn of(name: &str) -> Kind {
        let capital = |letter: char| letter.is_ascii_uppercase();
        match name.len() {
            1 if !name.contains(capital) => Kind::Number,
            _ if name.chars().all(capital) => Kind::Known,
            _ if name.starts_with(capital) => Kind::Tried,
            _ => Kind::Outside,
        }
    }
}

/// An English sentence with holes and what becomes of it.
#[derive(Debug)]
pub struct Template {
    first: String,
    /// Each hole and the words after it.
    holes: Vec<(Kind, String)>,
    told: Vec<Piece>,
}

#[derive(Debug)]
enum Piece {
    Words(String),
    Hole(usize),
}

impl Template {
    /// `None` where the sentence has no holes, or two of them touch and nobody could tell where one ends.
    pub fn parse(said: &str, told: &str) -> Option<Template> {
        let (first, holes) = split(said);
        let touching = holes.iter().rev().skip(1).any(|(_, after)| after.is_empty());
        if holes.is_empty() || touching {
            return None;
        }
        let place = |name: &str| holes.iter().position(|(known, _)| *known == name);
        let (opening, rest) = split(told);
        let mut pieces = vec![Piece::Words(opening.to_owned())];
        for (name, after) in rest {
            pieces.push(Piece::Hole(place(name)?));
            pieces.push(Piece::Words(after.to_owned()));
        }
        let holes = holes.iter().map(|(name, after)| (Kind::of(name), (*after).to_owned())).collect();
        Some(Template { first: first.to_owned(), holes, told: pieces })
    }

    /// Bytes that a text must have for this one to fit.
    pub fn literal_bytes(&self) -> usize {
        self.first.len() + self.holes.iter().map(|(_, after)| after.len()).sum::<usize>()
    }

    /// What each hole caught. Looks at no byte more than a few times.
    pub fn caught<'t>(&self, said: &'t str) -> Option<Vec<&'t str>> {
        let mut rest = said.strip_prefix(self.first.as_str())?;
        let (last, before) = self.holes.split_last()?;
        let mut caught = Vec::with_capacity(self.holes.len());
        for (kind, after) in before {
            let (text, tail) = rest.split_once(after.as_str())?;
            caught.push(fitting(*kind, text)?);
            rest = tail;
        }
        caught.push(fitting(last.0, rest.strip_suffix(last.1.as_str())?)?);
        Some(caught)
    }

    /// The sentence with what `say` makes of each caught text; `None` where it can make nothing of one.
    pub fn filled(&self, caught: &[&str], mut say: impl FnMut(Kind, &str) -> Option<String>) -> Option<String> {
        let texts = self.holes.iter().zip(caught).map(|((kind, _), text)| say(*kind, text));
        let texts: Vec<String> = texts.collect::<Option<_>>()?;
        let piece = |piece: &Piece| match piece {
            Piece::Words(words) => words.clone(),
            Piece::Hole(at) => texts.get(*at).cloned().unwrap_or_default(),
        };
        Some(self.told.iter().map(piece).collect())
    }
}

fn fitting(kind: Kind, text: &str) -> Option<&str> {
    (!text.is_empty() && (kind != Kind::Number || is_number(text))).then_some(text)
}

/// Digits, with what stands before and between them.
pub fn is_number(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b',' | b'-');
    text.bytes().all(allowed) && text.bytes().any(|b| b.is_ascii_digit())
}

/// The words before the first hole, and each hole's name with the words after it. Other braces are words.
pub fn split(text: &str) -> (&str, Vec<(&str, &str)>) {
    let mut marks = Vec::new();
    let mut from = 0;
    while let Some(open) = text[from..].find('{').map(|at| from + at) {
        let name = text[open + 1..].split('}').next().unwrap_or_default();
        let close = open + 1 + name.len();
        let is_hole = !name.is_empty() && close < text.len() && name.bytes().all(|b| b.is_ascii_alphabetic());
        if is_hole {
            marks.push((open, close));
        }
        from = if is_hole { close } else { open } + 1;
    }
    let ends = marks.iter().skip(1).map(|(open, _)| *open).chain([text.len()]);
    let holes = marks.iter().zip(ends).map(|((open, close), end)| (&text[open + 1..*close], &text[close + 1..end]));
    (&text[..marks.first().map_or(text.len(), |(open, _)| *open)], holes.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn told(said: &str, told: &str, text: &str) -> Option<String> {
        let template = Template::parse(said, told).expect("a template");
        let caught = template.caught(text)?;
        template.filled(&caught, |_, text| Some(text.to_owned()))
    }

    #[test]
    fn holes_catch_as_little_as_they_can_and_the_last_one_the_rest() {
        for (said, wanted, text, becomes) in [
            ("{n} of {m} left", "{m}:{n}", "3 of 7 left", Some("7:3")),
            ("{n} of {m} left", "{m}:{n}", "three of 7 left", None),
            ("{n} of {m} left", "{m}:{n}", "3 of 7 left over", None),
            ("{n} of {m} left", "{m}:{n}", "3 of  left", None),
            ("No \"{name}\".", "<{name}>", "No \"a\".\".", Some("<a\".>")),
            ("No \"{name}\".", "<{name}>", "No \"{name}\".", Some("<{name}>")),
            ("{a}: {Why}", "{Why}", "x: y: z", None),
            ("{who}: {Why}", "{Why}!{who}", "x: y: z", Some("y: z!x")),
            ("GET {id}, {\"a\": 1} {}", "{} {id}", "GET 7, {\"a\": 1} {}", Some("{} 7")),
        ] {
            assert_eq!(told(said, wanted, text).as_deref(), becomes, "{said} on {text}");
        }
    }

    #[test]
    fn what_nobody_could_fill_is_no_template() {
        for (said, wanted) in [("no hole", "x"), ("{a}{b}", "x"), ("{n} px", "{m} px"), ("{", "{"), ("{}", "{}")] {
            assert!(Template::parse(said, wanted).is_none(), "{said}");
        }
    }

    #[test]
    fn a_hole_is_of_the_kind_that_its_name_says() {
        for (name, kind) in [
            ("n", Kind::Number),
            ("name", Kind::Outside),
            ("fileName", Kind::Outside),
            ("WHY", Kind::Known),
            ("A", Kind::Known),
            ("Why", Kind::Tried),
        ] {
            assert_eq!(Kind::of(name), kind, "{name}");
        }
        assert!(["0", "-1.5", "2026", "1,000"].iter().all(|text| is_number(text)));
        assert!(["", "-", ".", "1e5", "1 2", "٣"].iter().all(|text| !is_number(text)));
    }
}
