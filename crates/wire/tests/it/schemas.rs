//! The descriptions of models: sound in themselves, and what inputs they let through.

use std::collections::BTreeSet;

use plantain_wire::endpoint::EndpointId;
use plantain_wire::error::{Detail, ErrorBody};
use plantain_wire::models::schema::{Field, Kind, Object, Presence, Schema};
use plantain_wire::models::{self, SCHEMAS};

fn id(text: &str) -> EndpointId {
    text.parse().expect(text)
}

fn details(endpoint: &str, input: &str) -> Vec<Detail> {
    models::check(&id(endpoint), input.as_bytes()).err().unwrap_or_default()
}

#[track_caller]
fn accepts(endpoint: &str, input: &str) {
    let found = details(endpoint, input);
    assert!(found.is_empty(), "{endpoint} {input}: {}", ErrorBody::Validation(found).summary());
}

/// Checks the one complaint: its place, as in `image_size.width`, its type, and words of its message.
#[track_caller]
fn refuses(endpoint: &str, input: &str, place: &str, kind: &str, words: &str) {
    let found = details(endpoint, input);
    let said: Vec<_> = found.iter().map(|detail| (detail.summary(), detail.kind.to_string())).collect();
    assert_eq!(said.len(), 1, "{endpoint} {input}: {said:?}");
    assert!(said[0].0.starts_with(&format!("{place}: ")) && said[0].0.contains(words), "{said:?}");
    assert_eq!(said[0].1, kind, "{said:?}");
}

