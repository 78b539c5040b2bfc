//! Pictures with exact truth, made by seed: products cut by their exact masks, laid with a shadow on grounds with clutter.
//!
//! Nothing was tuned on them. A product keeps a trace of its own photo's background at its edge, which makes them a little
//! harder than life.

use plantain_media::picture::{Matte, Picture, Rect};
use plantain_scale::{FilterType, ResizeAlg, ResizeOptions};

/// A picture, what is product in it, and where a person would point.
pub struct Composite {
    pub picture: Picture,
    pub truth: Matte,
    /// The box of the product that is meant.
    pub product: Rect,
}

/// A product with its exact mask, cropped to it.
pub struct Piece {
    color: Picture,
    matte: Matte,
}

/// A small generator of numbers; the same seed gives the same picture everywhere.
struct Dice(u64);

impl Dice {
    fn share(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 40) as f32) / (1u64 << 24) as f32
    }

    fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.share()
    }

    fn color(&mut self) -> [f32; 3] {
        std::array::from_fn(|_| self.between(30.0, 235.0))
    }
}

impl Piece {
    pub fn of(photo: &Picture, truth: &Matte) -> Piece {
        let area = truth.bounds(1).expect("there is a product");
        Piece { color: photo.crop(area), matte: truth.crop(area) }
    }

    /// At another size, by its longer side.
    fn sized(&self, long: u32) -> Piece {
        let from = (self.color.width(), self.color.height());
        let scale = f64::from(long) / f64::from(from.0.max(from.1));
        let to = [from.0, from.1].map(|side| ((f64::from(side) * scale).round() as u32).max(1));
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
        let size = (to[0], to[1]);
        Piece {
            color: Picture::new(to[0], to[1], plantain_scale::colors(self.color.rgb(), from, size, &options)),
            matte: Matte::new(to[0], to[1], plantain_scale::bytes(self.matte.alpha(), from, size, &options)),
        }
    }
}

const SIDE: u32 = 1000;

/// `meant` somewhat off the middle; with `beside`, that one stands next to it, smaller or nearly as large.
pub fn composite(seed: u64, meant: &Piece, beside: Option<&Piece>) -> Composite {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x51ed);
    (0..8).for_each(|_| {
        dice.share();
    });
    let mut picture = ground(&mut dice);
    clutter(&mut picture, &mut dice);
    let crowded = beside.is_some();
    let meant =
        meant.sized(dice.between(if crowded { 420.0 } else { 480.0 }, if crowded { 520.0 } else { 720.0 }) as u32);
    if let Some(beside) = beside {
        let beside = beside.sized(dice.between(300.0, 430.0) as u32);
        let place = (SIDE - beside.color.width() - 20, dice.between(250.0, 500.0) as u32);
        lay(&mut picture, &beside, place, 0.35);
    }
    let left = if crowded { 30.0 } else { (SIDE - meant.color.width()) as f32 * dice.between(0.25, 0.75) };
    let place = (left as u32, ((SIDE - meant.color.height()) as f32 * dice.between(0.3, 0.7)) as u32);
    let strength = dice.between(0.15, 0.5);
    lay(&mut picture, &meant, place, strength);
    let noise = dice.between(0.0, 5.0);
    picture
        .rgb_mut()
        .iter_mut()
        .for_each(|v| *v = (f32::from(*v) + dice.between(-noise, noise)).clamp(0.0, 255.0) as u8);
    finished(picture, &meant, place)
}

fn finished(picture: Picture, piece: &Piece, (left, top): (u32, u32)) -> Composite {
    let mut alpha = vec![0; (SIDE * SIDE) as usize];
    for y in 0..piece.matte.height() {
        for x in 0..piece.matte.width() {
            alpha[((top + y) * SIDE + left + x) as usize] = piece.matte.at(x, y);
        }
    }
    let truth = Matte::new(SIDE, SIDE, alpha);
    let product = truth.bounds(128).expect("the product was laid down");
    Composite { picture, truth, product }
}

/// The piece alone on one plain colour, with a margin around it.
pub fn on_plain(piece: &Piece, ground: [u8; 3]) -> Composite {
    let piece = piece.sized(560);
    let mut picture = Picture::filled(SIDE, SIDE, ground);
    let place = ((SIDE - piece.color.width()) / 2, (SIDE - piece.color.height()) / 2);
    lay(&mut picture, &piece, place, 0.0);
    finished(picture, &piece, place)
}

