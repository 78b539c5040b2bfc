//! Whether a preset can be met at all, decided once when it is read.

use crate::preset::{Fill, Preset, PresetError};

/// JPEG can't be larger; no marketplace asks for more.
const MAX_CANVAS_SIDE: u32 = 10_000;
/// Above it a picture no longer fits the memory that a job is given.
const MAX_CANVAS_MEGAPIXELS: u64 = 50;
/// A letter of room for the longest plausible id.
const MAX_ID_CHARS: usize = 64;
const PLACEHOLDERS: [&str; 6] = ["asin", "sku", "handle", "gtin14", "n", "nn"];

type Fault = (&'static str, String, &'static str);

/// The first thing that makes the preset impossible.
pub(super) fn validate(preset: &Preset) -> Result<(), PresetError> {
    let checks = [id, canvas, aspect, fill, formats, bytes, sides, quality, name];
    match checks.iter().find_map(|check| check(preset)) {
        None => Ok(()),
        Some((field, problem, fix)) => Err(PresetError::Impossible { preset: preset.id.clone(), field, problem, fix }),
    }
}

fn id(preset: &Preset) -> Option<Fault> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    let good = !preset.id.is_empty() && preset.id.len() <= MAX_ID_CHARS && preset.id.chars().all(plain);
    (!good).then(|| {
        ("id", format!("`{}` can't be an id", preset.id), "use up to 64 lower-case letters, digits, `_` and `-`")
    })
}

fn canvas(preset: &Preset) -> Option<Fault> {
    let (width, height) = preset.canvas;
    if width == 0 || height == 0 {
        return Some(("canvas", format!("{width} x {height} has no pixels"), "give a width and a height above 0"));
    }
    let pixels = u64::from(width) * u64::from(height);
    (width.max(height) > MAX_CANVAS_SIDE || pixels > MAX_CANVAS_MEGAPIXELS * 1_000_000).then(|| {
        ("canvas", format!("{width} x {height} is too large"), "stay within 10000 px a side and 50 megapixels")
    })
}

fn aspect(preset: &Preset) -> Option<Fault> {
    let Some(wanted) = ratio(&preset.aspect) else {
        return Some(("aspect", format!("`{}` is no ratio", preset.aspect), "write width:height, like 3:4"));
    };
    if !(0.0..=0.5).contains(&preset.aspect_tolerance) {
        return Some(("aspect_tolerance", format!("{}", preset.aspect_tolerance), "give a share between 0 and 0.5"));
    }
    let has = f64::from(preset.canvas.0) / f64::from(preset.canvas.1);
    ((has / wanted - 1.0).abs() > preset.aspect_tolerance).then(|| {
        let problem = format!("the canvas {:?} is {has:.4} wide and not {}", preset.canvas, preset.aspect);
        ("aspect", problem, "make `canvas` and `aspect` agree, or widen `aspect_tolerance`")
    })
}

/// Width over height of a ratio written as `w:h`.
pub(super) fn ratio(text: &str) -> Option<f64> {
    let (width, height) = text.split_once(':')?;
    let (width, height): (f64, f64) = (width.trim().parse().ok()?, height.trim().parse().ok()?);
    (width > 0.0 && height > 0.0 && width.is_finite() && height.is_finite()).then(|| width / height)
}

fn fill(preset: &Preset) -> Option<Fault> {
    let Fill { min, max, target, .. } = preset.fill;
    let shares = [min, max, target].iter().all(|share| (0.0..=1.0).contains(share));
    if !shares {
        return Some(("fill", format!("{min} / {max} / {target}"), "give shares of the canvas between 0 and 1"));
    }
    if min > max {
        return Some(("fill.min", format!("{min} is above fill.max {max}"), "swap them"));
    }
    if target == 0.0 || target < min || target > max {
        let problem = format!("{target} is not between {min} and {max}");
        return Some(("fill.target", problem, "choose a target above 0, inside min and max"));
    }
    None
}

fn formats(preset: &Preset) -> Option<Fault> {
    preset.formats.is_empty().then(|| ("formats", "is empty".into(), "name at least one of jpeg, png, webp"))
}

fn bytes(preset: &Preset) -> Option<Fault> {
    /// A picture with its profile is never smaller.
    const SMALLEST: u64 = 10_000;
    if preset.max_bytes < SMALLEST {
        return Some(("max_bytes", format!("{} bytes hold no picture", preset.max_bytes), "give 10000 or more"));
    }
    let too_large = |limit: Option<u64>| limit.is_some_and(|limit| limit > preset.max_bytes);
    if too_large(preset.min_bytes) {
        return Some(("min_bytes", "is above max_bytes".into(), "make it smaller than max_bytes"));
    }
    too_large(preset.soft_max_bytes)
        .then(|| ("soft_max_bytes", "is above max_bytes".into(), "make it smaller than max_bytes"))
}

