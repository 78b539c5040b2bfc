//! The cut-out on real photos with exact masks, and on photos without a product.

use std::path::Path;

use crate::photos::{SEGMENTER, photo, truth};
use crate::score;
use plantain_media::compose::{Grade, straightened};
use plantain_media::cutout::{
    self, Choice, CutoutError, CutoutOptions, CutoutStage, MAX_PRODUCT_SIDE, OnnxRuntime, Passes, Segmenter,
};
use plantain_media::picture::{Cutout, Matte, PhotoFrame, Picture, Rect};

#[track_caller]
fn check(path: &str, least_iou: f64, most_mae: f64, least_outline: f64) -> Cutout {
    let name = Path::new(path).file_stem().unwrap().to_str().unwrap();
    let cutout = SEGMENTER.cut_out(&photo(path), &CutoutOptions::default()).unwrap();
    let (found, truth) = (score::full_matte(&cutout), truth(name));
    let (iou, mae) = (score::iou(&found, &truth), score::mae(&found, &truth));
    assert!(iou >= least_iou && mae <= most_mae, "{name}: IoU {iou:.3}, MAE {mae:.4}");
    let outline = score::boundary_f(&found, &truth);
    assert!(outline >= least_outline, "{name}: outlines agree to {outline:.3}");
    assert_eq!(cutout.photo_frame(false), PhotoFrame::Clear);
    assert!(name == "basket" || cutout.gaps == 0, "{name} is not woven, and {} gaps were opened", cutout.gaps);
    assert_eq!(cutout.product, cutout.matte.bounds(128).unwrap());
    cutout
}

#[test]
fn mug_with_an_open_handle() {
    let cutout = check("../../examples/mug.jpg", 0.98, 0.002, 0.98);
    // The handle's opening is background.
    let area = cutout.product;
    let (x, y) = (area.x + area.width * 82 / 100, area.y + area.height * 55 / 100);
    assert_eq!(cutout.matte.at(x, y), 0);
}

#[test]
fn headphones_with_an_open_band() {
    check("../../examples/headphones.jpg", 0.95, 0.006, 0.95);
}

#[test]
fn pump_bottle() {
    check("tests/photos/pump.jpg", 0.97, 0.004, 0.93);
}

#[test]
fn basket() {
    let cutout = check("tests/photos/basket.jpg", 0.957, 0.0108, 0.78);
    assert!(cutout.gaps >= 100, "{} gaps were opened in its weave", cutout.gaps);
}

#[test]
fn t_shirt_whose_soft_edge_has_its_own_color() {
    let cutout = check("../../examples/tshirt.jpg", 0.98, 0.003, 0.98);
    // The shirt is navy and lies on a light sheet: an edge pixel that kept the sheet would be bright.
    let pixels = cutout.color.rgb().chunks(3).zip(cutout.matte.alpha());
    let soft: Vec<bool> = pixels
        .filter(|(_, alpha)| (40..215).contains(*alpha))
        .map(|(pixel, _)| pixel.iter().map(|channel| u32::from(*channel)).sum::<u32>() > 3 * 150)
        .collect();
    let bright = soft.iter().filter(|bright| **bright).count() as f64 / soft.len() as f64;
    assert!(bright < 0.08, "{bright:.3} of the soft edge is bright");
}

#[test]
fn a_plant_among_plants_is_no_ghost() {
    let photo = photo("tests/photos/plant.jpg");
    let cutout = SEGMENTER.cut_out(&photo, &CutoutOptions::default()).unwrap();
    let (found, truth) = (score::full_matte(&cutout), truth("plant"));
    let (iou, mae) = (score::iou(&found, &truth), score::mae(&found, &truth));
    assert!(iou >= 0.83 && mae <= 0.045, "IoU {iou:.3}, MAE {mae:.4}");
    let inside = found.alpha().iter().zip(truth.alpha()).filter(|(_, truth)| **truth == 255);
    let (ghostly, all) =
        inside.fold((0, 0), |(ghostly, all), (found, _)| (ghostly + u32::from((52..204).contains(found)), all + 1));
    assert!(ghostly * 4 < all, "{ghostly} of {all} pixels are half there");
}

