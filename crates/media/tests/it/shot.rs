//! Pictures as sellers and models deliver them: a sample product on a ground with a fault, and exactly what of it is product.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use plantain_media::compose::{Backdrop, Scene, Shadow, compose};
use plantain_media::cutout::from_alpha;
use plantain_media::decode::{Limits, decode};
use plantain_media::encode::{Chroma, EncodeOptions, Provenance, encode};
use plantain_media::picture::{Cutout, Matte, Picture};
use plantain_media::preset::Format;

use crate::compose::photographed;

/// What lies behind.
#[derive(Clone, Copy, Debug)]
pub enum Ground {
    Flat([f64; 3]),
    /// From the upper to the lower edge.
    Gradient(f64, f64),
    /// Levels that the corners lack.
    Vignette(f64),
    /// Levels up and down at random.
    Noise(f64, f64),
    /// Soft waves of colour.
    Waves,
}

/// What the product does to the ground.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cast {
    Nothing,
    /// A soft shadow that takes up to so many levels.
    Shadow(f64),
    /// Mirrored, at this strength, until this share of the height.
    Reflection(f64, f64),
}

/// What was put on top.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Over {
    Nothing,
    Text,
    Border,
    /// Pixels of this level around the product.
    Halo(i32, f64),
    /// A soft ring that takes up to so many levels and fades within so many pixels.
    Ring(f64, f64),
}

/// One delivered picture, before it is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Shot {
    pub product: &'static str,
    pub size: (u32, u32),
    pub fill: f32,
    /// Moved from the middle by pixels.
    pub moved: (i32, i32),
    pub ground: Ground,
    pub cast: Cast,
    pub over: Over,
    /// Bleached to white.
    pub white: bool,
    /// Pixels by which the mask reaches beyond the product.
    pub loose: i32,
}

/// A mug in the middle of exact white, framed as marketplaces like it.
pub const GOOD: Shot = Shot {
    product: "mug",
    size: (1000, 1000),
    fill: 0.88,
    moved: (0, 0),
    ground: Ground::Flat([255.0; 3]),
    cast: Cast::Nothing,
    over: Over::Nothing,
    white: false,
    loose: 0,
};

/// A drawn picture.
pub struct Drawn {
    pub picture: Picture,
    /// What finishing is told to be product.
    pub mask: Matte,
    /// What is.
    pub truth: Matte,
}

impl Shot {
    pub fn drawn(&self) -> Drawn {
        let (width, height) = (self.size.0 as i32, self.size.1 as i32);
        let scene = Scene {
            title: "a shot",
            canvas: self.size,
            fill: self.fill,
            backdrop: Backdrop::White,
            shadow: Shadow::None,
            seed: 1,
            ..Scene::default()
        };
        let composed = compose(&cut_out(self.product), &scene);
        let moved = |x: i32, y: i32| {
            let (x, y) = (x - self.moved.0, y - self.moved.1);
            ((0..width).contains(&x) && (0..height).contains(&y)).then_some((x as u32, y as u32))
        };
        let cover = |x: i32, y: i32| moved(x, y).map_or(0, |(x, y)| composed.matte.at(x, y));
        let truth = painted_matte(self.size, cover);
        let mask = painted_matte(self.size, |x, y| loose(&truth, x, y, self.loose));
        let halo = match self.over {
            Over::Halo(reach, _) => painted_matte(self.size, |x, y| loose(&truth, x, y, reach)),
            _ => mask.clone(),
        };
        let away = match self.over {
            Over::Ring(..) => distances(&truth),
            _ => Vec::new(),
        };
        let foot = truth.bounds(128).map_or(0, |b| (b.y + b.height) as i32);
        let high = truth.bounds(128).map_or(1, |b| b.height as i32);
        let own = |x: i32, y: i32| {
            moved(x, y)
                .map_or([255.0; 3], |(x, y)| self.bleached(composed.picture.pixel(x, y), composed.matte.at(x, y)))
        };
        let mut chance = 7u64;
        let mut rgb = Vec::with_capacity((width * height * 3) as usize);
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            let mut behind = self.behind(x, y, &mut chance);
            match self.cast {
                Cast::Nothing => {}
                Cast::Shadow(levels) => {
                    let middle = f64::from(width / 2 + self.moved.0);
                    let (across, down) =
                        ((f64::from(x) - middle) / (0.3 * f64::from(width)), f64::from(y - foot) / 22.0);
                    let dark = levels * (-(across * across * across * across) - down * down).exp();
                    behind = behind.map(|v| v - dark);
                }
                Cast::Reflection(strength, until) => {
                    let way = f64::from(y - foot) + 0.5;
                    let shown = strength * (1.0 - way / (until * f64::from(high)));
                    if way > 0.0 && shown > 0.0 {
                        let mirrored = own(x, 2 * foot - 1 - y);
                        behind = [0, 1, 2].map(|c| behind[c] + (mirrored[c] - 255.0) * shown);
                    }
                }
            }
            if let Over::Halo(_, level) = self.over {
                let share = f64::from(halo.alpha()[(y * width + x) as usize]) / 255.0;
                behind = behind.map(|v| v + (level - v) * share);
            }
            if let Over::Ring(reach, levels) = self.over {
                let away = f64::from(away[(y * width + x) as usize]) / reach;
                behind = behind.map(|v| v - levels * (-away * away).exp());
            }
            let open = 1.0 - f64::from(cover(x, y)) / 255.0;
            let front = own(x, y);
            rgb.extend([0, 1, 2].map(|c| (front[c] + open * (behind[c] - 255.0)).round().clamp(0.0, 255.0) as u8));
        }
        let mut picture = Picture::new(self.size.0, self.size.1, rgb);
        self.write_over(&mut picture);
        Drawn { picture: over_the_wire(&picture), mask, truth }
    }

    /// Over white, its own colours or nearly white.
    fn bleached(&self, pixel: [u8; 3], cover: u8) -> [f64; 3] {
        let cover = f64::from(cover) / 255.0;
        pixel.map(|v| {
            let own = f64::from(v) - (1.0 - cover) * 255.0;
            if self.white { 232.0 * cover + own * 0.085 + (1.0 - cover) * 255.0 } else { f64::from(v) }
        })
    }

    fn behind(&self, x: i32, y: i32, chance: &mut u64) -> [f64; 3] {
        let (u, v) = (f64::from(x) / f64::from(self.size.0), f64::from(y) / f64::from(self.size.1));
        match self.ground {
            Ground::Flat(level) => level,
            Ground::Gradient(from, to) => [from + (to - from) * v; 3],
            Ground::Vignette(levels) => [254.0 - 2.0 * levels * ((u - 0.5).powi(2) + (v - 0.5).powi(2)); 3],
            Ground::Noise(level, depth) => {
                *chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                [level + depth * ((*chance >> 40) as f64 / f64::from(1 << 23) - 1.0); 3]
            }
            Ground::Waves => [120.0 + 40.0 * (7.0 * u).sin(), 140.0 + 30.0 * (9.0 * v).cos(), 100.0 + 60.0 * v],
        }
    }

    fn write_over(&self, picture: &mut Picture) {
        let (width, height) = (self.size.0, self.size.1);
        let mut fill = |x: u32, y: u32, across: u32, down: u32| {
            for row in y..y + down {
                let at = ((row * width + x) * 3) as usize;
                picture.rgb_mut()[at..at + across as usize * 3].fill(40);
            }
        };
        match self.over {
            Over::Nothing | Over::Halo(..) | Over::Ring(..) => {}
            Over::Text => (0..7).for_each(|n| {
                fill(30 + n * 24, 20, 5, 26);
                fill(30 + n * 24, 30, 15, 5);
            }),
            Over::Border => {
                fill(0, 0, width, 8);
                fill(0, height - 8, width, 8);
                (8..height - 8).for_each(|y| {
                    fill(0, y, 8, 1);
                    fill(width - 8, y, 8, 1);
                });
            }
        }
    }
}

