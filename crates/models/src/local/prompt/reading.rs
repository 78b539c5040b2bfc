//! Finds meanings in the words of one prompt, from left to right.
//!
//! Each word ends up taken (it was understood, or belongs to something that was) or left; what is left and not harmless is
//! quoted back.

use super::colour;
use super::tokens::{self, Kind, Token};
use super::vocabulary::{
    AFTER_SUBJECT, ASIDES, BACKGROUND_HEADS, BACKGROUND_MANNERS, FILL_MANNERS, FILL_WORDS, FOREIGN_SHADOWS, HARMLESS,
    LEADING, LIST_WORDS, Meaning, NEGATIONS, NEVER_ADDED, PHRASES, PICTURES, SHADOW_HEADS, SHADOW_MANNERS,
};
use super::{Background, PromptPlan, QUOTE_CHARS_MAX, QUOTES_MAX, Shadow};

/// Shares of the frame that a product can be laid out with.
const FILL_PERCENT: std::ops::RangeInclusive<f32> = 30.0..=97.0;

pub(super) struct Reading<'p> {
    prompt: &'p str,
    tokens: Vec<Token>,
    taken: Vec<bool>,
    /// Places of phrases that were understood and can't be followed, or contradict an earlier one.
    refused: Vec<(usize, usize)>,
    /// Backgrounds that the prompt rules out.
    excluded: Vec<Background>,
    plan: PromptPlan,
}

impl<'p> Reading<'p> {
    pub(super) fn of(prompt: &'p str) -> Reading<'p> {
        let tokens = tokens::of(prompt);
        let taken = vec![false; tokens.len()];
        let mut reading =
            Reading { prompt, tokens, taken, refused: Vec::new(), excluded: Vec::new(), plan: PromptPlan::default() };
        for at in 0..reading.tokens.len() {
            if !reading.taken[at] {
                reading.read_at(at);
            }
        }
        reading
    }

    fn read_at(&mut self, at: usize) {
        if self.subject(at) || self.phrase(at) || self.never_added(at) {
            return;
        }
        match self.tokens[at].kind.clone() {
            Kind::Colour(rgb) => self.background(at, at + 1, colour::of_rgb(rgb)),
            Kind::Percent(percent) => self.fill(at, percent),
            Kind::Word(word) if SHADOW_HEADS.contains(&word.as_str()) => self.shadow_head(at),
            Kind::Word(word) if BACKGROUND_HEADS.contains(&word.as_str()) => self.background_head(at),
            Kind::Word(word) if self.is_negation(at, 1) => self.ruled_out_colour(at, &word),
            Kind::Word(word) if word == "white" => self.bare_white(at),
            _ => {}
        }
    }

    fn word(&self, at: usize) -> Option<&str> {
        self.tokens.get(at).filter(|_| !self.taken[at]).and_then(Token::word)
    }

    fn is(&self, at: usize, words: &[&str]) -> bool {
        self.word(at).is_some_and(|word| words.contains(&word))
    }

    /// Is the token `back` places before `at` a negation that is still free?
    fn is_negation(&self, at: usize, back: usize) -> bool {
        at.checked_sub(back).is_some_and(|before| self.is(before, NEGATIONS))
    }

    fn take(&mut self, from: usize, to: usize) {
        self.taken[from..to].fill(true);
    }

    fn text(&self, from: usize, to: usize) -> &'p str {
        &self.prompt[self.tokens[from].start..self.tokens[to - 1].end]
    }

    fn understood(&mut self, from: usize, to: usize) {
        self.take(from, to);
        let text = self.text(from, to).to_owned();
        quote(&mut self.plan.understood, &text);
    }

    fn refuse(&mut self, from: usize, to: usize) {
        self.take(from, to);
        self.refused.push((from, to));
    }

