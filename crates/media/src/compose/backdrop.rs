//! What lies behind the product.

use std::sync::Arc;

use plantain_scale::ResizeOptions;

use crate::picture::Picture;
use plantain_scale as scale;

/// What the product stands on and before.
#[derive(Clone, Debug, PartialEq)]
pub enum Backdrop {
    /// Exact 255 everywhere that neither product nor shadow is.
    White,
    /// One colour everywhere.
    Plain([u8; 3]),
    /// From one colour at the top evenly to another at the bottom.
    Gradient { top: [u8; 3], bottom: [u8; 3] },
    /// A seamless studio sweep.
    Studio(Sweep),
    /// A picture, enlarged or reduced to cover the canvas and cut to it from its middle.
    Picture(Arc<Picture>),
}

/// A neutral paper sweep, lit from the upper left: a pool of light behind the product that falls off towards the
/// corners and, slower, along the floor. No horizon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// Level of the darkest corner.
    pub low: u8,
    /// Level in the middle of the pool.
    pub high: u8,
}

/// Where the pool of light lies and how wide it is, as shares of the canvas.
const POOL: (f64, f64) = (0.46, 0.47);
const POOL_WIDTH: (f64, f64) = (0.40, 0.36);
/// The pool's part of the range between low and high; the rest is the wall and floor.
const POOL_PART: f64 = 0.55;
/// Where the wall turns into the floor: the brightest height of the paper itself.
const TURN: f64 = 0.66;

/// A backdrop made ready for one canvas size.
pub(super) enum Painter {
    Flat([f32; 3]),
    Gradient(Vec<[f32; 3]>),
    Sweep { across: Vec<f64>, down: Vec<f64>, paper: Vec<f64>, sweep: Sweep },
    Picture(Picture),
}

impl Painter {
    pub(super) fn new(backdrop: &Backdrop, canvas: (u32, u32)) -> Painter {
        match backdrop {
            Backdrop::White => Painter::Flat([255.0; 3]),
            Backdrop::Plain(color) => Painter::Flat(color.map(f32::from)),
            Backdrop::Gradient { top, bottom } if top == bottom => Painter::Flat(top.map(f32::from)),
            Backdrop::Gradient { top, bottom } => Painter::Gradient(gradient(*top, *bottom, canvas.1)),
            Backdrop::Studio(sweep) => Painter::Sweep {
                across: bell(canvas.0, POOL.0, POOL_WIDTH.0),
                down: bell(canvas.1, POOL.1, POOL_WIDTH.1),
                paper: paper(canvas.1),
                sweep: *sweep,
            },
            Backdrop::Picture(picture) => Painter::Picture(covering(picture, canvas)),
        }
    }

    /// Levels of one row, before shadow and dither.
    pub(super) fn row(&self, y: u32, out: &mut [[f32; 3]]) {
        match self {
            Painter::Flat(color) => out.fill(*color),
            Painter::Gradient(colors) => out.fill(colors[y as usize]),
            Painter::Sweep { across, down, paper, sweep } => {
                let (down, paper) = (down[y as usize], paper[y as usize]);
                let (low, range) = (f64::from(sweep.low), f64::from(sweep.high) - f64::from(sweep.low));
                for (out, across) in out.iter_mut().zip(across) {
                    let light = POOL_PART * across * down + (1.0 - POOL_PART) * paper;
                    *out = [(low + range * light) as f32; 3];
                }
            }
            Painter::Picture(picture) => {
                let width = picture.width() as usize;
                let row = &picture.rgb()[y as usize * width * 3..][..width * 3];
                for (out, rgb) in out.iter_mut().zip(row.as_chunks::<3>().0) {
                    *out = rgb.map(f32::from);
                }
            }
        }
    }

    /// True where levels fall between bytes, so that rounding alone would show bands.
    pub(super) fn is_smooth(&self) -> bool {
        matches!(self, Painter::Sweep { .. } | Painter::Gradient(_))
    }
}

