//! Real photos, their exact masks, and the network that finds products.

use std::path::Path;
use std::sync::LazyLock;

use plantain_media::cutout::Segmenter;
use plantain_media::decode::{Limits, decode};
use plantain_media::picture::{Matte, Picture};

pub static SEGMENTER: LazyLock<Segmenter> = LazyLock::new(|| Segmenter::embedded().unwrap());

/// By its path from this crate's folder.
pub fn photo(path: &str) -> Picture {
    let bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    decode(&bytes, &Limits::default()).unwrap().picture
}

pub fn truth(name: &str) -> Matte {
    Matte::of_grey(&photo(&format!("tests/photos/{name}.mask.png")))
}
