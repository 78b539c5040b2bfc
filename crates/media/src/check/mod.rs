//! Measures a finished file against a marketplace's rules.
//!
//! It starts from the encoded bytes and believes nothing that the rest of the engine says about them but the product's
//! mask. Every rule ends as a [`RuleResult`] with what was asked, what was measured and what to do; a file that is no
//! picture ends as a failed report, never as an error. Enlargement and identity need the source photo and are added by whoever
//! has it, through [`Report::add`].

pub(crate) mod components;
mod container;
pub mod enlargement;
mod floor;
pub mod identity;
mod report;
mod rules;
mod suspicions;
pub(crate) mod veil;
pub(crate) mod zones;

pub use report::{MaskSource, Outcome, Report, RuleResult};

use crate::decode::{self, Av1Decoder, Decoded, Limits, PictureError};
use crate::picture::{Matte, Picture};
use crate::preset::{Background, Preset, ShadowRule};
use container::{Container, Kind};
use report::must;
pub(crate) use rules::background::NEAR_FLOOR;
pub(crate) use rules::background::RingFacts;
pub(crate) use rules::framing::{centred, fill_holds, fill_of};
use rules::{background, content, file, framing, size};
use zones::{Levels, Product, ShadowFacts};

/// What a file that is checked may cost. Above the largest limit of any marketplace (20 MB, 64 megapixels).
pub const LIMITS: Limits = Limits { max_bytes: 64 << 20, max_pixels: 64_000_000, max_side: 20_000, av1: None };

/// What is said about a file from outside it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Claims<'a> {
    /// Its name, with or without folders.
    pub file_name: Option<&'a str>,
    /// The type under which it is served.
    pub content_type: Option<&'a str>,
    /// Which pixels are the product; ignored where its size is not the picture's.
    pub matte: Option<&'a Matte>,
    /// How many pieces the seller says it shows.
    pub products: Option<u32>,
    pub generated: Generated,
    /// Who decodes AV1; `None`: an AVIF is said to be unreadable.
    pub av1: Option<Av1Decoder>,
}

/// Which pixels a generative model made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Generated {
    #[default]
    Unknown,
    /// Only cutting out, resampling and plain arithmetic.
    Nothing,
    /// The product is photographed, the scene is generated.
    Scene,
    Everything,
}

/// Measures every rule that one file can answer.
pub fn check(bytes: &[u8], file_name: Option<&str>, preset: &Preset, matte: Option<&Matte>) -> Report {
    check_claims(bytes, &Claims { file_name, matte, ..Claims::default() }, preset)
}

/// The same, with more said about the file.
pub fn check_claims(bytes: &[u8], claims: &Claims<'_>, preset: &Preset) -> Report {
    let mut report = Report::new(preset, claims.file_name, bytes);
    let kind = Kind::of(bytes);
    let container = Container::read(kind, bytes);
    report.add(file::file_type(preset, kind, &container, claims));
    report.add(file::file_name(preset, claims.file_name));
    report.add(size::bytes(preset, report.bytes));
    let decoded = decode::decode(bytes, &Limits { av1: claims.av1, ..LIMITS });
    report.add(readable(&decoded, bytes));
    let Ok(decoded) = decoded else { return report };
    report.width = decoded.picture.width();
    report.height = decoded.picture.height();
    report.add(size::dimensions(preset, report.width, report.height));
    report.add(size::aspect(preset, report.width, report.height));
    report.add(file::colour(preset, &container, decoded.facts.profile));
    report.add(file::alpha(preset, &container));
    report.add(file::metadata(&container));
    report.add(file::dpi(preset, &container));
    report.add(file::jpeg_quality(preset, &container));
    report.add(file::provenance(preset, &container, claims.generated));
    check_pixels(&mut report, &decoded, claims, preset);
    report
}

