//! The sRGB profile that goes into every file, the same bytes each time.

use std::sync::LazyLock;

use moxcms::{ColorProfile, Xyzd};

/// In the header of a profile: when it was made, six big-endian numbers.
const DATE_AT: std::ops::Range<usize> = 24..36;
/// The library writes the present; files of the same pixels would then differ.
const DATE: [u8; 12] = [0x07, 0xea, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0];
/// Version 4 profiles give white as the connection space's.
const D50: Xyzd = Xyzd { x: 0.964_2, y: 1.0, z: 0.824_9 };

static SRGB: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut profile = ColorProfile::new_srgb();
    profile.media_white_point = Some(D50);
    // The video description of the same space is for video; old readers stumble over it.
    profile.cicp = None;
    let mut bytes = profile.encode().expect("a matrix profile without tables can always be written");
    bytes[DATE_AT].copy_from_slice(&DATE);
    bytes
});

pub(crate) fn srgb() -> &'static [u8] {
    &SRGB
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_is_small_and_reads_back_as_srgb() {
        assert!(srgb().len() < 1024, "{} bytes", srgb().len());
        assert_eq!(u32::from_be_bytes(srgb()[..4].try_into().unwrap()) as usize, srgb().len());
        let read = ColorProfile::new_from_slice(srgb()).unwrap();
        let own = ColorProfile::new_srgb();
        for (read, own) in [(read.red_colorant, own.red_colorant), (read.blue_colorant, own.blue_colorant)] {
            assert!((read.x - own.x).abs() < 1e-3 && (read.y - own.y).abs() < 1e-3);
        }
    }
}
