//! Words to begin a wish with: only what whoever makes the pictures can follow, as far as the preset's rules leave it open.

use plantain_media::preset::{Background, Preset, ShadowRule};

use crate::config::Maker;

/// One of them; its label is `make.starter.NAME` in the page's language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Starter {
    pub name: &'static str,
    /// Of two of a kind only one can be followed.
    pub kind: &'static str,
    /// What is put into the prompt: models and the local engine read English.
    pub words: &'static str,
    needs: Needs,
}

/// What a preset's rules have to leave open for it. They come first in every prompt, and the first of two that contradict each
/// other counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    Light,
    Shadow,
    Background,
    /// Nothing more than the product on what the rules demand.
    Product,
}

const LOCAL: [Starter; 7] = {
    use Needs::{Background, Light, Shadow};
    [
        Starter { name: "bright", kind: "light", words: "bright light", needs: Light },
        Starter { name: "contrast", kind: "light", words: "more contrast", needs: Light },
        Starter { name: "natural", kind: "light", words: "natural light", needs: Light },
        Starter { name: "beige", kind: "background", words: "beige background", needs: Background },
        Starter { name: "grey", kind: "background", words: "light grey background", needs: Background },
        Starter { name: "gradient", kind: "background", words: "soft gradient background", needs: Background },
        Starter { name: "shadow", kind: "shadow", words: "soft shadow", needs: Shadow },
    ]
};

const GENERATIVE: [Starter; 6] = {
    use Needs::{Background, Product};
    [
        Starter { name: "left", kind: "light", words: "soft light from the left", needs: Product },
        Starter { name: "crisp", kind: "light", words: "bright crisp light", needs: Product },
        Starter { name: "closer", kind: "distance", words: "a little closer", needs: Product },
        Starter { name: "table", kind: "background", words: "on a light wooden table", needs: Background },
        Starter { name: "morning", kind: "light", words: "warm morning light", needs: Background },
        Starter { name: "plain", kind: "background", words: "plain beige background", needs: Background },
    ]
};

/// All that this maker follows for one preset or another.
pub fn all(maker: &Maker) -> &'static [Starter] {
    if maker.is_local() { &LOCAL } else { &GENERATIVE }
}

/// Those for a preset.
pub fn of(preset: &Preset, maker: &Maker) -> impl Iterator<Item = &'static Starter> {
    all(maker).iter().filter(|starter| starter.suits(preset))
}

impl Starter {
    fn suits(&self, preset: &Preset) -> bool {
        match self.needs {
            // Where shadows are free, the rules ask for natural light.
            Needs::Light => preset.shadow != ShadowRule::Any,
            Needs::Shadow => preset.shadow == ShadowRule::Any,
            Needs::Background => preset.background == Background::F0,
            Needs::Product => preset.background != Background::F0,
        }
    }
}

#[cfg(test)]
mod tests {
    use plantain_media::preset::Presets;
    use plantain_models::local::prompt::{PromptPlan, read};

    use super::*;
    use crate::http::words::Words;
    use crate::prompt::compose;

    /// What the engine makes of it, beside the rules.
    fn plan(preset: &Preset, words: &str) -> PromptPlan {
        read(&compose(preset, Some(words)))
    }

    #[test]
    fn the_engine_follows_every_word_that_it_is_offered() {
        for preset in Presets::builtin().iter() {
            let rules = read(&compose(preset, None));
            let starters: Vec<&Starter> = of(preset, &Maker::LOCAL).collect();
            assert!(starters.len() >= 3, "{}: {starters:?}", preset.id);
            for starter in &starters {
                let plan = plan(preset, starter.words);
                assert_eq!(plan.not_followed, Vec::<String>::new(), "{}: {}", preset.id, starter.words);
                let adds = (plan.background, plan.shadow, plan.light) != (rules.background, rules.shadow, rules.light);
                assert!(adds, "{}: {} changes nothing", preset.id, starter.words);
                for other in starters.iter().filter(|other| other.kind != starter.kind) {
                    let both = format!("{}, {}", starter.words, other.words);
                    assert_eq!(self::plan(preset, &both).not_followed, Vec::<String>::new(), "{}: {both}", preset.id);
                }
            }
        }
    }

    #[test]
    fn a_generative_model_is_offered_scenes_where_they_are_allowed() {
        let presets = Presets::builtin();
        for (preset, names) in
            [("amazon_main", ["left", "crisp", "closer"]), ("shopify", ["table", "morning", "plain"])]
        {
            let preset = presets.get(preset).unwrap();
            let offered: Vec<&str> = of(preset, &Maker::generative(3.9)).map(|starter| starter.name).collect();
            assert_eq!(offered, names);
        }
    }

    #[test]
    fn every_starter_has_a_label_and_a_name_of_its_own() {
        let starters: Vec<&Starter> = LOCAL.iter().chain(&GENERATIVE).collect();
        for (at, starter) in starters.iter().enumerate() {
            assert!(
                Words::all().iter().all(|words| words.has(&format!("make.starter.{}", starter.name))),
                "{starter:?}"
            );
            assert!(starters[at + 1..].iter().all(|other| other.name != starter.name), "{starter:?}");
        }
    }
}