/// A wall and a table: two gradients with grain in bands.
fn ground(dice: &mut Dice) -> Picture {
    let (wall, table) = (dice.color(), dice.color());
    let horizon = dice.between(0.2, 0.55) * SIDE as f32;
    let (across, along, depth) = (dice.between(0.01, 0.15), dice.between(0.01, 0.15), dice.between(2.0, 22.0));
    let mut rgb = Vec::with_capacity((SIDE * SIDE * 3) as usize);
    for y in 0..SIDE {
        for x in 0..SIDE {
            let (x, y) = (x as f32, y as f32);
            let grain =
                ((x * across + (y * along).sin() * 2.0).sin() + (y * across * 1.7 + x * 0.003).sin()) * depth / 2.0;
            let light = 1.0 - 0.25 * (x - y * 0.5).abs() / SIDE as f32;
            let base = if y < horizon { wall } else { table };
            rgb.extend(base.map(|channel| (channel * light + grain).clamp(0.0, 255.0) as u8));
        }
    }
    Picture::new(SIDE, SIDE, rgb)
}

/// Things of one colour along the upper part and the sides, half of them boxes.
fn clutter(picture: &mut Picture, dice: &mut Dice) {
    let things = dice.between(0.0, 7.0) as usize;
    for _ in 0..things {
        let color = dice.color();
        let (x, y) = (dice.between(0.0, SIDE as f32), dice.between(0.0, SIDE as f32 * 0.35));
        let (wide, high) = (dice.between(20.0, 110.0), dice.between(20.0, 150.0));
        let square = dice.share() < 0.5;
        for row in 0..SIDE {
            for column in 0..SIDE {
                let (across, down) = ((column as f32 - x) / wide, (row as f32 - y) / high);
                let inside = if square { across.abs().max(down.abs()) <= 1.0 } else { across.hypot(down) <= 1.0 };
                if inside {
                    let at = ((row * SIDE + column) * 3) as usize;
                    let shade = 1.0 - 0.3 * across.max(0.0);
                    (0..3).for_each(|c| picture.rgb_mut()[at + c] = (color[c] * shade) as u8);
                }
            }
        }
    }
}

/// Lays a piece down: first its shadow, a blurred and shifted copy of its matte, then itself.
fn lay(picture: &mut Picture, piece: &Piece, (left, top): (u32, u32), strength: f32) {
    let (width, height) = (piece.matte.width(), piece.matte.height());
    const SOFT: u32 = 12;
    for y in 0..height + 2 * SOFT {
        for x in 0..width + 2 * SOFT {
            let shade: u32 = (0..5)
                .flat_map(|row| (0..5).map(move |column| (row, column)))
                .map(|(row, column)| {
                    let at = (x as i64 - SOFT as i64 + column * 6 - 12, y as i64 - SOFT as i64 + row * 6 - 12);
                    let inside = at.0 >= 0 && at.1 >= 0 && at.0 < i64::from(width) && at.1 < i64::from(height);
                    if inside { u32::from(piece.matte.at(at.0 as u32, at.1 as u32)) } else { 0 }
                })
                .sum();
            let (x, y) = (left + x + SOFT / 2, top + y + SOFT / 2);
            if x < SIDE && y < SIDE {
                let dark = 1.0 - strength * shade as f32 / (25.0 * 255.0);
                let at = ((y * SIDE + x) * 3) as usize;
                picture.rgb_mut()[at..at + 3].iter_mut().for_each(|v| *v = (f32::from(*v) * dark) as u8);
            }
        }
    }
    for y in 0..height {
        for x in 0..width {
            let share = f32::from(piece.matte.at(x, y)) / 255.0;
            let at = (((top + y) * SIDE + left + x) * 3) as usize;
            let own = piece.color.pixel(x, y);
            for (channel, own) in own.into_iter().enumerate() {
                let old = f32::from(picture.rgb()[at + channel]);
                picture.rgb_mut()[at + channel] = (f32::from(own) * share + old * (1.0 - share)).round() as u8;
            }
        }
    }
}
