//! How much a product was enlarged between the photo and the finished picture, and what becomes of it: pure arithmetic.
//!
//! It needs the photo and is therefore no part of [`super::check`]; whoever has both adds [`Enlargement::rule`] to the report.

use super::{Outcome, RuleResult};

/// Up to here a resampled product can't be told from a photographed one at the size at which catalogs show it.
pub const SOFT_ABOVE: f64 = 1.5;
/// Beyond this each pixel of the photo covers more than sixteen: edges turn to steps and lettering can't be read.
pub const RUINED_ABOVE: f64 = 4.0;

/// A product in a photo and the same product in a picture, by the longer sides of their boxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enlargement {
    /// Width and height in the photo, in pixels.
    pub in_photo: (u32, u32),
    /// Width and height in the picture, in pixels.
    pub in_picture: (u32, u32),
}

/// What an enlargement does to a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing that could be seen.
    None,
    Soft,
    /// The picture must not be used.
    Ruined,
}

impl Enlargement {
    /// 1.0 where nothing was enlarged.
    pub fn times(&self) -> f64 {
        (shown(self.in_picture) / shown(self.in_photo)).max(1.0)
    }

    pub fn effect(&self) -> Effect {
        match self.times() {
            times if times > RUINED_ABOVE => Effect::Ruined,
            times if times > SOFT_ABOVE => Effect::Soft,
            _ => Effect::None,
        }
    }

    /// Pixels that the product's longer side must have in the photo for a picture that is not ruined.
    pub fn least(&self) -> u32 {
        (shown(self.in_picture) / RUINED_ABOVE).ceil() as u32
    }

    /// Pixels that the product's longer side must have in the photo for a sharp picture.
    pub fn enough(&self) -> u32 {
        (shown(self.in_picture) / SOFT_ABOVE).ceil() as u32
    }

    /// One sentence for the seller; `None` where there is nothing to tell.
    pub fn notice(&self) -> Option<String> {
        (self.effect() != Effect::None).then(|| {
            format!(
                "The product was enlarged {:.1} times and looks soft; it has {} x {} px in the photo, and {} px on its longer side would be sharp.",
                self.times(),
                self.in_photo.0,
                self.in_photo.1,
                self.enough()
            )
        })
    }

    /// The row of a report.
    pub fn rule(&self) -> RuleResult {
        let outcome = match self.effect() {
            Effect::None => Outcome::Pass,
            Effect::Soft => Outcome::Warn,
            Effect::Ruined => Outcome::Fail,
        };
        RuleResult::new("enlargement", "Enlargement of the product")
            .requires(format!("at most {SOFT_ABOVE} times"))
            .found(format!("{:.1} times", self.times()))
            .judged(outcome, format!("use a photo in which the product is at least {} px long", self.enough()))
    }
}

fn shown((width, height): (u32, u32)) -> f64 {
    f64::from(width.max(height).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_sharp_more_is_soft_and_much_is_ruined() {
        for (in_photo, times, effect, outcome) in [
            ((2000, 900), 1.0, Effect::None, Outcome::Pass),
            ((1200, 900), 1.5, Effect::None, Outcome::Pass),
            ((900, 1199), 1800.0 / 1199.0, Effect::Soft, Outcome::Warn),
            ((450, 100), 4.0, Effect::Soft, Outcome::Warn),
            ((449, 100), 1800.0 / 449.0, Effect::Ruined, Outcome::Fail),
            ((0, 0), 1800.0, Effect::Ruined, Outcome::Fail),
        ] {
            let enlargement = Enlargement { in_photo, in_picture: (1800, 800) };
            assert!((enlargement.times() - times).abs() < 1e-9, "{in_photo:?}: {}", enlargement.times());
            assert_eq!((enlargement.effect(), enlargement.rule().outcome), (effect, outcome), "{in_photo:?}");
            assert_eq!(enlargement.notice().is_some(), effect != Effect::None);
        }
    }

    #[test]
    fn what_would_be_needed_is_said_in_pixels() {
        let enlargement = Enlargement { in_photo: (300, 90), in_picture: (1800, 540) };
        assert_eq!((enlargement.least(), enlargement.enough()), (450, 1200));
        let notice = enlargement.notice().unwrap();
        assert!(
            notice.contains("6.0 times") && notice.contains("300 x 90 px") && notice.contains("1200 px"),
            "{notice}"
        );
    }
}
