//! Files that can be read in one sitting.

use std::fs;
use std::path::{Path, PathBuf};

/// A file beyond this is split by idea.
const LINES_MAX: usize = 600;

/// Half of all source files are at most this long, their inline tests apart.
const MEDIAN_MAX: usize = 150;

/// Files that are still too long. Lines leave this list; none joins it.
const TOO_LONG_STILL: &[&str] = &[];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                sources(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn all() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let mut found = Vec::new();
    for folder in ["crates", "xtask"] {
        sources(&root.join(folder), &mut found);
    }
    let relative = |path: &PathBuf| path.strip_prefix(&root).unwrap().display().to_string();
    found.iter().map(|path| (relative(path), fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn no_file_is_too_long() {
    let long: Vec<String> = all()
        .into_iter()
        .filter(|(path, text)| text.lines().count() > LINES_MAX && !TOO_LONG_STILL.contains(&path.as_str()))
        .map(|(path, text)| format!("{path}: {} lines", text.lines().count()))
        .collect();
    assert!(long.is_empty(), "split by idea: {long:#?}");
    for path in TOO_LONG_STILL {
        assert!(all().iter().any(|(known, text)| known == path && text.lines().count() > LINES_MAX), "{path} is cured");
    }
}

/// A page about what tests show is worth nothing when the tests are gone.
#[test]
fn every_test_that_the_page_on_reliability_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = fs::read_to_string(root.join("docs/reliability.md")).unwrap();
    let sources: Vec<String> = all().into_iter().map(|(_, text)| text).collect();
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| promise"));
    let mut named = 0;
    for row in rows.filter(|row| !row.starts_with("| disaster")) {
        let tests = row.trim_end_matches('|').rsplit(" | ").next().unwrap_or_default();
        let names: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "nothing shows it: {row}");
        named += names.len();
        for name in names {
            // Promises to both databases take the store that they are about.
            let exists = sources.iter().any(|text| text.contains(&format!("fn {name}(")));
            assert!(exists, "docs/reliability.md names a test that is not there: {name}");
        }
    }
    assert!(named > 40, "only {named} names were found: is the page written in another way?");
}

#[test]
fn most_files_are_short() {
    let mut lengths: Vec<usize> = all()
        .iter()
        .filter(|(path, _)| path.contains("/src/"))
        .map(|(_, text)| text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().lines().count())
        .collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= MEDIAN_MAX, "the median is {median} lines");
}

#[test]
fn every_module_says_what_it_owns() {
    let silent: Vec<String> = all()
        .into_iter()
        .filter(|(path, text)| path.contains("/src/") && !text.starts_with("//!"))
        .map(|(path, _)| path)
        .collect();
    assert!(silent.is_empty(), "open with `//!`: {silent:#?}");
}