/// An input with a value for whatever must be there, and `name` as given.
fn with(schema: &Schema, name: &str, value: &str) -> String {
    let prompt = schema.input.field("prompt").filter(|field| field.name != name).map(|_| r#""prompt":"x""#.to_owned());
    let images = schema.input.field("image_urls").filter(|field| field.name != name);
    let images = images.map(|_| r#""image_urls":["https://a.test/a.png"]"#.to_owned());
    let members: Vec<String> = [prompt, images].into_iter().flatten().chain([format!("\"{name}\":{value}")]).collect();
    format!("{{{}}}", members.join(","))
}

fn sound(object: &Object, place: &str) {
    let names: BTreeSet<_> = object.fields.iter().map(|field| field.name).collect();
    assert_eq!(names.len(), object.fields.len(), "{place}: a field is there twice");
    for Field { name, kind, description, .. } in object.fields {
        assert!(description.ends_with('.'), "{place}.{name}: {description}");
        match kind {
            Kind::Object(inner) | Kind::ObjectOrWord(inner, _) => sound(inner, &format!("{place}.{name}")),
            Kind::List { of: Kind::Object(inner), .. } => sound(inner, &format!("{place}.{name}[]")),
            _ => {}
        }
    }
    for name in object.one_of {
        let field = object.field(name).unwrap_or_else(|| panic!("{place} has no {name}"));
        assert_eq!(field.presence, Presence::Optional, "{place}.{name} is one of a choice");
    }
}

#[test]
fn every_description_is_sound_and_its_defaults_keep_to_it() {
    for schema in SCHEMAS {
        assert_eq!(models::schema(&id(schema.endpoint)), Some(schema), "{} is there twice", schema.endpoint);
        sound(&schema.input, schema.endpoint);
        sound(&schema.output, schema.endpoint);
        for field in schema.input.fields {
            match field.presence {
                Presence::Default(json) => {
                    accepts(schema.endpoint, &with(schema, field.name, json));
                    accepts(schema.endpoint, &with(schema, field.name, "null"));
                }
                Presence::Optional if !schema.input.one_of.contains(&field.name) => {
                    accepts(schema.endpoint, &with(schema, field.name, "null"));
                }
                Presence::Optional | Presence::Required => {}
            }
        }
    }
}

const FLUX: &str = "fal-ai/flux/dev";
const KLING: &str = "fal-ai/kling-video/v3/pro/text-to-video";

#[test]
fn flux_takes_what_it_documents() {
    for input in [
        r#"{"prompt":"a cup"}"#,
        r#"{"prompt":"a cup","image_size":"square_hd","num_inference_steps":50,"guidance_scale":"3.5","num_images":"4"}"#,
        r#"{"prompt":"a cup","image_size":{"width":14142},"seed":17454220438242315174,"acceleration":"high"}"#,
        r#"{"prompt":"a cup","guidance_scale":1e0,"unheard_of":[{}],"output_format":"png","sync_mode":"on"}"#,
    ] {
        accepts(FLUX, input);
    }
    for (member, place, kind, words) in [
        (r#""image_size":"huge""#, "image_size", "one_of", "'square_hd', 'square'"),
        (r#""image_size":{"width":0}"#, "image_size.width", "greater_than_equal", "equal to 1"),
        (r#""image_size":{"height":14143}"#, "image_size.height", "less_than_equal", "equal to 14142"),
        (r#""image_size":[1,2]"#, "image_size", "one_of", ""),
        (r#""num_inference_steps":51"#, "num_inference_steps", "less_than_equal", "equal to 50"),
        (r#""guidance_scale":0.5"#, "guidance_scale", "greater_than_equal", "equal to 1"),
        (r#""guidance_scale":"nan""#, "guidance_scale", "float_parsing", "valid number"),
        (r#""guidance_scale":1e999"#, "guidance_scale", "float_parsing", "valid number"),
        (r#""seed":1.5"#, "seed", "int_parsing", "valid integer"),
        (r#""acceleration":null,"num_images":5"#, "num_images", "less_than_equal", "equal to 4"),
        (r#""output_format":"webp""#, "output_format", "one_of", "'jpeg' or 'png'"),
    ] {
        refuses(FLUX, &format!(r#"{{"prompt":"a cup",{member}}}"#), place, kind, words);
    }
}

#[test]
fn the_four_ernies_differ_in_their_adapters() {
    for path in ["", "/turbo", "/lora", "/lora/turbo"] {
        let endpoint = format!("fal-ai/ernie-image{path}");
        accepts(&endpoint, r#"{"prompt":"a cup","negative_prompt":"","image_size":"square_uhd","guidance_scale":5}"#);
        refuses(&endpoint, r#"{"prompt":"x","num_inference_steps":101}"#, "num_inference_steps", "less_than_equal", "");
        let loras = r#"{"prompt":"x","loras":[{"scale":1}]}"#;
        match path.starts_with("/lora") {
            true => refuses(&endpoint, loras, "loras[0].path", "missing", "Field required"),
            false => accepts(&endpoint, loras),
        }
    }
}

#[test]
fn kling_wants_a_prompt_or_several_and_its_numbers_as_words() {
    for input in [
        r#"{"prompt":"a cup falls","duration":"15","cfg_scale":0,"aspect_ratio":"9:16"}"#,
        r#"{"prompt":"a cup falls","multi_prompt":null}"#,
        r#"{"multi_prompt":[{"prompt":"a","duration":"1"},{"prompt":"b"}],"shot_type":"intelligent"}"#,
    ] {
        accepts(KLING, input);
    }
    for (input, place, kind, words) in [
        ("{}", "prompt", "missing", "Field required"),
        (r#"{"prompt":null}"#, "prompt", "missing", "Field required"),
        (r#"{"prompt":"a","multi_prompt":[{"prompt":"b"}]}"#, "multi_prompt", "value_error", "exactly one of"),
        (r#"{"prompt":"a","duration":5}"#, "duration", "one_of", "'3', '4'"),
        (r#"{"prompt":"a","duration":"2"}"#, "duration", "one_of", ""),
        (r#"{"prompt":"a","cfg_scale":1.01}"#, "cfg_scale", "less_than_equal", "equal to 1"),
        (r#"{"multi_prompt":[]}"#, "multi_prompt", "sequence_too_short", "at least 1 item"),
        (r#"{"multi_prompt":[{"prompt":"a","duration":"16"}]}"#, "multi_prompt[0].duration", "one_of", ""),
        (r#"{"multi_prompt":["a"]}"#, "multi_prompt[0]", "model_attributes_type", "valid dictionary"),
    ] {
        refuses(KLING, input, place, kind, words);
    }
}

#[test]
fn an_endpoint_that_nobody_described_takes_anything() {
    for input in ["", "null", "{", "[1]"] {
        accepts("me/my-model", input);
        accepts("fal-ai/nano-banana-pro", input);
    }
}

#[test]
fn a_flood_of_mistakes_gets_a_bounded_answer() {
    let entries = vec!["7"; 16].join(",");
    let input = format!(r#"{{"prompt":"a","image_urls":[{entries}]}}"#);
    assert_eq!(details("fal-ai/nano-banana/edit", &input).len(), 16);
    let shots = vec![r#"{"duration":1}"#; 15].join(",");
    assert_eq!(details(KLING, &format!(r#"{{"multi_prompt":[{shots}]}}"#)).len(), 30);
    let deep = format!(r#"{{"prompt":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(details(FLUX, &deep).len(), 1, "no stack is that deep");
}

#[test]
fn bounds_are_written_as_they_are_shown() {
    let complaints = details(KLING, r#"{"prompt":"a","cfg_scale":2.50}"#);
    let expected = r#"{"detail":[{"loc":["body","cfg_scale"],"msg":"Input should be less than or equal to 1","type":"less_than_equal","url":"https://docs.fal.ai/errors/#less_than_equal","ctx":{"le":1},"input":2.50}]}"#;
    assert_eq!(ErrorBody::Validation(complaints).to_json(), expected);
}
