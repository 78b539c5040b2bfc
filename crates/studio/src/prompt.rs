//! What the model is asked: the marketplace's rules in words, then the seller's own.

use plantain_media::preset::{Background, Preset, ShadowRule};
use plantain_wire::models::nano_banana::AspectRatio;

/// The whole prompt. The rules come first and say that they win, since a picture that breaks them is refused.
pub fn compose(preset: &Preset, seller: Option<&str>) -> String {
    let fill = (preset.fill.target * 100.0).round();
    let rules = format!(
        "Catalog photo of exactly this product, unchanged in shape, color, material and lettering. {} {} \
         The product fills about {fill} % of the frame, is fully visible and centered. \
         No text, logo, watermark, border, prop or second product is added.",
        background(preset.background),
        shadow(preset.shadow),
    );
    match seller.map(str::trim).filter(|words| !words.is_empty()) {
        Some(words) => format!("{rules} Within these rules: {words}"),
        None => rules,
    }
}

/// The whole prompt where there is no photo: what the seller describes, shown by the rules.
pub fn of_words(preset: &Preset, seller: &str) -> String {
    let fill = (preset.fill.target * 100.0).round();
    format!(
        "Catalog photo of one product: {} {} {} It fills about {fill} % of the frame, is fully visible and centered. \
         No text, logo, watermark, border or prop.",
        seller.trim(),
        background(preset.background),
        shadow(preset.shadow),
    )
}

fn background(background: Background) -> &'static str {
    match background {
        Background::W1 => "Pure white background (RGB 255, 255, 255) everywhere behind the product.",
        Background::W2 => "White background, nearly or exactly RGB 255, 255, 255.",
        Background::N1 => "Plain, light, neutral background.",
        Background::G1 => "Plain light grey background, not white.",
        Background::F0 => "Simple background that suits the product.",
    }
}

fn shadow(rule: ShadowRule) -> &'static str {
    match rule {
        ShadowRule::None => "No shadow and no reflection.",
        ShadowRule::Contact => "At most a faint contact shadow right under the product.",
        ShadowRule::Soft => "A soft, light shadow at most.",
        ShadowRule::Any => "Natural light.",
    }
}

/// The model's aspect ratio nearest to the canvas.
pub fn aspect_ratio(canvas: (u32, u32)) -> AspectRatio {
    const RATIOS: [AspectRatio; 10] = [
        AspectRatio::R1x1,
        AspectRatio::R5x4,
        AspectRatio::R4x5,
        AspectRatio::R4x3,
        AspectRatio::R3x4,
        AspectRatio::R3x2,
        AspectRatio::R2x3,
        AspectRatio::R16x9,
        AspectRatio::R9x16,
        AspectRatio::R21x9,
    ];
    let wanted = (f64::from(canvas.0.max(1)) / f64::from(canvas.1.max(1))).ln();
    // Twice as wide and half as wide are equally far off, hence the logarithm.
    let distance = |ratio: &AspectRatio| {
        ratio
            .ratio()
            .map_or(f64::INFINITY, |(width, height)| ((f64::from(width) / f64::from(height)).ln() - wanted).abs())
    };
    RATIOS.into_iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(AspectRatio::R1x1)
}

#[cfg(test)]
mod tests {
    use plantain_media::preset::Presets;

    use super::*;

    #[test]
    fn the_prompt_says_the_rules_and_keeps_the_sellers_words_last() {
        let presets = Presets::builtin();
        let main = presets.get("amazon_main").unwrap();
        let rules = compose(main, None);
        for words in ["Pure white background (RGB 255, 255, 255)", "No shadow", "88 %", "centered"] {
            assert!(rules.contains(words), "{words} is not in {rules}");
        }
        assert_eq!(compose(main, Some("  ")), rules);
        let asked = compose(main, Some(" warm light\n"));
        assert!(asked.starts_with(&rules) && asked.ends_with("Within these rules: warm light"), "{asked}");
    }

    #[test]
    fn where_there_is_no_photo_the_words_come_first() {
        let presets = Presets::builtin();
        let prompt = of_words(presets.get("amazon_main").unwrap(), " a blue mug ");
        assert!(prompt.starts_with("Catalog photo of one product: a blue mug Pure white"), "{prompt}");
    }

    #[test]
    fn every_preset_has_words_of_its_own_background() {
        for preset in Presets::builtin().iter() {
            assert!(compose(preset, None).contains(background(preset.background)), "{}", preset.id);
        }
    }

    #[test]
    fn the_nearest_ratio_is_chosen() {
        for (canvas, ratio) in [
            ((2000, 2000), AspectRatio::R1x1),
            ((1500, 2000), AspectRatio::R3x4),
            ((1080, 1440), AspectRatio::R3x4),
            ((1600, 2000), AspectRatio::R4x5),
            ((1920, 1080), AspectRatio::R16x9),
            ((5000, 1000), AspectRatio::R21x9),
            ((100, 1000), AspectRatio::R9x16),
            ((0, 0), AspectRatio::R1x1),
        ] {
            assert_eq!(aspect_ratio(canvas), ratio, "{canvas:?}");
        }
    }
}
