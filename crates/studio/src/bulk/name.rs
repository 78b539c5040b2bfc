//! What an entry's name says about it. Pure: no byte of the entry is read.

use crate::bulk::why::Why;

/// Characters of a path; longer ones help nobody and fill databases.
const CHARS_MAX: usize = 300;

/// What to do with an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// A folder, or something that a computer put in by itself: not worth a word.
    Ignored,
    Skipped(Why),
    /// Perhaps a photo, under this path.
    Photo(String),
    /// A list, under this path.
    Table(String),
}

/// Endings of archives, which are not looked into.
const ARCHIVES: [&str; 10] = ["zip", "rar", "7z", "tar", "gz", "tgz", "bz2", "xz", "zst", "jar"];

/// Files that systems leave in folders.
const LEFT_BY_SYSTEMS: [&str; 3] = ["thumbs.db", "desktop.ini", "ehthumbs.db"];

/// Judges a name as it stands in the archive.
pub fn judge(name: &str) -> Named {
    if name.ends_with(['/', '\\']) || is_left_by_a_system(name) {
        return Named::Ignored;
    }
    let drive = name.as_bytes().get(1) == Some(&b':');
    let parts: Vec<&str> = name.split(['/', '\\']).collect();
    let strange = |part: &&str| part.is_empty() || *part == "." || *part == "..";
    if drive || parts.iter().any(strange) || name.contains('\\') {
        return Named::Skipped(Why::Outside);
    }
    if name.chars().count() > CHARS_MAX || name.chars().any(char::is_control) {
        return Named::Skipped(Why::Name);
    }
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    match ending.as_str() {
        "csv" => Named::Table(name.to_owned()),
        ending if ARCHIVES.contains(&ending) => Named::Skipped(Why::Nested),
        _ => Named::Photo(name.to_owned()),
    }
}

fn is_left_by_a_system(name: &str) -> bool {
    let mut parts = name.split(['/', '\\']);
    let last = parts.clone().next_back().unwrap_or_default();
    let hidden = last.starts_with('.') && last != "." && last != "..";
    hidden || parts.any(|part| part == "__MACOSX") || LEFT_BY_SYSTEMS.contains(&last.to_ascii_lowercase().as_str())
}

/// What photos and lines of a list are matched by.
pub fn folded(name: &str) -> String {
    name.trim().trim_start_matches("./").replace('\\', "/").to_lowercase()
}

/// The last part of a path.
pub fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_out_are_told_and_what_systems_leave_is_not_worth_a_word() {
        let photo = |name: &str| Named::Photo(name.to_owned());
        let long = "x".repeat(301);
        for (name, judged) in [
            ("mug.jpg", photo("mug.jpg")),
            ("shoes/red/1.JPG", photo("shoes/red/1.JPG")),
            ("कप/1.png", photo("कप/1.png")),
            ("..jpg", Named::Ignored),
            ("no-ending", photo("no-ending")),
            ("a..b/c.jpg", photo("a..b/c.jpg")),
            ("list.CSV", Named::Table("list.CSV".into())),
            ("shoes/", Named::Ignored),
            ("shoes\\", Named::Ignored),
            ("__MACOSX/._mug.jpg", Named::Ignored),
            ("a/__MACOSX/mug.jpg", Named::Ignored),
            ("a/.DS_Store", Named::Ignored),
            ("a/Thumbs.db", Named::Ignored),
            ("../mug.jpg", Named::Skipped(Why::Outside)),
            ("a/../../mug.jpg", Named::Skipped(Why::Outside)),
            ("a/./mug.jpg", Named::Skipped(Why::Outside)),
            ("/etc/mug.jpg", Named::Skipped(Why::Outside)),
            ("a//mug.jpg", Named::Skipped(Why::Outside)),
            ("..\\mug.jpg", Named::Skipped(Why::Outside)),
            ("a\\mug.jpg", Named::Skipped(Why::Outside)),
            ("C:/mug.jpg", Named::Skipped(Why::Outside)),
            ("c:mug.jpg", Named::Skipped(Why::Outside)),
            ("", Named::Skipped(Why::Outside)),
            ("a\nb.jpg", Named::Skipped(Why::Name)),
            ("a\0.jpg", Named::Skipped(Why::Name)),
            (&long, Named::Skipped(Why::Name)),
            ("more.zip", Named::Skipped(Why::Nested)),
            ("more.tar.GZ", Named::Skipped(Why::Nested)),
        ] {
            assert_eq!(judge(name), judged, "{name:?}");
        }
    }
}
