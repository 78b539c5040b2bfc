//! What is found out about a product before it is laid out: how it stands and what light it was taken in.

use plantain_media::compose::{self, Grade, NORMALISED_MAX, NOTICEABLE_LEAN, STRAIGHTENED_MAX};
use plantain_media::outline;
use plantain_media::picture::{Cutout, Picture};
use plantain_wire::models::staging::Staging;

/// A product ready to be laid out.
pub(super) struct Studied {
    pub cutout: Cutout,
    pub grade: Grade,
    pub told: Told,
}

/// What there is to tell of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Told {
    /// Degrees that the product leans in the photo, clockwise above 0; `None` where it can't be told.
    pub tilt: Option<f32>,
    /// Whether it was to be set upright, and was.
    pub straighten: Option<bool>,
    /// Whether its colours were to be evened out, and were.
    pub normalize: Option<bool>,
    /// Its colours were moved towards a backdrop's.
    pub matched: bool,
    /// The cut-out has the colour of what is around it.
    pub blends_in: bool,
    /// Gaps of a woven product were opened.
    pub gaps_opened: bool,
}

impl Studied {
    /// A computation over the whole photo, to be run beside the async threads.
    pub(super) fn of(photo: &Picture, cutout: Cutout, staging: &Staging, backdrop: Option<&Picture>) -> Studied {
        let tilt = compose::tilt(&cutout);
        let normalised = if staging.normalize { Grade::of_photo(photo, &cutout) } else { Grade::NEUTRAL };
        let grade = backdrop.map_or(normalised, |backdrop| normalised.toward(backdrop, &cutout));
        let slight = tilt.filter(|tilt| is_slight(*tilt) && staging.straighten);
        let cutout = match slight {
            Some(tilt) => compose::straightened(&cutout, tilt),
            None => cutout,
        };
        let told = Told {
            tilt,
            straighten: staging.straighten.then_some(slight.is_some()),
            normalize: staging.normalize.then_some(!normalised.is_neutral()),
            matched: backdrop.is_some(),
            blends_in: outline::blends_in(&cutout),
            gaps_opened: cutout.gaps > 0,
        };
        Studied { cutout, grade, told }
    }
}

fn is_slight(tilt: f32) -> bool {
    (NOTICEABLE_LEAN..=STRAIGHTENED_MAX).contains(&tilt.abs())
}

impl Told {
    pub(super) fn sentences(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        let lean = self
            .tilt
            .filter(|tilt| is_slight(*tilt))
            .map(|tilt| format!("{:.1}° to the {}", tilt.abs(), if tilt > 0.0 { "right" } else { "left" }));
        match (self.straighten, lean) {
            (Some(true), Some(lean)) => sentences.push(format!("It leaned {lean} and was set upright.")),
            (Some(_), _) => sentences.push("No small lean could be told, so nothing was straightened.".to_owned()),
            (None, Some(lean)) => {
                sentences.push(format!("The product leans {lean}; it can be set upright."));
            }
            (None, None) => {}
        }
        match self.normalize {
            Some(true) => sentences.push(format!(
                "White balance and exposure were evened out by the greys around it; no colour moved by more than a difference of {NORMALISED_MAX}."
            )),
            Some(false) => {
                sentences.push("Too little around it is grey to judge the light by, so its colours are as photographed.".to_owned());
            }
            None => {}
        }
        if self.matched {
            sentences.push("Its colours were moved a little towards the light of your backdrop.".to_owned());
        }
        sentences
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn says(told: Told, words: &[&str]) {
        let said = told.sentences().join(" ");
        assert_eq!(said.is_empty(), words.is_empty(), "{said}");
        words.iter().for_each(|words| assert!(said.contains(words), "{words} is not in {said}"));
    }

    #[test]
    fn a_lean_is_offered_to_be_straightened_and_told_when_it_was() {
        let leaning = |tilt, straighten| Told { tilt, straighten, ..Told::default() };
        says(leaning(None, None), &[]);
        says(leaning(Some(0.3), None), &[]);
        says(leaning(Some(9.0), None), &[]);
        says(leaning(Some(-2.44), None), &["leans 2.4° to the left", "can be set upright"]);
        says(leaning(Some(4.5), Some(true)), &["leaned 4.5° to the right and was set upright"]);
        says(leaning(Some(9.0), Some(false)), &["nothing was straightened"]);
        says(Told { normalize: Some(true), ..Told::default() }, &["difference of 3.5"]);
        says(Told { normalize: Some(false), matched: true, ..Told::default() }, &["as photographed", "backdrop"]);
    }
}
