//! The flags that say which thing in a photo is the product.

use plantain_media::cutout::{Choice, Keep};
use plantain_wire::models::choice::{self, BoxPrompt, ChoiceError, ObjectChoice, PointPrompt};

/// Pixels are counted from the upper left corner of the photo held upright.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Choosing {
    /// The box around the product, where several things are in the photo. Pixels are those of the photo held upright.
    #[arg(long = "box", value_name = "X,Y,WIDTH,HEIGHT")]
    area: Option<BoxPrompt>,
    /// A point on the product; may be repeated.
    #[arg(long, value_name = "X,Y", value_parser = wanted)]
    include: Vec<PointPrompt>,
    /// A point on something else; may be repeated.
    #[arg(long, value_name = "X,Y", value_parser = unwanted)]
    exclude: Vec<PointPrompt>,
    /// Keep everything that stands out, not only the one thing that does most: for sets, pairs, things side by side.
    #[arg(long)]
    everything: bool,
}

fn wanted(text: &str) -> Result<PointPrompt, ChoiceError> {
    PointPrompt::parse(text, true)
}

fn unwanted(text: &str) -> Result<PointPrompt, ChoiceError> {
    PointPrompt::parse(text, false)
}

impl Choosing {
    /// For the picture engine.
    pub fn choice(&self) -> Choice {
        let chosen = self.wire();
        Choice::of(chosen.corners(), chosen.points())
    }

    /// How much of what stands out is kept, for the picture engine.
    pub fn keep(&self) -> Keep {
        if self.everything { Keep::Everything } else { Keep::OneProduct }
    }

    /// Whether places in one photo were named.
    pub fn names_places(&self) -> bool {
        self.wire().names_places()
    }

    /// For the wire.
    pub fn wire(&self) -> ObjectChoice {
        ObjectChoice {
            box_prompts: self.area.into_iter().collect(),
            point_prompts: [self.include.as_slice(), &self.exclude].concat(),
            keep: if self.everything { choice::Keep::All } else { choice::Keep::Auto },
        }
    }

    /// Whether anything was said.
    pub fn is_empty(&self) -> bool {
        self.wire().is_empty()
    }
}