#[track_caller]
fn finds_nothing(mut pixel: impl FnMut(u32, u32) -> [u8; 3]) {
    let (width, height) = (480, 360);
    let scene = Picture::new(width, height, (0..width * height).flat_map(|at| pixel(at % width, at / width)).collect());
    let found = SEGMENTER.cut_out(&scene, &CutoutOptions::default()).map(|cutout| cutout.product);
    assert!(matches!(found, Err(CutoutError::NoProduct)), "{found:?}");
}

#[test]
fn a_plain_wall_holds_no_product() {
    [255, 128, 0].into_iter().for_each(|grey| finds_nothing(|_, _| [grey; 3]));
}

#[test]
fn light_falling_off_is_no_product() {
    finds_nothing(|x, _| [(x / 2) as u8; 3]);
    finds_nothing(|_, y| [200 - (y / 3) as u8, 180, 160]);
}

#[test]
fn noise_is_no_product() {
    let mut state = 1u32;
    finds_nothing(|_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        [(state >> 24) as u8, (state >> 16) as u8, (state >> 8) as u8]
    });
}

fn inside(area: Rect) -> Choice {
    Choice { area: Some(area), ..Choice::default() }
}

#[test]
fn a_box_chooses_the_product() {
    let picture = photo("../../examples/mug.jpg");
    let boxed = truth("mug").bounds(128).unwrap();
    let options = CutoutOptions { choice: inside(boxed), passes: Passes::One, ..CutoutOptions::default() };
    let chosen = SEGMENTER.cut_out(&picture, &options).unwrap();
    assert!(score::iou(&score::full_matte(&chosen), &truth("mug")) > 0.95);

    let outside = Rect { x: picture.width(), y: 0, width: 50, height: 50 };
    let options = CutoutOptions { choice: inside(outside), ..CutoutOptions::default() };
    assert!(matches!(SEGMENTER.cut_out(&picture, &options), Err(CutoutError::BoxOutside)));
}

#[test]
fn stages_are_told_in_order() {
    let mut told = Vec::new();
    let options = CutoutOptions { passes: Passes::One, ..CutoutOptions::default() };
    SEGMENTER.cut_out_with(&photo("../../examples/mug.jpg"), &options, &mut |stage| told.push(stage)).unwrap();
    assert_eq!(told, [CutoutStage::Locating, CutoutStage::Refining(1), CutoutStage::Edges, CutoutStage::Colours]);
}

#[test]
fn the_whole_matte_has_the_size_of_the_picture() {
    let picture = photo("../../examples/mug.jpg");
    let matte = SEGMENTER.matte_of(&picture, Passes::One).unwrap();
    assert_eq!((matte.width(), matte.height()), (picture.width(), picture.height()));
    assert!(score::iou(&matte, &truth("mug")) > 0.9);
}

#[test]
fn a_picture_that_is_cut_out_already_keeps_its_own_matte() {
    let picture = photo("tests/photos/pump.jpg");
    let alpha = truth("pump");
    let cutout = cutout::from_alpha(&picture, &alpha).unwrap();
    assert_eq!(score::full_matte(&cutout), alpha);
    let (x, y) = (cutout.product.x + cutout.product.width / 2, cutout.product.y + cutout.product.height / 2);
    assert_eq!(cutout.color.pixel(x, y), picture.pixel(x + cutout.origin.x, y + cutout.origin.y));

    let nothing = Matte::new(picture.width(), picture.height(), vec![0; alpha.alpha().len()]);
    assert!(matches!(cutout::from_alpha(&picture, &nothing), Err(CutoutError::NoProduct)));
    assert!(matches!(cutout::from_alpha(&picture, &Matte::new(1, 1, vec![9])), Err(CutoutError::SizeMismatch)));
}

