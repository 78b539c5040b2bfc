//! The flags that correct a cut-out with dabs of a brush.

use plantain_media::cutout::{self, CutoutError, Stroke, StrokeKind};
use plantain_media::picture::{Cutout, Picture};

/// Pixels are counted from the upper left corner of the photo held upright.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Brushing {
    /// Keep what a dab of the brush covers, and what hangs together with it by colour; may be repeated.
    #[arg(long, value_name = "X,Y,RADIUS", value_parser = dab)]
    keep: Vec<[u32; 3]>,
    /// Erase what a dab of the brush covers, and what hangs together with it by colour; may be repeated. Erased after all
    /// that is kept.
    #[arg(long, value_name = "X,Y,RADIUS", value_parser = dab)]
    erase: Vec<[u32; 3]>,
}

fn dab(text: &str) -> Result<[u32; 3], String> {
    let numbers: Vec<u32> = text.split(',').map_while(|number| number.trim().parse().ok()).collect();
    match numbers[..] {
        [x, y, radius] if radius > 0 && text.split(',').count() == 3 => Ok([x, y, radius]),
        _ => Err("give three whole numbers, such as 420,310,25; the radius is 1 or more".to_owned()),
    }
}

impl Brushing {
    /// The cut-out as it is corrected.
    pub fn corrected(&self, photo: &Picture, cutout: Cutout) -> Result<Cutout, CutoutError> {
        let dabs = |places: &[[u32; 3]], kind| -> Vec<Stroke> {
            places.iter().map(|[x, y, radius]| Stroke { kind, path: vec![(*x, *y)], radius: *radius }).collect()
        };
        let strokes = [dabs(&self.keep, StrokeKind::Keep), dabs(&self.erase, StrokeKind::Erase)].concat();
        if strokes.is_empty() {
            return Ok(cutout);
        }
        let matte = cutout::corrected(photo, &cutout::whole_matte(&cutout), &strokes)?;
        cutout::from_alpha(photo, &matte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dab_is_a_place_and_a_radius() {
        assert_eq!(dab("420, 310,25"), Ok([420, 310, 25]));
        for bad in ["", "1,2", "1,2,0", "1,2,3,4", "1,2,x", "-1,2,3", "1,2,3,x"] {
            assert!(dab(bad).is_err(), "{bad}");
        }
    }
}
