//! Everything the pages say, in one table a language. The page's script is given the same table as a module.
//!
//! A language is one more JSON file in `assets/lang` and one more entry in [`LANGUAGES`].

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::civil::Date;

use crate::http::told::Told;

/// A language: its tag, its name in itself, which counts take the form `one`, its table, and what [`Told`] says of the rest.
struct Language {
    tag: &'static str,
    name: &'static str,
    is_one: fn(usize) -> bool,
    table: &'static str,
    /// None where everything is said in English.
    told: Option<&'static str>,
}

/// The first one is spoken where nobody asks for another.
const LANGUAGES: [Language; 2] = [
    Language {
        tag: "en",
        name: "English",
        is_one: |n| n == 1,
        table: include_str!("../../assets/lang/en.json"),
        told: None,
    },
    Language {
        tag: "hi",
        name: "हिन्दी",
        is_one: |n| n <= 1,
        table: include_str!("../../assets/lang/hi.json"),
        told: Some(include_str!("../../assets/lang/told/hi.json")),
    },
];

/// The sentences of one language by key, with holes like `{name}`.
#[derive(Debug)]
pub struct Words {
    pub lang: &'static str,
    /// What those who speak it call it.
    pub name: &'static str,
    is_one: fn(usize) -> bool,
    table: BTreeMap<String, String>,
    told: Option<Told>,
}

static ALL: LazyLock<Vec<Words>> = LazyLock::new(|| LANGUAGES.iter().map(Words::parse).collect());