/// A grey slab on a photo of 3600 pixels' height, longer than what is worked on as it is.
fn slab() -> (Picture, Matte) {
    let (width, height) = (800u32, 3600u32);
    let covers = |x: u32, y: u32| (200..600).contains(&x) && (100..3500).contains(&y);
    let places = || (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let alpha = places().map(|(x, y)| if covers(x, y) { 255 } else { 0 }).collect();
    let rgb = places().flat_map(|(x, y)| if covers(x, y) { [149, 155, 167] } else { [255; 3] }).collect();
    (Picture::new(width, height, rgb), Matte::new(width, height, alpha))
}

#[test]
fn a_product_too_long_to_be_worked_on_as_it_is_keeps_its_place_and_size_in_the_photo() {
    let (picture, alpha) = slab();
    let cutout = cutout::from_alpha(&picture, &alpha).unwrap();
    assert!(cutout.product.height <= MAX_PRODUCT_SIDE, "{:?}", cutout.product);
    for (name, cutout) in [("as it is", cutout.clone()), ("turned by nothing", straightened(&cutout, 0.0))] {
        let full = cutout::at_full_size(cutout);
        let (left, top) = (full.origin.x + full.product.x, full.origin.y + full.product.y);
        for (found, meant) in [(left, 200), (top, 100), (full.product.width, 400), (full.product.height, 3400)] {
            assert!(found.abs_diff(meant) <= 6, "{name}: {:?} in {:?}", full.product, full.origin);
        }
        assert_eq!((full.color.width(), full.color.height()), (full.origin.width, full.origin.height), "{name}");
    }
}

#[test]
fn its_own_colours_are_never_taken_for_the_light_around_a_long_product() {
    let (picture, alpha) = slab();
    let cutout = cutout::from_alpha(&picture, &alpha).unwrap();
    assert!(Grade::of_photo(&picture, &cutout).is_neutral(), "around it all is clipped white");
}

#[test]
fn weights_that_are_no_network_are_an_error() {
    assert!(matches!(Segmenter::from_onnx(b"not a model".to_vec()), Err(CutoutError::Model(_))));
}

#[test]
fn the_embedded_network_answers_as_its_file_does_on_a_general_runtime() {
    let general = Segmenter::from_onnx(Segmenter::embedded_weights().to_vec()).unwrap();
    let photo = photo("tests/photos/basket.jpg");
    let [own, general] = [&*SEGMENTER, &general].map(|segmenter| {
        let cutout = segmenter.cut_out(&photo, &CutoutOptions::default()).unwrap();
        (cutout.origin, cutout.product, score::full_matte(&cutout))
    });
    assert_eq!((own.0, own.1), (general.0, general.1));
    let most = own.2.alpha().iter().zip(general.2.alpha()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    let mean = score::mae(&own.2, &general.2);
    assert!(most <= 2 && mean < 1e-4, "mattes differ by up to {most} levels, {mean} on average");
}

#[test]
fn a_runtime_that_is_missing_or_no_library_is_an_error_with_advice() {
    for path in ["nowhere/libonnxruntime.so.1", "weights/u2netp.onnx", "weights"] {
        let error = OnnxRuntime::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_err();
        let advice = match &error {
            CutoutError::Runtime { library, .. } if cfg!(feature = "onnxruntime") => {
                assert!(library.ends_with(path) && error.to_string().contains(path), "{error}");
                "pip install onnxruntime"
            }
            CutoutError::RuntimeLeftOut if !cfg!(feature = "onnxruntime") => "--features onnxruntime",
            other => panic!("{path}: {other}"),
        };
        assert!(error.hint().contains(advice) && !error.is_input_fault(), "{error}");
        assert!(!error.message().contains(path), "where files lie is not for everybody: {}", error.message());
    }
}

#[test]
fn a_product_cut_by_the_frame_says_so() {
    let picture = photo("../../examples/mug.jpg");
    let product = truth("mug").bounds(128).unwrap();
    let middle = product.x + product.width / 2;
    let half = picture.crop(Rect { x: middle, y: 0, width: picture.width() - middle, height: picture.height() });
    let cutout = SEGMENTER.cut_out(&half, &CutoutOptions::default()).unwrap();
    assert_eq!(cutout.photo_frame(false), PhotoFrame::Cuts);
}