fn sides(preset: &Preset) -> Option<Fault> {
    let (width, height) = preset.canvas;
    let (long, short) = (width.max(height), width.min(height));
    if long < preset.min_long_side {
        return Some(("min_long_side", format!("the canvas has only {long} px"), "enlarge the canvas"));
    }
    if short < preset.min_short_side {
        return Some(("min_short_side", format!("the canvas has only {short} px"), "enlarge the canvas"));
    }
    if preset.hard_min_long_side.is_some_and(|hard| hard > preset.min_long_side) {
        return Some(("hard_min_long_side", "is above min_long_side".into(), "make it the smaller of the two"));
    }
    if preset.max_long_side.is_some_and(|max| long > max) {
        return Some(("max_long_side", format!("the canvas has {long} px"), "make the canvas smaller"));
    }
    let megapixels = f64::from(width) * f64::from(height) / 1e6;
    preset
        .max_megapixels
        .is_some_and(|max| megapixels > max)
        .then(|| ("max_megapixels", format!("the canvas has {megapixels:.1}"), "make the canvas smaller"))
}

fn quality(preset: &Preset) -> Option<Fault> {
    if preset.max_images == 0 {
        return Some(("max_images", "0 pictures can't be made".into(), "give 1 or more"));
    }
    preset
        .min_jpeg_quality
        .is_some_and(|q| !(1..=100).contains(&q))
        .then(|| ("min_jpeg_quality", "is outside 1 to 100".into(), "give a JPEG quality between 1 and 100"))
}

fn name(preset: &Preset) -> Option<Fault> {
    let fix = "use plain characters, one extension, and only {asin}, {sku}, {handle}, {gtin14}, {n}, {nn}";
    let mut plain = preset.name.clone();
    for placeholder in PLACEHOLDERS {
        plain = plain.replace(&format!("{{{placeholder}}}"), "x");
    }
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let extension = plain.rsplit_once('.').map(|(stem, ext)| !stem.is_empty() && ["jpg", "png", "webp"].contains(&ext));
    (extension != Some(true) || !plain.chars().all(good))
        .then(|| ("name", format!("`{}` is no file name", preset.name), fix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset::{Format, Presets};

    /// The field at fault after one change to a good preset.
    fn fault(change: fn(&mut Preset)) -> Option<&'static str> {
        let mut preset = Presets::builtin().get("amazon_main").unwrap().clone();
        change(&mut preset);
        match validate(&preset) {
            Ok(()) => None,
            Err(PresetError::Impossible { field, .. }) => Some(field),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn each_impossible_value_names_its_field() {
        type Change = fn(&mut Preset);
        let table: [(Change, &str); 21] = [
            (|p| p.id = "Amazon Main".into(), "id"),
            (|p| p.id = String::new(), "id"),
            (|p| p.canvas = (0, 2000), "canvas"),
            (|p| p.canvas = (20_000, 20_000), "canvas"),
            (|p| p.canvas = (9000, 9000), "canvas"),
            (|p| p.canvas = (2000, 1500), "aspect"),
            (|p| p.aspect = "square".into(), "aspect"),
            (|p| p.aspect_tolerance = f64::NAN, "aspect_tolerance"),
            (|p| p.fill.min = 0.96, "fill.min"),
            (|p| p.fill.target = 0.80, "fill.target"),
            (|p| p.fill.max = 1.5, "fill"),
            (|p| p.fill.min = f32::NAN, "fill"),
            (|p| p.formats = Vec::<Format>::new(), "formats"),
            (|p| p.max_bytes = 100, "max_bytes"),
            (|p| p.min_bytes = Some(20_000_000), "min_bytes"),
            (|p| p.soft_max_bytes = Some(20_000_000), "soft_max_bytes"),
            (|p| p.min_long_side = 3000, "min_long_side"),
            (|p| p.max_long_side = Some(1999), "max_long_side"),
            (|p| p.min_jpeg_quality = Some(0), "min_jpeg_quality"),
            (|p| p.name = "{ean}.jpg".into(), "name"),
            (|p| p.name = "../{sku}.jpg".into(), "name"),
        ];
        for (change, field) in table {
            assert_eq!(fault(change), Some(field));
        }
        assert_eq!(fault(|_| ()), None);
    }

    #[test]
    fn a_ratio_is_two_positive_numbers() {
        for (text, value) in [("1:1", Some(1.0)), ("3:4", Some(0.75)), ("1:0", None), ("-1:2", None), ("1", None)] {
            assert_eq!(ratio(text), value, "{text}");
        }
    }
}
