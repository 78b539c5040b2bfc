//! ONNX Runtime beside the built-in one.
//!
//! Compiled under the feature `onnxruntime` alone. Then the tests need a library: `PLANTAIN_ONNXRUNTIME` must name one, and
//! without it they fail, so that a run which passes has compared the two.

use std::path::{Path, PathBuf};

use plantain_media::cutout::{CutoutOptions, OnnxRuntime, Segmenter};
use plantain_media::decode::{Limits, decode};
use plantain_media::picture::Picture;

use crate::score;

#[expect(clippy::disallowed_methods, reason = "a test is told through the environment where the library is")]
fn library() -> PathBuf {
    std::env::var_os("PLANTAIN_ONNXRUNTIME").expect("PLANTAIN_ONNXRUNTIME names the shared library").into()
}

fn mug() -> Picture {
    let bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/mug.jpg")).unwrap();
    decode(&bytes, &Limits::default()).unwrap().picture
}

#[test]
fn both_runtimes_cut_out_the_same_product() {
    let runtime = OnnxRuntime::open(&library()).unwrap();
    let segmenters = [Segmenter::embedded().unwrap(), Segmenter::embedded_on(&runtime).unwrap()];
    let photo = mug();
    let cut_out = |segmenter: &Segmenter| segmenter.cut_out(&photo, &CutoutOptions::default()).unwrap();
    let [built_in, onnx] = segmenters.each_ref().map(cut_out);
    assert_eq!((onnx.origin, onnx.product), (built_in.origin, built_in.product));
    let (onnx, built_in) = (score::full_matte(&onnx), score::full_matte(&built_in));
    let most = onnx.alpha().iter().zip(built_in.alpha()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    let mean = score::mae(&onnx, &built_in);
    assert!(most <= 2 && mean < 1e-4, "mattes differ by up to {most} levels, {mean} on average");
}

#[test]
fn opened_twice_it_is_the_same_and_a_second_library_is_refused() {
    OnnxRuntime::open(&library()).unwrap();
    OnnxRuntime::open(&library()).unwrap();
    let other = Path::new(env!("CARGO_MANIFEST_DIR")).join("weights/u2netp.onnx");
    let error = OnnxRuntime::open(&other).unwrap_err();
    assert!(error.to_string().contains("already runs"), "{error}");
}