fn readable(decoded: &Result<Decoded, PictureError>, bytes: &[u8]) -> RuleResult {
    let (measured, fix) = match decoded {
        Ok(decoded) => (format!("{} x {} px", decoded.picture.width(), decoded.picture.height()), ""),
        Err(PictureError::NotAPicture) if is_text(bytes) => {
            ("The file holds text.".to_owned(), "choose the picture itself")
        }
        Err(error) => (error.to_string(), error.hint()),
    };
    RuleResult::new("readable", "Readable picture")
        .requires("a whole picture")
        .found(measured)
        .judged(must(decoded.is_ok()), fix)
}

/// Whether a person would see words where the file is opened.
fn is_text(bytes: &[u8]) -> bool {
    const LOOKED_AT: usize = 512;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LOOKED_AT)]);
    // A character may be cut in two where the look ends.
    let odd = |c: char| c == char::REPLACEMENT_CHARACTER || c.is_control() && !c.is_whitespace();
    !text.trim_end_matches(char::REPLACEMENT_CHARACTER).contains(odd)
}

fn check_pixels(report: &mut Report, decoded: &Decoded, claims: &Claims<'_>, preset: &Preset) {
    let picture = &decoded.picture;
    let size = (picture.width(), picture.height());
    let levels = Levels::of(picture);
    let reference = background::reference(preset.background, &levels, size);
    let claims = &Claims { matte: claims.matte.filter(|m| (m.width(), m.height()) == size), ..*claims };
    let (product, mask) = product(preset, picture, &levels, reference, claims);
    report.mask = mask;
    report.add(framing::fill(preset, product.as_ref(), picture, mask));
    report.add(framing::frame(product.as_ref(), size));
    report.add(framing::centring(preset, product.as_ref(), size));
    report.add(framing::single_product(product.as_ref().map(|p| &p.solid), claims.products));
    let shadow = match &product {
        Some(product) if product.is_told_from_its_shadow && preset.shadow != ShadowRule::Any => {
            ShadowFacts::measure(&levels, product, reference, preset.shadow).ok()
        }
        _ => None,
    };
    let behind =
        background::Behind { picture, levels: &levels, product: product.as_ref(), mask, shadow: shadow.as_ref() };
    report.add(background::background(preset, &behind));
    report.add(background::shadow(preset, &behind));
    let excused = shadow.as_ref().filter(|_| preset.shadow != ShadowRule::None).map(|facts| &facts.region);
    report.add(content::stray(preset, &levels, product.as_ref(), excused, reference));
    let suspect = suspicions::Suspect {
        picture,
        levels: &levels,
        product: product.as_ref(),
        shadow: excused,
        background: preset.background,
        shadow_rule: preset.shadow,
        reference,
    };
    suspicions::all(&suspect).into_iter().for_each(|suspicion| report.add(suspicion));
}

/// Whether an encoded picture has no pixel beside the product that the pure-white rule would call a remain.
pub(crate) fn is_clean_beside(bytes: &[u8], product: &Product) -> bool {
    decode::decode(bytes, &LIMITS)
        .is_ok_and(|decoded| background::is_clean_beside(&Levels::of(&decoded.picture), product))
}

/// The mask that was given, else what can be found on a plain light background.
fn product(
    preset: &Preset,
    picture: &Picture,
    levels: &Levels,
    reference: u8,
    claims: &Claims<'_>,
) -> (Option<Product>, MaskSource) {
    if let Some(matte) = claims.matte {
        return match Product::from_matte(matte) {
            Some(product) => (Some(product), MaskSource::Given),
            None => (None, MaskSource::Missing),
        };
    }
    /// Darker frames belong to a scene, in which brightness tells nothing.
    const LIGHT: u8 = 200;
    let plain = preset.background != Background::F0 || reference >= LIGHT;
    match plain.then(|| Product::found(picture, levels, reference, preset.shadow, claims.products)).flatten() {
        Some(product) => (Some(product), MaskSource::Found),
        None => (None, MaskSource::Missing),
    }
}
