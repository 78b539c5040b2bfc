//! Between sRGB bytes and linear light, where blending and resampling are right.

use std::sync::LazyLock;

/// Linear light of each sRGB byte, 0 to 65535.
static LINEAR: LazyLock<[u16; 256]> =
    LazyLock::new(|| std::array::from_fn(|v| (to_linear(v as f64 / 255.0) * 65535.0).round() as u16));

/// sRGB byte of each linear value.
static SRGB: LazyLock<Box<[u8]>> =
    LazyLock::new(|| (0..=u16::MAX).map(|v| (to_srgb(f64::from(v) / 65535.0) * 255.0).round() as u8).collect());

/// A tone curve: the linear light that stands for each sRGB byte.
pub(crate) type Curve = [u16; 256];

/// The curve that changes nothing.
pub(crate) fn plain_curve() -> &'static Curve {
    &LINEAR
}

/// A curve that first maps each byte, as a share of full scale, in sRGB.
pub(crate) fn curve_of(tone: impl Fn(f64) -> f64) -> Curve {
    std::array::from_fn(|v| (to_linear(tone(v as f64 / 255.0).clamp(0.0, 1.0)) * 65535.0).round() as u16)
}

/// The table from linear light to bytes; a round trip through [`plain_curve`] is exact.
pub(crate) fn srgb_table() -> &'static [u8] {
    &SRGB
}

fn to_linear(v: f64) -> f64 {
    if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
}

fn to_srgb(v: f64) -> f64 {
    if v <= 0.003_130_8 { v * 12.92 } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_the_way_there_and_back() {
        for byte in 0..=255u8 {
            assert_eq!(srgb_table()[usize::from(plain_curve()[usize::from(byte)])], byte);
        }
    }

    #[test]
    fn half_light_is_byte_188() {
        assert_eq!(srgb_table()[32768], 188);
        assert_eq!((plain_curve()[0], plain_curve()[255]), (0, 65535));
    }
}
