//! The computation behind one finished picture: decode, mask, finish to the preset, measure. Belongs on `work::Cpu`.

use std::sync::Arc;

use bytes::Bytes;

use plantain_media::check::enlargement::{Effect, Enlargement};
use plantain_media::check::identity::{self, Shown};
use plantain_media::check::{Report, RuleResult};
use plantain_media::cutout::{self, Choice, CutoutError, CutoutOptions, Keep, Passes, Segmenter};
use plantain_media::decode::{self, Decoded, Limits, PictureError};
use plantain_media::encode::{self, EncodeError, EncodeOptions, Provenance};
use plantain_media::finish::{self, Action, FinishError, FinishOptions, Measured};
use plantain_media::picture::{Cutout, Matte, PhotoFrame, Picture};
use plantain_media::preset::{FileName, Format, Preset};
use plantain_wire::models::choice::{self, ObjectChoice};

use crate::output::InPhoto;

/// Gives the network that finds products, loading it on the first call.
pub type SegmenterSource = Arc<dyn Fn() -> Result<Arc<Segmenter>, CutoutError> + Send + Sync>;

/// What goes in.
pub struct Material {
    /// The model's picture, as it came.
    pub picture: Bytes,
    /// Its product mask, where the model gave one: light where the product is.
    pub mask: Option<Bytes>,
    /// The product in the photo, where the model told of it.
    pub product: Option<InPhoto>,
    /// How many pieces the seller says there are.
    pub products: Option<u32>,
    pub preset: Preset,
    pub file_name: FileName,
    pub limits: Limits,
    /// Which pixels a generative model made.
    pub provenance: Provenance,
    pub segmenter: SegmenterSource,
    /// The seller's product, or why there is none to compare with.
    pub original: Result<Arc<Original>, NotCompared>,
}

/// Why a picture is not held against the seller's photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotCompared {
    /// No generative model touched it.
    PhotosOwn,
    /// The photo lies elsewhere, or could not be read again.
    NoPhoto,
    NotFound,
}

impl NotCompared {
    fn reason(self) -> &'static str {
        match self {
            NotCompared::PhotosOwn => "the product's pixels are the photo's own",
            NotCompared::NoPhoto => "the photo is not kept here",
            NotCompared::NotFound => "no product could be found in the photo",
        }
    }
}

/// The product in the seller's photo, no larger than products are worked on.
pub struct Original {
    picture: Picture,
    matte: Matte,
    frame: PhotoFrame,
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
    /// Where the product strays from the photo, drawn as a JPEG.
    pub diff: Option<Bytes>,
    /// Which pixels of the finished picture are product, as a grey PNG.
    pub matte: Option<Bytes>,
}

/// Why nothing came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfinished {
    Unreadable(PictureError),
    NoProduct,
    /// The picture could be made, but nobody would want it.
    TooSmall(Enlargement),
    /// At no quality that may be used does the file fit: bytes that it needs, bytes that are allowed.
    TooLarge {
        smallest: u64,
        limit: u64,
    },
    Failed,
}

/// Finds the product in the seller's photo, to compare pictures with: the one that was chosen, where one was.
pub fn original(
    photo: &[u8],
    choice: &ObjectChoice,
    limits: &Limits,
    segmenter: &SegmenterSource,
) -> Result<Original, NotCompared> {
    let decoded = decode::decode(photo, limits).map_err(|_| NotCompared::NoPhoto)?;
    let cutout = match decoded.own_matte() {
        Some(own) => cutout::from_alpha(&decoded.picture, own),
        None => segmenter().and_then(|segmenter| {
            let keep = match choice.keep {
                choice::Keep::Auto => Keep::OneProduct,
                choice::Keep::All => Keep::Everything,
            };
            let choice = Choice::of(choice.corners(), choice.points());
            let options = CutoutOptions { choice, keep, passes: Passes::One };
            segmenter.cut_out(&decoded.picture, &options)
        }),
    };
    let cutout = cutout.map_err(|_| NotCompared::NotFound)?;
    let frame = cutout.photo_frame(false);
    let Cutout { color, matte, .. } = cutout;
    Ok(Original { picture: color, matte, frame })
}

/// Finishes one picture.
pub fn finish(material: &Material) -> Result<Done, Unfinished> {
    let decoded = decode::decode(&material.picture, &material.limits).map_err(Unfinished::Unreadable)?;
    let matte = matte(material, &decoded)?;
    let options = FinishOptions {
        provenance: material.provenance,
        photo_frame: photo_frame(material),
        products: material.products,
        ..FinishOptions::default()
    };
    let file_name = material.file_name.path();
    let done = finish::finish_measured(&decoded.picture, &matte, &material.preset, &options, Some(&file_name));
    let Measured { finished, mut report } = done.map_err(of_finish)?;
    let enlargement = enlargement(material.product.map(|product| product.size), &finished.matte);
    if let Some(ruined) = enlargement.filter(|enlargement| enlargement.effect() == Effect::Ruined) {
        return Err(Unfinished::TooSmall(ruined));
    }
    let enlarged = enlargement.or_else(|| self::enlargement(Some(finished.product_before), &finished.matte));
    enlarged.into_iter().for_each(|enlargement| report.add(enlargement.rule()));
    let (identity, diff) = identity(material, Shown { picture: &decoded.picture, matte: &matte });
    report.add(identity);
    Ok(Done {
        matte: encode::matte(&finished.matte).ok().map(Bytes::from),
        bytes: finished.bytes.into(),
        content_type: finished.content_type,
        raw_content_type: decoded.facts.format.content_type(),
        file_name,
        quality: finished.quality,
        repairs: finished.actions,
        report,
        enlargement,
        diff,
    })
}

