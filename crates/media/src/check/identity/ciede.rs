//! Colours as eyes tell them apart: CIE Lab and the CIEDE2000 difference.

/// Lightness, green to red, blue to yellow.
pub(super) type Lab = [f32; 3];

/// White point D65, which sRGB has.
const WHITE: [f32; 3] = [0.950_47, 1.0, 1.088_83];

/// From linear sRGB, 0 to 1.
pub(super) fn lab([r, g, b]: [f32; 3]) -> Lab {
    let x = 0.412_456_4 * r + 0.357_576_1 * g + 0.180_437_5 * b;
    let y = 0.212_672_9 * r + 0.715_152_2 * g + 0.072_175 * b;
    let z = 0.019_333_9 * r + 0.119_192 * g + 0.950_304_1 * b;
    let [x, y, z] = [x / WHITE[0], y / WHITE[1], z / WHITE[2]].map(curve);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

fn curve(t: f32) -> f32 {
    const KNEE: f32 = 216.0 / 24_389.0;
    if t > KNEE { t.cbrt() } else { (24_389.0 / 27.0 * t + 16.0) / 116.0 }
}

/// CIEDE2000. `lightness` weighs differences of lightness down: 1 is the standard.
pub(super) fn difference(one: Lab, other: Lab, lightness: f32) -> f32 {
    let (c1, c2) = (one[1].hypot(one[2]), other[1].hypot(other[2]));
    let seventh = ((c1 + c2) / 2.0).powi(7);
    let g = 0.5 * (1.0 - (seventh / (seventh + 25f32.powi(7))).sqrt());
    let (a1, a2) = (one[1] * (1.0 + g), other[1] * (1.0 + g));
    let (c1, c2) = (a1.hypot(one[2]), a2.hypot(other[2]));
    let (h1, h2) = (hue(a1, one[2]), hue(a2, other[2]));
    let grey = c1 * c2 == 0.0;
    let turn = match h2 - h1 {
        _ if grey => 0.0,
        turn if turn > 180.0 => turn - 360.0,
        turn if turn < -180.0 => turn + 360.0,
        turn => turn,
    };
    let dh = 2.0 * (c1 * c2).sqrt() * (turn / 2.0).to_radians().sin();
    let (l, c) = ((one[0] + other[0]) / 2.0, (c1 + c2) / 2.0);
    let h = match h1 + h2 {
        sum if grey => sum,
        sum if (h1 - h2).abs() <= 180.0 => sum / 2.0,
        sum if sum < 360.0 => (sum + 360.0) / 2.0,
        sum => (sum - 360.0) / 2.0,
    };
    let cos = |degrees: f32| degrees.to_radians().cos();
    let t = 1.0 - 0.17 * cos(h - 30.0) + 0.24 * cos(2.0 * h) + 0.32 * cos(3.0 * h + 6.0) - 0.20 * cos(4.0 * h - 63.0);
    let middle = (l - 50.0).powi(2);
    let (sl, sc, sh) = (1.0 + 0.015 * middle / (20.0 + middle).sqrt(), 1.0 + 0.045 * c, 1.0 + 0.015 * c * t);
    let seventh = c.powi(7);
    let rc = 2.0 * (seventh / (seventh + 25f32.powi(7))).sqrt();
    let rt = -rc * (60.0 * (-((h - 275.0) / 25.0).powi(2)).exp()).to_radians().sin();
    let (dl, dc, dh) = ((other[0] - one[0]) / (sl * lightness), (c2 - c1) / sc, dh / sh);
    (dl * dl + dc * dc + dh * dh + rt * dc * dh).max(0.0).sqrt()
}

fn hue(a: f32, b: f32) -> f32 {
    if a == 0.0 && b == 0.0 { 0.0 } else { b.atan2(a).to_degrees().rem_euclid(360.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs from the paper's own test data (Sharma, Wu, Dalal 2005).
    #[test]
    fn the_published_pairs_come_out_as_published() {
        for (one, other, wanted) in [
            ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
            ([50.0, 0.0, 0.0], [50.0, -1.0, 2.0], 2.3669),
            ([50.0, 2.49, -0.001], [50.0, -2.49, 0.0009], 7.1792),
            ([50.0, 2.5, 0.0], [73.0, 25.0, -18.0], 27.1492),
            ([50.0, 2.5, 0.0], [61.0, -5.0, 29.0], 22.8977),
            ([60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644),
            ([2.0776, 0.0795, -1.1350], [0.9033, -0.0636, -0.5514], 0.9082),
        ] {
            let found = difference(one, other, 1.0);
            assert!((found - wanted).abs() < 2e-3, "{one:?} {other:?}: {found}, {wanted} published");
        }
    }

    #[test]
    fn white_black_and_red_have_their_places() {
        for (rgb, wanted) in
            [([1.0; 3], [100.0, 0.0, 0.0]), ([0.0; 3], [0.0, 0.0, 0.0]), ([1.0, 0.0, 0.0], [53.24, 80.09, 67.20])]
        {
            let found = lab(rgb);
            assert!(found.iter().zip(wanted).all(|(f, w)| (f - w).abs() < 0.1), "{rgb:?}: {found:?}");
        }
    }
}
