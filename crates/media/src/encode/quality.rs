//! Which JPEG quality to write: the search over sizes, apart from any encoder.

use crate::encode::{EncodeError, EncodeOptions};

/// Where the search begins: beyond it files grow and no eye sees more.
pub(crate) const USUAL_QUALITY: u8 = 95;
/// Full colour resolution down to here; then half of it is given up before more quality.
const FULL_CHROMA_FLOOR: u8 = 85;
/// White stays exact white down to here: the step of a block's mean is then at most 8.
const FLOOR: u8 = 75;
const HIGHEST: u8 = 100;
/// A file larger than its limit by more than one part in so many says that none of a higher quality fits.
const PLATEAU: u64 = 32;

/// How finely colour is sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chroma {
    /// 4:4:4.
    Full,
    /// 4:2:0.
    Halved,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub quality: u8,
    pub chroma: Chroma,
}

/// Sizes to keep and the quality not to fall below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub max_bytes: u64,
    pub min_bytes: u64,
    pub min_quality: u8,
    /// The finest that is tried.
    pub chroma: Chroma,
}

impl Bounds {
    pub(super) fn of(options: &EncodeOptions) -> Bounds {
        Bounds {
            max_bytes: options.max_bytes,
            min_bytes: options.min_bytes.unwrap_or(0),
            min_quality: options.min_jpeg_quality.unwrap_or(FLOOR).clamp(1, USUAL_QUALITY),
            chroma: options.chroma,
        }
    }
}

type Attempt = (Vec<u8>, Setting);

/// The best setting whose file fits. Assumes that a file shrinks by little at most as quality grows.
pub(super) fn search(
    bounds: &Bounds,
    mut write: impl FnMut(Setting) -> Result<Vec<u8>, EncodeError>,
) -> Result<Attempt, EncodeError> {
    let mut attempt = |quality, chroma| {
        let setting = Setting { quality, chroma };
        write(setting).map(|bytes| (bytes, setting))
    };
    if bounds.chroma == Chroma::Full {
        let first = attempt(USUAL_QUALITY, Chroma::Full)?;
        if fits(&first, bounds) {
            return raised(first, bounds, attempt);
        }
        let floor = bounds.min_quality.max(FULL_CHROMA_FLOOR);
        if let Some(found) = highest_that_fits(floor, USUAL_QUALITY - 1, bounds, |q| attempt(q, Chroma::Full))? {
            return Ok(found);
        }
    }
    if let Some(found) = highest_that_fits(bounds.min_quality, USUAL_QUALITY, bounds, |q| attempt(q, Chroma::Halved))? {
        return Ok(found);
    }
    let smallest = attempt(bounds.min_quality, Chroma::Halved)?.0.len() as u64;
    Err(EncodeError::TooLarge { smallest, limit: bounds.max_bytes })
}

fn fits(attempt: &Attempt, bounds: &Bounds) -> bool {
    attempt.0.len() as u64 <= bounds.max_bytes
}

/// Where the file is smaller than the marketplace likes, the lowest quality that reaches its minimum, if one does.
fn raised(
    first: Attempt,
    bounds: &Bounds,
    mut attempt: impl FnMut(u8, Chroma) -> Result<Attempt, EncodeError>,
) -> Result<Attempt, EncodeError> {
    if first.0.len() as u64 >= bounds.min_bytes {
        return Ok(first);
    }
    let best = attempt(HIGHEST, Chroma::Full)?;
    if (best.0.len() as u64) < bounds.min_bytes {
        return Ok(first);
    }
    let (mut low, mut found) = (USUAL_QUALITY + 1, best);
    while low < found.1.quality {
        let tried = attempt(low + (found.1.quality - low) / 2, Chroma::Full)?;
        if tried.0.len() as u64 >= bounds.min_bytes { found = tried } else { low = tried.1.quality + 1 }
    }
    // The step over the minimum may have been a step over the maximum too.
    Ok(if fits(&found, bounds) { found } else { first })
}

