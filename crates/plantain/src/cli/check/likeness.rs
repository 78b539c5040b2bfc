//! Whether pictures show the product of a photo.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use plantain_media::check::RuleResult;
use plantain_media::check::identity::{self, Shown};
use plantain_media::cutout::Passes;
use plantain_media::decode::{self, Limits};
use plantain_media::encode::{self, EncodeOptions, Provenance};
use plantain_media::picture::{Matte, Picture};
use plantain_media::preset::Format;

use crate::av1;
use crate::cli::Context;
use crate::cli::generate::photos as files;
use crate::system::segmenter::SharedSegmenter;

/// The product in the photo.
pub struct Likeness {
    segmenter: SharedSegmenter,
    picture: Picture,
    matte: Matte,
}

impl Likeness {
    pub fn to(photo: &Path, context: &Context) -> anyhow::Result<Likeness> {
        let segmenter = SharedSegmenter::of(&context.config.storage)?;
        let found = shown(&files::read(photo)?, &segmenter);
        let (picture, matte) = found.map_err(|why| anyhow::anyhow!("{}: {why}", photo.display()))?;
        Ok(Likeness { segmenter, picture, matte })
    }

    /// The row of the report; the differences are drawn where a file is named.
    pub fn rule(&self, bytes: &[u8], diff: Option<&Path>) -> anyhow::Result<RuleResult> {
        let (picture, matte) = match shown(bytes, &self.segmenter) {
            Ok(found) => found,
            Err(why) => return Ok(identity::not_compared(&why)),
        };
        let original = Shown { picture: &self.picture, matte: &self.matte };
        let Some(comparison) = identity::compare(original, Shown { picture: &picture, matte: &matte }) else {
            return Ok(identity::not_compared("the product is too small or too thin to be compared"));
        };
        if let Some(out) = diff {
            let png = png(&comparison.overlay())?;
            fs::write(out, png).with_context(|| format!("{} can't be written", out.display()))?;
        }
        Ok(comparison.rule())
    }
}

/// The picture and its product; in words why there is none.
fn shown(bytes: &[u8], segmenter: &SharedSegmenter) -> Result<(Picture, Matte), String> {
    // The pictures may be as large as any marketplace takes them, which is more than a photo has.
    let decoded = decode::decode(bytes, &av1::limits(Limits::MB_MAX << 20)).map_err(|error| error.to_string())?;
    let matte = match decoded.own_matte() {
        Some(own) => own.clone(),
        None => {
            let segmenter = segmenter.get().map_err(|error| error.to_string())?;
            segmenter.matte_of(&decoded.picture, Passes::Three).map_err(|error| error.to_string())?
        }
    };
    Ok((decoded.picture, matte))
}

fn png(picture: &Picture) -> Result<Vec<u8>, encode::EncodeError> {
    let options = EncodeOptions::plain(Format::Png, u64::MAX, Provenance::Photographed);
    Ok(encode::encode(picture, &options)?.bytes)
}
