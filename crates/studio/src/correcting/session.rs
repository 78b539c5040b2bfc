//! One photo on the desk: its pixels, its matte as far as it is corrected, and the way back. Pure memory.
//!
//! The matte is a function of the strokes alone, whatever order they came and went in: each is heeded after those before it.

use std::collections::VecDeque;
use std::sync::Arc;

use plantain_media::cutout::{self, CutoutError, Stroke};
use plantain_media::picture::{Matte, Picture, Rect};

pub struct Session {
    photo: Arc<Picture>,
    /// The photo brought its own transparency.
    came_cut_out: bool,
    matte: Matte,
    strokes: Vec<Stroke>,
    /// What the newest strokes covered, the newest last.
    back: VecDeque<Option<Patch>>,
}

/// A part of the matte as it was.
struct Patch {
    area: Rect,
    before: Matte,
}

/// Why the strokes that are wanted can't be reached from here.
#[derive(Debug)]
pub enum Stuck {
    /// The way back isn't kept so far: the session has to be begun anew.
    TooFarBack,
    Refused(CutoutError),
}

impl Session {
    /// `None` where the matte is none of this photo.
    pub fn new(photo: Picture, matte: Matte) -> Option<Session> {
        let fits = (photo.width(), photo.height()) == (matte.width(), matte.height());
        let photo = Arc::new(photo);
        fits.then(|| Session { photo, came_cut_out: false, matte, strokes: Vec::new(), back: VecDeque::new() })
    }

    /// The same of a photo that brought its own transparency, or did not.
    pub fn that_came_cut_out(self, came_cut_out: bool) -> Session {
        Session { came_cut_out, ..self }
    }

    pub fn came_cut_out(&self) -> bool {
        self.came_cut_out
    }

    pub fn photo(&self) -> &Arc<Picture> {
        &self.photo
    }

    pub fn matte(&self) -> &Matte {
        &self.matte
    }

    pub fn pixels(&self) -> u64 {
        u64::from(self.photo.width()) * u64::from(self.photo.height())
    }

    /// Heeds exactly these strokes.
    pub fn bring_to(&mut self, wanted: &[Stroke]) -> Result<(), Stuck> {
        let common = self.strokes.iter().zip(wanted).take_while(|(one, other)| one == other).count();
        if self.strokes.len() - common > self.back.len() {
            return Err(Stuck::TooFarBack);
        }
        while self.strokes.len() > common {
            self.strokes.pop();
            if let Some(patch) = self.back.pop_back().flatten() {
                put(&mut self.matte, &patch);
            }
        }
        for stroke in &wanted[common..] {
            let mut covered = None;
            let keep = |area, before| covered = Some(Patch { area, before });
            cutout::stroked(&self.photo, &mut self.matte, stroke, &self.strokes, keep).map_err(Stuck::Refused)?;
            self.strokes.push(stroke.clone());
            self.back.push_back(covered);
            self.forget();
        }
        Ok(())
    }

    /// The way back takes no more than the matte itself does.
    fn forget(&mut self) {
        let bytes = |patch: &Option<Patch>| patch.as_ref().map_or(0, |patch| patch.before.alpha().len());
        let mut kept: usize = self.back.iter().map(bytes).sum();
        while kept > self.matte.alpha().len() {
            kept -= self.back.pop_front().map_or(kept, |oldest| bytes(&oldest));
        }
    }
}

fn put(matte: &mut Matte, patch: &Patch) {
    let (stride, width) = (matte.width() as usize, patch.area.width as usize);
    let left = patch.area.x as usize;
    for (y, row) in (patch.area.y as usize..).zip(patch.before.alpha().chunks_exact(width.max(1))) {
        matte.alpha_mut()[y * stride + left..][..width].copy_from_slice(row);
    }
}

#[cfg(test)]
mod tests {
    use plantain_media::cutout::StrokeKind;

    use super::*;

    const WIDTH: u32 = 480;
    const HEIGHT: u32 = 360;

    /// A dark square on a light ground, half of which is in the matte.
    fn begun() -> Session {
        let (width, height) = (WIDTH, HEIGHT);
        let dark = |x: u32, y: u32| (120..360).contains(&x) && (80..280).contains(&y);
        let places = || (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let rgb = places().flat_map(|(x, y)| if dark(x, y) { [40, 60, 80] } else { [230; 3] }).collect();
        let alpha = places().map(|(x, y)| if dark(x, y) && x < 240 { 255 } else { 0 }).collect();
        Session::new(Picture::new(width, height, rgb), Matte::new(width, height, alpha)).unwrap()
    }

    fn dab(kind: StrokeKind, x: u32, y: u32) -> Stroke {
        Stroke { kind, path: vec![(x, y)], radius: 6 }
    }

    #[test]
    fn the_matte_depends_on_the_strokes_alone() {
        let [keep, erase, other] =
            [dab(StrokeKind::Keep, 300, 160), dab(StrokeKind::Erase, 160, 160), dab(StrokeKind::Keep, 40, 40)];
        let wanted = [keep.clone(), erase.clone()];
        let mut straight = begun();
        straight.bring_to(&wanted).unwrap();
        let mut detour = begun();
        for way in [&[keep.clone()][..], &[keep.clone(), other.clone()], &[keep, other, erase], &[], &wanted] {
            detour.bring_to(way).unwrap();
        }
        assert!(straight.matte() == detour.matte());
        assert_eq!((straight.matte().at(300, 160), straight.matte().at(160, 160)), (255, 0));
        detour.bring_to(&[]).unwrap();
        assert!(detour.matte() == begun().matte(), "all the way back");
    }

    #[test]
    fn what_changes_lies_where_it_is_said_to() {
        let mut session = begun();
        let before = session.matte().clone();
        let drawn = [dab(StrokeKind::Keep, 300, 160)];
        session.bring_to(&drawn).unwrap();
        let area = cutout::reached(&drawn, (WIDTH, HEIGHT)).unwrap();
        let inside = |x, y| (area.x..area.x + area.width).contains(&x) && (area.y..area.y + area.height).contains(&y);
        for y in 0..before.height() {
            for x in 0..before.width() {
                assert!(before.at(x, y) == session.matte().at(x, y) || inside(x, y), "{x} {y}");
            }
        }
        assert!(before != *session.matte());
    }

    #[test]
    fn the_way_back_is_bounded_and_its_end_is_told() {
        let mut session = begun();
        let broad: Vec<Stroke> =
            (0..8).map(|n| Stroke { radius: 100, ..dab(StrokeKind::Keep, 80 + n * 40, 160) }).collect();
        session.bring_to(&broad).unwrap();
        let kept: usize = session.back.iter().flatten().map(|patch| patch.before.alpha().len()).sum();
        assert!(kept <= (WIDTH * HEIGHT) as usize, "{kept}");
        assert!(matches!(session.bring_to(&[]), Err(Stuck::TooFarBack)));
    }

    #[test]
    fn a_stroke_that_would_take_long_is_refused_and_changes_nothing() {
        let mut session = begun();
        let path = (0..4000).map(|n| (n % WIDTH, n % HEIGHT)).collect();
        let long = Stroke { kind: StrokeKind::Keep, path, radius: 60 };
        assert!(matches!(session.bring_to(&[long]), Err(Stuck::Refused(CutoutError::TooManyStrokes))));
        assert!(session.matte() == begun().matte());
        assert!(Session::new(Picture::filled(2, 2, [0; 3]), Matte::new(1, 2, vec![0; 2])).is_none());
    }
}
