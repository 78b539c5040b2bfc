//! Gentle changes of tone that leave the product what it is.

use crate::compose::linear::{Curve, curve_of, plain_curve};

/// How the product is lit. All three keep black, white and hue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Light {
    /// As photographed.
    Neutral,
    /// Middle tones a little lifted, as under a larger softbox.
    Bright,
    /// A little more contrast, as under a harder light.
    Crisp,
}

/// Exponent on sRGB values; 0.93 lifts middle grey by seven levels, which reads as light and not as another colour.
const BRIGHT_GAMMA: f64 = 0.93;
/// Moves quarter tones by five levels at most.
const CRISP_CONTRAST: f64 = 0.22;

impl Light {
    pub(super) fn curve(self) -> Curve {
        match self {
            Light::Neutral => *plain_curve(),
            Light::Bright => curve_of(|v| v.powf(BRIGHT_GAMMA)),
            Light::Crisp => curve_of(|v| v + CRISP_CONTRAST * v * (1.0 - v) * (2.0 * v - 1.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::linear::srgb_table;

    #[test]
    fn every_light_keeps_black_and_white_and_order_and_moves_little() {
        for light in [Light::Neutral, Light::Bright, Light::Crisp] {
            let bytes = light.curve().map(|v| i32::from(srgb_table()[usize::from(v)]));
            assert_eq!((bytes[0], bytes[255]), (0, 255), "{light:?}");
            assert!(bytes.is_sorted(), "{light:?}");
            let moved = bytes.iter().zip(0..).map(|(to, from)| (to - from).abs()).max().unwrap();
            assert!(moved <= 8, "{light:?} moves a tone by {moved}");
            assert_eq!(moved == 0, light == Light::Neutral);
        }
    }
}
