//! Which thing in the picture is meant: a box around it, and points on it and beside it.
//!
//! Named as fal's segmentation endpoints name them. All places are whole pixels of the upright picture, counted from its top
//! left corner; whether they lie in the picture only who has decoded it can tell.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::schema::{Field, Kind, Object};
use super::values::Values;
use crate::error::{Detail, Loc};

/// The most points of one choice.
pub const POINTS_MAX: usize = 32;
/// The least of a box that has to lie in the picture, across and down, in pixels.
pub const BOX_SIDE_MIN: u32 = 16;
/// The largest place in a picture that is ever named.
const PLACE_MAX: i128 = 65_535;

/// What the caller chose; empty where the choice is left to the model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectChoice {
    /// At most one: around the product.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub box_prompts: Vec<BoxPrompt>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub point_prompts: Vec<PointPrompt>,
    /// How much of what stands out is the product, where no point says it.
    #[serde(default, skip_serializing_if = "Keep::is_auto")]
    pub keep: Keep,
}

/// How much of what stands out is the product.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// The one thing that is large and near the middle.
    #[default]
    Auto,
    /// Everything: sets, pairs, things laid out side by side.
    All,
}

/// The words of [`Keep`].
pub const KEEPS: [(&str, Keep); 2] = [("auto", Keep::Auto), ("all", Keep::All)];

impl Keep {
    pub fn as_str(self) -> &'static str {
        match self {
            Keep::Auto => "auto",
            Keep::All => "all",
        }
    }

    /// Nothing was asked for.
    pub fn is_auto(&self) -> bool {
        *self == Keep::Auto
    }
}

impl FromStr for Keep {
    type Err = ChoiceError;

    fn from_str(text: &str) -> Result<Keep, ChoiceError> {
        KEEPS.iter().find(|(word, _)| *word == text).map(|(_, keep)| *keep).ok_or(ChoiceError::NoKeep)
    }
}

/// From the first pixel to the one after the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoxPrompt {
    pub x_min: u32,
    pub y_min: u32,
    pub x_max: u32,
    pub y_max: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointPrompt {
    pub x: u32,
    pub y: u32,
    /// 1: this is the product. 0: this is not.
    pub label: u8,
}

/// Why a written box or point is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    #[error("a box is written x,y,width,height in whole pixels of the upright photo, such as 120,80,900,700")]
    NoBox,
    #[error("a box needs a width and a height above 0")]
    EmptyBox,
    #[error("it is auto or all")]
    NoKeep,
    #[error("a point is written x,y in whole pixels of the upright photo, such as 640,480")]
    NoPoint,
}

impl ObjectChoice {
    /// Nothing was chosen.
    pub fn is_empty(&self) -> bool {
        !self.names_places() && self.keep.is_auto()
    }

    /// A box or a point, which mean a place in one photo.
    pub fn names_places(&self) -> bool {
        !self.box_prompts.is_empty() || !self.point_prompts.is_empty()
    }

    /// The box as left, top, right, bottom; the last two are the first pixels outside.
    pub fn corners(&self) -> Option<[u32; 4]> {
        self.box_prompts.first().map(|area| [area.x_min, area.y_min, area.x_max, area.y_max])
    }

    /// Each point, and whether it lies on the product.
    pub fn points(&self) -> impl Iterator<Item = ((u32, u32), bool)> {
        self.point_prompts.iter().map(|point| ((point.x, point.y), point.label != 0))
    }

    /// Whether every point lies in a picture of this size, and enough of the box does.
    pub fn lies_in(&self, width: u32, height: u32) -> bool {
        let shown = |from: u32, to: u32, side: u32| to.min(side).saturating_sub(from) >= BOX_SIDE_MIN;
        let fits = |area: &BoxPrompt| shown(area.x_min, area.x_max, width) && shown(area.y_min, area.y_max, height);
        self.box_prompts.iter().all(fits) && self.point_prompts.iter().all(|point| point.x < width && point.y < height)
    }

    /// The same choice in a copy of another size. The box stays large enough, and all points in the copy.
    pub fn scaled(&self, from: (u32, u32), to: (u32, u32)) -> ObjectChoice {
        let (across, down) = (Ratio { from: from.0, to: to.0 }, Ratio { from: from.1, to: to.1 });
        let area = |area: &BoxPrompt| {
            let ((x_min, x_max), (y_min, y_max)) =
                (across.span(area.x_min, area.x_max), down.span(area.y_min, area.y_max));
            BoxPrompt { x_min, y_min, x_max, y_max }
        };
        let point = |point: &PointPrompt| PointPrompt { x: across.place(point.x), y: down.place(point.y), ..*point };
        ObjectChoice {
            box_prompts: self.box_prompts.iter().map(area).collect(),
            point_prompts: self.point_prompts.iter().map(point).collect(),
            keep: self.keep,
        }
    }

