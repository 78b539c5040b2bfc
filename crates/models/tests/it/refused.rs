//! What can't be done is said, with the field that is to blame.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plantain_media::decode::Limits;
use plantain_outbound::Policy;
use plantain_testkit::receiver::Answer;
use plantain_testkit::{Receiver, photo};
use plantain_wire::error::ErrorType;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::bench::{EDIT, PUMP, bench, bench_with, run, run_until};

const FIRST: &str = "body.image_urls.0";
const SECOND: &str = "body.image_urls.1";

#[tokio::test]
async fn photos_that_are_none() {
    let bench = bench().await;
    for (bytes, kind, words) in [
        (photo::empty(), "image_load_error", "The file is empty."),
        (b"nothing at all".to_vec(), "image_load_error", "not a picture"),
        (photo::not_a_picture(), "unsupported_image_format", "can't be read"),
        (photo::truncated(), "image_load_error", "incomplete"),
        (photo::bomb(), "image_too_large", "megapixels"),
        (photo::png_of_size(1, 1), "image_too_small", "only 1 x 1"),
        (photo::png_of_size(2000, 100), "image_too_small", "strip"),
        (b"%PDF-1.7 plus something".to_vec(), "unsupported_image_format", "can't be read"),
    ] {
        let uri = format!("data:;base64,{}", STANDARD.encode(&bytes));
        bench.edit(json!({ "prompt": "x", "image_urls": [uri] })).await.refuses(kind, FIRST, words);
    }
    let (good, bad) = (bench.keep(PUMP).await, bench.keep(&photo::not_a_picture()).await);
    bench.edit(json!({ "prompt": "x", "image_urls": [good, bad] })).await.refuses(
        "unsupported_image_format",
        SECOND,
        "",
    );
}

#[tokio::test]
async fn a_photo_without_a_product_gives_no_empty_picture() {
    let bench = bench().await;
    let mut plain = Vec::new();
    let encoder = png_encoder(&mut plain, 400, 400);
    encoder.write_header().unwrap().write_image_data(&[200; 400 * 400 * 3]).unwrap();
    let run = bench.edit(json!({ "prompt": "x", "image_urls": [bench.keep(&plain).await] })).await;
    run.refuses("no_media_generated", FIRST, "No product stands out");
}

#[tokio::test]
async fn a_thumbnail_gives_no_ruined_picture() {
    let bench = bench().await;
    let thumbnail = photo::jpeg_of_size(120, 120);
    let run = bench.edit(json!({ "prompt": "on white", "image_urls": [bench.keep(&thumbnail).await] })).await;
    run.refuses("image_too_small", FIRST, "too few for a picture of 2000 x 2000");
}

#[tokio::test]
async fn a_picture_of_nothing_is_called_that() {
    let bench = bench().await;
    let uri = format!("data:;base64,{}", STANDARD.encode(photo::transparent()));
    let run = bench.edit(json!({ "prompt": "x", "image_urls": [uri] })).await;
    run.refuses("image_load_error", FIRST, "fully transparent");
}

fn png_encoder(out: &mut Vec<u8>, width: u32, height: u32) -> png::Encoder<'static, &mut Vec<u8>> {
    let mut encoder = png::Encoder::new(out, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder
}

#[tokio::test]
async fn addresses_that_give_no_photo() {
    let (bench, receiver) = (bench().await, Receiver::start().await);
    let own = "http://127.0.0.1:8788/cdn/files/b/00000000000000000000000000000000/a.png";
    for (url, words) in [
        ("mug.png", "no address"),
        ("ftp://a.test/a.png", "only http and https"),
        ("file:///etc/passwd", "only http and https"),
        ("http://user:secret@127.0.0.1/", "user name"),
        ("http://169.254.169.254/latest/meta-data/", "not reached"),
        ("http://127.0.0.1:1/", "can't be reached"),
        ("data:image/png;base64,a*b", "not valid base64"),
        (own, "no such file"),
    ] {
        bench.edit(json!({ "prompt": "x", "image_urls": [url] })).await.refuses("file_download_error", FIRST, words);
    }
    for (answer, words) in [
        (Answer::Status(404), "answered 404"),
        (Answer::Header(302, "location", "http://169.254.169.254/".into()), "redirects are not followed"),
    ] {
        receiver.answer(answer);
        let run = bench.edit(json!({ "prompt": "x", "image_urls": [receiver.url("/a.png")] })).await;
        run.refuses("file_download_error", FIRST, words);
    }
}

