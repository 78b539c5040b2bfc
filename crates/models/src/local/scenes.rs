//! Which scenes to lay the product on: pure, from what the prompt says.
//!
//! The three pictures of a marketplace's rules come from `compose::top_three`; here stands only what a free prompt adds:
//! colours, gradients, a backdrop, a fourth picture.

use std::sync::Arc;

use plantain_media::compose::{Backdrop, Grade, Lamp, Light, Scene, SceneRules, Shadow as Cast, top_three};
use plantain_media::picture::Picture;
use plantain_media::preset::{Background as Rule, Fill, FillMetric, ShadowRule};
use plantain_wire::models::nano_banana::{AspectRatio, Settings};
use plantain_wire::models::staging::{SceneKind, Staging};

use super::prompt::{Background, PromptPlan, Shadow};
use super::staged::{self, Staged};

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
    pub staging: &'a Staging,
    pub backdrop: Option<Arc<Picture>>,
    /// What becomes of the product's colours.
    pub grade: Grade,
}

/// Whether a backdrop has a place: not where the prompt demands a plain background, since marketplaces refuse all others,
/// nor beside colours or a scene that bring their own.
pub(super) fn takes_backdrop(plan: &PromptPlan, staging: &Staging) -> bool {
    if staging.backdrop.is_some() || !staging.scene.takes_colors() {
        return false;
    }
    let plain = [Background::PureWhite, Background::Neutral, Background::LightGrey];
    plan.background.is_none_or(|background| !plain.contains(&background))
}

/// One scene for each picture that was asked for, all different.
pub(super) fn of(wanted: &Wanted<'_>) -> Vec<Scene> {
    let mut scenes: Vec<Scene> = three(wanted).into();
    let fourth = Scene { title: "Further away", fill: scenes[0].fill - 0.06, ..scenes[0].clone() };
    scenes.push(fourth);
    scenes.truncate(usize::from(wanted.settings.num_images.max(1)));
    let lamp = wanted.backdrop.as_ref().map_or(Lamp::LEFT, |backdrop| Lamp::of(backdrop));
    for scene in &mut scenes {
        scene.light = wanted.plan.light.unwrap_or(scene.light);
        scene.grade = wanted.grade;
        scene.lamp = lamp;
    }
    scenes
}

fn three(wanted: &Wanted<'_>) -> [Scene; 3] {
    let plan = wanted.plan;
    let by_rule =
        |background, unsaid| top_three(&rules(wanted, background, shadow_rule(plan.shadow).unwrap_or(unsaid)));
    if let Some(staged) = staged::of(wanted.staging, wanted.backdrop.as_ref()) {
        return free(wanted, staged);
    }
    match plan.background {
        None => by_rule(Rule::F0, ShadowRule::Any),
        Some(Background::PureWhite) => by_rule(Rule::W1, ShadowRule::Contact),
        Some(Background::Neutral) => by_rule(Rule::N1, ShadowRule::Contact),
        Some(Background::LightGrey) => by_rule(Rule::G1, ShadowRule::Contact),
        Some(Background::Gradient) => free(wanted, Staged::studio().in_passing()),
        Some(Background::Colour(rgb)) => free(wanted, Staged::on(Backdrop::Plain(rgb)).in_passing()),
    }
}

/// The shadow of a scene: a field that names one is not overruled by a prompt that has none.
fn shadow_of(staged: &Staged, wanted: &Wanted<'_>) -> Cast {
    match (wanted.staging.scene, wanted.plan.shadow) {
        (SceneKind::White, _) => Cast::None,
        (_, None) | (SceneKind::Shadow, Some(Shadow::None)) => staged.shadow,
        (_, Some(Shadow::None)) => Cast::None,
        (_, Some(Shadow::Contact)) => Cast::Contact,
        (_, Some(Shadow::Soft)) => Cast::Soft,
    }
}

