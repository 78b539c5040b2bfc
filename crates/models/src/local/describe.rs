//! Says in plain words what was done and what was not. Pure.

use plantain_media::picture::Cutout;

use super::output::Painted;
use super::prompt::PromptPlan;

/// Enlarged by more than this, a product looks soft.
const SOFT_FROM: f32 = 1.5;

/// What there is to tell of.
pub(super) struct Work<'a> {
    pub plan: &'a PromptPlan,
    pub pictures: &'a [Painted],
    pub cutout: &'a Cutout,
    /// Sentences about the photo file.
    pub notices: &'a [&'static str],
    pub images_given: usize,
}

pub(super) fn describe(work: &Work<'_>) -> String {
    let titles: Vec<&str> = work.pictures.iter().map(|picture| picture.variant).collect();
    let scenes = if titles.len() == 1 { "scene" } else { "scenes" };
    let mut sentences = vec![format!(
        "The product was cut out of your photo and laid on {} {scenes}: {}. Every pixel of it is your photo's own; nothing was generated.",
        titles.len(),
        titles.join("; "),
    )];
    if !work.plan.not_followed.is_empty() {
        let quoted: Vec<String> = work.plan.not_followed.iter().map(|phrase| format!("“{phrase}”")).collect();
        sentences.push(format!("Not followed, because this engine only cuts out and composes: {}.", quoted.join(", ")));
    }
    sentences.extend(about_the_photo(work));
    sentences.join(" ")
}

fn about_the_photo(work: &Work<'_>) -> Vec<String> {
    let mut sentences = Vec::new();
    if work.cutout.touches_frame {
        sentences.push("The photo's edge cuts the product off.".to_owned());
    }
    let upscaled = work.pictures.iter().map(|picture| picture.upscaled).fold(1.0, f32::max);
    if upscaled > SOFT_FROM {
        sentences.push(format!(
            "The product was enlarged {upscaled:.1} times and may look soft; a larger photo would be sharper."
        ));
    }
    if work.images_given > 2 {
        sentences.push(format!("Of {} pictures two were used: the product and the backdrop.", work.images_given));
    }
    sentences.extend(work.notices.iter().map(|notice| (*notice).to_owned()));
    sentences
}

#[cfg(test)]
mod tests {
    use plantain_media::picture::{Matte, Picture, Rect};

    use super::super::prompt;
    use super::*;

    fn painted(variant: &'static str, upscaled: f32) -> Painted {
        Painted {
            variant,
            file_name: String::new(),
            content_type: "image/png",
            bytes: Default::default(),
            mask_name: String::new(),
            mask: Default::default(),
            width: 1,
            height: 1,
            upscaled,
        }
    }

    fn said(prompt: &str, pictures: &[Painted], touches_frame: bool, images_given: usize) -> String {
        let whole = Rect { x: 0, y: 0, width: 1, height: 1 };
        let cutout = Cutout {
            color: Picture::filled(1, 1, [0; 3]),
            matte: Matte::new(1, 1, vec![255]),
            origin: whole,
            photo: (1, 1),
            product: whole,
            touches_frame,
        };
        let plan = prompt::read(prompt);
        describe(&Work { plan: &plan, pictures, cutout: &cutout, notices: &[], images_given })
    }

    #[test]
    fn it_says_what_was_done_and_claims_nothing_more() {
        let said = said("on white", &[painted("Pure white", 1.0), painted("White with shadow", 1.2)], false, 1);
        assert_eq!(
            said,
            "The product was cut out of your photo and laid on 2 scenes: Pure white; White with shadow. \
             Every pixel of it is your photo's own; nothing was generated."
        );
    }

    #[test]
    fn it_says_what_it_could_not_do() {
        let said = said("on a marble table, harsh shadows", &[painted("Pure white", 2.04)], true, 3);
        for words in [
            "on 1 scene: ",
            "composes: “on a marble table”, “harsh shadows”.",
            "cuts the product off",
            "enlarged 2.0 times",
            "Of 3 pictures two were used",
        ] {
            assert!(said.contains(words), "{words} is not in {said}");
        }
    }
}
