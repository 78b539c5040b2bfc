//! Which sentences the scripts say, read off the scripts themselves, so that a browser is sent no others.

use std::collections::BTreeSet;

/// Keys as scripts write them: whole, or the beginning of a family such as `choose.how` in `choose.how.${mode}`.
pub struct Spoken<'s>(BTreeSet<&'s str>);

/// Calls that name a family alone.
const OF_A_FAMILY: &str = "named(";

impl<'s> Spoken<'s> {
    pub fn by(scripts: impl Iterator<Item = &'s str>) -> Spoken<'s> {
        Spoken(scripts.flat_map(keys).collect())
    }

    /// A key that is written somewhere, or belongs to a family that is.
    pub fn has(&self, key: &str) -> bool {
        let families = key.match_indices('.').map(|(at, _)| &key[..at]);
        families.chain([key]).any(|written| self.0.contains(written))
    }
}

/// What stands behind a quote and looks like a key.
fn keys(script: &str) -> impl Iterator<Item = &str> {
    script.match_indices(['\'', '`']).filter_map(|(at, _)| {
        let (before, quoted) = (&script[..at], &script[at + 1..]);
        let end = quoted.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).unwrap_or(quoted.len());
        let word = &quoted[..end];
        let is_key = before.ends_with(OF_A_FAMILY) || word.contains('.');
        Some(word.trim_end_matches('.')).filter(|word| is_key && !word.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_spoken_where_a_script_writes_it_or_its_family() {
        let script = "say(t('make.generate')); many('make.hint', 3); t(`choose.how.${mode}`); named('check', id, said);
            import { t } from './words.js'; slot(root, 'brush'); el.type = 'image/png';";
        let spoken = Spoken::by([script].into_iter());
        for key in ["make.generate", "make.hint.one", "make.hint.other", "choose.how.box", "check.frame"] {
            assert!(spoken.has(key), "{key}");
        }
        for key in ["make.title", "choose.title", "brush.title", "words.js.more", "image"] {
            assert!(!spoken.has(key), "{key}");
        }
    }
}
