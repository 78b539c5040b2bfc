//! The sentences that stand in the source without a type of their own: refusals of single routes, why a job failed.

use std::fs;
use std::path::{Path, PathBuf};

use super::assert_told;

/// Where refusals and reasons are put together.
const CALLS: [&str; 5] =
    ["ApiError::new(", "ApiError::bad_request(", "ApiError::unprocessable(", "ApiError::too_large(", "JobError::new("];

/// Files in which every sentence is one.
const WHOLE: [&str; 2] = ["http/brush/refusal.rs", "roles.rs"];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let rust = |path: &PathBuf| path.extension().is_some_and(|end| end == "rs");
    files.into_iter().filter(rust).chain(folders.iter().flat_map(|folder| sources(folder))).collect()
}

/// The program without its tests.
fn program(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

/// The string literals at the beginning of a text, up to the bracket that closes what was open before it.
fn literals(source: &str) -> Vec<String> {
    let (mut found, mut open, mut rest) = (Vec::new(), 1, source);
    while let Some(at) = rest.find(['"', '(', ')']) {
        let (mark, tail) = (rest.as_bytes()[at], &rest[at + 1..]);
        rest = match mark {
            b'"' => {
                let length = end_of_string(tail);
                found.push(tail[..length].to_owned());
                tail.get(length + 1..).unwrap_or_default()
            }
            b'(' => {
                open += 1;
                tail
            }
            _ => {
                open -= 1;
                if open == 0 {
                    return found;
                }
                tail
            }
        };
    }
    found
}

fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.unwrap_or(text.len())
}

/// As it reads once it is said, with a number in each hole.
fn said(literal: &str) -> String {
    let text = literal.replace("\\\"", "\"").replace("{{", "\u{1}").replace("}}", "\u{2}");
    let mut parts = text.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    let filled = parts.fold(first, |all, part| match part.split_once('}').filter(|(hole, _)| is_hole(hole)) {
        Some((_, after)) => all + "7" + after,
        None => all + "{" + part,
    });
    filled.replace('\u{1}', "{").replace('\u{2}', "}")
}

/// A name or nothing, and how it is to be written. Other braces are meant as such.
fn is_hole(text: &str) -> bool {
    text.split(':').next().is_some_and(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
}

fn is_sentence(text: &str) -> bool {
    text.contains(' ') && text.ends_with(['.', '?'])
}

#[test]
fn every_refusal_and_every_reason_in_the_source_is_told() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for path in sources(&root) {
        let text = program(&path);
        let calls = CALLS.iter().flat_map(|call| text.match_indices(call).map(|(at, _)| at + call.len()));
        found.extend(calls.flat_map(|at| literals(&text[at..])));
        let whole = WHOLE.iter().any(|known| path == root.join(known));
        found.extend(whole.then(|| literals(&text)).into_iter().flatten());
    }
    let apart = found.iter().map(|literal| said(literal)).filter(|text| is_sentence(text));
    let sentences: Vec<String> = apart.collect();
    assert!(sentences.len() > 150, "only {} were found", sentences.len());
    assert_told(sentences, &[]);
}

#[test]
fn the_source_is_read_as_a_compiler_would() {
    let text = r#"code", format!("A \"{x}\" (b) {{}}.", 1), "It ends.") + ("not mine.")"#;
    assert_eq!(literals(&format!("\"{text}")), ["code", r#"A \"{x}\" (b) {{}}."#, "It ends."]);
    assert_eq!(said(r#"A \"{x:.1}\" (b) {{}}."#), "A \"7\" (b) {}.");
}
