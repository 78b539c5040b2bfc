//! What the pictures and words of a job are used for, where a seller may expect something else. Pure: sentences only.

use plantain_media::encode::Provenance;
use plantain_media::preset::{Background, Preset, ShadowRule};
use plantain_wire::models::choice::ObjectChoice;
use plantain_wire::models::staging::{SCENES, SceneKind, Staging};

use crate::job::key::Tier;

/// What is to be told about several pictures in one job. `provenance` tells what kind of model looks at them.
pub fn of_pictures(count: usize, staging: &Staging, preset: &Preset, provenance: Provenance) -> Option<String> {
    const APART: &str = "Another product needs a job of its own.";
    let id = &preset.id;
    match (count, provenance) {
        (0 | 1, _) => None,
        (_, Provenance::Generated) => {
            Some(format!("The model was given all {count} pictures as one product, the first one first. {APART}"))
        }
        (_, _) if preset.background != Background::F0 => {
            let demands = plain(preset.background);
            Some(format!(
                "The first picture was taken as the product; {id} demands {demands}, so no other was used as a backdrop. {APART}"
            ))
        }
        (_, _) if staging.backdrop.is_some() || !staging.scene.takes_colors() => Some(format!(
            "The first picture was taken as the product; what it is laid on has a background of its own, so no other was used as a backdrop. {APART}"
        )),
        (2, _) => Some(format!("The first picture was taken as the product and the second as its backdrop. {APART}")),
        (_, _) => Some(format!(
            "The first picture was taken as the product and the second as its backdrop; the others were not used. {APART}"
        )),
    }
}

/// What of a staging goes to the model, and what is to be told about the rest: a marketplace's demands win, and generative
/// models know nothing of scenes.
pub fn of_staging(asked: Staging, preset: &Preset, provenance: Provenance) -> (Staging, Option<String>) {
    if asked == Staging::default() {
        return (asked, None);
    }
    if provenance != Provenance::Photographed {
        let told = "The model that makes the pictures goes by words alone, so scene, backdrop, straighten and normalize were not used; say in the prompt what you wish.";
        return (Staging::default(), Some(told.to_owned()));
    }
    let (id, demands) = (&preset.id, demanded(preset));
    let told = |what: String| Some(format!("{id} demands {demands}, so {what} was not used."));
    match (takes_scene(asked.scene, preset), asked.backdrop) {
        (true, Some(colors)) if preset.background != Background::F0 => {
            (Staging { backdrop: None, ..asked }, told(format!("the backdrop {colors}")))
        }
        (true, _) => (asked, None),
        (false, colors) => {
            let plain = Staging { scene: SceneKind::Auto, backdrop: None, ..asked };
            let backdrop = colors.map(|colors| format!(" on {colors}")).unwrap_or_default();
            (plain, told(format!("the scene {}{backdrop}", asked.scene.as_str())))
        }
    }
}

/// What is to be told about a chosen product: generative models can't be shown a place in a photo.
pub fn of_choice(choice: &ObjectChoice, provenance: Provenance) -> Option<String> {
    (!choice.is_empty() && provenance != Provenance::Photographed).then(|| {
        "The model that makes the pictures goes by words alone, so box, points and keep were not shown to it; say in the prompt which product is meant.".to_owned()
    })
}

/// How many pictures are made at once, and what is to be told where that is less than was asked for.
pub fn of_tier(asked: u8, tier: Tier) -> (u8, Option<String>) {
    match tier.pictures_max().filter(|most| asked > *most) {
        None => (asked, None),
        Some(most) => {
            (most, Some(format!("Without a paid key or account {most} picture is made at once, not {asked}.")))
        }
    }
}

/// The scenes that a preset's rules leave open, by name.
pub fn scenes(preset: &Preset) -> impl Iterator<Item = &'static str> {
    SCENES.iter().filter(|(_, scene)| takes_scene(*scene, preset)).map(|(word, _)| *word)
}

fn takes_scene(scene: SceneKind, preset: &Preset) -> bool {
    match scene {
        SceneKind::Auto => true,
        SceneKind::White => preset.background != Background::G1,
        SceneKind::Shadow => preset.shadow != ShadowRule::None && preset.background != Background::G1,
        SceneKind::Studio => matches!(preset.background, Background::F0 | Background::N1 | Background::G1),
        SceneKind::Reflection => preset.background == Background::F0,
    }
}

/// Background and, where it is forbidden, shadow.
fn demanded(preset: &Preset) -> String {
    let none = if preset.shadow == ShadowRule::None { " without a shadow" } else { "" };
    format!("{}{none}", plain(preset.background))
}

fn plain(background: Background) -> &'static str {
    match background {
        Background::W1 | Background::W2 => "a white background",
        Background::N1 => "a light, neutral background",
        Background::G1 => "a light grey background",
        Background::F0 => "no background of its own",
    }
}

