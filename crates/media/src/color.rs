//! Colour as stored to sRGB: ICC profiles, grey, and print inks.
//!
//! It owns what an embedded profile means. Profiles come from strangers: one that is broken, oversized or meant for
//! other channels is left out and said so, never an error, since the picture itself is fine.

use moxcms::{ColorProfile, DataColorSpace, Layout, ParsingOptions, ProfileClass, TransformOptions};
use rayon::prelude::*;

use crate::decode::samples::Samples;
use crate::encode::profile::srgb;
use crate::tasks;

/// What was done with the file's colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfileUse {
    /// No profile: taken as sRGB, as every browser does.
    None,
    /// The profile is sRGB itself.
    Srgb,
    /// Converted from the profile's space (Display P3, Adobe RGB, ...) to sRGB.
    Converted,
    /// CMYK converted by its profile.
    ConvertedCmyk,
    /// CMYK without a usable profile, converted by the plain formula.
    PlainCmyk,
    /// A profile was there and could not be used: taken as sRGB.
    Unreadable,
    /// The light of an HDR picture (PQ or HLG) was toned down to sRGB.
    TonedDown,
}

/// Real profiles reach 3 MB (print colours); more is an attempt to burn memory.
const MAX_PROFILE_BYTES: usize = 4 * 1024 * 1024;

/// RGB, and alpha where any pixel is not opaque.
pub(crate) fn to_srgb(samples: Samples, profile: Option<&[u8]>) -> (Vec<u8>, Option<Vec<u8>>, ProfileUse) {
    match samples {
        Samples::Rgb(rgb) => {
            let (rgb, done) = converted_rgb(rgb, profile);
            (rgb, None, done)
        }
        Samples::Rgba(rgba) => {
            let (rgb, alpha) = split::<4>(&rgba);
            drop(rgba);
            let (rgb, done) = converted_rgb(rgb, profile);
            (rgb, seen(alpha), done)
        }
        Samples::Grey(grey) => {
            let (rgb, done) = converted_grey(&grey, profile);
            (rgb, None, done)
        }
        Samples::GreyAlpha(pairs) => {
            let (grey, alpha) = split::<2>(&pairs);
            let (rgb, done) = converted_grey(&grey, profile);
            (rgb, seen(alpha), done)
        }
        Samples::Cmyk(ink) => {
            let (rgb, done) = converted_cmyk(&ink, profile);
            (rgb, None, done)
        }
    }
}

/// Colour channels and the last channel apart.
fn split<const N: usize>(pixels: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let pixels = pixels.as_chunks::<N>().0;
    let color = pixels.iter().flat_map(|pixel| &pixel[..N - 1]).copied().collect();
    (color, pixels.iter().map(|pixel| pixel[N - 1]).collect())
}

fn seen(alpha: Vec<u8>) -> Option<Vec<u8>> {
    alpha.iter().any(|a| *a != 255).then_some(alpha)
}

fn converted_rgb(rgb: Vec<u8>, profile: Option<&[u8]>) -> (Vec<u8>, ProfileUse) {
    let Some(bytes) = profile else { return (rgb, ProfileUse::None) };
    // Known by its bytes: every picture that is finished here has it and is measured at once.
    if bytes == srgb() {
        return (rgb, ProfileUse::Srgb);
    }
    match parsed(bytes, DataColorSpace::Rgb) {
        Some(profile) if is_srgb(&profile) => (rgb, ProfileUse::Srgb),
        Some(profile) => match transformed::<3>(&rgb, &profile, Layout::Rgb) {
            Some(converted) => (converted, ProfileUse::Converted),
            None => (rgb, ProfileUse::Unreadable),
        },
        None => (rgb, ProfileUse::Unreadable),
    }
}

