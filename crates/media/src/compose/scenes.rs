//! The three pictures that are made when nobody asks for others: chosen by a marketplace's rules, by tables.

use crate::compose::{Backdrop, Light, Scene, Shadow, Sweep};
use crate::preset::{Background, Fill, Preset, ShadowRule};

/// What scenes have to obey.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SceneRules {
    pub canvas: (u32, u32),
    pub fill: Fill,
    pub background: Background,
    pub shadow: ShadowRule,
    /// Chooses the dither.
    pub seed: u64,
}

impl SceneRules {
    pub fn of(preset: &Preset, seed: u64) -> SceneRules {
        let Preset { canvas, fill, background, shadow, .. } = preset;
        SceneRules { canvas: *canvas, fill: *fill, background: *background, shadow: *shadow, seed }
    }
}

/// One scene before the rules fill in canvas, bounds and scale.
struct Plan {
    title: &'static str,
    backdrop: Backdrop,
    shadow: Shadow,
    light: Light,
    /// Added to the preset's target fill.
    closer: f32,
}

/// Kept from the permitted fill's ends, because a mask that is measured a pixel tighter must still pass.
const FILL_MARGIN: f32 = 0.01;

/// Pure white, white with shadow, studio sweep with shadow: as far as the rules let them differ. Where they demand pure
/// white without shadow, the three differ in scale and light.
pub fn top_three(rules: &SceneRules) -> [Scene; 3] {
    plans(rules.background, rules.shadow).map(|plan| Scene {
        title: plan.title,
        canvas: rules.canvas,
        fill: fill(&rules.fill, plan.closer),
        backdrop: plan.backdrop,
        shadow: plan.shadow,
        shadow_limits: rules.shadow.limits(),
        light: plan.light,
        seed: rules.seed,
        ..Scene::default()
    })
}

fn plans(background: Background, shadow: ShadowRule) -> [Plan; 3] {
    let cast = match shadow {
        ShadowRule::None => Shadow::None,
        ShadowRule::Contact | ShadowRule::Any => Shadow::Contact,
        ShadowRule::Soft => Shadow::Soft,
    };
    let plan = |title, backdrop, shadow, light, closer| Plan { title, backdrop, shadow, light, closer };
    let (white, grey) = (Backdrop::White, |level| Backdrop::Plain([level; 3]));
    let sweep = |low, high| Backdrop::Studio(Sweep { low, high });
    match background {
        Background::W1 | Background::W2 if cast == Shadow::None => [
            plan("Pure white", white.clone(), cast, Light::Neutral, 0.0),
            plan("Pure white, bright", white.clone(), cast, Light::Bright, -0.02),
            plan("Pure white, closer", white, cast, Light::Crisp, 0.03),
        ],
        Background::W1 | Background::W2 => [
            plan("Pure white", white.clone(), Shadow::None, Light::Neutral, 0.0),
            plan("White with shadow", white.clone(), cast, Light::Neutral, -0.01),
            plan("White with shadow, bright", white, cast, Light::Bright, -0.02),
        ],
        Background::N1 => [
            plan("Pure white", white, cast, Light::Neutral, 0.0),
            plan("Light grey", grey(240), cast, Light::Neutral, 0.0),
            plan("Studio sweep", sweep(234, 250), cast, Light::Bright, -0.01),
        ],
        Background::G1 => [
            plan("Light grey", grey(240), cast, Light::Neutral, 0.0),
            plan("Studio sweep", sweep(230, 246), cast, Light::Neutral, -0.02),
            plan("Light grey, bright", grey(245), cast, Light::Bright, 0.0),
        ],
        Background::F0 => [
            plan("Pure white", white.clone(), Shadow::None, Light::Neutral, 0.0),
            plan("White with shadow", white, cast, Light::Neutral, 0.0),
            plan("Studio sweep", sweep(222, 251), cast, Light::Neutral, -0.04),
        ],
    }
}

/// The target moved by `closer`, inside what is permitted.
fn fill(rule: &Fill, closer: f32) -> f32 {
    let (low, high) = (rule.min + FILL_MARGIN, rule.max - FILL_MARGIN);
    if low > high { rule.target } else { (rule.target + closer).clamp(low, high) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset::Presets;

    fn scenes(id: &str) -> [Scene; 3] {
        top_three(&SceneRules::of(Presets::builtin().get(id).unwrap(), 1))
    }

    #[test]
    fn amazon_gets_three_pure_whites_of_different_scale_and_light() {
        let scenes = scenes("amazon_main");
        assert!(scenes.iter().all(|s| s.backdrop == Backdrop::White && s.shadow == Shadow::None));
        let fills = scenes.each_ref().map(|s| (s.fill * 100.0).round() as u32);
        assert_eq!(fills, [88, 86, 91]);
        assert_eq!(scenes.map(|s| s.light), [Light::Neutral, Light::Bright, Light::Crisp]);
    }

    #[test]
    fn a_free_marketplace_gets_white_shadow_and_studio() {
        let [white, shadow, studio] = scenes("shopify");
        assert_eq!((white.backdrop, white.shadow), (Backdrop::White, Shadow::None));
        assert_eq!((shadow.backdrop, shadow.shadow), (Backdrop::White, Shadow::Contact));
        assert!(matches!(studio.backdrop, Backdrop::Studio(_)) && studio.shadow == Shadow::Contact);
    }

    #[test]
    fn every_builtin_preset_gets_three_different_scenes_inside_its_rules() {
        for preset in Presets::builtin().iter() {
            let scenes = top_three(&SceneRules::of(preset, 0));
            for (n, scene) in scenes.iter().enumerate() {
                assert!(scene.fill >= preset.fill.min && scene.fill <= preset.fill.max, "{}", preset.id);
                assert!(scenes[..n].iter().all(|other| other != scene), "{}: scene {n} repeats", preset.id);
                let white = scene.backdrop == Backdrop::White;
                assert!(white || !preset.background.is_white(), "{}", preset.id);
                assert!(!white || preset.background != Background::G1, "{}", preset.id);
                assert!(scene.shadow == Shadow::None || preset.shadow != ShadowRule::None, "{}", preset.id);
            }
        }
    }
}
