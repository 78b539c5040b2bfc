//! What the local engine makes of a real photo.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plantain_media::compose::Recipe;
use plantain_media::decode::{self, Decoded, Limits};
use plantain_testkit::Receiver;
use plantain_testkit::receiver::Answer;
use serde_json::{Value, json};

use crate::bench::{PUMP, bench};

/// How much of the mask is product, and whether the picture is white wherever the mask is black.
fn judged(picture: &Decoded, mask: &Decoded) -> (f64, bool) {
    let (pixels, marks) = (picture.picture.rgb().as_chunks::<3>().0, mask.picture.rgb().as_chunks::<3>().0);
    let product = marks.iter().filter(|mark| mark[0] > 127).count();
    let white = pixels.iter().zip(marks).all(|(pixel, mark)| mark[0] > 0 || *pixel == [255; 3]);
    (product as f64 / marks.len() as f64, white)
}

#[tokio::test]
async fn three_pictures_on_white_with_their_masks_and_an_honest_description() {
    let bench = bench().await;
    let photo = bench.keep(PUMP).await;
    let prompt = "Pure white background, no shadow, fills 80% of the frame, next to a waterfall";
    let run = bench.edit(json!({ "prompt": prompt, "image_urls": [photo], "num_images": 3 })).await;
    let output = run.output();
    let images = output["images"].as_array().unwrap();
    assert_eq!(images.len(), 3);
    for image in images {
        assert_eq!((&image["width"], &image["height"]), (&json!(2000), &json!(2000)));
        assert_eq!(image["content_type"], "image/png");
        assert!(image["variant"].as_str().unwrap().starts_with("Pure white"));
        let (picture, mask) = (bench.read(&image["url"]).await, bench.read(&image["mask"]["url"]).await);
        assert_eq!((mask.picture.width(), mask.picture.height()), (2000, 2000));
        let (product, white) = judged(&picture, &mask);
        assert!((0.05..0.7).contains(&product) && white, "{product} {white}");
        let scene: Recipe = serde_json::from_value(image["scene"].clone()).unwrap();
        assert!(scene.scene(None).is_some_and(|scene| scene.canvas == (2000, 2000)));
    }
    let (matte, photo) = (bench.read(&output["cutout"]["matte"]["url"]).await, bench.read(&json!(photo)).await);
    assert_eq!((matte.picture.width(), matte.picture.height()), (photo.picture.width(), photo.picture.height()));
    assert!(matte.picture.rgb().contains(&255) && matte.picture.rgb().contains(&0));
    let description = output["description"].as_str().unwrap();
    assert!(description.contains("nothing was generated"), "{description}");
    assert!(description.contains("“next to a waterfall”"), "{description}");
    let stages = [
        "Fetching the photo",
        "Decoding",
        "Cutting out 1/3",
        "Cutting out 2/3",
        "Cutting out 3/3",
        "Composing",
        "Saving",
    ];
    assert_eq!(run.logs, stages);
}

#[tokio::test]
async fn a_photo_from_the_network_comes_back_inside_the_answer() {
    let (bench, receiver) = (bench().await, Receiver::start().await);
    receiver.answer(Answer::Body(200, "text/html", PUMP.to_vec().into()));
    let input = json!({
        "prompt": "light grey background", "image_urls": [receiver.url("/a.jpg")], "sync_mode": true,
        "output_format": "jpeg", "aspect_ratio": "3:4",
    });
    let output = bench.edit(input).await.output();
    let image = &output["images"][0];
    let bytes = |url: &Value, kind: &str| {
        let data = url.as_str().unwrap().strip_prefix(&format!("data:{kind};base64,")).unwrap();
        STANDARD.decode(data).unwrap()
    };
    let picture = decode::decode(&bytes(&image["url"], "image/jpeg"), &Limits::default()).unwrap();
    assert_eq!((picture.picture.width(), picture.picture.height()), (1500, 2000));
    assert!(picture.picture.pixel(2, 2).iter().all(|level| (236..=244).contains(level)), "light grey");
    assert!(bytes(&image["mask"]["url"], "image/png").starts_with(b"\x89PNG"));
}

