//! Photos, and what a list says about them, become the items of a batch. Pure.

use std::collections::HashMap;

use plantain_media::preset::Presets;

use crate::bulk::name::{folded, last};
use crate::bulk::table::Line;
use crate::bulk::why::Why;
use crate::error::PROMPT_CHARS_MAX;
use crate::photo;

/// What came of an entry of the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its path.
    pub name: String,
    /// Where its bytes are kept; or why they aren't.
    pub blob: Result<String, Why>,
}

/// One product to be photographed, or what is told of a file that can't be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    pub name: String,
    pub sku: Option<String>,
    /// `None`: the batch's own.
    pub preset: Option<String>,
    pub prompt: Option<String>,
    /// How many pieces the photo shows; `None`: what the batch says.
    pub products: Option<u32>,
    pub blob: Result<String, Why>,
}

/// The items, in the order of the archive; what the list says of files that aren't there comes last. A photo that several
/// lines name becomes an item for each of them.
pub fn plan(found: &[Found], lines: &[Line], presets: &Presets) -> Vec<Planned> {
    let files = Files::new(found);
    let (mut by_file, mut lost) = (HashMap::<usize, Vec<&Line>>::new(), Vec::new());
    for line in lines {
        match files.find(line) {
            Ok(at) => by_file.entry(at).or_default().push(line),
            Err(why) => lost.push(planned(line.file.clone(), line, Err(why))),
        }
    }
    let (mut all, mut blobs) = (Vec::new(), HashMap::<&str, &str>::new());
    for (at, file) in found.iter().enumerate() {
        let before = file.blob.as_ref().ok().and_then(|blob| blobs.insert(blob, &file.name));
        match (by_file.get(&at), before) {
            (Some(lines), _) => all.extend(of_lines(file, lines, presets)),
            (None, Some(before)) => {
                let why = Why::SameBytes { before: before.to_owned() };
                all.push(Planned { blob: Err(why), ..unlisted(file) });
            }
            (None, None) => all.push(unlisted(file)),
        }
    }
    all.extend(lost);
    all
}

fn unlisted(file: &Found) -> Planned {
    planned(file.name.clone(), &Line::default(), file.blob.clone())
}

fn of_lines<'l>(file: &Found, lines: &[&'l Line], presets: &Presets) -> Vec<Planned> {
    let mut asked = HashMap::<(Option<&str>, Option<&str>), u64>::new();
    let judged = |line: &'l Line| {
        let before = *asked.entry((line.preset.as_deref(), line.sku.as_deref())).or_insert(line.number);
        let again = (before != line.number).then_some(Why::SameLine { line: line.number, before });
        let wrong = again.or_else(|| wrong(line, presets));
        let blob = file.blob.clone().and_then(|blob| wrong.map_or(Ok(blob), Err));
        planned(file.name.clone(), line, blob)
    };
    lines.iter().copied().map(judged).collect()
}

fn planned(name: String, line: &Line, blob: Result<String, Why>) -> Planned {
    let products = line.products.as_deref().and_then(photo::pieces);
    Planned { name, sku: line.sku.clone(), preset: line.preset.clone(), prompt: line.prompt.clone(), products, blob }
}

/// What a job would be refused for.
pub fn wrong(line: &Line, presets: &Presets) -> Option<Why> {
    let number = line.number;
    if let Some(preset) = &line.preset
        && let Err(unknown) = presets.get(preset)
    {
        return Some(Why::UnknownPreset { line: number, preset: preset.clone(), nearest: unknown.nearest });
    }
    if line.sku.as_deref().is_some_and(|sku| !photo::is_identifier(sku)) {
        return Some(Why::Sku { line: number });
    }
    if line.prompt.as_deref().is_some_and(|prompt| prompt.chars().count() > PROMPT_CHARS_MAX) {
        return Some(Why::Prompt { line: number });
    }
    let products = line.products.as_deref().filter(|text| photo::pieces(text).is_none())?;
    Some(Why::Products { line: number, products: products.to_owned() })
}

/// Finds files by their path, or by their name alone where it is the only one of its kind.
struct Files {
    paths: HashMap<String, usize>,
    /// `None`: several files have it.
    names: HashMap<String, Option<usize>>,
}

impl Files {
    fn new(found: &[Found]) -> Files {
        let mut files = Files { paths: HashMap::new(), names: HashMap::new() };
        for (at, file) in found.iter().enumerate() {
            let path = folded(&file.name);
            // One that was refused for its name must not stand in the way of the one that has it.
            if matches!(file.blob, Err(Why::SameName { .. })) {
                continue;
            }
            files.names.entry(last(&path).to_owned()).and_modify(|known| *known = None).or_insert(Some(at));
            files.paths.insert(path, at);
        }
        files
    }

