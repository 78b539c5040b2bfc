//! What the pictures and words of a job are used for, where a seller may expect something else. Pure: sentences only.

use plantain_media::encode::Provenance;
use plantain_media::preset::{Background, Preset};

/// What is to be told about several pictures in one job. `provenance` tells what kind of model looks at them.
pub fn of_pictures(count: usize, preset: &Preset, provenance: Provenance) -> Option<String> {
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
        (2, _) => Some(format!("The first picture was taken as the product and the second as its backdrop. {APART}")),
        (_, _) => Some(format!(
            "The first picture was taken as the product and the second as its backdrop; the others were not used. {APART}"
        )),
    }
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
            let told = of_pictures(count, presets.get(preset).unwrap(), provenance);
            assert_eq!(told.is_some(), words.is_some(), "{count} {preset}: {told:?}");
            let holds = words.is_none_or(|words| told.as_ref().is_some_and(|told| told.contains(words)));
            assert!(holds, "{count} {preset}: {told:?}");
        }
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