impl Words {
    pub fn all() -> &'static [Words] {
        &ALL
    }

    pub fn english() -> &'static Words {
        &ALL[0]
    }

    /// The words of a language as headers and addresses name it: `hi`, or `hi-IN` with a region that changes nothing here.
    pub fn of(tag: &str) -> Option<&'static Words> {
        let language = tag.split('-').next().unwrap_or_default();
        ALL.iter().find(|words| words.lang.eq_ignore_ascii_case(language))
    }

    fn parse(language: &Language) -> Words {
        let table =
            serde_json::from_str(language.table).expect("the embedded table of words is JSON, which a test keeps");
        let told = language.told.map(Told::parse);
        Words { lang: language.tag, name: language.name, is_one: language.is_one, table, told }
    }

    /// What is said in this language where the rest of the studio says it in English; `None` for English itself.
    pub fn told_table(&self) -> Option<&Told> {
        self.told.as_ref()
    }

    /// What the rest of the studio said in English, in this language; unchanged where it has no words for it.
    pub fn told<'t>(&self, said: &'t str) -> Cow<'t, str> {
        self.told.as_ref().map_or(Cow::Borrowed(said), |told| told.of(said))
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

    /// The form of a sentence that fits a count: `key.one` or `key.other`.
    pub fn many(&self, key: &str, n: usize, values: &[(&str, &str)]) -> String {
        let count = n.to_string();
        let form = if (self.is_one)(n) { "one" } else { "other" };
        let all: Vec<(&str, &str)> = std::iter::once(("n", count.as_str())).chain(values.iter().copied()).collect();
        self.fill(&format!("{key}.{form}"), &all)
    }

    /// What somebody else named in English, in our words where they have it; otherwise as it was said.
    pub fn named<'w>(&'w self, family: &str, id: &str, said: &'w str) -> &'w str {
        self.table.get(&format!("{family}.{id}")).map_or(said, String::as_str)
    }

    /// What a model calls a composition: parts with commas between.
    pub fn variant(&self, said: &str) -> String {
        let part = |part: &str| {
            let id = part.to_ascii_lowercase().replace(' ', "_");
            self.named("variant", &id, part).to_owned()
        };
        said.split(", ").map(part).collect::<Vec<_>>().join(", ")
    }

    pub fn day(&self, day: Date) -> String {
        let month = self.get(&format!("date.month.{}", day.month())).to_owned();
        let (number, year) = (day.day().to_string(), day.year().to_string());
        self.fill("date.form", &[("day", &number), ("month", &month), ("year", &year)])
    }

    /// What scripts say, as a module for them: the sentences whose keys are `spoken`.
    pub fn module(&self, spoken: impl Fn(&str) -> bool) -> String {
        let table: BTreeMap<&String, &String> = self.table.iter().filter(|(key, _)| spoken(key)).collect();
        let table = serde_json::to_string(&table).unwrap_or_else(|_| "{}".to_owned());
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
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn holes_are_filled_once_and_values_are_not_read_again() {
        let table = r#"{"a": "{x} and {y}, {z}", "b.one": "{n} dog", "b.other": "{n} dogs"}"#;
        let words = Words::parse(&Language { tag: "en", name: "", is_one: |n| n == 1, table, told: None });
        assert_eq!(words.fill("a", &[("x", "{y}"), ("y", "2")]), "{y} and 2, {z}");
        assert_eq!(words.fill("absent", &[]), "absent");
        assert_eq!((words.many("b", 1, &[]), words.many("b", 3, &[])), ("1 dog".into(), "3 dogs".into()));
    }

    /// The holes of a sentence, in any order: languages put things in their own.
    fn holes(sentence: &str) -> BTreeSet<&str> {
        let mut rest = sentence;
        let mut found = BTreeSet::new();
        while let Some((_, hole, after)) = next_hole(rest) {
            found.insert(hole);
            rest = after;
        }
        found
    }

    /// A form for one thing may say the number in words or in a digit of its own.
    fn may_lack_its_number(key: &str) -> bool {
        key.ends_with(".one")
    }

    #[test]
    fn every_language_says_everything_with_the_same_holes() {
        let english = Words::english();
        for words in Words::all() {
            let keys = |words: &Words| words.table.keys().cloned().collect::<BTreeSet<String>>();
            let odd: Vec<String> = keys(words).symmetric_difference(&keys(english)).cloned().collect();
            assert!(odd.is_empty(), "{}: {odd:?} are not in both", words.lang);
            for (key, sentence) in &words.table {
                assert!(!sentence.trim().is_empty(), "{}: {key} says nothing", words.lang);
                let (mut ours, mut theirs) = (holes(sentence), holes(english.get(key)));
                if may_lack_its_number(key) {
                    ours.remove("n");
                    theirs.remove("n");
                }
                assert_eq!(ours, theirs, "{}: {key}", words.lang);
            }
        }
    }

    #[test]
    fn a_language_is_known_by_its_tag() {
        for (tag, lang) in [("en", "en"), ("hi", "hi"), ("hi-IN", "hi"), ("EN-us", "en")] {
            assert_eq!(Words::of(tag).map(|words| words.lang), Some(lang), "{tag}");
        }
        assert!(["", "-", "xx", "hindi", "*"].iter().all(|tag| Words::of(tag).is_none()));
    }

    #[test]
    fn counts_days_and_names_are_told_as_the_language_does() {
        let (english, hindi) = (Words::english(), Words::of("hi").unwrap());
        let none = |words: &Words| words.many("stage.done", 0, &[]);
        assert_eq!((none(english), none(hindi)), ("0 pictures are ready".into(), "0 तस्वीर तैयार है".into()));
        let day = Date::constant(2026, 11, 5);
        assert_eq!((english.day(day), hindi.day(day)), ("5 Nov 2026".into(), "5 नवंबर 2026".into()));
        assert_eq!(hindi.variant("Pure white, closer"), "एकदम सफ़ेद, पास से");
        assert_eq!(hindi.variant("A poster, bright"), "A poster, उजली", "a model's own words stay");
        assert_eq!(hindi.named("check", "shadow", "Shadow"), "परछाईं");
    }

    #[test]
    fn rules_have_the_names_that_reports_give_them() {
        for preset in plantain_media::preset::Presets::builtin().iter() {
            for rule in plantain_media::check::check(b"no picture", None, preset, None).results {
                assert_eq!(Words::english().named("check", rule.rule, "-"), rule.title);
            }
        }
    }

    /// What stands between two of these quotes and looks like a key.
    fn named(source: &str, quote: char) -> impl Iterator<Item = &str> {
        let tame = |key: &&str| key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_');
        source.split(quote).filter(tame).filter(|key| is_family(key.split('.').next().unwrap_or_default()))
    }

    fn is_family(head: &str) -> bool {
        let families = "site make rule teach jobs job stage result badge sheet scene views verdict trouble missing message signin brush choose history messages account mail bulk usage keys";
        families.split(' ').any(|family| family == head)
    }

    #[test]
    fn every_word_that_is_named_is_in_the_table() {
        let words = Words::english();
        let templates = [
            include_str!("../../templates/page.html"),
            include_str!("../../templates/studio.html"),
            include_str!("../../templates/composer.html"),
            include_str!("../../templates/presets.html"),
            include_str!("../../templates/brush.html"),
            include_str!("../../templates/job.html"),
            include_str!("../../templates/result.html"),
            include_str!("../../templates/rule.html"),
            include_str!("../../templates/scene.html"),
            include_str!("../../templates/views.html"),
            include_str!("../../templates/message.html"),
            include_str!("../../templates/history.html"),
            include_str!("../../templates/messages.html"),
            include_str!("../../templates/bulk.html"),
            include_str!("../../templates/batch.html"),
            include_str!("../../templates/item.html"),
            include_str!("../../templates/sign_in.html"),
            include_str!("../../templates/account.html"),
            include_str!("../../templates/link.html"),
            include_str!("../../templates/unsubscribe.html"),
            include_str!("../../templates/mail/sign_in.html"),
            include_str!("../../templates/mail/done.html"),
            include_str!("../../templates/usage.html"),
            include_str!("../../templates/keys.html"),
        ];
        let scripts = [
            include_str!("../../assets/along.js"),
            include_str!("../../assets/anything.js"),
            include_str!("../../assets/api.js"),
            include_str!("../../assets/batch.js"),
            include_str!("../../assets/batches.js"),
            include_str!("../../assets/bulk.js"),
            include_str!("../../assets/app.js"),
            include_str!("../../assets/brush.js"),
            include_str!("../../assets/card.js"),
            include_str!("../../assets/choice.js"),
            include_str!("../../assets/choose.js"),
            include_str!("../../assets/chosen.js"),
            include_str!("../../assets/compare.js"),
            include_str!("../../assets/composer.js"),
            include_str!("../../assets/elsewhere.js"),
            include_str!("../../assets/history.js"),
            include_str!("../../assets/media.js"),
            include_str!("../../assets/notify.js"),
            include_str!("../../assets/preset.js"),
            include_str!("../../assets/result.js"),
            include_str!("../../assets/scene.js"),
            include_str!("../../assets/strokes.js"),
            include_str!("../../assets/views.js"),
            include_str!("../../assets/wishes.js"),
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