fn converted_grey(grey: &[u8], profile: Option<&[u8]>) -> (Vec<u8>, ProfileUse) {
    let spread = || grey.iter().flat_map(|value| [*value; 3]).collect::<Vec<u8>>();
    let Some(bytes) = profile else { return (spread(), ProfileUse::None) };
    if let Some(profile) = parsed(bytes, DataColorSpace::Gray) {
        return match transformed::<1>(grey, &profile, Layout::Gray) {
            Some(converted) => (converted, ProfileUse::Converted),
            None => (spread(), ProfileUse::Unreadable),
        };
    }
    // Editors leave an RGB profile in a photo that was turned to grey; its curve still holds.
    converted_rgb(spread(), Some(bytes))
}

fn converted_cmyk(ink: &[u8], profile: Option<&[u8]>) -> (Vec<u8>, ProfileUse) {
    let converted = profile
        .and_then(|bytes| parsed(bytes, DataColorSpace::Cmyk))
        .and_then(|profile| transformed::<4>(ink, &profile, Layout::Rgba));
    match converted {
        Some(rgb) => (rgb, ProfileUse::ConvertedCmyk),
        None => (plain_cmyk(ink), ProfileUse::PlainCmyk),
    }
}

/// What is left of white light after each ink.
fn plain_cmyk(ink: &[u8]) -> Vec<u8> {
    let left = |ink: u8, black: u8| {
        let light = u32::from(255 - ink) * u32::from(255 - black);
        ((light + 127) / 255) as u8
    };
    let pixels = ink.as_chunks::<4>().0;
    pixels.iter().flat_map(|&[c, m, y, k]| [left(c, k), left(m, k), left(y, k)]).collect()
}

fn parsed(bytes: &[u8], wanted: DataColorSpace) -> Option<ColorProfile> {
    if bytes.len() > MAX_PROFILE_BYTES {
        return None;
    }
    let options = ParsingOptions { max_profile_size: MAX_PROFILE_BYTES, ..ParsingOptions::default() };
    let parsed = std::panic::catch_unwind(|| ColorProfile::new_from_slice_with_options(bytes, options).ok());
    parsed.ok().flatten().filter(|profile| profile.color_space == wanted && describes_a_space(profile.profile_class))
}

/// Links between devices, effects and named colours carry an ICC header too, and say nothing of what a picture's numbers mean.
fn describes_a_space(class: ProfileClass) -> bool {
    !matches!(class, ProfileClass::DeviceLink | ProfileClass::Abstract | ProfileClass::Named)
}

/// The same primaries and white to a part in a thousand, and a curve that maps mid grey alike.
fn is_srgb(profile: &ColorProfile) -> bool {
    let srgb = ColorProfile::new_srgb();
    let columns = [
        (profile.red_colorant, srgb.red_colorant),
        (profile.green_colorant, srgb.green_colorant),
        (profile.blue_colorant, srgb.blue_colorant),
    ];
    let near = |a: f64, b: f64| (a - b).abs() < 1e-3;
    columns.iter().all(|(a, b)| near(a.x, b.x) && near(a.y, b.y) && near(a.z, b.z)) && keeps_greys(profile)
}

fn keeps_greys(profile: &ColorProfile) -> bool {
    let ramp: Vec<u8> = (0..=255).flat_map(|value| [value; 3]).collect();
    let Some(converted) = transformed::<3>(&ramp, profile, Layout::Rgb) else { return false };
    ramp.iter().zip(&converted).all(|(before, after)| before.abs_diff(*after) <= 1)
}

