//! `fal-ai/kling-video/v3/pro/text-to-video`. Fields and defaults as fal publishes them in 2026.

use super::schema::{Field, Kind, Object, Schema};
use super::shared::{FILE, PROMPT_CHARS_MAX};

pub(super) const V3_PRO_TEXT_TO_VIDEO: Schema = Schema {
    endpoint: "fal-ai/kling-video/v3/pro/text-to-video",
    title: "Kling Video v3 Pro",
    description: "Generates videos with sound from text, in one shot or several.",
    category: "text-to-video",
    input: Object { name: "Input", fields: INPUT, one_of: &["prompt", "multi_prompt"] },
    output: Object::new("Output", &[Field::required("video", Kind::Object(&FILE), "The generated video.")]),
};

/// The most shots of one video. fal publishes no limit; a video lasts at most 15 s, and a shot at least 1 s.
const SHOTS_MAX: usize = 15;

const WHOLE_SECONDS: &[&str] = &["3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"];

const SHOT_SECONDS: &[&str] = &["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"];

const SHOT: Object = Object::new(
    "KlingV3MultiPromptElement",
    &[
        Field::required("prompt", Kind::text(PROMPT_CHARS_MAX), "What this shot shows."),
        Field::or("duration", Kind::Word(SHOT_SECONDS), "\"5\"", "How long this shot lasts, in seconds."),
    ],
);

const INPUT: &[Field] = &[
    Field::optional(
        "prompt",
        Kind::text(PROMPT_CHARS_MAX),
        "The text that the video is generated from. Either this or multi_prompt.",
    ),
    Field::optional(
        "multi_prompt",
        Kind::List { of: &Kind::Object(&SHOT), least: 1, most: SHOTS_MAX },
        "A prompt for each shot of the video. Either this or prompt.",
    ),
    Field::or("duration", Kind::Word(WHOLE_SECONDS), "\"5\"", "How long the video lasts, in seconds."),
    Field::or("generate_audio", Kind::Flag, "true", "Whether the video has sound."),
    Field::or(
        "shot_type",
        Kind::Word(&["customize", "intelligent"]),
        "\"customize\"",
        "Whether the shots are as described or chosen by the model.",
    ),
    Field::or("aspect_ratio", Kind::Word(&["16:9", "9:16", "1:1"]), "\"16:9\"", "The shape of the video."),
    Field::or(
        "negative_prompt",
        Kind::Text { least: 0, most: PROMPT_CHARS_MAX },
        "\"blur, distort, and low quality\"",
        "What the video should not show.",
    ),
    Field::or("cfg_scale", Kind::number(0.0, 1.0), "0.5", "How closely the model keeps to the prompt."),
];
