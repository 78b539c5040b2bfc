//! A seller's corrections of a finished job's cut-out: which strokes are kept, and which pictures may be made of them. Pure.
//!
//! Strokes are kept in order under a revision that each change raises; whoever changes them names the revision that was
//! seen, so that of two changes at once one is refused and none is lost.

use serde::{Deserialize, Serialize};

use plantain_media::compose::Recipe;
pub use plantain_media::cutout::Stroke;

use crate::job::FinishedPicture;

/// What a job's pictures were made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptCutout {
    pub matte: KeptMatte,
    /// The scene of each picture.
    pub scenes: Vec<Recipe>,
    /// What the job's notices say of how much the product was enlarged; pictures made anew say it anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enlarged: Option<String>,
}

/// The product's matte on the first photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptMatte {
    /// Key of a grey PNG in the blob store.
    pub blob: String,
    /// Degrees by which the product was set upright before it was laid out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub straightened: Option<f32>,
}

/// The pictures of a corrected cut-out, which stand in for the job's first ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Corrected {
    /// Of the strokes that they were made with.
    pub revision: u64,
    pub pictures: Vec<FinishedPicture>,
    pub notices: Vec<String>,
}

/// All strokes on a job's cut-out, the first one first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strokes {
    /// 0 where there never was one; each change raises it.
    pub revision: u64,
    pub strokes: Vec<Stroke>,
}

/// What became of something that was to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is kept under this revision.
    Under(u64),
    /// The strokes have changed since; this is their revision now.
    Conflict(u64),
    NotFound,
}

impl Strokes {
    /// `strokes` in place of these, for somebody who has seen the revision `seen`; otherwise the revision now.
    pub fn replaced(&self, seen: u64, strokes: Vec<Stroke>) -> Result<Strokes, u64> {
        match self.revision == seen {
            true => Ok(Strokes { revision: seen + 1, strokes }),
            false => Err(self.revision),
        }
    }

    /// Whether these are what a change by somebody who had seen the revision `seen` led to, so that the same change sent once
    /// more has been made: `new` are all strokes where they stand `instead` of those before, otherwise the last ones.
    pub fn hold(&self, seen: u64, new: &[Stroke], instead: bool) -> bool {
        let newest = self.revision.checked_sub(1) == Some(seen);
        newest && if instead { self.strokes == new } else { !new.is_empty() && self.strokes.ends_with(new) }
    }

    /// The strokes that others would be heeded differently without: all of both after those that both begin with.
    pub fn differing(&self, others: &[Stroke]) -> Vec<Stroke> {
        let common = self.strokes.iter().zip(others).take_while(|(one, other)| one == other).count();
        self.strokes[common..].iter().chain(&others[common..]).cloned().collect()
    }

    /// Whether pictures of these very strokes were made; otherwise the revision now.
    pub fn allow(&self, corrected: &Corrected) -> Result<(), u64> {
        if self.revision == corrected.revision { Ok(()) } else { Err(self.revision) }
    }
}

#[cfg(test)]
mod tests {
    use plantain_media::cutout::StrokeKind;

    use super::*;

    #[test]
    fn only_who_has_seen_the_newest_strokes_changes_them() {
        let stroke = Stroke { kind: StrokeKind::Keep, path: vec![(1, 2)], radius: 3 };
        let none = Strokes::default();
        let first = none.replaced(0, vec![stroke.clone()]).unwrap();
        assert_eq!((first.revision, first.strokes.len()), (1, 1));
        for (seen, outcome) in [(0, Err(1)), (2, Err(1)), (1, Ok(2))] {
            assert_eq!(first.replaced(seen, Vec::new()).map(|next| next.revision), outcome, "{seen}");
        }
        for (revision, outcome) in [(0, Err(1)), (1, Ok(())), (2, Err(1))] {
            let corrected = Corrected { revision, pictures: Vec::new(), notices: Vec::new() };
            assert_eq!(first.allow(&corrected), outcome, "{revision}");
        }
    }

    #[test]
    fn a_change_that_was_made_is_known_when_it_comes_again() {
        let stroke = |radius| Stroke { kind: StrokeKind::Erase, path: vec![(1, 2)], radius };
        let kept = Strokes { revision: 5, strokes: vec![stroke(1), stroke(2), stroke(3)] };
        for (seen, new, instead, made) in [
            (4, vec![stroke(3)], false, true),
            (4, vec![stroke(2), stroke(3)], false, true),
            (4, vec![stroke(1), stroke(2), stroke(3)], true, true),
            (4, vec![stroke(3)], true, false),
            (4, vec![stroke(2)], false, false),
            (4, Vec::new(), false, false),
            (4, Vec::new(), true, false),
            (3, vec![stroke(3)], false, false),
            (5, vec![stroke(3)], false, false),
            (u64::MAX, vec![stroke(3)], false, false),
        ] {
            assert_eq!(kept.hold(seen, &new, instead), made, "{seen} {new:?} {instead}");
        }
        assert!(!Strokes::default().hold(u64::MAX, &[], true), "there was never a change");
        assert!(Strokes { revision: 1, strokes: Vec::new() }.hold(0, &[], true));
    }

    #[test]
    fn strokes_differ_from_the_first_one_on_that_does() {
        let stroke = |radius| Stroke { kind: StrokeKind::Erase, path: vec![(1, 2)], radius };
        let kept = Strokes { revision: 2, strokes: vec![stroke(1), stroke(2)] };
        for (others, differing) in [
            (vec![1, 2], vec![]),
            (vec![1, 2, 3], vec![3]),
            (vec![1], vec![2]),
            (vec![3, 2], vec![1, 2, 3, 2]),
            (vec![], vec![1, 2]),
        ] {
            let others: Vec<Stroke> = others.into_iter().map(stroke).collect();
            let radii: Vec<u32> = kept.differing(&others).iter().map(|stroke| stroke.radius).collect();
            assert_eq!(radii, differing, "{others:?}");
        }
    }

    #[test]
    fn a_stroke_is_written_like_the_api_takes_it() {
        let text = r#"{"kind":"erase","points":[[1,2],[30,40]],"radius":5}"#;
        let stroke: Stroke = serde_json::from_str(text).unwrap();
        assert_eq!(stroke, Stroke { kind: StrokeKind::Erase, path: vec![(1, 2), (30, 40)], radius: 5 });
        assert_eq!(serde_json::to_string(&stroke).unwrap(), text);
    }
}