    /// "Photo of a blue mug": what is in the photo needs no doing.
    fn subject(&mut self, at: usize) -> bool {
        if !self.is(at, PICTURES) || self.word(at + 1) != Some("of") {
            return false;
        }
        let ends = |at: &usize| match self.tokens.get(*at).map(|token| &token.kind) {
            Some(Kind::Word(word)) => AFTER_SUBJECT.contains(&word.as_str()),
            _ => true,
        };
        let end = (at + 2..).find(ends).unwrap_or(at + 2);
        self.take(at, end.min(self.tokens.len()));
        true
    }

    fn phrase(&mut self, at: usize) -> bool {
        let Some((end, meaning)) =
            PHRASES.iter().find_map(|(words, meaning)| Some((self.matches(at, words)?, *meaning)))
        else {
            return false;
        };
        if self.is_negation(at, 1) {
            return self.negated_phrase(at, end, meaning);
        }
        match meaning {
            Meaning::Background(background) => {
                let from = self.manners_before(at, |word| BACKGROUND_MANNERS.contains(&word));
                self.background(from, end, background);
            }
            Meaning::Shadow(shadow) => self.shadow(at, end, shadow),
            Meaning::Light(light) => match self.plan.light.get_or_insert(light) == &light {
                true => self.understood(at, end),
                false => self.refuse(at, end),
            },
            Meaning::Kept => self.take(at, end),
        }
        true
    }

    fn negated_phrase(&mut self, at: usize, end: usize, meaning: Meaning) -> bool {
        match meaning {
            Meaning::Background(background) => self.exclude(at - 1, end, background),
            _ => self.refuse(at - 1, end),
        }
        true
    }

    /// Where the phrase ends that begins here, if it does.
    fn matches(&self, at: usize, words: &[&str]) -> Option<usize> {
        let mut next = at;
        for (number, word) in words.iter().enumerate() {
            while number > 0 && self.tokens.get(next).is_some_and(|token| token.kind == Kind::Pause) {
                next += 1;
            }
            if self.word(next)? != *word {
                return None;
            }
            next += 1;
        }
        Some(next)
    }

    /// "No text, logo or second product": understood where it is ruled out, left where it is wished for.
    fn never_added(&mut self, at: usize) -> bool {
        if !self.is(at, NEVER_ADDED) {
            return false;
        }
        let Some(from) = self.list_negation(at) else { return false };
        let mut end = at + 1;
        while self.is(end, &["is", "are", "added", "visible"]) {
            end += 1;
        }
        self.understood(from, end);
        true
    }

    /// The negation that begins a list which reaches `at`: things that are never added, words between them, pauses.
    fn list_negation(&self, at: usize) -> Option<usize> {
        let in_list = |word: &str| NEVER_ADDED.contains(&word) || LIST_WORDS.contains(&word);
        for before in (0..at).rev() {
            match &self.tokens[before].kind {
                Kind::Word(word) if NEGATIONS.contains(&word.as_str()) => return Some(before),
                Kind::Word(word) if in_list(word) || SHADOW_HEADS.contains(&word.as_str()) => {}
                Kind::Pause => {}
                _ => return None,
            }
        }
        None
    }

    fn shadow_head(&mut self, at: usize) {
        let manner = |word: &str| SHADOW_MANNERS.iter().find(|(known, _)| *known == word).map(|(_, shadow)| *shadow);
        let from = self.manners_before(at, |word| manner(word).is_some() || FOREIGN_SHADOWS.contains(&word));
        let words: Vec<String> = (from..at).filter_map(|at| self.word(at)).map(str::to_owned).collect();
        let foreign = words.iter().any(|word| FOREIGN_SHADOWS.contains(&word.as_str()));
        // The first word decides: a soft, light shadow is soft, a faint contact shadow is at its contact.
        let asked = words.iter().find_map(|word| manner(word));
        let negation = self.negation_before(from);
        let listed = if words.is_empty() { self.list_negation(at) } else { None };
        match (negation.or(listed), foreign) {
            // No harsh shadows: none of ours is.
            (Some(negation), true) => self.understood(negation, at + 1),
            (Some(negation), false) => self.shadow(negation, at + 1, Shadow::None),
            (None, true) => self.refuse(from, at + 1),
            (None, false) => self.shadow(from, at + 1, asked.unwrap_or(Shadow::Contact)),
        }
    }

