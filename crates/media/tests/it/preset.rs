//! The built-in presets and those of a user.

use plantain_media::preset::{Background, Certainty, Format, PresetError, Presets, ShadowRule};

/// A preset as short as a user may write it.
const SHORT: &str = r#"{"id": "my_shop", "canvas": [800, 800], "aspect": "1:1",
    "fill": {"metric": "long_side", "min": 0.7, "max": 0.9, "target": 0.8}, "background": "W2", "shadow": "contact",
    "formats": ["webp", "jpeg"], "max_bytes": 500000, "min_long_side": 800, "min_short_side": 800, "max_images": 4,
    "name": "{sku}-{n}.webp"}"#;

fn with(preset: &str) -> Result<Presets, PresetError> {
    Presets::with_user_file(&format!(r#"{{"presets": [{preset}]}}"#))
}

#[test]
fn all_eighteen_are_there_and_say_where_their_rules_come_from() {
    let presets = Presets::builtin();
    assert_eq!(presets.ids().count(), 18);
    for preset in presets.iter() {
        assert!(!preset.title.is_empty() && !preset.marketplace.is_empty(), "{}", preset.id);
        for rule in ["background", "shadow", "fill", "size", "format", "bytes", "name", "count"] {
            let source = preset.sources.iter().find(|s| s.rule == rule);
            let source = source.unwrap_or_else(|| panic!("{}: no source for {rule}", preset.id));
            assert_eq!(source.read.to_string(), "2026-11-20");
            assert!(!source.documents.is_empty() || source.sure == Certainty::D, "{}: {rule}", preset.id);
        }
        for source in &preset.sources {
            assert!(source.documents.iter().all(|tag| presets.document(tag).is_some()), "{}", preset.id);
        }
        assert!(preset.questions.iter().all(|id| presets.question(id).is_some()), "{}", preset.id);
    }
}

#[test]
fn amazons_main_image_is_as_amazon_says() {
    let presets = Presets::builtin();
    let amazon = presets.get("amazon_main").unwrap();
    assert_eq!((amazon.canvas, amazon.background, amazon.shadow), ((2000, 2000), Background::W1, ShadowRule::None));
    assert_eq!((amazon.fill.min, amazon.fill.target), (0.85, 0.88));
    assert_eq!((amazon.formats.as_slice(), amazon.max_bytes), (&[Format::Jpeg][..], 10_000_000));
    assert_eq!(amazon.source_of("background"), "AMZ-ES, AMZ-COPY (A, read 2026-11-20)");
    assert_eq!(amazon.source_of("weather"), "");
}

#[test]
fn a_user_adds_a_preset_and_replaces_one() {
    let presets = with(SHORT).unwrap();
    assert_eq!(presets.ids().count(), 19);
    assert_eq!(presets.get("my_shop").unwrap().aspect_tolerance, 0.002);
    let replaced = with(&SHORT.replace("my_shop", "etsy")).unwrap();
    assert_eq!(replaced.ids().count(), 18);
    assert_eq!(replaced.get("etsy").unwrap().canvas, (800, 800));
}

#[test]
fn a_preset_survives_being_written_and_read() {
    for preset in Presets::builtin().iter() {
        let again = with(&serde_json::to_string(preset).unwrap()).unwrap();
        assert_eq!(again.get(&preset.id).unwrap(), preset);
    }
}

#[test]
fn a_bad_file_names_preset_field_and_fix() {
    for (from, to, words) in [
        (r#""min": 0.7"#, r#""min": 0.95"#, ["my_shop", "fill.min", "swap"]),
        ("[800, 800]", "[0, 800]", ["my_shop", "canvas", "above 0"]),
        (r#""target": 0.8"#, r#""target": 0.6"#, ["my_shop", "fill.target", "inside min and max"]),
        (r#""max_bytes""#, r#""max_byte""#, ["my_shop", "unknown field `max_byte`", "expected one of"]),
        (r#""W2""#, r#""W3""#, ["my_shop", "unknown variant `W3`", "W1"]),
        (r#""max_images": 4"#, r#""max_images": 0"#, ["my_shop", "max_images", "1 or more"]),
    ] {
        let error = with(&SHORT.replace(from, to)).unwrap_err().to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    }
    for text in ["", "[]", "{}", r#"{"preset": []}"#] {
        assert!(matches!(Presets::with_user_file(text), Err(PresetError::File { .. })), "{text}");
    }
}

#[test]
fn an_unknown_id_is_answered_with_the_nearest() {
    let presets = Presets::builtin();
    let error = presets.get("amazon").unwrap_err();
    assert_eq!(error.to_string(), "there is no preset `amazon`; did you mean `amazon_main`?");
    assert_eq!(presets.get("zzz").unwrap_err().to_string(), "there is no preset `zzz`");
}
