//! Whether a photo has enough pixels for the scenes that are to be made of it. Pure.

use plantain_media::compose::Scene;
use plantain_media::picture::Rect;

/// Enlarged by more than this, nothing of a product is left but a blur, whatever the picture is scaled to afterwards. What
/// a marketplace's canvas bears is less, and is for whoever knows the marketplace to judge.
const ENLARGED_MAX: f64 = 8.0;

/// A product that is too small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooSmall {
    pub product: (u32, u32),
    pub canvas: (u32, u32),
    /// Pixels that its longer side needs.
    pub least: u32,
}

pub(super) fn judge(product: Rect, scenes: &[Scene]) -> Result<(), TooSmall> {
    let (width, height) = (product.width.max(1), product.height.max(1));
    for scene in scenes {
        let whole = (f64::from(scene.canvas.0) / f64::from(width)).min(f64::from(scene.canvas.1) / f64::from(height));
        let times = whole * f64::from(scene.fill);
        if times > ENLARGED_MAX {
            let least = (f64::from(width.max(height)) * times / ENLARGED_MAX).ceil() as u32;
            return Err(TooSmall { product: (width, height), canvas: scene.canvas, least });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use plantain_media::compose::SceneRules;
    use plantain_media::compose::top_three;
    use plantain_media::preset::Presets;

    use super::*;

    #[test]
    fn a_product_of_too_few_pixels_is_told_how_many_it_needs() {
        let rules = SceneRules::of(Presets::builtin().get("amazon_main").unwrap(), 1);
        let mut scenes = top_three(&rules).to_vec();
        scenes.truncate(1);
        let product = |width, height| Rect { x: 5, y: 5, width, height };
        assert_eq!(judge(product(900, 30), &scenes), Ok(()));
        assert_eq!(judge(product(220, 100), &scenes), Ok(()));
        let small = judge(product(80, 110), &scenes).unwrap_err();
        assert_eq!((small.product, small.canvas, small.least), ((80, 110), (2000, 2000), 220));
        assert!(judge(product(0, 0), &scenes).is_err());
    }
}
