//! Reads a prompt honestly: what of it can be done with the seller's own pixels, and which words can't be followed.
//!
//! Pure: text in, plan out. It understands backgrounds, shadows, how much of the frame the product fills, tone, and what
//! must not be added; it guesses nothing. Where two phrases contradict each other the first one counts, since whoever puts
//! a marketplace's rules before a seller's wishes means it so. Every word that it neither understands nor knows as
//! harmless comes back in [`PromptPlan::not_followed`].

mod colour;
mod reading;
mod tokens;
mod vocabulary;

pub use plantain_media::compose::Light;

/// The longest phrase that is quoted back, in characters.
const QUOTE_CHARS_MAX: usize = 80;
/// How many phrases are quoted back: a prompt of thousands of words needs no list of them.
const QUOTES_MAX: usize = 12;

/// What a prompt asks for, as far as it was understood. `None`: it says nothing about that.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PromptPlan {
    pub background: Option<Background>,
    pub shadow: Option<Shadow>,
    /// Share of the frame that the product takes, 0.3 to 0.97.
    pub fill: Option<f32>,
    pub light: Option<Light>,
    /// Phrases that are followed, in the prompt's own words.
    pub understood: Vec<String>,
    /// Phrases that are not, in the prompt's own words; at most 12 of at most 80 characters.
    pub not_followed: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Background {
    PureWhite,
    /// Light and without colour, white or not.
    Neutral,
    LightGrey,
    /// A studio sweep: light in the middle, a little darker towards the corners.
    Gradient,
    Colour([u8; 3]),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shadow {
    None,
    /// Faint, right where the product stands.
    Contact,
    Soft,
}

/// Reads a prompt. Takes time in proportion to its length.
pub fn read(prompt: &str) -> PromptPlan {
    reading::Reading::of(prompt).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn background(prompt: &str, expected: Option<Background>) {
        assert_eq!(read(prompt).background, expected, "{prompt}");
    }

    #[track_caller]
    fn shadow(prompt: &str, expected: Option<Shadow>) {
        assert_eq!(read(prompt).shadow, expected, "{prompt}");
    }

    #[track_caller]
    fn fill(prompt: &str, expected: Option<f32>) {
        assert_eq!(read(prompt).fill, expected, "{prompt}");
    }

    #[track_caller]
    fn not_followed(prompt: &str, expected: &[&str]) {
        assert_eq!(read(prompt).not_followed, expected, "{prompt}");
    }

    #[test]
    fn backgrounds() {
        use Background::{Colour, Gradient, LightGrey, Neutral, PureWhite};
        for white in [
            "pure white background",
            "on a plain white backdrop",
            "isolated on white",
            "studio white catalog photo",
            "product on seamless white",
            "RGB 255,255,255 background",
            "background rgb(255, 255, 255)",
            "background #FFFFFF",
            "white background, not grey",
            "clean, bright white studio background",
            "a white mug on a white background",
            "pure white, please",
            "Within these rules: pure white, please",
            "white",
            "just plain white. No text.",
        ] {
            background(white, Some(PureWhite));
        }
        background("light grey background", Some(LightGrey));
        background("Plain light-gray backdrop, not white", Some(LightGrey));
        background("not white", Some(LightGrey));
        background("plain, light, neutral background", Some(Neutral));
        background("soft gradient", Some(Gradient));
        background("subtle white to grey gradient background", Some(Gradient));
        background("studio backdrop", Some(Gradient));
        background("no gradient", Some(PureWhite));
        background("black background", Some(Colour([0, 0, 0])));
        background("on a navy backdrop", Some(Colour([0, 0, 128])));
        background("pastel pink background", Some(Colour([255, 230, 234])));
        background("background #ff8800", Some(Colour([255, 136, 0])));
        background("a white mug on a black background", Some(Colour([0, 0, 0])));
        background("simple background that suits the product", None);
        background("make the mug white", None);
        background("pure white mug, please", None);
        background("the product is white", None);
        background("no white background", Some(LightGrey));
        background("", None);
    }

    #[test]
    fn a_bare_white_that_is_followed_is_not_called_unfollowed() {
        let rules =
            "Pure white background (RGB 255, 255, 255) everywhere behind the product. No shadow and no reflection.";
        not_followed(&format!("{rules} Within these rules: pure white, please"), &[]);
        not_followed("light grey background. Pure white, please", &["Pure white"]);
        not_followed("make the mug white", &["mug white"]);
    }

    #[test]
    fn shadows() {
        for none in [
            "no shadow",
            "no shadows",
            "without shadow",
            "without any shadows",
            "shadowless",
            "shadow-free",
            "No shadow and no reflection.",
            "no text, shadow or reflection",
            "avoid shadows",
            "white background, no soft shadow",
        ] {
            shadow(none, Some(Shadow::None));
        }
        for soft in ["soft shadows", "a soft, light shadow at most", "with a subtle drop shadow", "diffuse shadow"] {
            shadow(soft, Some(Shadow::Soft));
        }
        for contact in [
            "contact shadow",
            "at most a faint contact shadow right under the product",
            "natural shadow",
            "with shadow",
        ] {
            shadow(contact, Some(Shadow::Contact));
        }
        shadow("no text, soft shadow", Some(Shadow::Soft));
        shadow("no harsh shadows", None);
        shadow("harsh long shadows", None);
        shadow("white background", None);
    }

    #[test]
    fn fills() {
        for (prompt, expected) in [
            ("85% fill", Some(0.85)),
            ("fills 88 % of the frame", Some(0.88)),
            ("The product fills about 88 % of the frame, is fully visible and centered.", Some(0.88)),
            ("product occupies at least 85 percent of the image", Some(0.85)),
            ("takes up 90% of the canvas", Some(0.9)),
            ("fill the frame 85-90 %", Some(0.9)),
            ("100% cotton", None),
            ("fills 5% of the frame", None),
            ("fills 200% of the frame", None),
            ("fills the frame", None),
        ] {
            fill(prompt, expected);
        }
    }

    #[test]
    fn tones() {
        for (prompt, expected) in [
            ("high key", Some(Light::Bright)),
            ("High-key", Some(Light::Bright)),
            ("bright and airy", Some(Light::Bright)),
            ("more contrast", Some(Light::Crisp)),
            ("natural light", Some(Light::Neutral)),
            ("low key", None),
            ("no high key", None),
        ] {
            assert_eq!(read(prompt).light, expected, "{prompt}");
        }
    }

    #[test]
    fn what_cannot_be_done_is_said_in_the_prompts_own_words() {
        not_followed("on a marble table", &["on a marble table"]);
        not_followed("Pure white background, on a Marble table with flowers.", &["on a Marble table with flowers"]);
        not_followed(
            "white background, dramatic lighting, a woman holding it",
            &["dramatic lighting", "woman holding"],
        );
        not_followed("harsh long shadows", &["harsh long shadows"]);
        not_followed("add a logo", &["logo"]);
        not_followed("transparent background", &["transparent background"]);
        not_followed("सफेद पृष्ठभूमि", &["सफेद पृष्ठभूमि"]);
        not_followed("fills 200% of the frame", &["fills 200% of the frame"]);
        not_followed("low key", &["low key"]);
        not_followed("make it look expensive", &["expensive"]);
    }

    #[test]
    fn what_can_be_done_leaves_nothing_to_complain_about() {
        for prompt in [
            "studio white catalog photo, soft shadows, ecommerce, high key",
            "studio white background, catalog-ready",
            "Product photo of a blue ceramic mug on a pure white background (RGB 255,255,255), no shadow",
            "Please put the product on a light grey background with a soft shadow.",
            "no text, no logo, no watermark, no props",
            "remove the background",
            "",
            " .,;!\n",
        ] {
            not_followed(prompt, &[]);
        }
    }

    #[test]
    fn the_studios_own_words_are_understood_whole() {
        let rules = |background: &str, shadow: &str| {
            format!(
                "Catalog photo of exactly this product, unchanged in shape, color, material and lettering. {background} \
                 {shadow} The product fills about 88 % of the frame, is fully visible and centered. No text, logo, \
                 watermark, border, prop or second product is added."
            )
        };
        let table = [
            ("Pure white background (RGB 255, 255, 255) everywhere behind the product.", Some(Background::PureWhite)),
            ("White background, nearly or exactly RGB 255, 255, 255.", Some(Background::PureWhite)),
            ("Plain, light, neutral background.", Some(Background::Neutral)),
            ("Plain light grey background, not white.", Some(Background::LightGrey)),
            ("Simple background that suits the product.", None),
        ];
        let shadows = [
            ("No shadow and no reflection.", Some(Shadow::None)),
            ("At most a faint contact shadow right under the product.", Some(Shadow::Contact)),
            ("A soft, light shadow at most.", Some(Shadow::Soft)),
            ("Natural light.", None),
        ];
        for (background, expected_background) in table {
            for (shadow, expected_shadow) in shadows {
                let plan = read(&rules(background, shadow));
                assert_eq!(
                    (plan.background, plan.shadow),
                    (expected_background, expected_shadow),
                    "{background} {shadow}"
                );
                assert_eq!(plan.fill, Some(0.88));
                assert_eq!(plan.not_followed, [""; 0], "{background} {shadow}");
            }
        }
        let wished = format!("{} Within these rules: soft shadows on a beach", rules(table[0].0, shadows[0].0));
        let plan = read(&wished);
        assert_eq!(plan.shadow, Some(Shadow::None), "the rule came first");
        assert_eq!(plan.not_followed, ["soft shadows", "on a beach"]);
    }

    #[test]
    fn a_prompt_of_any_size_gives_a_short_plan() {
        let long = "an elephant, ".repeat(4000);
        let plan = read(&long);
        assert_eq!(plan.not_followed, ["elephant"]);
        let many: String = (0..3000).map(|n| format!("thing{n}, ")).collect();
        assert_eq!(read(&many).not_followed.len(), QUOTES_MAX);
        let endless = read(&"x".repeat(50_000));
        assert_eq!(endless.not_followed[0].chars().count(), QUOTE_CHARS_MAX);
    }
}
