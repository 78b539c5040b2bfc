//! What the product is laid on, as said on the command line.

use std::path::PathBuf;

use plantain_wire::models::staging::{Colors, SCENES, SceneKind, Staging};

use super::photos::{self, PhotoError};

/// Works with Plantain's own picture engine, as far as the marketplace's rules leave it open.
#[derive(Debug, clap::Args)]
pub struct Staged {
    /// What to lay the product on: auto, white, shadow, studio or reflection.
    #[arg(long, value_name = "SCENE", default_value = "auto", value_parser = scene)]
    scene: SceneKind,
    /// A colour (#f4e9dd), a gradient (#f4e9dd,#d9c3ad) or a picture to lay the product on.
    #[arg(long, value_name = "COLOR|PICTURE", value_parser = backdrop)]
    backdrop: Option<Backdrop>,
    /// Set a product upright that leans by up to 7 degrees.
    #[arg(long)]
    straighten: bool,
    /// Even out white balance and exposure by the greys around the product.
    #[arg(long)]
    normalize: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Backdrop {
    Colors(Colors),
    Picture(PathBuf),
}

fn scene(word: &str) -> Result<SceneKind, String> {
    let known: Vec<&str> = SCENES.iter().map(|(word, _)| *word).collect();
    SceneKind::parse(word).ok_or_else(|| format!("the scenes are {}", known.join(", ")))
}

/// What begins with a # is meant as a colour.
fn backdrop(text: &str) -> Result<Backdrop, String> {
    match Colors::parse(text) {
        Some(colors) => Ok(Backdrop::Colors(colors)),
        None if text.starts_with('#') => {
            Err("write a colour as '#f4e9dd', and a gradient as '#f4e9dd,#d9c3ad', in quotes".to_owned())
        }
        None => Ok(Backdrop::Picture(text.into())),
    }
}

impl Staged {
    pub fn staging(&self) -> Staging {
        let backdrop = match &self.backdrop {
            Some(Backdrop::Colors(colors)) => Some(*colors),
            Some(Backdrop::Picture(_)) | None => None,
        };
        Staging { scene: self.scene, backdrop, straighten: self.straighten, normalize: self.normalize }
    }

    /// The backdrop's file, where it is one.
    pub fn picture(&self) -> Result<Option<Vec<u8>>, PhotoError> {
        match &self.backdrop {
            Some(Backdrop::Picture(path)) => photos::read(path).map(Some),
            Some(Backdrop::Colors(_)) | None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backdrop_is_a_colour_two_or_a_file() {
        assert!(matches!(backdrop("#f4e9dd"), Ok(Backdrop::Colors(colors)) if colors.top == colors.bottom));
        assert!(matches!(backdrop("#f4e9dd,#000000"), Ok(Backdrop::Colors(colors)) if colors.bottom == [0; 3]));
        assert_eq!(backdrop("walls/beige.jpg"), Ok(Backdrop::Picture("walls/beige.jpg".into())));
        assert!(backdrop("#f4e9d").unwrap_err().contains("#f4e9dd"));
        assert!(scene("beach").unwrap_err().contains("reflection"));
        assert_eq!(scene("studio"), Ok(SceneKind::Studio));
    }
}
