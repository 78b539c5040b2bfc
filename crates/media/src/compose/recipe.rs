//! A scene as data, so that whoever keeps it can compose the same picture again of another cut-out.
//!
//! A recipe may come from outside: what it may say is bounded where a [`Scene`] is made of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::compose::{Backdrop, Grade, Lamp, Light, Scene, Shadow, Sweep};
use crate::picture::Picture;
use crate::preset::ShadowLimits;

/// Everything of a scene but its title and the pixels of a backdrop picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    pub canvas: (u32, u32),
    pub fill: f32,
    pub behind: Behind,
    pub shadow: Shadow,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow_limits: Option<ShadowLimits>,
    /// [`Lamp::across`].
    pub lamp: f32,
    pub reflection: bool,
    pub light: Light,
    /// [`Grade::gains`].
    pub gains: [f32; 3],
    pub seed: u64,
}

/// A [`Backdrop`] whose picture is kept elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behind {
    White,
    Plain([u8; 3]),
    Gradient {
        top: [u8; 3],
        bottom: [u8; 3],
    },
    Studio {
        low: u8,
        high: u8,
    },
    /// The second picture of the request.
    Picture,
}

/// The longest side of a canvas: twice what is made here.
const CANVAS_SIDE_MAX: u32 = 4096;
/// The smallest share of the canvas that a product is given.
const FILL_MIN: f32 = 0.02;
/// Gains beyond these are no correction of a photo's light.
const GAIN_MIN: f32 = 0.25;
const GAIN_MAX: f32 = 4.0;

impl Recipe {
    pub fn of(scene: &Scene) -> Recipe {
        let behind = match &scene.backdrop {
            Backdrop::White => Behind::White,
            Backdrop::Plain(color) => Behind::Plain(*color),
            Backdrop::Gradient { top, bottom } => Behind::Gradient { top: *top, bottom: *bottom },
            Backdrop::Studio(Sweep { low, high }) => Behind::Studio { low: *low, high: *high },
            Backdrop::Picture(_) => Behind::Picture,
        };
        Recipe {
            canvas: scene.canvas,
            fill: scene.fill,
            behind,
            shadow: scene.shadow,
            shadow_limits: scene.shadow_limits,
            lamp: scene.lamp.across,
            reflection: scene.reflection,
            light: scene.light,
            gains: scene.grade.gains,
            seed: scene.seed,
        }
    }

    /// The scene, on `picture` where it has a backdrop picture. `None` where that is missing, or where the recipe asks for
    /// what no scene has.
    pub fn scene(&self, picture: Option<&Arc<Picture>>) -> Option<Scene> {
        let backdrop = match self.behind {
            Behind::White => Backdrop::White,
            Behind::Plain(color) => Backdrop::Plain(color),
            Behind::Gradient { top, bottom } => Backdrop::Gradient { top, bottom },
            Behind::Studio { low, high } if low <= high => Backdrop::Studio(Sweep { low, high }),
            Behind::Studio { .. } => return None,
            Behind::Picture => Backdrop::Picture(picture?.clone()),
        };
        self.is_sound().then_some(Scene {
            title: "",
            canvas: self.canvas,
            fill: self.fill,
            backdrop,
            shadow: self.shadow,
            shadow_limits: self.shadow_limits,
            lamp: Lamp { across: self.lamp },
            reflection: self.reflection,
            light: self.light,
            grade: Grade { gains: self.gains },
            seed: self.seed,
        })
    }

    fn is_sound(&self) -> bool {
        let side = |side: u32| (1..=CANVAS_SIDE_MAX).contains(&side);
        let limits = |limits: ShadowLimits| (0.0..=1.0).contains(&limits.max_area);
        side(self.canvas.0)
            && side(self.canvas.1)
            && (FILL_MIN..=1.0).contains(&self.fill)
            && (-1.0..=1.0).contains(&self.lamp)
            && self.gains.iter().all(|gain| (GAIN_MIN..=GAIN_MAX).contains(gain))
            && self.shadow_limits.is_none_or(limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::{SceneRules, top_three};
    use crate::preset::Presets;

    fn again(scene: &Scene, picture: Option<&Arc<Picture>>) -> Option<Scene> {
        let text = serde_json::to_string(&Recipe::of(scene)).unwrap();
        let recipe: Recipe = serde_json::from_str(&text).unwrap();
        recipe.scene(picture).map(|again| Scene { title: scene.title, ..again })
    }

    #[test]
    fn every_scene_survives_being_written_down() {
        for preset in Presets::builtin().iter() {
            for scene in top_three(&SceneRules::of(preset, u64::MAX)) {
                assert_eq!(again(&scene, None).as_ref(), Some(&scene), "{}", preset.id);
            }
        }
        let picture = Arc::new(Picture::filled(3, 2, [9; 3]));
        let on_picture = Scene {
            backdrop: Backdrop::Picture(picture.clone()),
            shadow: Shadow::Thrown,
            lamp: Lamp { across: -0.3 },
            grade: Grade { gains: [1.01, 0.987, 1.0] },
            reflection: true,
            ..Scene::default()
        };
        assert_eq!(again(&on_picture, Some(&picture)), Some(on_picture.clone()));
        assert_eq!(again(&on_picture, None), None, "the picture is missing");
    }

    #[test]
    fn a_recipe_from_outside_asks_for_nothing_wild() {
        let usual = Recipe::of(&Scene::default());
        assert!(usual.scene(None).is_some());
        for wild in [
            Recipe { canvas: (0, 2000), ..usual.clone() },
            Recipe { canvas: (2000, 100_000), ..usual.clone() },
            Recipe { fill: 0.0, ..usual.clone() },
            Recipe { fill: f32::NAN, ..usual.clone() },
            Recipe { lamp: 7.0, ..usual.clone() },
            Recipe { gains: [1.0, f32::INFINITY, 1.0], ..usual.clone() },
            Recipe { behind: Behind::Studio { low: 9, high: 3 }, ..usual.clone() },
            Recipe { shadow_limits: Some(ShadowLimits { max_area: -1.0, min_level: 0 }), ..usual.clone() },
        ] {
            assert_eq!(wild.scene(None), None, "{wild:?}");
        }
    }
}
