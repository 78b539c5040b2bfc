//! Everything the pages say, in one table a language. The page's script is given the same table as a module.
//!
//! A language is one more JSON file beside `en.json` and one more entry in [`Words::of`].

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The sentences of one language by key, with holes like `{name}`.
#[derive(Debug)]
pub struct Words {
    pub lang: &'static str,
    table: BTreeMap<String, String>,
}

static ENGLISH: LazyLock<Words> = LazyLock::new(|| Words::parse("en", include_str!("../../assets/en.json")));

impl Words {
    pub fn english() -> &'static Words {
        &ENGLISH
    }

    fn parse(lang: &'static str, json: &str) -> Words {
        let table = serde_json::from_str(json).expect("the embedded table of words is JSON, which a test keeps");
        Words { lang, table }
    }

    /// The sentence, or the key itself, which a reader of the page will report.
    pub fn get<'w>(&'w self, key: &'w str) -> &'w str {
        self.table.get(key).map_or(key, String::as_str)
    }

    #[cfg(test)]
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The sentence with its holes filled. Values are text; escaping is the template's part.
    pub fn fill(&self, key: &str, values: &[(&str, &str)]) -> String {
        let mut rest = self.get(key);
        let mut filled = String::with_capacity(rest.len());
        while let Some((before, hole, after)) = next_hole(rest) {
            filled.push_str(before);
            match values.iter().find(|(name, _)| *name == hole) {
                Some((_, value)) => filled.push_str(value),
                None => filled.push_str(&rest[before.len()..rest.len() - after.len()]),
            }
            rest = after;
        }
        filled + rest
    }

    /// The form of a sentence that fits a count. English has two; a language with more brings its rule with its table.
    pub fn many(&self, key: &str, n: usize, values: &[(&str, &str)]) -> String {
        let count = n.to_string();
        let form = if n == 1 { "one" } else { "other" };
        let all: Vec<(&str, &str)> = std::iter::once(("n", count.as_str())).chain(values.iter().copied()).collect();
        self.fill(&format!("{key}.{form}"), &all)
    }

    /// The table as a module for the page's script.
    pub fn module(&self) -> String {
        let table = serde_json::to_string(&self.table).unwrap_or_else(|_| "{}".to_owned());
        format!("export const lang = \"{}\";\nexport const text = {table};\n", self.lang)
    }
}

fn next_hole(text: &str) -> Option<(&str, &str, &str)> {
    let (before, tail) = text.split_once('{')?;
    let (hole, after) = tail.split_once('}')?;
    Some((before, hole, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled_once_and_values_are_not_read_again() {
        let words = Words::parse("en", r#"{"a": "{x} and {y}, {z}", "b.one": "{n} dog", "b.other": "{n} dogs"}"#);
        assert_eq!(words.fill("a", &[("x", "{y}"), ("y", "2")]), "{y} and 2, {z}");
        assert_eq!(words.fill("absent", &[]), "absent");
        assert_eq!((words.many("b", 1, &[]), words.many("b", 3, &[])), ("1 dog".into(), "3 dogs".into()));
    }

    /// What stands between two of these quotes and looks like a key.
    fn named(source: &str, quote: char) -> impl Iterator<Item = &str> {
        let tame = |key: &&str| key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_');
        source.split(quote).filter(tame).filter(|key| is_family(key.split('.').next().unwrap_or_default()))
    }

    fn is_family(head: &str) -> bool {
        let families = "site make rule teach jobs job stage result badge sheet scene views verdict trouble missing message signin brush choose history";
        families.split(' ').any(|family| family == head)
    }

    #[test]
    fn every_word_that_is_named_is_in_the_table() {
        let words = Words::english();
        let templates = [
            include_str!("../../templates/page.html"),
            include_str!("../../templates/studio.html"),
            include_str!("../../templates/composer.html"),
            include_str!("../../templates/brush.html"),
            include_str!("../../templates/job.html"),
            include_str!("../../templates/result.html"),
            include_str!("../../templates/rule.html"),
            include_str!("../../templates/scene.html"),
            include_str!("../../templates/views.html"),
            include_str!("../../templates/message.html"),
            include_str!("../../templates/history.html"),
            include_str!("../../templates/sign_in.html"),
        ];
        let scripts = [
            include_str!("../../assets/api.js"),
            include_str!("../../assets/app.js"),
            include_str!("../../assets/brush.js"),
            include_str!("../../assets/card.js"),
            include_str!("../../assets/choice.js"),
            include_str!("../../assets/choose.js"),
            include_str!("../../assets/chosen.js"),
            include_str!("../../assets/composer.js"),
            include_str!("../../assets/history.js"),
            include_str!("../../assets/preset.js"),
            include_str!("../../assets/result.js"),
            include_str!("../../assets/scene.js"),
            include_str!("../../assets/strokes.js"),
            include_str!("../../assets/views.js"),
        ];
        let in_templates = templates.iter().flat_map(|source| named(source, '"'));
        let in_scripts = scripts.iter().flat_map(|source| named(source, '\''));
        let all: Vec<&str> = in_templates
            .chain(in_scripts)
            .filter(|key| key.contains('.') && ![".html", ".css", ".js"].iter().any(|end| key.ends_with(end)))
            .collect();
        assert!(all.len() > 60, "only {} keys were found", all.len());
        let known =
            |key: &str| words.has(key) || (words.has(&format!("{key}.one")) && words.has(&format!("{key}.other")));
        let lost: Vec<&&str> = all.iter().filter(|key| !known(key)).collect();
        assert!(lost.is_empty(), "{lost:?}");
    }
}