/// What is to be told about a product number that the marketplace's file names have no place for.
pub fn of_identifier(identifier: Option<&str>, preset: &Preset) -> Option<String> {
    let identifier = identifier.filter(|identifier| preset.ignores_identifier(identifier))?;
    Some(format!(
        "\"{identifier}\" is no ASIN and no barcode number, after which {} files pictures; they are named after the photo and lie in needs-identifier.",
        preset.id
    ))
}

#[cfg(test)]
mod tests {
    use plantain_media::preset::Presets;
    use plantain_wire::models::staging::Colors;

    use super::*;

    #[test]
    fn several_pictures_in_one_job_are_never_passed_over_in_silence() {
        let presets = Presets::builtin();
        for (count, preset, provenance, words) in [
            (1, "shopify", Provenance::Photographed, None),
            (2, "amazon_main", Provenance::Photographed, Some("amazon_main demands a white background")),
            (2, "amazon_additional", Provenance::Photographed, Some("the second as its backdrop.")),
            (3, "amazon_additional", Provenance::Photographed, Some("the others were not used")),
            (3, "amazon_main", Provenance::Generated, Some("all 3 pictures")),
            (1, "amazon_main", Provenance::Generated, None),
        ] {
            let told = of_pictures(count, &Staging::default(), presets.get(preset).unwrap(), provenance);
            assert_eq!(told.is_some(), words.is_some(), "{count} {preset}: {told:?}");
            let holds = words.is_none_or(|words| told.as_ref().is_some_and(|told| told.contains(words)));
            assert!(holds, "{count} {preset}: {told:?}");
        }
    }

    #[test]
    fn a_second_picture_beside_a_background_of_its_own_is_told_of() {
        let presets = Presets::builtin();
        let white = Staging { scene: SceneKind::White, ..Staging::default() };
        let told = of_pictures(2, &white, presets.get("shopify").unwrap(), Provenance::Photographed);
        assert!(told.is_some_and(|told| told.contains("a background of its own")));
    }

    #[test]
    fn a_scene_that_a_marketplace_refuses_is_left_out_and_that_is_told() {
        let presets = Presets::builtin();
        let asked = |scene: &str, colors: Option<&str>| Staging {
            scene: SceneKind::parse(scene).unwrap(),
            backdrop: colors.map(|colors| Colors::parse(colors).unwrap()),
            straighten: true,
            normalize: false,
        };
        for (scene, colors, preset, words) in [
            ("reflection", None, "shopify", None),
            ("auto", Some("#f4e9dd"), "shopify", None),
            ("white", None, "amazon_main", None),
            (
                "shadow",
                None,
                "amazon_main",
                Some("amazon_main demands a white background without a shadow, so the scene shadow"),
            ),
            ("reflection", Some("#f4e9dd"), "amazon_main", Some("so the scene reflection on #f4e9dd was not used.")),
            ("studio", None, "amazon_main", Some("so the scene studio")),
            ("auto", Some("#f4e9dd,#000000"), "amazon_main", Some("so the backdrop #f4e9dd,#000000 was not used.")),
        ] {
            let wish = asked(scene, colors);
            let (kept, told) = of_staging(wish, presets.get(preset).unwrap(), Provenance::Photographed);
            assert_eq!(kept == wish, words.is_none(), "{scene} {preset}: {told:?}");
            assert!(kept.straighten, "what no rule forbids stays");
            assert_eq!(told.is_some(), words.is_some(), "{scene} {preset}: {told:?}");
            assert!(words.is_none_or(|words| told.as_ref().is_some_and(|told| told.contains(words))), "{told:?}");
        }
        let shopify = presets.get("shopify").unwrap();
        let (kept, told) = of_staging(asked("reflection", None), shopify, Provenance::Generated);
        assert!(kept == Staging::default() && told.unwrap().contains("by words alone"));
        assert_eq!(of_staging(Staging::default(), shopify, Provenance::Generated).1, None);
    }

    #[test]
    fn a_choice_that_no_model_sees_is_told() {
        let boxed = ObjectChoice { box_prompts: vec!["1,2,30,40".parse().unwrap()], ..ObjectChoice::default() };
        assert!(of_choice(&boxed, Provenance::Generated).is_some_and(|told| told.contains("box, points and keep")));
        assert_eq!(of_choice(&boxed, Provenance::Photographed), None);
        assert_eq!(of_choice(&ObjectChoice::default(), Provenance::Generated), None);
    }

    #[test]
    fn a_number_that_names_nothing_is_told() {
        let presets = Presets::builtin();
        let told = |identifier, preset| of_identifier(identifier, presets.get(preset).unwrap());
        assert!(told(Some("my mug"), "amazon_main").is_some_and(|told| told.contains("needs-identifier")));
        assert_eq!(told(Some("B0ABCDEF12"), "amazon_main"), None);
        assert_eq!(told(Some("my mug"), "ebay"), None);
        assert_eq!(told(None, "amazon_main"), None);
    }
}
