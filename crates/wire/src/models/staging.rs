//! What a product is laid on: the fields with which Plantain's own picture engine goes beyond fal's schema.
//!
//! Other models skip them, as they do any field that they don't know.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::schema::{Field, Kind};
use super::values::Values;
use crate::error::Detail;

/// How the product is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SceneKind {
    /// What prompt and backdrop say; without either pure white, white with a shadow, and a studio.
    #[default]
    Auto,
    /// Pure white, no shadow.
    White,
    /// A shadow from the ground that the product touches.
    Shadow,
    /// A seamless studio sweep.
    Studio,
    /// A glossy floor that gives the product back.
    Reflection,
}

/// The words of [`SceneKind`].
pub const SCENES: [(&str, SceneKind); 5] = [
    ("auto", SceneKind::Auto),
    ("white", SceneKind::White),
    ("shadow", SceneKind::Shadow),
    ("studio", SceneKind::Studio),
    ("reflection", SceneKind::Reflection),
];

impl SceneKind {
    pub fn as_str(self) -> &'static str {
        SCENES.iter().find(|(_, kind)| *kind == self).map_or("auto", |(word, _)| word)
    }

    pub fn parse(word: &str) -> Option<SceneKind> {
        SCENES.iter().find(|(known, _)| *known == word).map(|(_, kind)| *kind)
    }

    /// Whether colours of one's own have a place in it.
    pub fn takes_colors(self) -> bool {
        !matches!(self, SceneKind::White | SceneKind::Studio)
    }
}

/// A backdrop of one colour, or of two from top to bottom. Written as `#rrggbb` or `#rrggbb,#rrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Colors {
    pub top: [u8; 3],
    pub bottom: [u8; 3],
}

impl Colors {
    /// ```
    /// use plantain_wire::models::staging::Colors;
    ///
    /// let sand = Colors::parse("#f4e9dd,#C9A88C").unwrap();
    /// assert_eq!((sand.top, sand.to_string()), ([0xf4, 0xe9, 0xdd], "#f4e9dd,#c9a88c".into()));
    /// assert_eq!(Colors::parse("beige"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Colors> {
        let (top, bottom) = text.split_once(',').unwrap_or((text, text));
        Some(Colors { top: color(top)?, bottom: color(bottom)? })
    }
}

fn color(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let [_, r, g, b] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
    Some([r, g, b])
}

impl fmt::Display for Colors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [r, g, b] = self.top;
        write!(f, "#{r:02x}{g:02x}{b:02x}")?;
        if self.bottom != self.top {
            let [r, g, b] = self.bottom;
            write!(f, ",#{r:02x}{g:02x}{b:02x}")?;
        }
        Ok(())
    }
}

impl From<Colors> for String {
    fn from(colors: Colors) -> String {
        colors.to_string()
    }
}

impl TryFrom<String> for Colors {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Colors, &'static str> {
        Colors::parse(&text).ok_or("colours are written as #rrggbb, or two of them with a comma between")
    }
}

/// How a product is laid out. The default asks for nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staging {
    #[serde(default, skip_serializing_if = "is_default")]
    pub scene: SceneKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backdrop: Option<Colors>,
    /// Set a product upright that leans a little.
    #[serde(default, skip_serializing_if = "is_default")]
    pub straighten: bool,
    /// Even out white balance and exposure, gently.
    #[serde(default, skip_serializing_if = "is_default")]
    pub normalize: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

const fn words() -> [&'static str; SCENES.len()] {
    let mut words = [""; SCENES.len()];
    let mut at = 0;
    while at < words.len() {
        words[at] = SCENES[at].0;
        at += 1;
    }
    words
}

pub(super) const SCENE: Field = Field::or(
    "scene",
    Kind::Word(&words()),
    "\"auto\"",
    "What the product is laid on; auto leaves it to the prompt and the backdrop. Plantain's own engine only.",
);
pub(super) const BACKDROP: Field = Field::optional(
    "backdrop",
    Kind::Colors,
    "The colour behind the product, or two for a gradient from top to bottom. Plantain's own engine only.",
);
pub(super) const STRAIGHTEN: Field = Field::or(
    "straighten",
    Kind::Flag,
    "false",
    "Whether a product that leans by up to 7 degrees is set upright. Plantain's own engine only.",
);
pub(super) const NORMALIZE: Field = Field::or(
    "normalize",
    Kind::Flag,
    "false",
    "Whether white balance and exposure are evened out by the greys around the product. Plantain's own engine only.",
);

impl Staging {
    /// Of an input that was checked; what is left to be wrong is a backdrop in a scene that has none.
    pub(super) fn of(values: &Values<'_>) -> Result<Staging, Vec<Detail>> {
        let staging = Staging {
            scene: values.word("scene", &SCENES).unwrap_or_default(),
            backdrop: Colors::parse(&values.text("backdrop")),
            straighten: values.flag("straighten"),
            normalize: values.flag("normalize"),
        };
        staging.contradiction().map_or(Ok(staging), |why| {
            Err(vec![Detail::new("value_error", vec!["body".into(), "backdrop".into()], format!("Value error, {why}"))])
        })
    }

    /// Why both can't be had.
    pub fn contradiction(&self) -> Option<String> {
        let scene = self.scene.as_str();
        (self.backdrop.is_some() && !self.scene.takes_colors())
            .then(|| format!("the scene '{scene}' has a background of its own; leave out either scene or backdrop"))
    }
}
