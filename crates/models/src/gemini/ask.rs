//! The question to Google: prompt, pictures, shape, seed, tolerance. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use plantain_media::decode::{self, PictureError};
use plantain_wire::error::Detail;
use plantain_wire::models::nano_banana::Settings;
use serde_json::{Value, json};

use crate::local::complaint;

/// What Google's filter judges, as far as it can be adjusted.
const HARMS: [&str; 4] = [
    "HARM_CATEGORY_HARASSMENT",
    "HARM_CATEGORY_HATE_SPEECH",
    "HARM_CATEGORY_SEXUALLY_EXPLICIT",
    "HARM_CATEGORY_DANGEROUS_CONTENT",
];

/// The body of the call for the picture with this number. A picture that is none is refused here, with its place.
pub(super) fn body(prompt: &str, pictures: &[Bytes], settings: &Settings, index: u8) -> Result<Bytes, Vec<Detail>> {
    let mut parts = vec![json!({ "text": prompt })];
    for (at, bytes) in pictures.iter().enumerate() {
        parts.push(inline(at, bytes)?);
    }
    let mut config = json!({ "responseModalities": ["TEXT", "IMAGE"] });
    if let Some((width, height)) = settings.aspect_ratio.ratio() {
        config["imageConfig"] = json!({ "aspectRatio": format!("{width}:{height}") });
    }
    if let Some(seed) = settings.seed {
        config["seed"] = seed_for(seed, index).into();
    }
    let threshold = threshold(settings.safety_tolerance);
    let safety = HARMS.map(|harm| json!({ "category": harm, "threshold": threshold }));
    let body = json!({
        "contents": [{ "role": "user", "parts": parts }],
        "generationConfig": config,
        "safetySettings": safety,
    });
    Ok(body.to_string().into())
}

fn inline(index: usize, bytes: &[u8]) -> Result<Value, Vec<Detail>> {
    let probe = decode::probe(bytes).map_err(|error| vec![complaint::of_picture(index, error)])?;
    if matches!(probe.format, decode::Format::Avif | decode::Format::Tiff | decode::Format::Gif) {
        let error = PictureError::UnsupportedFlavor { format: probe.format };
        return Err(vec![complaint::of_picture(index, error)]);
    }
    Ok(json!({ "inlineData": { "mimeType": probe.format.content_type(), "data": STANDARD.encode(bytes) } }))
}

/// Google takes 31 bits. Each picture of a request has a seed of its own, or all would be alike.
fn seed_for(seed: i128, index: u8) -> i32 {
    let folded = (seed.wrapping_add(i128::from(index))).rem_euclid(i128::from(i32::MAX));
    i32::try_from(folded).unwrap_or_default()
}

/// fal's 1 (strict) to 6.
fn threshold(tolerance: u8) -> &'static str {
    match tolerance {
        0..=2 => "BLOCK_LOW_AND_ABOVE",
        3..=4 => "BLOCK_MEDIUM_AND_ABOVE",
        5 => "BLOCK_ONLY_HIGH",
        _ => "BLOCK_NONE",
    }
}

#[cfg(test)]
mod tests {
    use plantain_wire::models::nano_banana::TextInput;

    use super::*;

    fn asked(input: &str, pictures: &[Bytes], index: u8) -> Value {
        let settings = TextInput::parse(input.as_bytes()).unwrap().settings;
        serde_json::from_slice(&body("a cup", pictures, &settings, index).unwrap()).unwrap()
    }

    #[test]
    fn the_settings_become_googles() {
        let asked = asked(r#"{"prompt":"a cup","aspect_ratio":"4:5","seed":7,"safety_tolerance":"1"}"#, &[], 2);
        assert_eq!(asked["contents"], json!([{ "role": "user", "parts": [{ "text": "a cup" }] }]));
        let config = json!({
            "responseModalities": ["TEXT", "IMAGE"], "imageConfig": { "aspectRatio": "4:5" }, "seed": 9,
        });
        assert_eq!(asked["generationConfig"], config);
        assert_eq!(asked["safetySettings"][3]["threshold"], "BLOCK_LOW_AND_ABOVE");
    }

    #[test]
    fn pictures_go_inside_and_what_is_none_is_refused_with_its_place() {
        let photo = Bytes::from(plantain_testkit::photo::jpeg());
        let parts = asked(r#"{"prompt":"x"}"#, std::slice::from_ref(&photo), 0)["contents"][0]["parts"].clone();
        assert_eq!(parts[1]["inlineData"]["mimeType"], "image/jpeg");
        assert_eq!(parts[1]["inlineData"]["data"], STANDARD.encode(&photo));
        let settings = TextInput::parse(br#"{"prompt":"x"}"#).unwrap().settings;
        let refused = body("x", &[photo, Bytes::from_static(b"no picture")], &settings, 0).unwrap_err();
        assert!(refused[0].summary().starts_with("image_urls[1]: "), "{}", refused[0].summary());
    }

    #[test]
    fn any_seed_fits() {
        for seed in [0, -1, i128::MAX, i128::MIN, 17_454_220_438_242_315_174] {
            assert!((0..i32::MAX).contains(&seed_for(seed, 3)), "{seed}");
        }
        assert_ne!(seed_for(5, 0), seed_for(5, 1));
    }
}
