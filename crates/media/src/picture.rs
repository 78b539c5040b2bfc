//! The three values that every stage of the engine hands on: pixels, coverage, and a product cut out of a photo.
//!
//! All are plain memory: 8 bits a channel, sRGB, orientation already applied. Sizes are checked where a value is
//! built, so later stages index without checking again.

/// An opaque picture: interleaved RGB, 8 bits a channel, sRGB, row by row from the top left.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl Picture {
    /// `rgb` holds exactly `width * height * 3` bytes; anything else is a bug of the caller.
    pub fn new(width: u32, height: u32, rgb: Vec<u8>) -> Picture {
        assert_eq!(rgb.len(), width as usize * height as usize * 3, "an RGB picture holds three bytes a pixel");
        Picture { width, height, rgb }
    }

    pub fn filled(width: u32, height: u32, color: [u8; 3]) -> Picture {
        Picture { width, height, rgb: color.repeat(width as usize * height as usize) }
    }

    pub fn width(&self) -> u32 {
        self.width
    }

    pub fn height(&self) -> u32 {
        self.height
    }

    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    pub fn rgb_mut(&mut self) -> &mut [u8] {
        &mut self.rgb
    }

    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        let at = (y as usize * self.width as usize + x as usize) * 3;
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }

    /// The part of the picture inside `area`, which must lie within the picture.
    pub fn crop(&self, area: Rect) -> Picture {
        Picture::new(area.width, area.height, crop_rows(&self.rgb, self.width, 3, area))
    }
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({} x {})", self.width, self.height)
    }
}

/// How much of each pixel belongs to the product: 0 none, 255 all.
#[derive(Clone, PartialEq, Eq)]
pub struct Matte {
    width: u32,
    height: u32,
    alpha: Vec<u8>,
}

impl Matte {
    /// `alpha` holds exactly `width * height` bytes; anything else is a bug of the caller.
    pub fn new(width: u32, height: u32, alpha: Vec<u8>) -> Matte {
        assert_eq!(alpha.len(), width as usize * height as usize, "a matte holds one byte a pixel");
        Matte { width, height, alpha }
    }

    /// Of a grey picture: light where the product is. Any channel would do; the green one is what decoders reproduce best.
    pub fn of_grey(picture: &Picture) -> Matte {
        let green = picture.rgb().chunks_exact(3).map(|pixel| pixel[1]).collect();
        Matte::new(picture.width, picture.height, green)
    }

    pub fn width(&self) -> u32 {
        self.width
    }

    pub fn height(&self) -> u32 {
        self.height
    }

    pub fn alpha(&self) -> &[u8] {
        &self.alpha
    }

    pub fn alpha_mut(&mut self) -> &mut [u8] {
        &mut self.alpha
    }

    pub fn at(&self, x: u32, y: u32) -> u8 {
        self.alpha[y as usize * self.width as usize + x as usize]
    }

    pub fn crop(&self, area: Rect) -> Matte {
        Matte::new(area.width, area.height, crop_rows(&self.alpha, self.width, 1, area))
    }

    /// The smallest box around every pixel of at least `threshold`; `None` where there is none.
    pub fn bounds(&self, threshold: u8) -> Option<Rect> {
        let width = self.width as usize;
        let (mut left, mut right, mut top, mut bottom) = (usize::MAX, 0, usize::MAX, 0);
        for (y, row) in self.alpha.chunks_exact(width.max(1)).enumerate() {
            let Some(first) = row.iter().position(|a| *a >= threshold) else { continue };
            let last = row.iter().rposition(|a| *a >= threshold).unwrap_or(first);
            left = left.min(first);
            right = right.max(last);
            top = top.min(y);
            bottom = y;
        }
        (top != usize::MAX).then(|| Rect {
            x: left as u32,
            y: top as u32,
            width: (right - left + 1) as u32,
            height: (bottom - top + 1) as u32,
        })
    }
}

impl std::fmt::Debug for Matte {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Matte({} x {})", self.width, self.height)
    }
}

/// A box in pixels, from its top left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Rect {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

/// A product lifted out of its photo: the crop around it, with the old background's colour already taken out of the
/// soft edge. `color` and `matte` have the same size; alpha is straight, not premultiplied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cutout {
    pub color: Picture,
    pub matte: Matte,
    /// Where the crop lay in the photo (after orientation).
    pub origin: Rect,
    /// Size of the whole photo (after orientation), in pixels.
    pub photo: (u32, u32),
    /// The box of the product inside the crop, at half coverage.
    pub product: Rect,
    /// How many gaps were opened in a woven product; 0 where it was not taken for one.
    pub gaps: usize,
}

/// How a photo's own frame stands to the product in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhotoFrame {
    /// Free of it on all sides, as far as is known.
    #[default]
    Clear,
    /// The product reaches all four sides, or some of a picture that came cut out: it was trimmed to the product, or it cuts it.
    /// Nobody can tell.
    Filled,
    /// The product runs out of it on some sides.
    Cuts,
}

impl Rect {
    /// A point as a pixel of a picture of `size` that shows this box; `None` outside.
    pub(crate) fn pixel(&self, point: (u32, u32), size: (u32, u32)) -> Option<(u32, u32)> {
        let along = |at: u32, start: u32, length: u32, side: u32| {
            let at = at.checked_sub(start).filter(|at| *at < length)?;
            Some((u64::from(at) * u64::from(side) / u64::from(length)) as u32)
        };
        Some((along(point.0, self.x, self.width, size.0)?, along(point.1, self.y, self.height, size.1)?))
    }
}