#[tokio::test]
async fn private_addresses_are_not_reached_unless_allowed() {
    let bench = bench_with(Policy::public(), Limits::default()).await;
    let receiver = Receiver::start().await;
    let run = bench.edit(json!({ "prompt": "x", "image_urls": [receiver.url("/a.png")] })).await;
    run.refuses("file_download_error", FIRST, "not reached");
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn photos_that_are_too_large_are_not_read_to_their_end() {
    let limits = Limits { max_bytes: 1000, ..Limits::default() };
    let (bench, receiver) = (bench_with(Policy::loopback(), limits).await, Receiver::start().await);
    receiver.answer(Answer::Body(200, "image/jpeg", PUMP.to_vec().into()));
    let data = format!("data:;base64,{}", STANDARD.encode(PUMP));
    for url in [receiver.url("/a.jpg").to_string(), bench.keep(PUMP).await.into(), data] {
        let run = bench.edit(json!({ "prompt": "x", "image_urls": [url] })).await;
        run.refuses("file_too_large", FIRST, "larger than");
    }
}

#[tokio::test]
async fn what_no_size_would_help_is_named_however_large_it_is() {
    let limits = Limits { max_bytes: 1000, ..Limits::default() };
    let (bench, receiver) = (bench_with(Policy::loopback(), limits).await, Receiver::start().await);
    for (start, words) in [
        (&b"II*\0\x10\0\0\0CR\x02\0"[..], "A camera's raw file"),
        (b"%PDF-1.7\n", "A PDF"),
        (b"\0\0\0\x18ftypisom\0\0\x02\0", "A video"),
    ] {
        let file = [start, &[0; 5000]].concat();
        receiver.answer(Answer::Body(200, "image/jpeg", file.clone().into()));
        for url in [receiver.url("/a.jpg").to_string(), bench.keep(&file).await.into()] {
            let run = bench.edit(json!({ "prompt": "x", "image_urls": [url] })).await;
            run.refuses("unsupported_image_format", FIRST, words);
        }
    }
}

#[tokio::test]
async fn inputs_that_break_the_schema() {
    let bench = bench().await;
    for (input, kind, field) in [
        ("{}", "missing", "body.prompt"),
        ("[]", "model_attributes_type", "body"),
        (r#"{"prompt":"","image_urls":["x"]}"#, "string_too_short", "body.prompt"),
        (r#"{"prompt":"x","image_urls":[]}"#, "sequence_too_short", "body.image_urls"),
        (r#"{"prompt":"x","image_urls":[7]}"#, "string_type", FIRST),
        (r#"{"prompt":"x","image_urls":["y"],"num_images":99}"#, "less_than_equal", "body.num_images"),
        (r#"{"prompt":"x","image_urls":["y"],"aspect_ratio":"7:3"}"#, "one_of", "body.aspect_ratio"),
    ] {
        run(&bench.engine, EDIT, input).await.refuses(kind, field, "");
    }
}

#[tokio::test]
async fn text_to_image_is_refused_with_a_way_out() {
    let bench = bench().await;
    let refused = run(&bench.engine, "fal-ai/nano-banana", r#"{"prompt":"a mug"}"#).await;
    refused.refuses("feature_not_supported", "body.prompt", "no text-to-image model");
    refused.refuses("feature_not_supported", "body.prompt", "FAL_KEY");
    run(&bench.engine, "fal-ai/nano-banana", "{}").await.refuses("missing", "body.prompt", "");
}

#[tokio::test]
async fn a_cancelled_run_ends_although_its_photo_never_comes() {
    let (bench, receiver) = (bench().await, Receiver::start().await);
    receiver.answer(Answer::Silence);
    let cancel = CancellationToken::new();
    let input = json!({ "prompt": "x", "image_urls": [receiver.url("/a.png")] }).to_string();
    let running = run_until(&bench.engine, EDIT, &input, cancel.clone());
    let cancelling = async {
        receiver.wait_for(1).await;
        cancel.cancel();
    };
    let (ended, ()) = tokio::join!(running, cancelling);
    assert_eq!(ended.ended.unwrap_err().error_type, ErrorType::ClientCancelled);
}

#[tokio::test]
async fn a_scene_that_does_not_exist_or_contradicts_its_backdrop() {
    let bench = bench().await;
    for (members, kind, field, words) in [
        (json!({ "scene": "beach" }), "one_of", "body.scene", "'reflection'"),
        (json!({ "backdrop": "beige" }), "string_pattern_mismatch", "body.backdrop", "#f4e9dd"),
        (json!({ "scene": "white", "backdrop": "#f4e9dd" }), "value_error", "body.backdrop", "background of its own"),
        (json!({ "straighten": 3 }), "bool_parsing", "body.straighten", "boolean"),
    ] {
        let mut input = json!({ "prompt": "x", "image_urls": ["https://a.test/never-fetched.jpg"] });
        input.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        bench.edit(input).await.refuses(kind, field, words);
    }
}
