//! An exact mask beside the picture that is checked.

use std::path::Path;

use plantain_media::check;
use plantain_media::decode::{self, Decoded, Examined, Format, Limits};
use plantain_media::picture::{Matte, Picture};

use crate::av1;
use crate::cli::generate::photos as files;

/// Levels that the channels of a grey pixel may lie apart: colour profiles round.
const GREY: u8 = 3;

/// Which pixels are product: a grey PNG's light ones, or those that a cut-out does not let through.
pub fn read(path: &Path) -> anyhow::Result<Matte> {
    let named = |why: String| anyhow::anyhow!("{}: {why}", path.display());
    let decoded = decode::decode(&files::read(path)?, &av1::limits(Limits::MB_MAX << 20))
        .map_err(|error| named(format!("the mask can't be read: {} {}", error.message(), error.hint())))?;
    matte(decoded).map_err(named)
}

fn matte(decoded: Decoded) -> Result<Matte, String> {
    let own = decoded.own_matte().cloned();
    let Decoded { picture, facts, .. } = decoded;
    if facts.format != Format::Png {
        let name = facts.format.name();
        return Err(format!("the mask is a {name}, and only a PNG keeps every pixel as it is; save it as PNG"));
    }
    let matte = match own {
        Some(own) => own,
        None if is_grey(&picture) => Matte::of_grey(&picture),
        None => {
            return Err("the mask has colours; white is product, black is not, and grey is an edge between them. \
                        `plantain cutout PICTURE --mask -o MASK.png` writes one"
                .to_owned());
        }
    };
    match matte.bounds(128) {
        Some(_) => Ok(matte),
        None => {
            Err("the mask marks nothing: white is product, black is not; invert it if it is the other way round"
                .to_owned())
        }
    }
}

fn is_grey(picture: &Picture) -> bool {
    picture.rgb().as_chunks::<3>().0.iter().all(|[r, g, b]| r.abs_diff(*g) <= GREY && b.abs_diff(*g) <= GREY)
}

/// The check lays a mask of another size aside; whoever names one wants to know before it has begun. Of a picture that can't be read
/// it has more to say than this.
pub fn fits(mask: &Matte, path: &Path, picture: &Path) -> anyhow::Result<()> {
    let limits = Limits { av1: Some(av1::decoder()), ..check::LIMITS };
    let examined = files::read(picture).ok().and_then(|bytes| decode::examine(&bytes, &limits).ok());
    let Some(Examined { width, height, .. }) = examined else { return Ok(()) };
    let (picture, mask) = ((width, height), (mask.width(), mask.height()));
    anyhow::ensure!(
        picture == mask,
        "{}: the mask has {} x {} px and the picture, held upright, {} x {}; they must be of one size",
        path.display(),
        mask.0,
        mask.1,
        picture.0,
        picture.1
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use plantain_media::encode::{self, EncodeOptions, Provenance, encode};
    use plantain_media::preset::Format as Written;

    use super::*;

    fn said(picture: &Picture, format: Written) -> Result<Matte, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mask");
        let options = EncodeOptions::plain(format, u64::MAX, Provenance::Photographed);
        std::fs::write(&path, encode(picture, &options).unwrap().bytes).unwrap();
        read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn a_grey_mask_with_a_stray_transparent_pixel_is_no_cut_out() {
        let half: Vec<u8> = (0..80 * 80).flat_map(|at| [if at % 80 < 40 { 255 } else { 0 }; 3]).collect();
        for (clear, covered) in [(1, 0), (40 * 80, 255)] {
            let alpha: Vec<u8> = (0..80 * 80).map(|at| if at < clear { 0 } else { 255 }).collect();
            let bytes = encode::with_alpha(&Picture::new(80, 80, half.clone()), &Matte::new(80, 80, alpha)).unwrap();
            let found = matte(decode::decode(&bytes, &decode::Limits::default()).unwrap()).unwrap();
            assert_eq!(found.at(79, 79), covered, "{clear} pixels are clear");
        }
    }

    #[test]
    fn a_mask_is_a_grey_png_that_marks_something() {
        let white = Picture::filled(80, 80, [255; 3]);
        assert_eq!(said(&white, Written::Png).unwrap().alpha()[0], 255);
        for (picture, format, words) in [
            (white, Written::Jpeg, "the mask is a JPEG"),
            (Picture::filled(80, 80, [200, 90, 90]), Written::Png, "the mask has colours"),
            (Picture::filled(80, 80, [0; 3]), Written::Png, "the mask marks nothing"),
            (Picture::filled(8, 8, [255; 3]), Written::Png, "the mask can't be read"),
        ] {
            let told = said(&picture, format).unwrap_err();
            assert!(told.contains(words), "{words}: {told}");
        }
    }
}