    /// Of an input that was checked against [`BOXES`] and [`POINTS`].
    pub(super) fn of(values: &Values<'_>) -> Result<ObjectChoice, Vec<Detail>> {
        let place = |values: &Values<'_>, name| {
            values.integer(name).and_then(|number| u32::try_from(number).ok()).unwrap_or_default()
        };
        let area = |values: &Values<'_>| BoxPrompt {
            x_min: place(values, "x_min"),
            y_min: place(values, "y_min"),
            x_max: place(values, "x_max"),
            y_max: place(values, "y_max"),
        };
        let point = |values: &Values<'_>| PointPrompt {
            x: place(values, "x"),
            y: place(values, "y"),
            label: u8::from(place(values, "label") != 0),
        };
        let choice = ObjectChoice {
            box_prompts: values.objects(BOXES.name).iter().map(area).collect(),
            point_prompts: values.objects(POINTS.name).iter().map(point).collect(),
            keep: values.word(KEEP.name, &KEEPS).unwrap_or_default(),
        };
        let empty = |(index, area): (usize, &BoxPrompt)| area.is_empty().then(|| empty_box(index));
        let complaints: Vec<Detail> = choice.box_prompts.iter().enumerate().filter_map(empty).collect();
        if complaints.is_empty() { Ok(choice) } else { Err(complaints) }
    }
}

/// How long a side was and is now.
#[derive(Clone, Copy)]
struct Ratio {
    from: u32,
    to: u32,
}

impl Ratio {
    fn scaled(self, place: u32, round: impl Fn(u64, u64) -> u64) -> u32 {
        let (from, to) = (u64::from(self.from.max(1)), u64::from(self.to));
        u32::try_from(round(u64::from(place) * to, from)).unwrap_or(u32::MAX)
    }

    fn place(self, place: u32) -> u32 {
        self.scaled(place, |place, by| place / by).min(self.to.saturating_sub(1))
    }

    /// Outwards, and not under the least of a box.
    fn span(self, low: u32, high: u32) -> (u32, u32) {
        let low = self.scaled(low, |place, by| place / by).min(self.to.saturating_sub(BOX_SIDE_MIN));
        (low, self.scaled(high, u64::div_ceil).max(low.saturating_add(BOX_SIDE_MIN)))
    }
}

fn empty_box(index: usize) -> Detail {
    let loc = vec!["body".into(), BOXES.name.into(), Loc::Index(index as u64)];
    Detail::new("value_error", loc, "Value error, x_max must be above x_min and y_max above y_min")
}

impl BoxPrompt {
    fn is_empty(&self) -> bool {
        self.x_max <= self.x_min || self.y_max <= self.y_min
    }

    /// The box of this place and size; one that reaches beyond all pictures is cut there.
    pub fn of_size([x, y, width, height]: [u32; 4]) -> Result<BoxPrompt, ChoiceError> {
        let area = BoxPrompt { x_min: x, y_min: y, x_max: x.saturating_add(width), y_max: y.saturating_add(height) };
        let most = PLACE_MAX as u32;
        let area = BoxPrompt { x_max: area.x_max.min(most), y_max: area.y_max.min(most), ..area };
        if width == 0 || height == 0 {
            return Err(ChoiceError::EmptyBox);
        }
        if area.is_empty() { Err(ChoiceError::NoBox) } else { Ok(area) }
    }
}

impl PointPrompt {
    /// `wanted`: this is the product.
    pub fn at([x, y]: [u32; 2], wanted: bool) -> Result<PointPrompt, ChoiceError> {
        let most = PLACE_MAX as u32;
        if x > most || y > most {
            return Err(ChoiceError::NoPoint);
        }
        Ok(PointPrompt { x, y, label: u8::from(wanted) })
    }

    /// `x,y`.
    pub fn parse(text: &str, wanted: bool) -> Result<PointPrompt, ChoiceError> {
        PointPrompt::at(numbers(text).ok_or(ChoiceError::NoPoint)?, wanted)
    }
}

/// `x,y,width,height`.
impl FromStr for BoxPrompt {
    type Err = ChoiceError;

    fn from_str(text: &str) -> Result<BoxPrompt, ChoiceError> {
        BoxPrompt::of_size(numbers(text).ok_or(ChoiceError::NoBox)?)
    }
}

fn numbers<const N: usize>(text: &str) -> Option<[u32; N]> {
    let parts = text.split(',').map(|part| part.trim().parse().ok());
    parts.collect::<Option<Vec<u32>>>()?.try_into().ok()
}

const PLACE: Kind = Kind::integer(0, PLACE_MAX);

const BOX: Object = Object::new(
    "BoxPrompt",
    &[
        Field::required("x_min", PLACE, "The left edge."),
        Field::required("y_min", PLACE, "The upper edge."),
        Field::required("x_max", PLACE, "The right edge."),
        Field::required("y_max", PLACE, "The lower edge."),
    ],
);

const POINT: Object = Object::new(
    "PointPrompt",
    &[
        Field::required("x", PLACE, "Pixels from the left."),
        Field::required("y", PLACE, "Pixels from the top."),
        Field::or("label", Kind::integer(0, 1), "1", "1: this is the product; 0: this is not."),
    ],
);

pub(super) const BOXES: Field = Field::optional(
    "box_prompts",
    Kind::List { of: &Kind::Object(&BOX), least: 0, most: 1 },
    "A box around the product, in pixels of the first image held upright. Plantain's own; other servers ignore it.",
);

pub(super) const POINTS: Field = Field::optional(
    "point_prompts",
    Kind::List { of: &Kind::Object(&POINT), least: 0, most: POINTS_MAX },
    "Points on the product and beside it, in pixels of the first image held upright. Plantain's own; other servers ignore it.",
);

pub(super) const KEEP: Field = Field::or(
    "keep",
    Kind::Word(&[KEEPS[0].0, KEEPS[1].0]),
    "\"auto\"",
    "auto: the one thing that stands out most; all: everything that stands out, for sets and pairs. Plantain's own engine only.",
);