/// A sample product, clean of the colours of its own photo's ground.
fn cut_out(name: &'static str) -> Arc<Cutout> {
    static KNOWN: Mutex<BTreeMap<&str, Arc<Cutout>>> = Mutex::new(BTreeMap::new());
    let cut = || {
        let photo = photographed(name);
        Arc::new(from_alpha(&photo.color, &photo.matte).unwrap())
    };
    KNOWN.lock().unwrap().entry(name).or_insert_with(cut).clone()
}

fn painted_matte(size: (u32, u32), at: impl Fn(i32, i32) -> u8) -> Matte {
    let places = (0..size.1 as i32).flat_map(|y| (0..size.0 as i32).map(move |x| (x, y)));
    Matte::new(size.0, size.1, places.map(|(x, y)| at(x, y)).collect())
}

/// The most coverage within `reach` pixels around.
fn loose(truth: &Matte, x: i32, y: i32, reach: i32) -> u8 {
    let inside = |x: i32, y: i32| (0..truth.width() as i32).contains(&x) && (0..truth.height() as i32).contains(&y);
    let mut most = truth.at(x as u32, y as u32);
    for (dy, dx) in (-reach..=reach).flat_map(|dy| (-reach..=reach).map(move |dx| (dy, dx))) {
        if most < 255 && dx * dx + dy * dy <= reach * reach && inside(x + dx, y + dy) {
            most = most.max(truth.at((x + dx) as u32, (y + dy) as u32));
        }
    }
    most
}

/// Pixels from each place to the nearest that is product, about: steps along sides count 1 and along diagonals the root of 2.
fn distances(truth: &Matte) -> Vec<f32> {
    let (width, height) = (truth.width() as i32, truth.height() as i32);
    let mut away: Vec<f32> = truth.alpha().iter().map(|a| if *a >= 128 { 0.0 } else { f32::MAX }).collect();
    let places = |back: bool| {
        let order = move |at: i32, end: i32| if back { end - 1 - at } else { at };
        (0..height).flat_map(move |y| (0..width).map(move |x| (order(x, width), order(y, height))))
    };
    for (back, step) in [(false, -1), (true, 1)] {
        for (x, y) in places(back) {
            let beside = [(step, 0, 1.0), (0, step, 1.0), (step, step, 1.414), (-step, step, 1.414)];
            for (dx, dy, far) in beside {
                let (from_x, from_y) = (x + dx, y + dy);
                if (0..width).contains(&from_x) && (0..height).contains(&from_y) {
                    let known = away[(from_y * width + from_x) as usize];
                    let own = &mut away[(y * width + x) as usize];
                    *own = own.min(known + far);
                }
            }
        }
    }
    away
}

/// As it comes over the wire: a JPEG with half of the colour.
fn over_the_wire(picture: &Picture) -> Picture {
    let options =
        EncodeOptions { chroma: Chroma::Halved, ..EncodeOptions::plain(Format::Jpeg, u64::MAX, Provenance::Generated) };
    decode(&encode(picture, &options).unwrap().bytes, &Limits::default()).unwrap().picture
}
