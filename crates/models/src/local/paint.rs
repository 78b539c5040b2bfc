//! Makes one picture and its mask: the computation behind one output, to be run beside the async threads.

use bytes::Bytes;
use plantain_media::compose::{self, Recipe, Scene};
use plantain_media::cutout;
use plantain_media::encode::{self, EncodeOptions, Provenance};
use plantain_media::picture::Cutout;
use plantain_media::preset::Format;
use plantain_queue::runner::RunFailure;
use plantain_wire::error::ErrorType;
use plantain_wire::models::nano_banana::OutputFormat;

use super::Stopped;
use super::output::Painted;

/// Room for any picture of 2000 pixels: 16 MB are its raw bytes with something to spare. A JPEG is then of the highest
/// quality, since whoever receives it will encode it again.
const BYTES_MAX: u64 = 16 * 1024 * 1024;

pub(super) fn paint(index: usize, cutout: &Cutout, scene: &Scene, format: OutputFormat) -> Result<Painted, Stopped> {
    let composition = compose::compose(cutout, scene);
    let options = EncodeOptions::plain(
        match format {
            OutputFormat::Jpeg => Format::Jpeg,
            OutputFormat::Png => Format::Png,
            OutputFormat::Webp => Format::Webp,
        },
        BYTES_MAX,
        Provenance::Photographed,
    );
    let picture = encode::encode(&composition.picture, &options).map_err(not_written)?;
    let mask = encode::matte(&composition.matte).map_err(not_written)?;
    let number = index + 1;
    Ok(Painted {
        variant: scene.title,
        recipe: Recipe::of(scene),
        file_name: format!("catalog-{number}.{}", options.format.extension()),
        content_type: options.format.content_type(),
        bytes: picture.bytes.into(),
        mask_name: format!("catalog-{number}-mask.png"),
        mask: mask.into(),
        width: composition.picture.width(),
        height: composition.picture.height(),
    })
}

/// The matte on the whole photo, for whoever corrects it.
pub(super) fn whole_matte(cutout: &Cutout) -> Result<Bytes, Stopped> {
    encode::matte(&cutout::whole_matte(cutout)).map(Bytes::from).map_err(not_written)
}

/// A canvas of ours can't be too large for a format of ours, so this is a bug; it fails one request.
fn not_written(error: impl std::error::Error + 'static) -> Stopped {
    tracing::error!(error = &error as &dyn std::error::Error, "models.encode_failed");
    Stopped::Failed(RunFailure {
        error_type: ErrorType::RunnerServerError,
        detail: "A picture could not be written".into(),
    })
}
