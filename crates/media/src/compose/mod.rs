//! Lays a cut-out product on a scene: backdrop, shadow, light, scale.
//!
//! The product is resampled once, in linear light, from the seller's own pixels, centred by its box and never cropped.
//! Nothing here knows a file format or measures a rule. The same cut-out, scene and seed give the same bytes.

mod backdrop;
mod contact;
mod grade;
pub(crate) mod ground;
mod lamp;
mod light;
pub(crate) mod linear;
pub(crate) mod placement;
pub(crate) mod plane;
mod recipe;
mod reflection;
pub(crate) mod resample;
mod scenes;
pub(crate) mod shadow;
mod upright;

pub use backdrop::{Backdrop, Sweep};
pub use grade::{Grade, MATCHED_MAX, NORMALISED_MAX};
pub use lamp::Lamp;
pub use light::Light;
pub use recipe::{Behind, Recipe};
pub use scenes::{SceneRules, top_three};
pub use shadow::Shadow;
pub use upright::{NOTICEABLE_LEAN, STRAIGHTENED_MAX, straightened, tilt};

use plantain_scale::U16x4;
use rayon::prelude::*;

use crate::picture::{Cutout, Matte, Picture};
use crate::preset::ShadowLimits;
use crate::tasks;
use backdrop::Painter;
use ground::Ground;
use linear::{plain_curve, srgb_table};
use plane::Plane;
use reflection::Reflection;
use resample::{Layer, Weigh, eight_bits};

/// One picture to be made of a product.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// What a person calls it, like `Pure white`.
    pub title: &'static str,
    /// Width and height in pixels, both above 0.
    pub canvas: (u32, u32),
    /// The larger of box width to canvas width and box height to canvas height, above 0 and at most 1.
    pub fill: f32,
    pub backdrop: Backdrop,
    pub shadow: Shadow,
    /// Bounds that the shadow has to keep; `None` where it is free.
    pub shadow_limits: Option<ShadowLimits>,
    /// Where the shadow's light comes from.
    pub lamp: Lamp,
    /// The floor gives the product back, faintly.
    pub reflection: bool,
    pub light: Light,
    /// Moves the product's colours a little, for white balance or towards a backdrop.
    pub grade: Grade,
    /// Chooses the dither.
    pub seed: u64,
}

impl Default for Scene {
    /// Pure white without a shadow.
    fn default() -> Scene {
        Scene {
            title: "Pure white",
            canvas: (2000, 2000),
            fill: 0.88,
            backdrop: Backdrop::White,
            shadow: Shadow::None,
            shadow_limits: None,
            lamp: Lamp::LEFT,
            reflection: false,
            light: Light::Neutral,
            grade: Grade::NEUTRAL,
            seed: 0,
        }
    }
}

/// A composed picture and which of its pixels are product.
#[derive(Clone, Debug, PartialEq)]
pub struct Composition {
    pub picture: Picture,
    /// The product only, as large as the picture.
    pub matte: Matte,
    /// How much the product had to be enlarged; 1.0 where it was not. Above about 1.5 it looks soft.
    pub upscaled: f32,
}

/// Lays the product on the scene.
pub fn compose(cutout: &Cutout, scene: &Scene) -> Composition {
    let placement = placement::place(cutout.product, scene.canvas, scene.fill);
    let curves = scene.grade.curves(scene.light);
    let layer =
        Layer::resample((&cutout.color, &cutout.matte), Weigh::ByCoverage, curves.each_ref(), placement, scene.canvas);
    let matte = match &layer {
        Some(layer) => layer.matte(scene.canvas),
        None => Matte::new(scene.canvas.0, scene.canvas.1, vec![0; scene.canvas.0 as usize * scene.canvas.1 as usize]),
    };
    let stands = scene.reflection || matches!(scene.shadow, Shadow::Contact | Shadow::Thrown);
    let ground = if stands { Ground::of(&matte) } else { None };
    let shade = shadow::cast(scene.shadow, &matte, ground.as_ref(), scene.lamp, scene.shadow_limits);
    let mirrored = layer.as_ref().zip(ground.as_ref()).filter(|_| scene.reflection);
    let reflection = mirrored.and_then(|(layer, ground)| Reflection::of(layer, ground, scene.canvas));
    let picture = paint(scene, layer.as_ref(), shade.as_ref(), reflection.as_ref());
    Composition { picture, matte, upscaled: (placement.scale as f32).max(1.0) }
}