fn transformed<const N: usize>(samples: &[u8], profile: &ColorProfile, layout: Layout) -> Option<Vec<u8>> {
    let work = || {
        let srgb = ColorProfile::new_srgb();
        let transform = profile.create_transform_8bit(layout, &srgb, Layout::Rgb, TransformOptions::default()).ok()?;
        let mut rgb = vec![0; samples.len() / N * 3];
        rgb.par_chunks_mut(tasks::PIXELS * 3)
            .zip(samples.par_chunks(tasks::PIXELS * N))
            .try_for_each(|(rgb, samples)| transform.transform(samples, rgb))
            .ok()?;
        Some(rgb)
    };
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn icc(profile: &ColorProfile) -> Vec<u8> {
        profile.encode().unwrap()
    }

    #[test]
    fn plain_inks() {
        let inks = [[0, 0, 0, 0], [255, 0, 0, 0], [0, 0, 0, 255], [0, 255, 255, 0], [128, 0, 0, 128]];
        let expected = [[255, 255, 255], [0, 255, 255], [0, 0, 0], [255, 0, 0], [63, 127, 127]];
        assert_eq!(plain_cmyk(inks.as_flattened()), expected.as_flattened());
    }

    #[test]
    fn srgb_is_recognised_and_left_alone() {
        let (rgb, _, done) = to_srgb(Samples::Rgb(vec![10, 200, 30]), Some(&icc(&ColorProfile::new_srgb())));
        assert_eq!((rgb, done), (vec![10, 200, 30], ProfileUse::Srgb));
    }

    #[test]
    fn the_engines_own_profile_is_what_it_is_taken_for() {
        assert!(is_srgb(&parsed(srgb(), DataColorSpace::Rgb).unwrap()));
    }

    #[test]
    fn display_p3_red_becomes_the_strongest_red_that_srgb_has() {
        let (rgb, _, done) = to_srgb(Samples::Rgb(vec![255, 0, 0]), Some(&icc(&ColorProfile::new_display_p3())));
        assert_eq!((rgb, done), (vec![255, 0, 0], ProfileUse::Converted));
        let (muted, _, _) = to_srgb(Samples::Rgb(vec![180, 90, 90]), Some(&icc(&ColorProfile::new_display_p3())));
        assert!(muted[0] > 184 && muted[1] < 90, "{muted:?}");
    }

    #[test]
    fn adobe_rgb_green_gains_saturation() {
        let (rgb, _, done) = to_srgb(Samples::Rgb(vec![120, 180, 120]), Some(&icc(&ColorProfile::new_adobe_rgb())));
        assert_eq!(done, ProfileUse::Converted);
        assert!(rgb[0] < 105 && rgb[1].abs_diff(180) < 4, "{rgb:?}");
    }

    #[test]
    fn broken_profiles_are_left_out() {
        let mut broken = icc(&ColorProfile::new_display_p3());
        broken.truncate(150);
        for profile in [&broken[..], b"not a profile", &vec![0; MAX_PROFILE_BYTES + 1]] {
            let (rgb, _, done) = to_srgb(Samples::Rgb(vec![1, 2, 3]), Some(profile));
            assert_eq!((rgb, done), (vec![1, 2, 3], ProfileUse::Unreadable));
        }
        let rgb_profile_for_ink = icc(&ColorProfile::new_srgb());
        let (rgb, _, done) = to_srgb(Samples::Cmyk(vec![0, 0, 0, 0]), Some(&rgb_profile_for_ink));
        assert_eq!((rgb, done), (vec![255; 3], ProfileUse::PlainCmyk));
    }

    #[test]
    fn grey_uses_its_own_curve_or_that_of_an_rgb_profile() {
        let linear = ColorProfile::new_gray_with_gamma(1.0);
        let (rgb, _, done) = to_srgb(Samples::Grey(vec![55]), Some(&icc(&linear)));
        assert_eq!(done, ProfileUse::Converted);
        assert!(rgb[0] > 120, "linear mid grey is bright in sRGB: {rgb:?}");
        let (rgb, _, done) = to_srgb(Samples::Grey(vec![99]), Some(&icc(&ColorProfile::new_srgb())));
        assert_eq!((rgb, done), (vec![99; 3], ProfileUse::Srgb));
    }

    #[test]
    fn alpha_that_hides_nothing_is_no_alpha() {
        let (_, alpha, _) = to_srgb(Samples::Rgba(vec![1, 2, 3, 255, 4, 5, 6, 255]), None);
        assert_eq!(alpha, None);
        let (rgb, alpha, _) = to_srgb(Samples::GreyAlpha(vec![9, 0, 8, 255]), None);
        assert_eq!((rgb, alpha), (vec![9, 9, 9, 8, 8, 8], Some(vec![0, 255])));
    }
}
