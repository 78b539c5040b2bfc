//! What a decoder hands over before colour and orientation: samples as stored, 8 bits each.

use super::orient::Turn;

pub(crate) enum Samples {
    Grey(Vec<u8>),
    GreyAlpha(Vec<u8>),
    Rgb(Vec<u8>),
    Rgba(Vec<u8>),
    /// Ink: 0 none, 255 full. Adobe's inverted files are already turned round.
    Cmyk(Vec<u8>),
}

pub(super) struct Raw {
    pub samples: Samples,
    /// The ICC profile as it stands in the file.
    pub profile: Option<Vec<u8>>,
    pub turn: Turn,
    pub animated: bool,
    /// Brought down to sRGB from a picture of more light than a page has.
    pub toned: bool,
}
