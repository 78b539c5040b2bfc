//! From the words of a form to what a product is laid on. Pure.

use plantain_wire::models::staging::{Colors, SCENES, SceneKind, Staging};

use crate::http::error::ApiError;

/// The fields as they came; a field that is empty counts as one that was not filled in.
#[derive(Debug, Default)]
pub struct Words {
    pub scene: Option<String>,
    pub backdrop: Option<String>,
    pub straighten: Option<String>,
    pub normalize: Option<String>,
}

impl Words {
    /// Whether scene and backdrop go together is the studio's to say.
    pub fn read(self) -> Result<Staging, ApiError> {
        let filled = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let scene =
            filled(self.scene).map(|word| SceneKind::parse(&word).ok_or_else(|| no_scene(&word))).transpose()?;
        let backdrop =
            filled(self.backdrop).map(|text| Colors::parse(&text).ok_or_else(|| no_color(&text))).transpose()?;
        let flag = |name, text| filled(text).map_or(Ok(false), |text| yes(name, &text));
        Ok(Staging {
            scene: scene.unwrap_or_default(),
            backdrop,
            straighten: flag("straighten", self.straighten)?,
            normalize: flag("normalize", self.normalize)?,
        })
    }
}

/// As browsers and people write it.
fn yes(name: &str, text: &str) -> Result<bool, ApiError> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(ApiError::unprocessable(
            "not_yes_or_no",
            format!("The field \"{name}\" holds \"{}\", which is neither yes nor no.", shown(text)),
            format!("Send {name} as true or false, or leave it out."),
        )),
    }
}

fn no_scene(word: &str) -> ApiError {
    let known: Vec<&str> = SCENES.iter().map(|(word, _)| *word).collect();
    ApiError::unprocessable(
        "scene_unknown",
        format!("There is no scene \"{}\".", shown(word)),
        format!("The scenes are {}.", known.join(", ")),
    )
}

fn no_color(text: &str) -> ApiError {
    ApiError::unprocessable(
        "backdrop_not_a_color",
        format!("\"{}\" is no colour.", shown(text)),
        "Write the backdrop as #f4e9dd, or as #f4e9dd,#c9a88c for a gradient; a picture is sent as a second image.",
    )
}

fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}