/// As the model tells it, or as the seller's photo shows where the picture is held against it.
fn photo_frame(material: &Material) -> PhotoFrame {
    let shown = material.original.as_ref().map(|original| original.frame).unwrap_or_default();
    material.product.map_or(shown, |product| product.frame)
}

/// How far the model's product strays from the seller's own, and a drawing of it.
fn identity(material: &Material, made: Shown<'_>) -> (RuleResult, Option<Bytes>) {
    let original = match &material.original {
        Ok(original) => original,
        Err(why) => return (identity::not_compared(why.reason()), None),
    };
    let original = Shown { picture: &original.picture, matte: &original.matte };
    let Some(comparison) = identity::compare(original, made) else {
        return (identity::not_compared("the product is too small or too thin to be compared"), None);
    };
    (comparison.rule(), drawing(&comparison.overlay()))
}

fn drawing(overlay: &Picture) -> Option<Bytes> {
    const BYTES_MAX: u64 = 1024 * 1024;
    let options = EncodeOptions::plain(Format::Jpeg, BYTES_MAX, Provenance::Photographed);
    encode::encode(overlay, &options).ok().map(|encoded| encoded.bytes.into())
}

fn enlargement(in_photo: Option<(u32, u32)>, finished: &Matte) -> Option<Enlargement> {
    let shown = finished.bounds(128)?;
    Some(Enlargement { in_photo: in_photo?, in_picture: (shown.width, shown.height) })
}

/// Which pixels are product: as the model says, as the picture's own transparency says, or as the network finds.
fn matte(material: &Material, decoded: &Decoded) -> Result<Matte, Unfinished> {
    let size = (decoded.picture.width(), decoded.picture.height());
    let given = material.mask.as_ref().and_then(|bytes| mask(bytes, &material.limits)).filter(|matte| {
        // A mask of another size, or one that marks nothing, is no mask of this picture.
        (matte.width(), matte.height()) == size && matte.bounds(128).is_some()
    });
    if let Some(matte) = given.or_else(|| decoded.own_matte().cloned()) {
        return Ok(matte);
    }
    let segmenter = (material.segmenter)().map_err(of_cutout)?;
    segmenter.matte_of(&decoded.picture, Passes::One).map_err(of_cutout)
}

/// `None` for a mask that can't be read, which is then found like a missing one.
fn mask(bytes: &[u8], limits: &Limits) -> Option<Matte> {
    let picture = decode::decode(bytes, limits).ok()?.picture;
    Some(Matte::of_grey(&picture))
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
        FinishError::Encode(EncodeError::TooLarge { smallest, limit }) => Unfinished::TooLarge { smallest, limit },
        FinishError::SizesDiffer { .. } | FinishError::FormatRefused { .. } | FinishError::Encode(_) => {
            Unfinished::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    use plantain_media::preset::Presets;

    use super::*;

    fn png(picture: &Picture) -> Bytes {
        let options = EncodeOptions::plain(Format::Png, u64::MAX, Provenance::Photographed);
        encode::encode(picture, &options).unwrap().bytes.into()
    }

    #[test]
    fn a_limit_that_no_quality_keeps_is_said_in_bytes() {
        const SIDE: u32 = 1000;
        let (mut picture, mut mask) = (Picture::filled(SIDE, SIDE, [255; 3]), Picture::filled(SIDE, SIDE, [0; 3]));
        for (y, x) in (200..800).flat_map(|y| (60..940).map(move |x| (y, x))) {
            let at = ((y * SIDE + x) * 3) as usize;
            picture.rgb_mut()[at..at + 3].fill((at.wrapping_mul(2_654_435_761) >> 13) as u8);
            mask.rgb_mut()[at..at + 3].fill(255);
        }
        let preset = Preset { max_bytes: 20_000, ..Presets::builtin().get("myntra_square").unwrap().clone() };
        let material = Material {
            picture: png(&picture),
            mask: Some(png(&mask)),
            product: None,
            products: None,
            file_name: preset.file_name(None, 1, "mug"),
            preset,
            limits: Limits::default(),
            provenance: Provenance::Photographed,
            segmenter: Arc::new(|| Err(CutoutError::NoProduct)),
            original: Err(NotCompared::PhotosOwn),
        };
        let Err(Unfinished::TooLarge { smallest, limit }) = finish(&material) else { panic!("it fits in 20 kB") };
        assert!(smallest > limit && limit == 20_000, "{smallest}");
    }
}
