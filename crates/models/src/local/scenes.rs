//! Which scenes to lay the product on: pure, from what the prompt says.
//!
//! The three pictures of a marketplace's rules come from `compose::top_three`; here stands only what a free prompt adds:
//! colours, gradients, a backdrop, a fourth picture.

use std::sync::Arc;

use plantain_media::compose::{Backdrop, Light, Scene, SceneRules, Shadow as Cast, Sweep, top_three};
use plantain_media::picture::Picture;
use plantain_media::preset::{Background as Rule, Fill, FillMetric, ShadowRule};
use plantain_wire::models::nano_banana::{AspectRatio, Settings};

use super::prompt::{Background, PromptPlan, Shadow};

/// Long side of what is made, in pixels: what marketplaces ask for at most, and what zoom needs.
const LONG_SIDE: u32 = 2000;

/// Share of the frame where the prompt says nothing: well above what marketplaces ask for at least.
const FILL: f32 = 0.88;
/// The same before a backdrop, of which something should be seen.
const FILL_BEFORE_BACKDROP: f32 = 0.62;

/// How far scenes may move from what was asked, so that they can differ in scale.
const FILL_LESS: f32 = 0.03;
const FILL_MORE: f32 = 0.04;
/// Nothing touches the frame.
const FILL_MAX: f32 = 0.98;

/// What is to be made.
pub(super) struct Wanted<'a> {
    pub plan: &'a PromptPlan,
    pub settings: &'a Settings,
    pub backdrop: Option<Arc<Picture>>,
}

/// Whether a backdrop has a place: not where the prompt demands a plain background, since marketplaces refuse all others.
pub(super) fn takes_backdrop(plan: &PromptPlan) -> bool {
    let plain = [Background::PureWhite, Background::Neutral, Background::LightGrey];
    plan.background.is_none_or(|background| !plain.contains(&background))
}

/// One scene for each picture that was asked for, all different.
pub(super) fn of(wanted: &Wanted<'_>) -> Vec<Scene> {
    let mut scenes: Vec<Scene> = three(wanted).into();
    let fourth = Scene { title: "Further away", fill: scenes[0].fill - 0.06, ..scenes[0].clone() };
    scenes.push(fourth);
    scenes.truncate(usize::from(wanted.settings.num_images.max(1)));
    if let Some(light) = wanted.plan.light {
        scenes.iter_mut().for_each(|scene| scene.light = light);
    }
    scenes
}

fn three(wanted: &Wanted<'_>) -> [Scene; 3] {
    let plan = wanted.plan;
    let by_rule =
        |background, unsaid| top_three(&rules(wanted, background, shadow_rule(plan.shadow).unwrap_or(unsaid)));
    if let Some(backdrop) = &wanted.backdrop {
        return free(
            wanted,
            Shadow::Contact,
            ["On your backdrop", "On your backdrop, closer", "On your backdrop, bright"],
            |_| Backdrop::Picture(backdrop.clone()),
        );
    }
    match plan.background {
        None => by_rule(Rule::F0, ShadowRule::Any),
        Some(Background::PureWhite) => by_rule(Rule::W1, ShadowRule::Contact),
        Some(Background::Neutral) => by_rule(Rule::N1, ShadowRule::Contact),
        Some(Background::LightGrey) => by_rule(Rule::G1, ShadowRule::Contact),
        Some(Background::Gradient) => {
            const SWEEPS: [Sweep; 3] =
                [Sweep { low: 222, high: 251 }, Sweep { low: 234, high: 252 }, Sweep { low: 206, high: 244 }];
            let titles = ["Studio sweep", "Studio sweep, closer", "Studio sweep, bright"];
            free(wanted, Shadow::Contact, titles, |index| Backdrop::Studio(SWEEPS[index]))
        }
        Some(Background::Colour(rgb)) => {
            let titles = ["Plain color", "Plain color, closer", "Plain color, bright"];
            free(wanted, Shadow::Contact, titles, |_| Backdrop::Plain(rgb))
        }
    }
}

