//! Pictures whose numbers mean more light than a page has (PQ and HLG of ITU-R BT.2100), brought down to sRGB.
//!
//! The white of paper, 203 candela by BT.2408, is where it would be in an ordinary photo or a little below; what shines more is
//! pressed together between it and white, by the strongest of the three colours, so that hues stay.

use heic_decoder::ColorInfo;

/// Code points of ITU-T H.273.
const PQ: u16 = 16;
const HLG: u16 = 18;
const BT2020_PRIMARIES: u16 = 9;
const P3_PRIMARIES: u16 = 12;

/// Candela of a square metre: paper white, and the brightest light that is told apart.
const PAPER: f32 = 203.0;
const PEAK: f32 = 1000.0;
/// What PQ's greatest number stands for.
const PQ_MOST: f32 = 10_000.0;
/// Up to here, in shares of paper white, nothing is changed.
const KNEE: f32 = 0.75;

/// Steps of the tables; more than pictures of 12 bits have.
const STEPS: usize = 4096;

/// Linear light to linear sRGB, for the primaries that such pictures have.
const FROM_BT2020: [[f32; 3]; 3] =
    [[1.660_5, -0.587_6, -0.072_8], [-0.124_6, 1.132_9, -0.008_3], [-0.018_2, -0.100_6, 1.118_7]];
const FROM_P3: [[f32; 3]; 3] = [[1.224_9, -0.224_7, 0.0], [-0.042_1, 1.042_1, 0.0], [-0.019_6, -0.078_6, 1.097_9]];
const FROM_SRGB: [[f32; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

pub(super) struct ToneMap {
    /// Paper white is one; of HLG the light of the scene, whose greatest is one.
    light: Vec<f32>,
    is_scene: bool,
    primaries: &'static [[f32; 3]; 3],
    shown: Vec<u8>,
}

impl ToneMap {
    /// `None` for ordinary pictures.
    pub(super) fn of(color: Option<ColorInfo>) -> Option<ToneMap> {
        let ColorInfo { color_primaries, transfer_characteristics, .. } = color?;
        let light: fn(f32) -> f32 = match transfer_characteristics {
            PQ => |signal| pq(signal) / PAPER,
            HLG => hlg,
            _ => return None,
        };
        let share = |step: usize| step as f32 / (STEPS - 1) as f32;
        Some(ToneMap {
            light: (0..STEPS).map(|step| light(share(step))).collect(),
            is_scene: transfer_characteristics == HLG,
            primaries: match color_primaries {
                BT2020_PRIMARIES => &FROM_BT2020,
                P3_PRIMARIES => &FROM_P3,
                _ => &FROM_SRGB,
            },
            shown: (0..STEPS).map(|step| srgb(share(step).powi(2))).collect(),
        })
    }

    /// Samples of 16 bits to bytes of sRGB.
    pub(super) fn pixel(&self, samples: [u16; 3]) -> [u8; 3] {
        let mut light = samples.map(|sample| self.light[(usize::from(sample) * STEPS) >> 16]);
        if self.is_scene {
            let [red, green, blue] = light;
            let bright = 0.262_7 * red + 0.678 * green + 0.059_3 * blue;
            // A screen of 1,000 candela shows a scene with a system gamma of 1.2.
            let gain = bright.max(1e-6).powf(0.2) * PEAK / PAPER;
            light = light.map(|light| light * gain);
        }
        let linear = self.primaries.map(|row| (row[0] * light[0] + row[1] * light[1] + row[2] * light[2]).max(0.0));
        let most = linear[0].max(linear[1]).max(linear[2]);
        let pressed = if most > KNEE { pressed(most) / most } else { 1.0 };
        // The table is even in square roots, where darks have the steps that they need.
        linear.map(|linear| self.shown[((linear * pressed).min(1.0).sqrt() * (STEPS - 1) as f32 + 0.5) as usize])
    }
}

/// From the knee to the peak into what is left up to white; smooth at the knee.
fn pressed(light: f32) -> f32 {
    const STEEP: f32 = (PEAK / PAPER - KNEE) / (1.0 - KNEE);
    let beyond = ((light - KNEE) / (PEAK / PAPER - KNEE)).min(1.0);
    KNEE + (1.0 - KNEE) * STEEP * beyond / (1.0 + (STEEP - 1.0) * beyond)
}

/// SMPTE ST 2084: signal to candela.
fn pq(signal: f32) -> f32 {
    const M1: f32 = 2610.0 / 16_384.0;
    const M2: f32 = 2523.0 / 4096.0 * 128.0;
    const C1: f32 = 3424.0 / 4096.0;
    const C2: f32 = 2413.0 / 4096.0 * 32.0;
    const C3: f32 = 2392.0 / 4096.0 * 32.0;
    let root = signal.powf(1.0 / M2);
    PQ_MOST * ((root - C1).max(0.0) / (C2 - C3 * root)).powf(1.0 / M1)
}

/// BT.2100: signal to the light of the scene.
fn hlg(signal: f32) -> f32 {
    const A: f32 = 0.178_832_77;
    const B: f32 = 0.284_668_92;
    const C: f32 = 0.559_910_7;
    if signal <= 0.5 { signal * signal / 3.0 } else { (((signal - C) / A).exp() + B) / 12.0 }
}

fn srgb(linear: f32) -> u8 {
    let signal = if linear <= 0.003_130_8 { linear * 12.92 } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 };
    (signal * 255.0 + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(transfer: u16, primaries: u16, signal: [f32; 3], expected: [u8; 3]) {
        let color =
            ColorInfo { color_primaries: primaries, transfer_characteristics: transfer, ..ColorInfo::default() };
        let shown = ToneMap::of(Some(color)).unwrap().pixel(signal.map(|signal| (signal * 65_535.0) as u16));
        assert!(shown.iter().zip(expected).all(|(shown, expected)| shown.abs_diff(expected) <= 2), "{shown:?}");
    }

    #[test]
    fn light_comes_down_to_the_page() {
        check(PQ, 9, [0.0; 3], [0; 3]);
        // A fifth of paper white is what it always is; paper itself is a little below white; the peak is white.
        check(PQ, 9, [0.420_7; 3], [124; 3]);
        check(PQ, 9, [0.580_7; 3], [241; 3]);
        check(PQ, 9, [0.751_8; 3], [255; 3]);
        check(PQ, 9, [1.0; 3], [255; 3]);
        check(HLG, 9, [0.75; 3], [241; 3]);
        check(HLG, 9, [1.0; 3], [255; 3]);
    }

    #[test]
    fn hues_stay() {
        let color =
            |primaries| ColorInfo { color_primaries: primaries, transfer_characteristics: PQ, ..ColorInfo::default() };
        let [r, g, b] =
            ToneMap::of(Some(color(1))).unwrap().pixel([0.7, 0.4, 0.4].map(|signal: f32| (signal * 65_535.0) as u16));
        assert!(r > 240 && g == b && g < 80, "{r} {g} {b}");
        let wide =
            ToneMap::of(Some(color(9))).unwrap().pixel([0.5, 0.4, 0.4].map(|signal: f32| (signal * 65_535.0) as u16));
        let same =
            ToneMap::of(Some(color(1))).unwrap().pixel([0.5, 0.4, 0.4].map(|signal: f32| (signal * 65_535.0) as u16));
        assert!(wide[0] > same[0] && wide[1] < same[1], "the red of BT.2020 is beyond sRGB's: {wide:?}, {same:?}");
        assert!(ToneMap::of(Some(ColorInfo::default())).is_none() && ToneMap::of(None).is_none());
    }
}
