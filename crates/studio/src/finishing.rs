//! The computation behind one finished picture: decode, mask, finish to the preset, measure. Belongs on `work::Cpu`.

use std::sync::Arc;

use bytes::Bytes;

use plantain_media::check::enlargement::{Effect, Enlargement};
use plantain_media::check::{self, Claims, Generated, Report};
use plantain_media::cutout::{CutoutError, Passes, Segmenter};
use plantain_media::decode::{self, Decoded, Limits, PictureError};
use plantain_media::encode::Provenance;
use plantain_media::finish::{self, Action, FinishError, FinishOptions};
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
    /// Width and height of the product in the photo, where the model said so.
    pub product: Option<(u32, u32)>,
    pub preset: Preset,
    pub file_name: FileName,
    pub limits: Limits,
    /// Which pixels a generative model made.
    pub provenance: Provenance,
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
    /// What had to be changed to meet the preset.
    pub repairs: Vec<Action>,
    pub report: Report,
    /// How much the product was enlarged since the photo, where that is known.
    pub enlargement: Option<Enlargement>,
}

/// Why nothing came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfinished {
    Unreadable(PictureError),
    NoProduct,
    /// The picture could be made, but nobody would want it.
    TooSmall(Enlargement),
    Failed,
}

/// Finishes one picture.
pub fn finish(material: &Material) -> Result<Done, Unfinished> {
    let decoded = decode::decode(&material.picture, &material.limits).map_err(Unfinished::Unreadable)?;
    let matte = matte(material, &decoded)?;
    let options = FinishOptions { format: None, provenance: material.provenance };
    let finished = finish::finish(&decoded.picture, &matte, &material.preset, &options).map_err(of_finish)?;
    let enlargement = enlargement(material.product, &finished.matte);
    if let Some(ruined) = enlargement.filter(|enlargement| enlargement.effect() == Effect::Ruined) {
        return Err(Unfinished::TooSmall(ruined));
    }
    let file_name = material.file_name.path();
    let claims = Claims {
        file_name: Some(&file_name),
        content_type: Some(finished.content_type),
        matte: Some(&finished.matte),
        products: None,
        generated: generated(material.provenance),
    };
    let mut report = check::check_claims(&finished.bytes, &claims, &material.preset);
    enlargement.into_iter().for_each(|enlargement| report.add(enlargement.rule()));
    Ok(Done {
        bytes: finished.bytes.into(),
        content_type: finished.content_type,
        raw_content_type: decoded.facts.format.content_type(),
        file_name,
        quality: finished.quality,
        repairs: finished.actions,
        report,
        enlargement,
    })
}

fn enlargement(in_photo: Option<(u32, u32)>, finished: &Matte) -> Option<Enlargement> {
    let shown = finished.bounds(128)?;
    Some(Enlargement { in_photo: in_photo?, in_picture: (shown.width, shown.height) })
}

/// What the check is told about a picture that was tagged like this.
fn generated(provenance: Provenance) -> Generated {
    match provenance {
        Provenance::Photographed => Generated::Nothing,
        Provenance::GeneratedScene => Generated::Scene,
        Provenance::Generated => Generated::Everything,
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

fn of_finish(error: FinishError) -> Unfinished {
    match error {
        FinishError::NoProduct => Unfinished::NoProduct,
        FinishError::SizesDiffer { .. } | FinishError::FormatRefused { .. } | FinishError::Encode(_) => {
            Unfinished::Failed
        }
    }
}