#[tokio::test]
async fn a_second_picture_is_the_backdrop() {
    let bench = bench().await;
    let backdrop = plantain_testkit::photo::png_of_size(300, 200);
    let backdrop_pixel = decode::decode(&backdrop, &Limits::default()).unwrap().picture.pixel(150, 5);
    let uri = format!("data:image/png;base64,{}", STANDARD.encode(&backdrop));
    let input = json!({ "prompt": "no shadow", "image_urls": [bench.keep(PUMP).await, uri, "ignored"] });
    let output = bench.edit(input).await.output();
    let image = &output["images"][0];
    assert_eq!((&image["width"], &image["height"]), (&json!(2000), &json!(1333)));
    let picture = bench.read(&image["url"]).await.picture;
    let there = picture.pixel(1000, 33);
    assert!(there.iter().zip(backdrop_pixel).all(|(a, b)| a.abs_diff(b) < 12), "{there:?} {backdrop_pixel:?}");
    let description = output["description"].as_str().unwrap();
    assert!(description.contains("Of 3 pictures two were used"), "{description}");
}

#[tokio::test]
async fn where_white_is_demanded_a_second_picture_is_no_backdrop_and_that_is_said() {
    let bench = bench().await;
    let backdrop = bench.keep(&plantain_testkit::photo::png_of_size(300, 200)).await;
    let input = json!({ "prompt": "pure white background", "image_urls": [bench.keep(PUMP).await, backdrop] });
    let output = bench.edit(input).await.output();
    assert_eq!(output["images"][0]["variant"], "Pure white");
    let description = output["description"].as_str().unwrap();
    assert!(description.contains("Of 2 pictures the first was used"), "{description}");
    assert!(output["product"]["height"].as_u64().is_some_and(|height| (800..2000).contains(&height)), "{output}");
}

#[tokio::test]
async fn a_scene_a_colour_and_an_upright_product_can_be_asked_for_by_name() {
    let bench = bench().await;
    let photo = bench.keep(PUMP).await;
    let plain = bench.edit(json!({ "prompt": "x", "image_urls": [photo.clone()] })).await.output();
    let tilt = plain["tilt_degrees"].as_f64().unwrap();
    assert!((-5.0..-1.0).contains(&tilt), "{tilt}");
    assert!(plain["description"].as_str().unwrap().contains("it can be set upright"), "{plain}");

    let input = json!({
        "prompt": "pure white background. No shadow and no reflection.", "image_urls": [photo],
        "scene": "reflection", "backdrop": "#f4e9dd", "straighten": true, "normalize": true,
    });
    let output = bench.edit(input).await.output();
    let image = &output["images"][0];
    assert_eq!(image["variant"], "Reflection");
    let (picture, mask) = (bench.read(&image["url"]).await.picture, bench.read(&image["mask"]["url"]).await.picture);
    assert_eq!((picture.pixel(5, 5), picture.pixel(1990, 5)), ([0xf4, 0xe9, 0xdd], [0xf4, 0xe9, 0xdd]));
    let foot = (0..2000).rev().find(|y| (0..2000).any(|x| mask.pixel(x, *y)[0] > 250)).unwrap();
    let below = (0..2000).map(|x| picture.pixel(x, foot + 12)).min().unwrap();
    assert!(below[0] < 0xe4, "something is given back by the floor: {below:?}");
    let description = output["description"].as_str().unwrap();
    for words in ["to the left and was set upright", "nothing was generated"] {
        assert!(description.contains(words), "{words} is not in {description}");
    }
}

#[tokio::test]
async fn a_box_says_what_the_product_is_and_one_outside_the_photo_is_refused_by_its_name() {
    let bench = bench().await;
    let photo = bench.keep(PUMP).await;
    let asked = |choice: Value| {
        let mut input = json!({ "prompt": "pure white background", "image_urls": [photo] });
        input.as_object_mut().unwrap().extend(choice.as_object().unwrap().clone());
        input
    };
    let area = |x_min: u32, y_min: u32, x_max: u32, y_max: u32| json!({ "box_prompts": [{ "x_min": x_min, "y_min": y_min, "x_max": x_max, "y_max": y_max }] });
    // The upper part of the bottle alone, and what a rough hand adds.
    let output = bench.edit(asked(area(0, 0, 1500, 700))).await.output();
    assert!(output["product"]["height"].as_u64().is_some_and(|height| (200..=805).contains(&height)), "{output}");
    let outside = bench.edit(asked(area(1500, 0, 1600, 700))).await;
    outside.refuses("value_error", "body.box_prompts", "inside the photo");
    let outside = bench.edit(asked(json!({ "point_prompts": [{ "x": 3, "y": 2000 }] }))).await;
    outside.refuses("value_error", "body.point_prompts", "inside the photo");
}