    fn background_head(&mut self, at: usize) {
        let is_manner = |word: &str| {
            let colour = colour::background(word, None).is_some() || colour::shade(word).is_some();
            colour || BACKGROUND_MANNERS.contains(&word) || matches!(word, "neutral" | "gradient" | "off" | "to")
        };
        let from = self.manners_before(at, is_manner);
        let words: Vec<&str> = (from..=at).filter_map(|at| self.word(at)).collect();
        let asked = background_of(&words);
        let before_is_foreign = from.checked_sub(1).is_some_and(|before| self.is_foreign(before));
        match (self.negation_before(from), asked) {
            (Some(negation), Some(asked)) => self.exclude(negation, at + 1, asked),
            (None, Some(asked)) => self.background(from, at + 1, asked),
            // "Transparent background", "wooden background": the word before says something that we can't do.
            (_, None) if before_is_foreign && from == at => self.refuse(at - 1, at + 1),
            (_, None) => self.take(from, at + 1),
        }
    }

    fn is_foreign(&self, at: usize) -> bool {
        self.word(at).is_some_and(|word| !HARMLESS.contains(&word) && !LIST_WORDS.contains(&word))
    }

    /// "Not white".
    fn ruled_out_colour(&mut self, at: usize, word: &str) {
        if let Some(background) = colour::background(word, None) {
            self.exclude(at - 1, at + 1, background);
        }
    }

    /// "Pure white, please": white with nothing beside it that could be white but the background.
    fn bare_white(&mut self, at: usize) {
        let ends = |at: &usize| {
            self.tokens.get(*at).is_none_or(|token| matches!(token.kind, Kind::Pause | Kind::Stop)) || self.taken[*at]
        };
        let from = (0..at).rev().find(ends).map_or(0, |end| end + 1);
        let to = (at + 1..).find(ends).unwrap_or(at + 1);
        let beside = |at: usize| self.is(at, BACKGROUND_MANNERS) || self.is(at, ASIDES);
        if (from..to).all(|other| other == at || beside(other)) {
            let first = self.manners_before(at, |word| BACKGROUND_MANNERS.contains(&word));
            self.background(first.max(from), at + 1, Background::PureWhite);
        }
    }

    /// Where the run of describing words begins that ends before `at`; commas may stand between them.
    fn manners_before(&self, at: usize, is_manner: impl Fn(&str) -> bool) -> usize {
        let mut from = at;
        for before in (0..at).rev() {
            match self.word(before) {
                Some(word) if is_manner(word) => from = before,
                None if self.tokens[before].kind == Kind::Pause => {}
                _ => break,
            }
        }
        from
    }

    /// The negation before a run of describing words, with an article or "any" between.
    fn negation_before(&self, from: usize) -> Option<usize> {
        let skipped = usize::from(from > 0 && self.is(from - 1, &["a", "an", "any", "the"]));
        self.is_negation(from, skipped + 1).then(|| from - skipped - 1)
    }

    fn background(&mut self, from: usize, to: usize, asked: Background) {
        match self.plan.background.get_or_insert(asked) == &asked {
            true => self.understood(from, to),
            false => self.refuse(from, to),
        }
    }

    fn shadow(&mut self, from: usize, to: usize, asked: Shadow) {
        match self.plan.shadow.get_or_insert(asked) == &asked {
            true => self.understood(from, to),
            false => self.refuse(from, to),
        }
    }

    fn exclude(&mut self, from: usize, to: usize, background: Background) {
        self.excluded.push(background);
        match self.plan.background == Some(background) {
            true => self.refuse(from, to),
            false => self.understood(from, to),
        }
    }