/// Three scenes on backdrops that no marketplace rules: as asked, closer, in brighter light.
fn free(
    wanted: &Wanted<'_>,
    unsaid: Shadow,
    titles: [&'static str; 3],
    backdrop: impl Fn(usize) -> Backdrop,
) -> [Scene; 3] {
    let rules = rules(wanted, Rule::F0, ShadowRule::Any);
    let shadow = match wanted.plan.shadow.unwrap_or(unsaid) {
        Shadow::None => Cast::None,
        Shadow::Contact => Cast::Contact,
        Shadow::Soft => Cast::Soft,
    };
    let differences = [(0.0, Light::Neutral), (FILL_LESS, Light::Neutral), (-FILL_LESS, Light::Bright)];
    std::array::from_fn(|index| Scene {
        title: titles[index],
        canvas: rules.canvas,
        fill: (rules.fill.target + differences[index].0).min(FILL_MAX),
        backdrop: backdrop(index),
        shadow,
        shadow_limits: None,
        light: differences[index].1,
        seed: rules.seed,
        ..Scene::default()
    })
}

fn rules(wanted: &Wanted<'_>, background: Rule, shadow: ShadowRule) -> SceneRules {
    let unsaid = if wanted.backdrop.is_some() { FILL_BEFORE_BACKDROP } else { FILL };
    let target = wanted.plan.fill.unwrap_or(unsaid);
    let fill =
        Fill { metric: FillMetric::LongSide, min: target - FILL_LESS, max: (target + FILL_MORE).min(FILL_MAX), target };
    // Only the dither depends on it, so any part of the number will do.
    let seed = wanted.settings.seed.unwrap_or(0) as u64;
    SceneRules {
        canvas: canvas(wanted.settings.aspect_ratio, wanted.backdrop.as_deref()),
        fill,
        background,
        shadow,
        seed,
    }
}

fn shadow_rule(shadow: Option<Shadow>) -> Option<ShadowRule> {
    shadow.map(|shadow| match shadow {
        Shadow::None => ShadowRule::None,
        Shadow::Contact => ShadowRule::Contact,
        Shadow::Soft => ShadowRule::Soft,
    })
}

/// The shape that was asked for; else that of the backdrop; else a square, which every marketplace takes.
fn canvas(ratio: AspectRatio, backdrop: Option<&Picture>) -> (u32, u32) {
    let of_backdrop = || backdrop.map(|picture| (picture.width(), picture.height()));
    let (width, height) = ratio.ratio().or_else(of_backdrop).unwrap_or((1, 1));
    let long = f64::from(width.max(height)).max(1.0);
    let side = |length: u32| ((f64::from(length) / long * f64::from(LONG_SIDE)).round() as u32).max(1);
    (side(width), side(height))
}

#[cfg(test)]
mod tests {
    use plantain_wire::models::nano_banana::EditInput;

    use super::super::prompt;
    use super::*;

    fn settings(num_images: u8, more: &str) -> Settings {
        let input = format!(r#"{{"prompt":"x","image_urls":["y"],"num_images":{num_images}{more}}}"#);
        EditInput::parse(input.as_bytes()).unwrap().settings
    }

    fn scenes(prompt: &str, num_images: u8) -> Vec<Scene> {
        of(&Wanted { plan: &prompt::read(prompt), settings: &settings(num_images, ""), backdrop: None })
    }

    #[test]
    fn the_prompt_decides_backdrop_and_shadow() {
        for (prompt, backdrop, shadow) in [
            ("pure white background, no shadow", Backdrop::White, Cast::None),
            ("light grey background", Backdrop::Plain([240; 3]), Cast::Contact),
            ("gradient", Backdrop::Studio(Sweep { low: 222, high: 251 }), Cast::Contact),
            ("black background with a soft shadow", Backdrop::Plain([0; 3]), Cast::Soft),
            ("navy backdrop without shadow", Backdrop::Plain([0, 0, 128]), Cast::None),
        ] {
            let scene = &scenes(prompt, 1)[0];
            assert_eq!((&scene.backdrop, scene.shadow), (&backdrop, shadow), "{prompt}");
        }
    }

    #[test]
    fn where_white_is_asked_for_every_scene_is_white() {
        for prompt in ["pure white background", "white background, no shadow", "on white, soft shadows, high key"] {
            assert!(scenes(prompt, 4).iter().all(|scene| scene.backdrop == Backdrop::White), "{prompt}");
        }
        assert!(scenes("white background, no shadow", 4).iter().all(|scene| scene.shadow == Cast::None));
    }

    #[test]
    fn there_are_as_many_different_scenes_as_pictures() {
        for prompt in
            ["", "white background, no shadow", "gradient", "pink background", "light grey background", "97% fill"]
        {
            for count in 1..=4 {
                let scenes = scenes(prompt, count);
                assert_eq!(scenes.len(), usize::from(count));
                for (at, scene) in scenes.iter().enumerate() {
                    assert!(scenes[..at].iter().all(|other| other != scene), "{prompt}: {at} repeats");
                    assert!(scene.fill > 0.0 && scene.fill < 1.0, "{prompt}: {}", scene.fill);
                }
            }
        }
    }

    #[test]
    fn the_share_that_was_asked_for_is_kept_to() {
        for scene in scenes("fills 70% of the frame, white background, no shadow", 3) {
            assert!((0.67..=0.74).contains(&scene.fill), "{}", scene.fill);
        }
        assert_eq!(scenes("fills 70% of the frame", 1)[0].fill, 0.7);
    }

    #[test]
    fn tone_applies_to_all() {
        assert!(scenes("high key", 3).iter().all(|scene| scene.light == Light::Bright));
    }

    #[test]
    fn a_backdrop_is_seen_and_decides_the_shape() {
        let backdrop = Some(Arc::new(Picture::filled(300, 200, [9; 3])));
        let plan = prompt::read("soft shadow");
        let scenes = of(&Wanted { plan: &plan, settings: &settings(3, ""), backdrop: backdrop.clone() });
        for scene in &scenes {
            assert!(matches!(scene.backdrop, Backdrop::Picture(_)) && scene.fill < 0.7);
            assert_eq!(scene.canvas, (2000, 1333));
        }
        let wide = settings(1, r#","aspect_ratio":"21:9""#);
        assert_eq!(of(&Wanted { plan: &plan, settings: &wide, backdrop })[0].canvas, (2000, 857));
    }

    #[test]
    fn where_a_plain_background_is_demanded_there_is_no_place_for_a_backdrop() {
        for (prompt, takes) in [
            ("pure white background", false),
            ("light neutral background", false),
            ("light grey background", false),
            ("on this table", true),
            ("simple background that suits the product", true),
            ("studio backdrop", true),
        ] {
            assert_eq!(takes_backdrop(&prompt::read(prompt)), takes, "{prompt}");
        }
    }

    #[test]
    fn canvases_have_2000_pixels_on_their_long_side() {
        assert_eq!(canvas(AspectRatio::Auto, None), (2000, 2000));
        assert_eq!(canvas(AspectRatio::R3x4, None), (1500, 2000));
        assert_eq!(canvas(AspectRatio::R16x9, None), (2000, 1125));
        assert_eq!(canvas(AspectRatio::R1x1, None), (2000, 2000));
        assert_eq!(canvas(AspectRatio::Auto, Some(&Picture::filled(1200, 100, [0; 3]))), (2000, 167));
    }
}
