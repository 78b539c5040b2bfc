//! Files that can be read in one sitting.

use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{Target, TargetKind};

use crate::arrows::metadata;

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

/// Rustdoc reads a whole crate to find that it has no example, so those without are left out, and this finds the first one that comes.
#[test]
fn examples_in_documentation_are_run_and_crates_without_any_are_left_out() {
    let sources = all();
    let mut run = Vec::new();
    for package in metadata().workspace_packages() {
        let Some(library) = package.targets.iter().find(|target| target.is_kind(TargetKind::Lib)) else { continue };
        let folder = format!("/{}/src/", package.manifest_path.parent().and_then(|path| path.file_name()).unwrap());
        let own = sources.iter().filter(|(path, _)| path.contains(&folder));
        let shows_code = own.clone().any(|(_, text)| shows_code(text));
        assert!(own.count() > 0 && library.doctest == shows_code, "{}: doctest = {shows_code}", package.name);
        run.extend(shows_code.then_some(folder));
    }
    assert_eq!(run, ["/store/src/", "/wire/src/"]);
}

/// Fenced or indented, or in a page that is taken for documentation.
fn shows_code(source: &str) -> bool {
    let mut before = None;
    source.lines().any(|line| {
        let line = line.trim_start();
        let text = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"));
        let begins = before.replace(text).flatten().is_none_or(|before: &str| before.trim().is_empty());
        let is_code = |text: &str| {
            let fence = ["```", "~~~"].iter().any(|fence| text.trim_start().starts_with(fence));
            fence || (begins && text.starts_with("     ") && !text.trim().is_empty())
        };
        text.is_some_and(is_code) || line.contains("[doc = include_str!") || line.contains("#[doc = \"```")
    })
}

#[test]
fn code_in_documentation_is_seen_however_it_is_written() {
    for (source, shown) in [
        ("/// Says so.\nfn say() {}", false),
        ("//! ```\n//! say();\n//! ```", true),
        ("    /// ~~~\n    /// say();\n    /// ~~~", true),
        ("/// Says so:\n///\n///     say();", true),
        ("/// - one thing\n///      and more of it", false),
        ("#[doc = include_str!(\"../README.md\")]", true),
        ("let text = \"```\"; // ```", false),
    ] {
        assert_eq!(shows_code(source), shown, "{source}");
    }
}

/// A program whose tests are not built has none.
#[test]
fn no_test_stands_where_none_is_built() {
    let unbuilt =
        |target: &Target| !target.test && (target.is_kind(TargetKind::Bin) || target.is_kind(TargetKind::Lib));
    let metadata = metadata();
    let targets = metadata.workspace_packages().into_iter().flat_map(|package| package.targets.iter());
    let mut seen = 0;
    for target in targets.filter(|target| unbuilt(target)) {
        let text = fs::read_to_string(&target.src_path).unwrap();
        let modules = text.lines().filter(|line| line.trim_start().starts_with("mod ") || line.contains("#[test]"));
        assert_eq!(modules.count(), 0, "{}: let its tests be built", target.src_path);
        seen += 1;
    }
    assert_eq!(seen, 1, "plantain's own program");
}