    /// "Fills about 88 % of the frame", "85 % fill".
    fn fill(&mut self, at: usize, percent: f32) {
        let (mut from, mut to) = (at, at + 1);
        let number_before = from > 0 && matches!(self.tokens[from - 1].kind, Kind::Number(_));
        from -= usize::from(number_before);
        while from > 0 && (self.is(from - 1, FILL_WORDS) || self.is(from - 1, FILL_MANNERS)) {
            from -= 1;
        }
        while self.is(to, FILL_WORDS) || self.is(to, FILL_MANNERS) {
            to += 1;
        }
        let about_the_frame = (from..to).any(|at| self.is(at, FILL_WORDS) || self.is(at, &["frame", "canvas"]));
        let asked = percent / 100.0;
        match about_the_frame {
            false => {}
            true if !FILL_PERCENT.contains(&percent) => self.refuse(from, to),
            true => match *self.plan.fill.get_or_insert(asked) == asked {
                true => self.understood(from, to),
                false => self.refuse(from, to),
            },
        }
    }

    pub(super) fn finish(mut self) -> PromptPlan {
        if let (None, false) = (self.plan.background, self.excluded.is_empty()) {
            let left = [Background::PureWhite, Background::LightGrey];
            self.plan.background = left.into_iter().find(|background| !self.excluded.contains(background));
        }
        let mut places = self.leftovers();
        places.append(&mut self.refused);
        places.sort_unstable();
        for (from, to) in places {
            let text = self.text(from, to).to_owned();
            quote(&mut self.plan.not_followed, &text);
        }
        self.plan
    }

    /// Runs of words that were not taken, without the harmless ones at their ends.
    fn leftovers(&self) -> Vec<(usize, usize)> {
        let free = |at: usize| !self.taken[at] && !matches!(self.tokens[at].kind, Kind::Pause | Kind::Stop);
        let says = |at: usize| match &self.tokens[at].kind {
            Kind::Word(word) => !HARMLESS.contains(&word.as_str()) && !NEGATIONS.contains(&word.as_str()),
            _ => true,
        };
        let mut runs = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            let end = (at..self.tokens.len()).find(|at| !free(*at)).unwrap_or(self.tokens.len());
            if let Some(first) = (at..end).find(|at| says(*at)) {
                let last = (first..end).rev().find(|at| says(*at)).unwrap_or(first);
                let first = (at..first).rev().take_while(|at| self.is(*at, LEADING)).last().unwrap_or(first);
                runs.push((self.without_article(first), last + 1));
            }
            at = end + 1;
        }
        runs
    }

    /// "A woman" is quoted as "woman", "on a table" as it is.
    fn without_article(&self, first: usize) -> usize {
        first + usize::from(self.is(first, &["a", "an", "the"]))
    }
}

/// The background that the words before and at a head mean; `None` where they name none.
fn background_of(words: &[&str]) -> Option<Background> {
    if words.iter().any(|word| matches!(*word, "gradient" | "sweep")) {
        return Some(Background::Gradient);
    }
    let shade = words.iter().find_map(|word| colour::shade(word));
    let colour = words.iter().rev().find_map(|word| colour::background(word, shade));
    if colour == Some(Background::PureWhite) && words.contains(&"off") {
        return colour::background("ivory", None);
    }
    if colour.is_some() {
        return colour;
    }
    match (words.contains(&"neutral"), shade) {
        (true, _) | (_, Some(colour::Shade::Light)) => Some(Background::Neutral),
        (_, Some(colour::Shade::Dark)) => colour::background("grey", shade),
        (false, None) => None,
    }
}

/// Adds a phrase once, cut to what is worth reading.
fn quote(list: &mut Vec<String>, text: &str) {
    let mut short: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if short.chars().count() > QUOTE_CHARS_MAX {
        short = short.chars().take(QUOTE_CHARS_MAX - 1).chain(['…']).collect();
    }
    if list.len() < QUOTES_MAX && !list.contains(&short) {
        list.push(short);
    }
}
