//! Coverage that belongs to nothing: faint, wide areas of a mask that lie apart from what is surely product.
//!
//! A soft edge is narrow and hair is thin, and both are product. A network that is not sure leaves a smear of the old ground, which a
//! picture on white then shows as grey; and what it says of the frame is a guess, since nothing of the product may be there.

use crate::bitmap::Bitmap;
use crate::check::components::{Part, parts};
use crate::check::zones::{ring, united};
use crate::picture::{Matte, Rect};

/// Coverage below which a wide area may be a veil.
const FAINT: u8 = 96;
/// Pixels from what is half covered beyond which coverage is no soft edge, and those that remain of one where a veil ends.
const APART: usize = 8;
const EDGE: usize = 3;
/// Half the width of what is too thin for a veil.
const THIN: usize = 2;
/// Beyond this share of the product it is one that light shines through.
const MOST: f64 = 0.05;

/// The pixels whose coverage is a veil; `solid` are those that are at least half covered.
pub(crate) fn of(matte: &Matte, solid: &Bitmap) -> Bitmap {
    let size = (matte.width(), matte.height());
    let soft = Bitmap::covered(matte, 1).minus(solid);
    let at_frame = soft.and(&ring(size.0, size.1));
    let faint = soft.minus(&Bitmap::covered(matte, FAINT));
    let wide = faint.minus(&solid.grown(APART)).opened(THIN);
    if wide.is_empty() || wide.count() as f64 > MOST * solid.count() as f64 {
        return at_frame;
    }
    let veil = wide.grown(APART).and(&faint).minus(&solid.grown(EDGE)).and(&outside(solid));
    at_frame.or(&veil)
}

/// What hangs together with the frame around `solid`: through a hole of the product, which may be glass, a ground may shine.
fn outside(solid: &Bitmap) -> Bitmap {
    let (right, bottom) = (solid.width(), solid.height());
    let Ok(parts) = parts(&solid.not()) else { return Bitmap::empty(right, bottom) };
    let reaches = |part: &&Part| {
        let Rect { x, y, width, height } = part.bounds;
        x == 0 || y == 0 || x + width == right || y + height == bottom
    };
    united(solid, parts.iter().filter(reaches))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block with a soft edge, and areas of other coverage.
    fn drawn(others: &[(Rect, u8)]) -> Matte {
        let mut matte = Matte::new(400, 400, vec![0; 160_000]);
        let block = Rect { x: 100, y: 100, width: 200, height: 200 };
        let edge = Rect { x: 98, y: 98, width: 204, height: 204 };
        for (area, cover) in others.iter().copied().chain([(edge, 60), (block, 255)]) {
            for y in area.y..area.y + area.height {
                let at = (y * 400 + area.x) as usize;
                matte.alpha_mut()[at..at + area.width as usize].fill(cover);
            }
        }
        matte
    }

    fn veiled(matte: &Matte) -> u64 {
        of(matte, &Bitmap::covered(matte, 128)).count()
    }

    #[test]
    fn a_wide_faint_area_is_a_veil_and_hair_glass_and_soft_edges_are_none() {
        let beside = |width, height| Rect { x: 300, y: 150, width, height };
        let hole = Rect { x: 150, y: 150, width: 40, height: 40 };
        for (what, others, is_veil) in [
            ("a soft edge", &[][..], false),
            ("a smear", &[(beside(60, 30), 30)], true),
            ("a hair", &[(beside(60, 3), 90)], false),
            ("a sleeve of glass", &[(beside(60, 30), 110)], false),
            ("a large faint part", &[(beside(70, 60), 60)], false),
            ("the frame", &[(Rect { x: 0, y: 0, width: 400, height: 4 }, 120)], true),
        ] {
            assert_eq!(veiled(&drawn(others)) > 0, is_veil, "{what}");
        }
        let mut window = drawn(&[]);
        for y in hole.y..hole.y + hole.height {
            let at = (y * 400 + hole.x) as usize;
            window.alpha_mut()[at..at + hole.width as usize].fill(40);
        }
        assert_eq!(veiled(&window), 0, "glass in a frame");
    }

    #[test]
    fn of_a_smear_its_soft_edge_remains() {
        let matte = drawn(&[(Rect { x: 300, y: 150, width: 60, height: 30 }, 30)]);
        assert_eq!(veiled(&matte), (60 - EDGE as u64) * 30);
    }
}