/// Three scenes on backdrops that no marketplace rules: as asked, closer, in brighter light.
fn free(wanted: &Wanted<'_>, staged: Staged) -> [Scene; 3] {
    let rules = rules(wanted, Rule::F0, ShadowRule::Any);
    let shadow = shadow_of(&staged, wanted);
    // On white, where a marketplace may bound it.
    let bounded = shadow_rule(wanted.plan.shadow).filter(|_| staged.backdrops[0] == Backdrop::White);
    let differences = [(0.0, Light::Neutral), (FILL_LESS, Light::Neutral), (-FILL_LESS, Light::Bright)];
    let fill = rules.fill.target.min(staged.fill_max);
    let mut backdrops = staged.backdrops.into_iter();
    std::array::from_fn(|index| Scene {
        title: staged.titles[index],
        canvas: rules.canvas,
        fill: (fill + differences[index].0).min(FILL_MAX),
        backdrop: backdrops.next().unwrap_or(Backdrop::White),
        shadow,
        shadow_limits: bounded.and_then(ShadowRule::limits),
        reflection: staged.reflection,
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
    use plantain_media::compose::Sweep;
    use plantain_wire::models::nano_banana::EditInput;
    use plantain_wire::models::staging::Colors;

    use super::super::prompt;
    use super::*;

    fn settings(num_images: u8, more: &str) -> Settings {
        let input = format!(r#"{{"prompt":"x","image_urls":["y"],"num_images":{num_images}{more}}}"#);
        EditInput::parse(input.as_bytes()).unwrap().settings
    }

    fn made(prompt: &str, settings: &Settings, staging: &Staging, backdrop: Option<Arc<Picture>>) -> Vec<Scene> {
        of(&Wanted { plan: &prompt::read(prompt), settings, staging, backdrop, grade: Grade::NEUTRAL })
    }

    fn scenes(prompt: &str, num_images: u8) -> Vec<Scene> {
        made(prompt, &settings(num_images, ""), &Staging::default(), None)
    }

    fn staged(prompt: &str, scene: &str, colors: Option<&str>) -> Vec<Scene> {
        let backdrop = colors.map(|colors| Colors::parse(colors).unwrap());
        let staging = Staging { scene: SceneKind::parse(scene).unwrap(), backdrop, ..Staging::default() };
        made(prompt, &settings(4, ""), &staging, None)
    }

    #[test]
    fn a_scene_that_is_named_is_laid_out() {
        const SAND: [u8; 3] = [0xf4, 0xe9, 0xdd];
        for (scene, colors, backdrop, shadow, reflection) in [
            ("white", None, Backdrop::White, Cast::None, false),
            ("shadow", None, Backdrop::White, Cast::Thrown, false),
            ("studio", None, Backdrop::Studio(Sweep { low: 222, high: 251 }), Cast::Thrown, false),
            ("reflection", None, Backdrop::White, Cast::Contact, true),
            ("reflection", Some("#f4e9dd"), Backdrop::Plain(SAND), Cast::Contact, true),
            ("auto", Some("#f4e9dd"), Backdrop::Plain(SAND), Cast::Thrown, false),
            ("shadow", Some("#f4e9dd,#000000"), Backdrop::Gradient { top: SAND, bottom: [0; 3] }, Cast::Thrown, false),
        ] {
            let scenes = staged("fills 88% of the frame", scene, colors);
            let first = &scenes[0];
            assert_eq!((&first.backdrop, first.shadow, first.reflection), (&backdrop, shadow, reflection), "{scene}");
            for (at, one) in scenes.iter().enumerate() {
                assert!(scenes[..at].iter().all(|other| other != one), "{scene}: {at} repeats");
                assert!(one.fill < 0.8 || !reflection, "there is room below");
            }
        }
    }

    #[test]
    fn a_field_wins_over_the_prompt_and_keeps_a_marketplaces_bounds_on_white() {
        let shaded =
            staged("pure white background. At most a faint contact shadow right under the product.", "shadow", None);
        assert!(shaded.iter().all(|scene| scene.backdrop == Backdrop::White && scene.shadow == Cast::Contact));
        assert_eq!(shaded[0].shadow_limits, ShadowRule::Contact.limits());
        assert_eq!(staged("no shadow", "shadow", None)[0].shadow, Cast::Thrown);
        assert_eq!(staged("soft shadow", "white", None)[0].shadow, Cast::None);
        assert_eq!(staged("pink background", "auto", Some("#000000"))[0].backdrop, Backdrop::Plain([0; 3]));
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
        let plain = Staging::default();
        let scenes = made("soft shadow", &settings(3, ""), &plain, backdrop.clone());
        for scene in &scenes {
            assert!(matches!(scene.backdrop, Backdrop::Picture(_)) && scene.fill < 0.7);
            assert_eq!(scene.canvas, (2000, 1333));
        }
        let wide = settings(1, r#","aspect_ratio":"21:9""#);
        assert_eq!(made("soft shadow", &wide, &plain, backdrop.clone())[0].canvas, (2000, 857));
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
            assert_eq!(takes_backdrop(&prompt::read(prompt), &Staging::default()), takes, "{prompt}");
        }
        for (scene, takes) in
            [("auto", true), ("shadow", true), ("reflection", true), ("white", false), ("studio", false)]
        {
            let staging = Staging { scene: SceneKind::parse(scene).unwrap(), ..Staging::default() };
            assert_eq!(takes_backdrop(&prompt::read(""), &staging), takes, "{scene}");
        }
        let colors = Staging { backdrop: Colors::parse("#000000"), ..Staging::default() };
        assert!(!takes_backdrop(&prompt::read(""), &colors), "there is one");
    }

    #[test]
    fn the_light_comes_from_where_the_backdrop_is_brighter() {
        let mut picture = Picture::filled(100, 60, [40; 3]);
        for row in picture.rgb_mut().chunks_exact_mut(300) {
            row[150..].fill(220);
        }
        let scenes = made("", &settings(1, ""), &Staging::default(), Some(Arc::new(picture)));
        assert!(scenes[0].lamp.across > 0.5 && scenes[0].shadow == Cast::Thrown);
        assert_eq!(staged("", "shadow", None)[0].lamp, Lamp::LEFT);
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