/// The colour of each row; the first and the last are exactly those that were asked for.
fn gradient(top: [u8; 3], bottom: [u8; 3], height: u32) -> Vec<[f32; 3]> {
    let down = |y: u32| y as f32 / height.saturating_sub(1).max(1) as f32;
    let mixed = |down: f32| [0, 1, 2].map(|c| f32::from(top[c]) + (f32::from(bottom[c]) - f32::from(top[c])) * down);
    (0..height).map(|y| mixed(down(y))).collect()
}

fn bell(length: u32, middle: f64, width: f64) -> Vec<f64> {
    let at = |i: u32| (f64::from(i) + 0.5) / f64::from(length);
    (0..length).map(|i| (-((at(i) - middle) / width).powi(2) / 2.0).exp()).collect()
}

/// Light on the paper by height: dim at the top of the wall, brightest at the turn, falling off along the floor.
fn paper(height: u32) -> Vec<f64> {
    let ease = |t: f64| t * t * (3.0 - 2.0 * t);
    (0..height)
        .map(|y| match (f64::from(y) + 0.5) / f64::from(height) {
            wall if wall < TURN => 0.25 + 0.75 * ease(wall / TURN),
            floor => 1.0 - 0.5 * ease((floor - TURN) / (1.0 - TURN)),
        })
        .collect()
}

/// The picture scaled to cover the canvas.
fn covering(picture: &Picture, canvas: (u32, u32)) -> Picture {
    let options = ResizeOptions::new().fit_into_destination(None).use_alpha(false);
    let size = (picture.width(), picture.height());
    Picture::new(canvas.0, canvas.1, scale::colors(picture.rgb(), size, canvas, &options))
}

/// Triangular noise between -1 and 1 from a place and a seed: the same for the same input, on any machine.
#[inline]
pub(super) fn noise(x: u32, y: u32, seed: u64) -> f32 {
    let mut bits = (u64::from(y) << 32 | u64::from(x)).wrapping_add(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let (a, b) = ((bits >> 40) as u32 & 0xffff, (bits >> 16) as u32 & 0xffff);
    (a as f32 - b as f32) / 65536.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(backdrop: &Backdrop, canvas: (u32, u32)) -> Vec<Vec<[f32; 3]>> {
        let painter = Painter::new(backdrop, canvas);
        (0..canvas.1)
            .map(|y| {
                let mut row = vec![[0.0; 3]; canvas.0 as usize];
                painter.row(y, &mut row);
                row
            })
            .collect()
    }

    #[test]
    fn the_sweep_is_neutral_stays_in_range_and_has_no_edge() {
        let rows = rows(&Backdrop::Studio(Sweep { low: 226, high: 252 }), (200, 300));
        for (y, row) in rows.iter().enumerate() {
            for (x, pixel) in row.iter().enumerate() {
                assert!(pixel[0] == pixel[1] && pixel[1] == pixel[2]);
                assert!((226.0..=252.0).contains(&pixel[0]), "{pixel:?}");
                let step = (pixel[0] - rows[y.saturating_sub(1)][x][0]).abs();
                assert!(step < 0.4, "a step of {step} at {x},{y}");
            }
        }
        assert!(rows[150][95][0] > rows[0][0][0] + 12.0, "the middle is lighter than the corner");
        assert!(rows[0][0][0] > rows[0][199][0], "the light comes from the left");
    }

    #[test]
    fn a_picture_covers_the_canvas_from_its_middle() {
        let mut picture = Picture::filled(40, 20, [9, 9, 9]);
        for y in 0..20 {
            picture.rgb_mut()[(y * 40) * 3..(y * 40 + 8) * 3].fill(200);
        }
        let rows = rows(&Backdrop::Picture(Arc::new(picture)), (20, 20));
        assert_eq!(rows[10][0], [9.0; 3], "the light left fifth is cut away");
    }

    #[test]
    fn noise_is_even_bounded_and_repeats() {
        let values: Vec<f32> = (0..4000).map(|x| noise(x, 7, 3)).collect();
        assert!(values.iter().all(|v| v.abs() < 1.0));
        assert!((values.iter().sum::<f32>() / 4000.0).abs() < 0.03);
        assert_eq!(noise(5, 6, 7), noise(5, 6, 7));
        assert_ne!(noise(5, 6, 7), noise(5, 6, 8));
    }
}
