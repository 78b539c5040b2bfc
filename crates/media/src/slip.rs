//! Which known word somebody who mistyped one most probably meant. Pure.

/// How many letters must be added, removed or changed to make `b` of `a`.
pub fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.chars().enumerate() {
            let changed = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.chars().count()]
}

/// Whether `typed` is a slip of `known` rather than another word: at most a third of the letters are wrong.
pub fn is_near(typed: &str, known: &str) -> bool {
    edit_distance(typed, known) <= known.chars().count() / 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edit_distance_counts_single_changes() {
        for (a, b, distance) in
            [("", "", 0), ("", "ab", 2), ("abc", "abc", 0), ("abc", "axc", 1), ("kitten", "sitting", 3), ("é", "e", 1)]
        {
            assert_eq!(edit_distance(a, b), distance, "{a} {b}");
        }
    }

    #[test]
    fn a_third_of_the_letters_may_be_wrong() {
        assert!(is_near("amazn", "amazon") && is_near("ebey", "ebay"));
        assert!(!is_near("zz", "ebay") && !is_near("", "ab"));
    }
}
