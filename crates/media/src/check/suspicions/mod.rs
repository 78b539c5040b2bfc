//! What no rule names and a buyer or a marketplace would still turn down: softness, borders, lettering, rims. Warnings, never
//! failures, since a machine only suspects them.

mod border;
mod halo;
mod lettering;
mod sharpness;

use super::RuleResult;
use super::zones::{Levels, Product};
use crate::bitmap::Bitmap;
use crate::picture::Picture;
use crate::preset::{Background, ShadowRule};

/// What is looked at.
pub(super) struct Suspect<'a> {
    pub picture: &'a Picture,
    pub levels: &'a Levels,
    pub product: Option<&'a Product>,
    /// The shadow that the preset permits.
    pub shadow: Option<&'a Bitmap>,
    pub background: Background,
    /// Where a shadow may lie.
    pub shadow_rule: ShadowRule,
    /// The background's level, which shadows are darker than.
    pub reference: u8,
}

/// One row for each suspicion.
pub(super) fn all(suspect: &Suspect<'_>) -> [RuleResult; 4] {
    [sharpness::rule(suspect), border::rule(suspect.picture), lettering::rule(suspect), halo::rule(suspect)]
}
