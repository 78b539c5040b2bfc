//! Says in plain words what was done and what was not. Pure. How much the product was enlarged is for whoever finishes the picture
//! to say: that is known then, and said once.

use plantain_media::picture::PhotoFrame;

use super::output::Painted;
use super::prompt::PromptPlan;
use super::studied::Told;

/// What there is to tell of.
pub(super) struct Work<'a> {
    pub plan: &'a PromptPlan,
    pub pictures: &'a [Painted],
    /// How the photo stands to the product.
    pub photo_frame: PhotoFrame,
    /// Sentences about the photo file.
    pub notices: &'a [&'static str],
    /// What was found out about the product's stance and colours.
    pub studied: &'a Told,
    pub images_given: usize,
    /// The product, and the backdrop where it was laid on one.
    pub images_used: usize,
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
    sentences.extend(work.studied.sentences());
    sentences.extend(about_the_photo(work));
    sentences.join(" ")
}

fn about_the_photo(work: &Work<'_>) -> Vec<String> {
    let mut sentences = Vec::new();
    match work.photo_frame {
        PhotoFrame::Cuts => sentences.push("The photo's edge cuts the product off.".to_owned()),
        PhotoFrame::Filled => sentences.push("The product reaches the photo's edges.".to_owned()),
        PhotoFrame::Clear => {}
    }
    if work.studied.blends_in {
        sentences.push(
            "The cut-out has the colour of what is around it: look whether it shows what is meant, or draw a box around that."
                .to_owned(),
        );
    }
    if work.studied.gaps_opened {
        sentences.push(
            "The ground is seen through gaps of the product, and they were opened: bring back with the brush what is a print."
                .to_owned(),
        );
    }
    sentences.extend(about_unused(work.images_given, work.images_used));
    sentences.extend(work.notices.iter().map(|notice| (*notice).to_owned()));
    sentences
}

fn about_unused(given: usize, used: usize) -> Option<String> {
    match (given, used) {
        (3.., 2..) => Some(format!("Of {given} pictures two were used: the product and the backdrop.")),
        (2.., 1) => Some(format!(
            "Of {given} pictures the first was used; what was asked for has a background of its own, so there was no place for a backdrop."
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::prompt;
    use super::*;

    fn painted(variant: &'static str) -> Painted {
        Painted {
            recipe: plantain_media::compose::Recipe::of(&plantain_media::compose::Scene::default()),
            variant,
            file_name: String::new(),
            content_type: "image/png",
            bytes: Default::default(),
            mask_name: String::new(),
            mask: Default::default(),
            width: 1,
            height: 1,
        }
    }

    fn said(prompt: &str, pictures: &[Painted], photo_frame: PhotoFrame, images_given: usize) -> String {
        let plan = prompt::read(prompt);
        let images_used = images_given.min(2);
        describe(&Work {
            plan: &plan,
            pictures,
            photo_frame,
            notices: &[],
            studied: &Told::default(),
            images_given,
            images_used,
        })
    }

    #[test]
    fn it_says_what_was_done_and_claims_nothing_more() {
        let said = said("on white", &[painted("Pure white"), painted("White with shadow")], PhotoFrame::Clear, 1);
        assert_eq!(
            said,
            "The product was cut out of your photo and laid on 2 scenes: Pure white; White with shadow. \
             Every pixel of it is your photo's own; nothing was generated."
        );
    }

    #[test]
    fn it_says_what_it_could_not_do() {
        let said = said("on a marble table, harsh shadows", &[painted("Pure white")], PhotoFrame::Cuts, 3);
        for words in [
            "on 1 scene: ",
            "composes: “on a marble table”, “harsh shadows”.",
            "cuts the product off",
            "Of 3 pictures two were used",
        ] {
            assert!(said.contains(words), "{words} is not in {said}");
        }
    }

    #[test]
    fn opened_gaps_are_told_of_and_how_they_are_closed() {
        let plan = prompt::read("");
        let said = |gaps_opened| {
            let studied = Told { gaps_opened, ..Told::default() };
            let photo_frame = PhotoFrame::Clear;
            let work = Work {
                plan: &plan,
                pictures: &[],
                photo_frame,
                notices: &[],
                studied: &studied,
                images_given: 1,
                images_used: 1,
            };
            describe(&work)
        };
        assert!(said(true).contains("gaps of the product, and they were opened: bring back with the brush"));
        assert!(!said(false).contains("gaps"));
    }

    #[test]
    fn a_picture_that_was_not_used_is_told_of() {
        for (given, used, words) in
            [(1, 1, None), (2, 2, None), (3, 2, Some("two were used")), (2, 1, Some("the first was used"))]
        {
            let said = about_unused(given, used);
            assert_eq!(said.is_some(), words.is_some(), "{given} {used}: {said:?}");
            assert!(words.is_none_or(|words| said.is_some_and(|said| said.contains(words))), "{given} {used}");
        }
    }
}