impl Cutout {
    /// How the photo's frame stands to the product. Of a cut-out that was not turned since. Where the photo `came_cut_out`, somebody trimmed
    /// it, so that a side which it reaches says little.
    pub fn photo_frame(&self, came_cut_out: bool) -> PhotoFrame {
        /// A trimmed picture's soft edge leaves the product's half coverage a little short of the frame.
        const TRIMMED: f64 = 0.01;
        let (across, down) = self.scale();
        let gaps = |at: u32, length: u32, scale: f64, from: u32, side: u32| {
            let (start, end) = (f64::from(at) * scale, f64::from(at + length) * scale);
            let near = (f64::from(side) * TRIMMED).max(2.0);
            [f64::from(from) + start, f64::from(side) - f64::from(from) - end].map(|gap| (gap, near))
        };
        let Rect { x, y, width, height } = self.product;
        let sides =
            [gaps(x, width, across, self.origin.x, self.photo.0), gaps(y, height, down, self.origin.y, self.photo.1)];
        let all = |holds: fn(&(f64, f64)) -> bool| sides.as_flattened().iter().all(holds);
        match () {
            () if all(|(gap, _)| *gap >= 0.5) => PhotoFrame::Clear,
            () if came_cut_out || all(|(gap, near)| gap <= near) => PhotoFrame::Filled,
            () => PhotoFrame::Cuts,
        }
    }

    /// Photo pixels per pixel of the crop, across and down: above 1 where the product was too large to be worked on as it is.
    pub(crate) fn scale(&self) -> (f64, f64) {
        let (width, height) = (self.color.width().max(1), self.color.height().max(1));
        (f64::from(self.origin.width) / f64::from(width), f64::from(self.origin.height) / f64::from(height))
    }
}

fn crop_rows(data: &[u8], width: u32, channels: usize, area: Rect) -> Vec<u8> {
    let stride = width as usize * channels;
    let mut out = Vec::with_capacity(area.width as usize * area.height as usize * channels);
    for y in area.y..area.y + area.height {
        let start = y as usize * stride + area.x as usize * channels;
        out.extend_from_slice(&data[start..start + area.width as usize * channels]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_every_pixel_at_the_threshold_and_no_other() {
        let mut matte = Matte::new(5, 4, vec![0; 20]);
        assert_eq!(matte.bounds(1), None);
        matte.alpha_mut()[5 + 1] = 200;
        matte.alpha_mut()[2 * 5 + 3] = 128;
        assert_eq!(matte.bounds(128), Some(Rect { x: 1, y: 1, width: 3, height: 2 }));
        assert_eq!(matte.bounds(129), Some(Rect { x: 1, y: 1, width: 1, height: 1 }));
    }

    #[test]
    fn a_point_finds_its_pixel_in_a_picture_of_a_part() {
        let area = Rect { x: 100, y: 50, width: 200, height: 40 };
        for (point, pixel) in [
            ((100, 50), Some((0, 0))),
            ((299, 89), Some((99, 19))),
            ((201, 51), Some((50, 0))),
            ((99, 60), None),
            ((300, 60), None),
            ((150, 90), None),
        ] {
            assert_eq!(area.pixel(point, (100, 20)), pixel, "{point:?}");
        }
    }

    #[test]
    fn the_photos_frame_is_told_from_the_products_box() {
        let cutout = |product: Rect| Cutout {
            color: Picture::filled(product.width, product.height, [0; 3]),
            matte: Matte::new(
                product.width,
                product.height,
                vec![255; product.width as usize * product.height as usize],
            ),
            origin: product,
            photo: (400, 300),
            product: Rect { x: 0, y: 0, ..product },
            gaps: 0,
        };
        for (x, y, width, height, frame) in [
            (20, 20, 100, 100, PhotoFrame::Clear),
            (1, 1, 398, 298, PhotoFrame::Clear),
            (0, 20, 100, 100, PhotoFrame::Cuts),
            (300, 20, 100, 100, PhotoFrame::Cuts),
            (20, 0, 100, 100, PhotoFrame::Cuts),
            (20, 200, 100, 100, PhotoFrame::Cuts),
            (0, 20, 400, 200, PhotoFrame::Cuts),
            (0, 0, 400, 290, PhotoFrame::Cuts),
            (0, 0, 400, 300, PhotoFrame::Filled),
            (0, 1, 397, 298, PhotoFrame::Filled),
        ] {
            let area = Rect { x, y, width, height };
            assert_eq!(cutout(area).photo_frame(false), frame, "{area:?}");
            let trimmed = if frame == PhotoFrame::Clear { frame } else { PhotoFrame::Filled };
            assert_eq!(cutout(area).photo_frame(true), trimmed, "{area:?}");
        }
        // Worked on at half its size, as large products are.
        let small = Rect { x: 0, y: 0, width: 50, height: 50 };
        let half = Cutout { origin: Rect { x: 300, y: 100, width: 100, height: 100 }, ..cutout(small) };
        assert_eq!(half.photo_frame(false), PhotoFrame::Cuts);
    }

    #[test]
    fn a_crop_keeps_its_rows() {
        let picture = Picture::new(2, 2, vec![1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]);
        let right = picture.crop(Rect { x: 1, y: 0, width: 1, height: 2 });
        assert_eq!(right.rgb(), [2, 2, 2, 4, 4, 4]);
    }
}
