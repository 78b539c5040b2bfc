//! Makes a returned picture the file that was asked for, and hands it out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use plantain_media::decode::{self, Limits};
use plantain_media::encode::{self, EncodeOptions, Provenance};
use plantain_media::preset::Format;
use plantain_wire::models::Image;
use plantain_wire::models::nano_banana::OutputFormat;

use super::unreadable;
use crate::files::Files;
use crate::local::Stopped;

/// Larger than any picture that Google makes.
const LIMITS: Limits = Limits { max_bytes: 48 * 1024 * 1024, max_pixels: 50_000_000, max_side: 20_000, av1: None };

/// A file that can be handed out.
pub(super) struct Finished {
    bytes: Bytes,
    content_type: &'static str,
    pub extension: &'static str,
    width: u32,
    height: u32,
}

/// A picture that already is in the wanted format stays as it is, byte for byte, with the marks of its origin.
pub(super) fn finish(bytes: Bytes, wanted: OutputFormat) -> Result<Finished, Stopped> {
    let broken = |_| Stopped::Failed(unreadable());
    let probe = decode::probe(&bytes).map_err(broken)?;
    let format = match wanted {
        OutputFormat::Jpeg => Format::Jpeg,
        OutputFormat::Png => Format::Png,
        OutputFormat::Webp => Format::Webp,
    };
    let file = |bytes, width, height| Finished {
        bytes,
        content_type: format.content_type(),
        extension: format.extension(),
        width,
        height,
    };
    let same = matches!(
        (probe.format, wanted),
        (decode::Format::Jpeg, OutputFormat::Jpeg)
            | (decode::Format::Png, OutputFormat::Png)
            | (decode::Format::Webp, OutputFormat::Webp)
    );
    if same {
        return Ok(file(bytes, probe.width, probe.height));
    }
    let picture = decode::decode(&bytes, &LIMITS).map_err(broken)?.picture;
    let options = EncodeOptions::plain(format, LIMITS.max_bytes as u64, Provenance::Generated);
    let encoded = encode::encode(&picture, &options).map_err(|_| Stopped::Failed(unreadable()))?;
    Ok(file(encoded.bytes.into(), picture.width(), picture.height()))
}

impl Finished {
    /// On the CDN, or as a `data:` URI where the caller asked for that.
    pub(super) async fn hand_out(self, files: &Files, name: &str, as_data: bool) -> Result<Image, Stopped> {
        let size = self.bytes.len() as u64;
        let url = match as_data {
            true => format!("data:{};base64,{}", self.content_type, STANDARD.encode(&self.bytes)),
            false => files.write(name, self.content_type, self.bytes).await?.into(),
        };
        Ok(Image {
            url,
            content_type: Some(self.content_type.to_owned()),
            file_name: Some(name.to_owned()),
            file_size: Some(size),
            width: Some(self.width),
            height: Some(self.height),
        })
    }
}