    fn find(&self, line: &Line) -> Result<usize, Why> {
        let wanted = folded(&line.file);
        if let Some(at) = self.paths.get(&wanted) {
            return Ok(*at);
        }
        let missing = |several| Why::NoSuchFile { line: line.number, several };
        match self.names.get(&wanted) {
            Some(Some(at)) => Ok(*at),
            Some(None) => Err(missing(true)),
            None => Err(missing(false)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bulk::table::LINES_MAX;

    fn found(name: &str, blob: &str) -> Found {
        Found { name: name.to_owned(), blob: Ok(blob.to_owned()) }
    }

    fn line(number: u64, file: &str, sku: &str, preset: &str) -> Line {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Line { number, file: file.to_owned(), sku: some(sku), preset: some(preset), ..Line::default() }
    }

    /// Name, product number, preset, and the bytes or the reason.
    fn told(found: &[Found], lines: &[Line]) -> Vec<(String, String, String, String)> {
        let planned = plan(found, lines, &Presets::builtin());
        let text = |text: Option<String>| text.unwrap_or_default();
        let one = |item: Planned| {
            let blob = item.blob.unwrap_or_else(|why| why.code().to_owned());
            (item.name, text(item.sku), text(item.preset), blob)
        };
        planned.into_iter().map(one).collect()
    }

    #[test]
    fn a_list_says_more_about_photos_and_is_told_where_it_is_wrong() {
        let files = [
            found("shoes/1.jpg", "b1"),
            found("Mug.JPG", "b2"),
            Found { name: "notes.txt".into(), blob: Err(Why::Damaged) },
            found("a/2.jpg", "b3"),
            found("b/2.jpg", "b4"),
            found("copy.jpg", "b1"),
            found("wanted-copy.jpg", "b2"),
        ];
        let lines = [
            line(2, "1.jpg", "S1", "ebay"),
            line(3, "shoes\\1.jpg", "S1", "amazon_main"),
            line(4, "./shoes/1.jpg", "S1", "ebay"),
            line(5, "mug.jpg", "मग", ""),
            line(6, "2.jpg", "S2", ""),
            line(7, "nowhere.jpg", "", ""),
            line(8, "a/2.jpg", "", "amazon"),
            line(9, "wanted-copy.jpg", "S9", ""),
            line(10, "notes.txt", "S3", ""),
        ];
        let expected = [
            ("shoes/1.jpg", "S1", "ebay", "b1"),
            ("shoes/1.jpg", "S1", "amazon_main", "b1"),
            ("shoes/1.jpg", "S1", "ebay", "same_line"),
            ("Mug.JPG", "मग", "", "identifier_unusable"),
            ("notes.txt", "S3", "", "damaged"),
            ("a/2.jpg", "", "amazon", "unknown_preset"),
            ("b/2.jpg", "", "", "b4"),
            ("copy.jpg", "", "", "same_picture"),
            ("wanted-copy.jpg", "S9", "", "b2"),
            ("2.jpg", "S2", "", "no_such_file"),
            ("nowhere.jpg", "", "", "no_such_file"),
        ];
        let own = |(a, b, c, d): (&str, &str, &str, &str)| (a.to_owned(), b.to_owned(), c.to_owned(), d.to_owned());
        assert_eq!(told(&files, &lines), expected.map(own));
    }

    #[test]
    fn a_photo_that_every_line_of_the_longest_list_names_is_planned_in_one_go() {
        let lines: Vec<Line> =
            (2..).take(LINES_MAX).map(|at| line(at, "mug.jpg", &format!("S{}", at / 2), "")).collect();
        let begun = lines.len();
        let planned = plan(&[found("mug.jpg", "b1")], &lines, &Presets::builtin());
        let again = planned.iter().filter(|item| matches!(item.blob, Err(Why::SameLine { .. })));
        assert_eq!((planned.len(), again.count()), (begun, begun / 2));
    }

    #[test]
    fn how_many_pieces_a_photo_shows_is_taken_from_its_line_and_a_wrong_number_said_with_it() {
        for (said, products, why) in [
            (None, None, None),
            (Some("1"), Some(1), None),
            (Some("99"), Some(99), None),
            (Some("0"), None, Some("products_unusable")),
            (Some("100"), None, Some("products_unusable")),
            (Some("-1"), None, Some("products_unusable")),
            (Some("2.0"), None, Some("products_unusable")),
            (Some("a pair"), None, Some("products_unusable")),
        ] {
            let line = Line { products: said.map(str::to_owned), ..line(2, "a.jpg", "", "") };
            let [item] = &plan(&[found("a.jpg", "b1")], &[line], &Presets::builtin())[..] else { panic!("{said:?}") };
            let told = item.blob.as_ref().err().map(Why::code);
            assert_eq!((item.products, told), (products, why), "{said:?}");
        }
    }

    #[test]
    fn each_reason_says_what_and_what_to_do() {
        let files = [found("a/2.jpg", "b3"), found("b/2.jpg", "b4")];
        let long = Line { prompt: Some("x".repeat(PROMPT_CHARS_MAX + 1)), ..line(4, "a/2.jpg", "", "") };
        let pair = Line { products: Some("pair".into()), ..line(5, "b/2.jpg", "S", "") };
        let lines = [line(2, "2.jpg", "", ""), line(3, "b/2.jpg", "", "amazon_mian"), long, pair];
        for item in plan(&files, &lines, &Presets::builtin()) {
            let error = item.blob.unwrap_err().told();
            assert!(error.message.starts_with("Line ") && !error.hint.is_empty(), "{error:?}");
        }
    }
}
