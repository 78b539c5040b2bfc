//! Pictures that pass with their mask pass as well before somebody who has nothing but the file.

use plantain_media::check::{Outcome, Report, check};
use plantain_media::compose::{SceneRules, compose, top_three};
use plantain_media::cutout::CutoutOptions;
use plantain_media::finish::{FinishOptions, finish};
use plantain_media::picture::{Matte, Picture};
use plantain_media::preset::Presets;

use crate::photos::{SEGMENTER, photo};

fn failed(report: &Report) -> Vec<String> {
    let failed = report.results.iter().filter(|result| result.outcome == Outcome::Fail);
    failed.map(|result| format!("{}: {}", result.rule, result.measured)).collect()
}

/// Its arm fades into the light, so that the network is unsure of it.
#[test]
fn with_the_mask_and_without_it_the_same_is_said() {
    let cutout = SEGMENTER.cut_out(&photo("../../examples/headphones.jpg"), &CutoutOptions::default()).unwrap();
    for id in ["amazon_main", "walmart_main", "flipkart_main", "myntra_main"] {
        let preset = Presets::builtin().get(id).unwrap().clone();
        for (number, scene) in top_three(&SceneRules::of(&preset, 1)).into_iter().enumerate() {
            let composed = compose(&cutout, &scene);
            let done = finish(&composed.picture, &composed.matte, &preset, &FinishOptions::default()).unwrap();
            for (who, mask) in [("with the mask", Some(&done.matte)), ("a stranger", None)] {
                assert_eq!(failed(&check(&done.bytes, None, &preset, mask)), [""; 0], "{id} {number} {who}");
            }
        }
    }
}

/// A block, and apart from it a thing that the mask takes for product. One that is seen stays, whatever a stranger calls it.
#[test]
fn what_the_picture_hardly_shows_is_cleared_and_what_it_shows_stays() {
    let preset = Presets::builtin().get("amazon_main").unwrap().clone();
    let side = 2000;
    let paint = |level: u8, cover: u8| {
        let mut picture = Picture::filled(side, side, [255; 3]);
        let mut matte = Matte::new(side, side, vec![0; (side * side) as usize]);
        let mut fill = |columns: std::ops::Range<u32>, rows: std::ops::Range<u32>, level: u8, cover: u8| {
            for at in rows.flat_map(|y| columns.clone().map(move |x| (y * side + x) as usize)) {
                picture.rgb_mut()[at * 3..at * 3 + 3].fill(level);
                matte.alpha_mut()[at] = cover;
            }
        };
        fill(140..1860, 300..1700, 90, 255);
        fill(900..1100, 250..253, level, cover);
        (picture, matte)
    };
    for (what, level, cover, stays) in [("hardly seen", 253, 40, false), ("seen", 120, 200, true)] {
        let (picture, matte) = paint(level, cover);
        let done = finish(&picture, &matte, &preset, &FinishOptions::default()).unwrap();
        assert_eq!(failed(&check(&done.bytes, None, &preset, None)).is_empty(), !stays, "{what}");
        let shown = plantain_media::decode::decode(&done.bytes, &Default::default()).unwrap().picture;
        assert_eq!(shown.pixel(1000, 251)[0] < 200, stays, "{what}");
    }
}