fn paint(scene: &Scene, layer: Option<&Layer>, shade: Option<&Plane>, reflection: Option<&Reflection>) -> Picture {
    let (width, height) = scene.canvas;
    let painter = Painter::new(&scene.backdrop, scene.canvas);
    let mut rgb = vec![255; width as usize * height as usize * 3];
    let rows = rgb.par_chunks_exact_mut(width as usize * 3).enumerate();
    rows.with_min_len(tasks::pieces(width as usize)).for_each_init(
        || (vec![[0.0; 3]; width as usize], vec![0.0; width as usize]),
        |(levels, shades), (y, row)| {
            let row = row.as_chunks_mut::<3>().0;
            painter.row(y as u32, levels);
            match shade {
                Some(shade) => {
                    shade.enlarged_row(shadow::CELL, y, shades);
                    settle_shaded(row, levels, shades, painter.is_smooth(), y as u32, scene.seed);
                }
                None => settle(row, levels, painter.is_smooth(), y as u32, scene.seed),
            }
            if let Some((left, pixels)) = reflection.and_then(|reflection| reflection.row(y as u32)) {
                lay_over(&mut row[left..], pixels);
            }
            if let Some((layer, pixels)) = layer.and_then(|layer| Some((layer, layer.row(y as u32)?))) {
                lay_over(&mut row[layer.area.x as usize..], pixels);
            }
        },
    );
    Picture::new(width, height, rgb)
}

/// Levels to bytes.
fn settle(row: &mut [[u8; 3]], levels: &[[f32; 3]], smooth: bool, y: u32, seed: u64) {
    for (x, (out, level)) in row.iter_mut().zip(levels).enumerate() {
        let dither = if smooth { backdrop::noise(x as u32, y, seed) } else { 0.0 };
        *out = level.map(|v| (v + dither + 0.5) as u8);
    }
}

/// Levels less their share of shadow to bytes; dithered wherever a fraction would otherwise show as a band. The dither
/// fades with the shadow, so that none is strewn where the shadow has run out.
fn settle_shaded(row: &mut [[u8; 3]], levels: &[[f32; 3]], shades: &[f32], smooth: bool, y: u32, seed: u64) {
    /// Rounds to nothing.
    const UNSEEN: f32 = 0.2;
    for (x, ((out, level), shade)) in row.iter_mut().zip(levels).zip(shades).enumerate() {
        let shaded = *shade > UNSEEN;
        let strength = if smooth { 1.0 } else { shade.min(1.0) };
        let dither = if smooth || shaded { backdrop::noise(x as u32, y, seed) * strength } else { 0.0 };
        let left = if shaded { 1.0 - shade / 255.0 } else { 1.0 };
        *out = level.map(|v| (v * left + dither + 0.5) as u8);
    }
}

/// The product over the backdrop, in linear light.
fn lay_over(row: &mut [[u8; 3]], pixels: &[U16x4]) {
    let (linear, srgb) = (plain_curve(), srgb_table());
    for (out, pixel) in row.iter_mut().zip(pixels) {
        let [r, g, b, coverage] = pixel.0;
        if eight_bits(coverage) == 0 {
            continue;
        }
        let behind = u32::from(u16::MAX - coverage);
        for (out, light) in out.iter_mut().zip([r, g, b]) {
            let through = (u32::from(linear[usize::from(*out)]) * behind + 32767) / 65535;
            *out = srgb[(u32::from(light) + through).min(65535) as usize];
        }
    }
}
