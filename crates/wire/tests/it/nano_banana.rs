//! Inputs of the two nano-banana endpoints: defaults, limits, and complaints as the real model would send them.

use plantain_wire::error::ErrorBody;
use plantain_wire::models::choice::{BOX_SIDE_MIN, BoxPrompt, ChoiceError, Keep, ObjectChoice, PointPrompt};
use plantain_wire::models::nano_banana::{AspectRatio, EditInput, OutputFormat, Settings, TextInput};
use plantain_wire::models::staging::{Colors, SceneKind, Staging};

/// Reads an edit input that is complete but for these members.
fn edit(members: &str) -> Result<EditInput, String> {
    let json = format!(r#"{{"prompt":"on white","image_urls":["https://x.test/a.jpg"]{members}}}"#);
    EditInput::parse(json.as_bytes()).map_err(|details| ErrorBody::Validation(details).summary())
}

#[track_caller]
fn complains(members: &str, expected: &str) {
    assert_eq!(edit(members).expect_err(members), expected);
}

#[test]
fn defaults_are_fals() {
    let settings = Settings {
        num_images: 1,
        seed: None,
        aspect_ratio: AspectRatio::Auto,
        output_format: OutputFormat::Png,
        safety_tolerance: 4,
        sync_mode: false,
        limit_generations: false,
    };
    assert_eq!(edit("").unwrap().settings, settings);
    let nulls = r#","num_images":null,"seed":null,"aspect_ratio":null,"output_format":null,"sync_mode":null"#;
    assert_eq!(edit(nulls).unwrap().settings, settings, "null means the default");
    let text = TextInput::parse(br#"{"prompt":"a cup"}"#).unwrap();
    assert_eq!(text.settings, Settings { aspect_ratio: AspectRatio::R1x1, ..settings });
}

#[test]
fn every_field_is_read() {
    let members = r#","num_images":4,"seed":17454220438242315174,"aspect_ratio":"4:5","output_format":"webp",
        "safety_tolerance":"6","sync_mode":true,"limit_generations":true,"unheard_of":{"a":[1]}"#;
    let settings = edit(members).unwrap().settings;
    assert_eq!((settings.num_images, settings.seed), (4, Some(17_454_220_438_242_315_174)));
    assert_eq!((settings.aspect_ratio.ratio(), settings.output_format), (Some((4, 5)), OutputFormat::Webp));
    assert_eq!((settings.safety_tolerance, settings.sync_mode, settings.limit_generations), (6, true, true));
}

#[test]
fn the_product_may_be_chosen_by_a_box_and_points() {
    let members = r#","box_prompts":[{"x_min":10,"y_min":"20","x_max":300,"y_max":400}],
        "point_prompts":[{"x":40,"y":50},{"x":60,"y":70,"label":0}]"#;
    let choice = edit(members).unwrap().choice;
    assert_eq!(choice.box_prompts, [BoxPrompt { x_min: 10, y_min: 20, x_max: 300, y_max: 400 }]);
    assert_eq!(choice.point_prompts, [PointPrompt { x: 40, y: 50, label: 1 }, PointPrompt { x: 60, y: 70, label: 0 }]);
    for (width, height, lies) in [(301, 401, true), (61, 71, true), (60, 71, false), (61, 70, false)] {
        assert_eq!(choice.lies_in(width, height), lies, "{width} x {height}");
    }
    let boxed = |text: &str| ObjectChoice { box_prompts: vec![text.parse().unwrap()], ..ObjectChoice::default() };
    for (text, lies) in [
        ("0,0,16,16", true),
        ("0,0,15,99", false),
        ("85,0,99,99", false),
        ("84,84,99,99", true),
        ("100,0,50,50", false),
    ] {
        assert_eq!(boxed(text).lies_in(100, 100), lies, "{text}");
    }
    assert_eq!(edit(r#","box_prompts":null,"point_prompts":[]"#).unwrap().choice, ObjectChoice::default());
    assert!(edit("").unwrap().choice.is_empty());
}

#[test]
fn boxes_and_points_that_are_none_are_named() {
    let area = |numbers: [&str; 4]| {
        let [left, top, right, bottom] = numbers;
        format!(r#","box_prompts":[{{"x_min":{left},"y_min":{top},"x_max":{right},"y_max":{bottom}}}]"#)
    };
    let empty = "box_prompts[0]: Value error, x_max must be above x_min and y_max above y_min";
    complains(&area(["10", "10", "10", "40"]), empty);
    complains(&area(["10", "40", "20", "30"]), empty);
    complains(&area(["-1", "0", "5", "5"]), "box_prompts[0].x_min: Input should be greater than or equal to 0");
    complains(&area(["0", "0", "70000", "5"]), "box_prompts[0].x_max: Input should be less than or equal to 65535");
    complains(&area(["0", "0", "\"nan\"", "5"]), "box_prompts[0].x_max: Input should be a valid integer");
    complains(&area(["0", "0", "1e999", "5"]), "box_prompts[0].x_max: Input should be a valid integer");
    complains(r#","box_prompts":[{"x_min":0,"y_min":0,"x_max":5}]"#, "box_prompts[0].y_max: Field required");
    complains(r#","point_prompts":[{"x":1}]"#, "point_prompts[0].y: Field required");
    complains(
        r#","point_prompts":[{"x":1,"y":2,"label":2}]"#,
        "point_prompts[0].label: Input should be less than or equal to 1",
    );
}

#[test]
fn boxes_and_points_are_written_by_hand_too() {
    for (text, expected) in [
        ("1,2,3,4", Ok(BoxPrompt { x_min: 1, y_min: 2, x_max: 4, y_max: 6 })),
        (" 0, 0 ,4294967295, 9", Ok(BoxPrompt { x_min: 0, y_min: 0, x_max: 65_535, y_max: 9 })),
        ("1,2,0,4", Err(ChoiceError::EmptyBox)),
        ("70000,2,5,4", Err(ChoiceError::NoBox)),
        ("1,2,3", Err(ChoiceError::NoBox)),
        ("1,2,NaN,4", Err(ChoiceError::NoBox)),
        ("-1,2,3,4", Err(ChoiceError::NoBox)),
        ("", Err(ChoiceError::NoBox)),
    ] {
        assert_eq!(text.parse::<BoxPrompt>(), expected, "{text}");
    }
    assert_eq!(PointPrompt::parse("5, 6", false), Ok(PointPrompt { x: 5, y: 6, label: 0 }));
    for text in ["", "5", "5,6,7", "inf,3", "5.5,1", "70000,1"] {
        assert_eq!(PointPrompt::parse(text, true), Err(ChoiceError::NoPoint), "{text}");
    }
}

#[test]
fn numbers_and_flags_may_be_written_as_pydantic_allows() {
    let settings = edit(r#","num_images":"2","seed":"-7","sync_mode":"true","limit_generations":1"#).unwrap().settings;
    assert_eq!(
        (settings.num_images, settings.seed, settings.sync_mode, settings.limit_generations),
        (2, Some(-7), true, true)
    );
    assert_eq!(edit(r#","num_images":3.0"#).unwrap().settings.num_images, 3);
}

#[test]
fn broken_limits_are_named_with_the_limit() {
    complains(r#","num_images":0"#, "num_images: Input should be greater than or equal to 1");
    complains(r#","num_images":99"#, "num_images: Input should be less than or equal to 4");
    complains(r#","num_images":1.5"#, "num_images: Input should be a valid integer");
    complains(r#","num_images":[]"#, "num_images: Input should be a valid integer");
    complains(r#","seed":"x""#, "seed: Input should be a valid integer");
    complains(r#","output_format":"gif""#, "output_format: Input should be 'jpeg', 'png' or 'webp'");
    complains(r#","safety_tolerance":4"#, "safety_tolerance: Input should be '1', '2', '3', '4', '5' or '6'");
    complains(r#","sync_mode":"perhaps""#, "sync_mode: Input should be a valid boolean");
}

#[test]
fn auto_is_only_for_inputs_with_a_picture() {
    assert_eq!(edit(r#","aspect_ratio":"auto""#).unwrap().settings.aspect_ratio, AspectRatio::Auto);
    let complaints = TextInput::parse(br#"{"prompt":"a cup","aspect_ratio":"auto"}"#).unwrap_err();
    assert_eq!(complaints[0].kind, "one_of");
}

#[track_caller]
fn details(json: &str) -> String {
    ErrorBody::Validation(EditInput::parse(json.as_bytes()).expect_err(json)).summary()
}

#[test]
fn all_complaints_come_at_once() {
    assert_eq!(details(""), "prompt: Field required; image_urls: Field required");
    let both = r#"{"prompt":"","image_urls":[],"num_images":7}"#;
    assert_eq!(
        details(both),
        "prompt: String should have at least 1 character; \
         image_urls: List should have at least 1 item after validation, not 0; \
         num_images: Input should be less than or equal to 4"
    );
    assert_eq!(
        details(r#"{"prompt":7,"image_urls":"x"}"#),
        "prompt: Input should be a valid string; image_urls: Input should be a valid list"
    );
    assert_eq!(
        details(r#"{"prompt":"a","image_urls":["x",7,null]}"#),
        "image_urls[1]: Input should be a valid string; image_urls[2]: Input should be a valid string"
    );
}

#[test]
fn what_is_no_object_is_said_to_be_none() {
    assert!(details("{\"prompt\":").contains("JSON decode error"));
    assert_eq!(details("[1]"), "Input should be a valid dictionary or object");
    assert_eq!(details("null"), "Input should be a valid dictionary or object");
}

#[test]
fn long_prompts_and_lists_are_bounded() {
    let long = format!(r#"{{"prompt":"{}","image_urls":["a"]}}"#, "x".repeat(50_001));
    assert_eq!(details(&long), "prompt: String should have at most 50000 characters");
    let many = format!(r#"{{"prompt":"a","image_urls":[{}]}}"#, vec!["\"u\""; 17].join(","));
    assert_eq!(details(&many), "image_urls: List should have at most 16 items after validation, not 17");
}

#[test]
fn a_complaint_is_written_as_a_whole() {
    let complaints = TextInput::parse(br#"{"prompt":"a","num_images":9}"#).unwrap_err();
    let expected = r#"{"detail":[{"loc":["body","num_images"],"msg":"Input should be less than or equal to 4","type":"less_than_equal","url":"https://docs.fal.ai/errors/#less_than_equal","ctx":{"le":4},"input":9}]}"#;
    assert_eq!(ErrorBody::Validation(complaints).to_json(), expected);
    let complaints = TextInput::parse(br#"{"seed": 1}"#).unwrap_err();
    let expected = r#"{"detail":[{"loc":["body","prompt"],"msg":"Field required","type":"missing","url":"https://docs.fal.ai/errors/#missing","input":{"seed": 1}}]}"#;
    assert_eq!(ErrorBody::Validation(complaints).to_json(), expected);
}

#[test]
fn a_staging_is_read_and_left_out_where_it_is_the_usual_one() {
    let staging = |members: &str| edit(members).unwrap().staging;
    assert_eq!(staging(""), Staging::default());
    assert_eq!(staging(r#","scene":null,"backdrop":null,"straighten":null,"normalize":null"#), Staging::default());
    assert_eq!(serde_json::to_string(&Staging::default()).unwrap(), "{}");
    let whole = staging(r##","scene":"reflection","backdrop":"#F4E9DD,#c9a88c","straighten":true,"normalize":"yes""##);
    let colors = Colors { top: [0xf4, 0xe9, 0xdd], bottom: [0xc9, 0xa8, 0x8c] };
    let scene = SceneKind::Reflection;
    assert_eq!(whole, Staging { scene, backdrop: Some(colors), straighten: true, normalize: true });
    let text = serde_json::to_string(&whole).unwrap();
    assert_eq!(text, r##"{"scene":"reflection","backdrop":"#f4e9dd,#c9a88c","straighten":true,"normalize":true}"##);
    assert_eq!(serde_json::from_str::<Staging>(&text).unwrap(), whole);
}

#[test]
fn a_staging_that_cannot_be_is_refused_with_what_can() {
    complains(r#","scene":"beach""#, "scene: Input should be 'auto', 'white', 'shadow', 'studio' or 'reflection'");
    for bad in [
        r##""beige""##,
        r##""""##,
        r##""#f4e9d""##,
        r##""f4e9dd""##,
        r##""#f4e9dd,""##,
        r##""#+4e9dd""##,
        r##""#f4e9dd,#c9a88c,#000000""##,
    ] {
        let complaint = edit(&format!(r#","backdrop":{bad}"#)).expect_err(bad);
        assert!(
            complaint.starts_with("backdrop: String should match pattern") && complaint.contains("#f4e9dd"),
            "{complaint}"
        );
    }
    complains(r#","backdrop":7"#, "backdrop: Input should be a valid string");
    complains(r#","straighten":"perhaps""#, "straighten: Input should be a valid boolean");
    for scene in ["white", "studio"] {
        complains(
            &format!(r##","scene":"{scene}","backdrop":"#f4e9dd""##),
            &format!(
                "backdrop: Value error, the scene '{scene}' has a background of its own; leave out either scene or backdrop"
            ),
        );
    }
}

#[test]
fn a_choice_keeps_its_place_in_a_copy_of_another_size() {
    let chosen = |[x_min, y_min, x_max, y_max]: [u32; 4], (x, y): (u32, u32)| ObjectChoice {
        box_prompts: vec![BoxPrompt { x_min, y_min, x_max, y_max }],
        point_prompts: vec![PointPrompt { x, y, label: 0 }],
        ..ObjectChoice::default()
    };
    for (from, to, given, scaled) in [
        ((100, 100), (50, 50), ([10, 21, 61, 99], (99, 99)), ([5, 10, 31, 50], (49, 49))),
        ((100, 100), (100, 100), ([10, 20, 60, 90], (3, 4)), ([10, 20, 60, 90], (3, 4))),
        ((100, 100), (50, 50), ([84, 0, 100, 16], (0, 0)), ([34, 0, 50, 16], (0, 0))),
        ((100, 100), (200, 20), ([0, 0, 65_535, 16], (50, 50)), ([0, 0, 131_070, 16], (100, 10))),
        ((0, 0), (0, 0), ([1, 1, 2, 2], (1, 1)), ([0, 0, 16, 16], (0, 0))),
    ] {
        let made = chosen(given.0, given.1).scaled(from, to);
        assert_eq!(made, chosen(scaled.0, scaled.1), "{from:?} {to:?}");
        assert!(to.0.min(to.1) < BOX_SIDE_MIN || made.lies_in(to.0, to.1));
    }
}

#[test]
fn everything_that_stands_out_may_be_kept() {
    for (members, keep) in [("", Keep::Auto), (r#","keep":"auto""#, Keep::Auto), (r#","keep":"all""#, Keep::All)] {
        let choice = edit(members).unwrap().choice;
        assert_eq!((choice.keep, choice.is_empty()), (keep, keep == Keep::Auto), "{members}");
        assert!(!choice.names_places());
        let written = serde_json::to_value(&choice).unwrap();
        assert_eq!(written.get("keep").is_some(), keep == Keep::All, "only what was asked for is sent on");
        assert_eq!(serde_json::from_value::<ObjectChoice>(written).unwrap(), choice);
    }
    assert!(edit(r#","keep":"some""#).is_err());
    assert_eq!("all".parse(), Ok(Keep::All));
    assert_eq!("ALL".parse::<Keep>(), Err(ChoiceError::NoKeep));
}
