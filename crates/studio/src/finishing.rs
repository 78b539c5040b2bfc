//! The computation behind one finished picture: decode, mask, finish to the preset, measure. Belongs on `work::Cpu`.

use std::sync::Arc;

use bytes::Bytes;

use plantain_media::check::{self, Report};
use plantain_media::cutout::{CutoutError, Passes, Segmenter};
use plantain_media::decode::{self, Decoded, Limits, PictureError};
use plantain_media::picture::{Matte, Picture};
use plantain_media::preset::{FileName, Preset};

/// Gives the network that finds products, loading it on the first call.
pub type SegmenterSource = Arc<dyn Fn() -> Result<Arc<Segmenter>, CutoutError> + Send + Sync>;

/// What goes in.
pub struct Material {
    /// The model's picture, as it came.
    pub picture: Bytes,
    /// Its product mask, where the model gave one: light where the product is.
    pub mask: Option<Bytes>,
    pub preset: Preset,
    pub file_name: FileName,
    pub limits: Limits,
    pub segmenter: SegmenterSource,
}

/// What comes out.
pub struct Done {
    pub bytes: Bytes,
    pub content_type: &'static str,
    pub raw_content_type: &'static str,
    /// With its folder, where it has one.
    pub file_name: String,
    pub quality: Option<u8>,
    pub report: Report,
}

/// Why nothing came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfinished {
    Unreadable(PictureError),
    NoProduct,
    Failed,
}

/// Finishes one picture.
pub fn finish(material: &Material) -> Result<Done, Unfinished> {
    let decoded = decode::decode(&material.picture, &material.limits).map_err(Unfinished::Unreadable)?;
    let matte = matte(material, &decoded)?;
    let file_name = material.file_name.path();
    let report = check::check(&material.picture, Some(&file_name), &material.preset, Some(&matte));
    let raw_content_type = content_type(decoded.facts.format);
    let bytes = material.picture.clone();
    Ok(Done { bytes, content_type: raw_content_type, raw_content_type, file_name, quality: None, report })
}

fn content_type(format: decode::Format) -> &'static str {
    match format {
        decode::Format::Jpeg => "image/jpeg",
        decode::Format::Png => "image/png",
        decode::Format::Webp => "image/webp",
    }
}

/// Which pixels are product: as the model says, as the picture's own transparency says, or as the network finds.
fn matte(material: &Material, decoded: &Decoded) -> Result<Matte, Unfinished> {
    let size = (decoded.picture.width(), decoded.picture.height());
    let given = material.mask.as_ref().and_then(|bytes| mask(bytes, &material.limits)).filter(|matte| {
        // A mask of another size, or one that marks nothing, is no mask of this picture.
        (matte.width(), matte.height()) == size && matte.bounds(128).is_some()
    });
    if let Some(matte) = given.or_else(|| decoded.alpha.clone()) {
        return Ok(matte);
    }
    let segmenter = (material.segmenter)().map_err(of_cutout)?;
    segmenter.matte_of(&decoded.picture, Passes::One).map_err(of_cutout)
}

/// `None` for a mask that can't be read, which is then found like a missing one.
fn mask(bytes: &[u8], limits: &Limits) -> Option<Matte> {
    let picture = decode::decode(bytes, limits).ok()?.picture;
    Some(lightness(&picture))
}

/// Masks are grey, so that any channel would do; the green one is what decoders reproduce best.
fn lightness(picture: &Picture) -> Matte {
    let green = picture.rgb().chunks_exact(3).map(|pixel| pixel[1]).collect();
    Matte::new(picture.width(), picture.height(), green)
}

fn of_cutout(error: CutoutError) -> Unfinished {
    match error {
        CutoutError::NoProduct => Unfinished::NoProduct,
        _ => Unfinished::Failed,
    }
}