/// Halves the range `low..=high`, then climbs over settings whose files are hardly larger: sizes of plain pictures go up and down
/// by a few bytes. `None` where nothing fits.
fn highest_that_fits(
    low: u8,
    high: u8,
    bounds: &Bounds,
    mut attempt: impl FnMut(u8) -> Result<Attempt, EncodeError>,
) -> Result<Option<Attempt>, EncodeError> {
    let mut found = None;
    let mut too_large = [None; HIGHEST as usize + 1];
    let (mut from, mut to) = (low, high);
    while from <= to {
        let tried = attempt(from + (to - from) / 2)?;
        let quality = tried.1.quality;
        if fits(&tried, bounds) {
            from = quality + 1;
            found = Some(tried);
        } else {
            too_large[usize::from(quality)] = Some(tried.0.len() as u64);
            to = quality - 1;
        }
    }
    let hardly = bounds.max_bytes.saturating_add(bounds.max_bytes / PLATEAU);
    for quality in from..=high {
        let size = match too_large[usize::from(quality)] {
            Some(size) => size,
            None => {
                let tried = attempt(quality)?;
                let size = tried.0.len() as u64;
                if fits(&tried, bounds) {
                    found = Some(tried);
                }
                size
            }
        };
        if size > hardly {
            break;
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An encoder whose files have 10 bytes for each step of quality, and 6 with halved chroma.
    fn pretend(setting: Setting) -> Result<Vec<u8>, EncodeError> {
        let each = if setting.chroma == Chroma::Full { 10 } else { 6 };
        Ok(vec![0; usize::from(setting.quality) * each])
    }

    #[track_caller]
    fn found(max_bytes: u64, min_bytes: u64, min_quality: u8, quality: u8, chroma: Chroma) {
        let bounds = Bounds { max_bytes, min_bytes, min_quality, chroma: Chroma::Full };
        assert_eq!(search(&bounds, pretend).unwrap().1, Setting { quality, chroma });
    }

    #[test]
    fn the_highest_quality_that_fits_is_found() {
        found(10_000, 0, 75, 95, Chroma::Full);
        found(950, 0, 75, 95, Chroma::Full);
        found(949, 0, 75, 94, Chroma::Full);
        found(905, 0, 75, 90, Chroma::Full);
        found(850, 0, 75, 85, Chroma::Full);
        found(849, 0, 75, 95, Chroma::Halved);
        found(500, 0, 75, 83, Chroma::Halved);
    }

    #[test]
    fn a_better_setting_beyond_one_that_does_not_fit_is_found() {
        // Sizes as a nearly plain picture has them: all but equal, and the better ones smaller here and there.
        let uneven = |setting: Setting| Ok(vec![0; 1000 + usize::from(setting.quality) * 7 % 11]);
        for max_bytes in 1000..1012 {
            let bounds = Bounds { max_bytes, min_bytes: 0, min_quality: 75, chroma: Chroma::Full };
            let fits = |quality: &u8| 1000 + u64::from(*quality) * 7 % 11 <= max_bytes;
            let best = (FULL_CHROMA_FLOOR..=USUAL_QUALITY).rev().find(fits);
            assert_eq!(search(&bounds, uneven).ok().map(|found| found.1.quality), best, "{max_bytes}");
        }
    }

    #[test]
    fn a_floor_of_the_marketplace_is_kept() {
        found(905, 0, 90, 90, Chroma::Full);
        found(899, 0, 90, 95, Chroma::Halved);
        let bounds = Bounds { max_bytes: 500, min_bytes: 0, min_quality: 90, chroma: Chroma::Full };
        assert_eq!(search(&bounds, pretend).unwrap_err(), EncodeError::TooLarge { smallest: 540, limit: 500 });
    }

    #[test]
    fn halved_chroma_can_be_asked_for() {
        let bounds = Bounds { max_bytes: 10_000, min_bytes: 0, min_quality: 75, chroma: Chroma::Halved };
        assert_eq!(search(&bounds, pretend).unwrap().1, Setting { quality: 95, chroma: Chroma::Halved });
    }

    #[test]
    fn quality_rises_only_where_that_reaches_the_minimum() {
        found(10_000, 970, 75, 97, Chroma::Full);
        found(10_000, 1000, 75, 100, Chroma::Full);
        found(10_000, 1001, 75, 95, Chroma::Full);
        found(965, 970, 75, 95, Chroma::Full);
    }
}
