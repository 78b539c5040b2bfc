//! The computation behind the pictures of a corrected cut-out: the same scenes once more, finished and measured. Belongs on
//! `work::Cpu`.

use std::sync::Arc;

use bytes::Bytes;

use plantain_media::check::Report;
use plantain_media::check::enlargement::{Effect, Enlargement};
use plantain_media::check::identity;
use plantain_media::compose::{self, Recipe};
use plantain_media::cutout;
use plantain_media::encode::{self, EncodeError, Provenance};
use plantain_media::finish::{self, Action, FinishError, FinishOptions, Measured};
use plantain_media::picture::{Cutout, Matte, PhotoFrame, Picture};
use plantain_media::preset::Preset;

use crate::correcting::error::CorrectionError;

/// One picture made again.
pub struct Remade {
    pub bytes: Bytes,
    /// Which of its pixels are product, as a grey PNG.
    pub matte: Bytes,
    pub content_type: &'static str,
    pub quality: Option<u8>,
    pub repairs: Vec<Action>,
    pub report: Report,
    pub enlargement: Option<Enlargement>,
}

/// A photo's product, ready to be laid out.
pub struct Lifted {
    pub cutout: Cutout,
    pub photo_frame: PhotoFrame,
    /// How many pieces the seller says there are.
    pub products: Option<u32>,
}

/// What is known of the product beside its matte.
#[derive(Clone, Copy)]
pub struct Known {
    pub straightened: Option<f32>,
    pub products: Option<u32>,
    /// The photo brought its own transparency.
    pub came_cut_out: bool,
}

/// The product that the matte shows, set upright as it was before.
pub fn cut_out(photo: &Picture, matte: &Matte, known: Known) -> Result<Lifted, CorrectionError> {
    let Known { straightened, products, came_cut_out } = known;
    let cutout = cutout::from_alpha(photo, matte).map_err(|_| CorrectionError::NothingLeft)?;
    let photo_frame = cutout.photo_frame(came_cut_out);
    let cutout = match straightened.filter(|tilt| tilt.abs() <= compose::STRAIGHTENED_MAX) {
        Some(tilt) => compose::straightened(&cutout, tilt),
        None => cutout,
    };
    Ok(Lifted { cutout, photo_frame, products })
}

/// Lays the product on the scene and finishes it to the preset. All of its pixels are the photo's.
pub fn remake(
    Lifted { cutout, photo_frame, products }: &Lifted,
    recipe: &Recipe,
    backdrop: Option<&Arc<Picture>>,
    preset: &Preset,
    file_name: &str,
) -> Result<Remade, CorrectionError> {
    let scene = recipe.scene(backdrop).ok_or(CorrectionError::SceneElsewhere)?;
    let composed = compose::compose(cutout, &scene);
    let options = FinishOptions {
        provenance: Provenance::Photographed,
        photo_frame: *photo_frame,
        products: *products,
        ..FinishOptions::default()
    };
    let done = finish::finish_measured(&composed.picture, &composed.matte, preset, &options, Some(file_name));
    let Measured { finished, mut report } = done.map_err(|error| match error {
        FinishError::NoProduct => CorrectionError::NothingLeft,
        FinishError::Encode(EncodeError::TooLarge { smallest, limit }) => CorrectionError::TooLarge { smallest, limit },
        FinishError::SizesDiffer { .. } | FinishError::FormatRefused { .. } | FinishError::Encode(_) => {
            CorrectionError::Internal
        }
    })?;
    let in_photo = (cutout.product.width, cutout.product.height);
    let shown = finished.matte.bounds(128);
    let enlargement = shown.map(|shown| Enlargement { in_photo, in_picture: (shown.width, shown.height) });
    if let Some(ruined) = enlargement.filter(|enlargement| enlargement.effect() == Effect::Ruined) {
        return Err(CorrectionError::TooSmall(ruined));
    }
    enlargement.into_iter().for_each(|enlargement| report.add(enlargement.rule()));
    report.add(identity::not_compared("the product's pixels are the photo's own"));
    let matte = encode::matte(&finished.matte).map_err(|_| CorrectionError::Internal)?;
    Ok(Remade {
        matte: matte.into(),
        bytes: finished.bytes.into(),
        content_type: finished.content_type,
        quality: finished.quality,
        repairs: finished.actions,
        report,
        enlargement,
    })
}
