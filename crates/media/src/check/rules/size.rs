//! Questions to the size: pixels, shape, bytes.

use crate::check::report::{Outcome, RuleResult, must};
use crate::preset::Preset;

pub(in crate::check) fn dimensions(preset: &Preset, width: u32, height: u32) -> RuleResult {
    let (long, short) = (width.max(height), width.min(height));
    let megapixels = f64::from(width) * f64::from(height) / 1e6;
    let mut required =
        format!("long side {} px or more, short side {} or more", preset.min_long_side, preset.min_short_side);
    if let Some(max) = preset.max_long_side {
        required += &format!(", long side at most {max}");
    }
    if let Some(max) = preset.max_megapixels {
        required += &format!(", at most {max} megapixels");
    }
    let outcome = judged_size(preset, long, short, megapixels);
    let too_large = preset.max_long_side.is_some_and(|max| long > max);
    let fix = if too_large { "reduce it" } else { "photograph it larger; enlarging adds no detail" };
    RuleResult::new("dimensions", "Size in pixels")
        .requires(required)
        .found(format!("{width} x {height}"))
        .judged(outcome, fix)
        .from(preset, "size")
}

fn judged_size(preset: &Preset, long: u32, short: u32, megapixels: f64) -> Outcome {
    let too_large =
        preset.max_long_side.is_some_and(|max| long > max) || preset.max_megapixels.is_some_and(|max| megapixels > max);
    match preset.hard_min_long_side {
        _ if too_large => Outcome::Fail,
        Some(hard) if long < hard => Outcome::Fail,
        Some(_) if long < preset.min_long_side || short < preset.min_short_side => Outcome::Warn,
        None if long < preset.min_long_side || short < preset.min_short_side => Outcome::Fail,
        _ => Outcome::Pass,
    }
}

pub(in crate::check) fn aspect(preset: &Preset, width: u32, height: u32) -> RuleResult {
    let (wide, high) = preset.canvas;
    let wanted = f64::from(wide) / f64::from(high);
    let has = f64::from(width) / f64::from(height);
    // The canvas itself may lie off the written ratio by its own rounding.
    let off = (has / wanted - 1.0).abs();
    RuleResult::new("aspect", "Shape")
        .requires(format!("{} within {:.1} %", preset.aspect, preset.aspect_tolerance * 100.0))
        .found(format!("{width} x {height}, {:.2} % off", off * 100.0))
        .judged(must(off <= preset.aspect_tolerance), format!("extend the background to {}", preset.aspect))
        .from(preset, "aspect")
}

pub(in crate::check) fn bytes(preset: &Preset, bytes: u64) -> RuleResult {
    let mut required = format!("at most {}", in_words(preset.max_bytes));
    if let Some(min) = preset.min_bytes {
        required += &format!(", better {} or more", in_words(min));
    }
    if let Some(soft) = preset.soft_max_bytes {
        required += &format!(", better {} or less", in_words(soft));
    }
    let fix = if preset.min_bytes.is_some_and(|min| bytes < min) {
        "save at a higher quality, where there is detail to keep"
    } else {
        "save at a lower quality or smaller"
    };
    RuleResult::new("bytes", "File size")
        .requires(required)
        .found(in_words(bytes))
        .judged(judged_bytes(preset, bytes), fix)
        .from(preset, "bytes")
}

fn judged_bytes(preset: &Preset, bytes: u64) -> Outcome {
    let warned =
        preset.min_bytes.is_some_and(|min| bytes < min) || preset.soft_max_bytes.is_some_and(|max| bytes > max);
    match () {
        () if bytes > preset.max_bytes => Outcome::Fail,
        () if warned => Outcome::Warn,
        () => Outcome::Pass,
    }
}

/// Decimal units, as the marketplaces use them.
fn in_words(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset::Presets;
    use Outcome::{Fail, Pass, Warn};

    #[test]
    fn sizes_are_judged_by_hard_and_soft_bounds() {
        for (id, width, height, outcome) in [
            ("amazon_main", 2000, 2000, Pass),
            ("amazon_main", 1000, 499, Fail),
            ("amazon_main", 999, 999, Fail),
            ("amazon_main", 10_001, 10_001, Fail),
            ("ebay", 1000, 10, Pass),
            ("ebay", 999, 999, Warn),
            ("ebay", 499, 499, Fail),
            ("shopify", 4472, 4472, Pass),
            ("shopify", 4473, 4000, Fail),
        ] {
            let presets = Presets::builtin();
            assert_eq!(dimensions(presets.get(id).unwrap(), width, height).outcome, outcome, "{id} {width} x {height}");
        }
    }

    #[test]
    fn shapes_have_a_tolerance() {
        for (id, width, height, outcome) in [
            ("amazon_main", 2000, 2003, Pass),
            ("amazon_main", 2000, 2010, Fail),
            ("zalando_packshot", 762, 1100, Pass),
            ("myntra_main", 1080, 1440, Pass),
            ("myntra_main", 1440, 1080, Fail),
        ] {
            let presets = Presets::builtin();
            assert_eq!(aspect(presets.get(id).unwrap(), width, height).outcome, outcome, "{id} {width} x {height}");
        }
    }

    #[test]
    fn few_bytes_are_a_warning_and_many_a_failure() {
        for (id, size, outcome) in [
            ("myntra_main", 499_999, Warn),
            ("myntra_main", 500_000, Pass),
            ("myntra_main", 1_000_001, Fail),
            ("etsy", 1_000_001, Warn),
        ] {
            let presets = Presets::builtin();
            assert_eq!(bytes(presets.get(id).unwrap(), size).outcome, outcome, "{id} {size}");
        }
        assert_eq!([in_words(999), in_words(1500), in_words(12_345_678)], ["999 bytes", "2 kB", "12.3 MB"]);
    }
}
