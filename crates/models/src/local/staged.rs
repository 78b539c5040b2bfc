//! The scenes of somebody who says which: pure, from the fields `scene` and `backdrop`.

use std::sync::Arc;

use plantain_media::compose::{Backdrop, Shadow, Sweep};
use plantain_media::picture::Picture;
use plantain_wire::models::staging::{Colors, SceneKind, Staging};

/// What all pictures of one wish have in common.
pub(super) struct Staged {
    pub titles: [&'static str; 3],
    /// One for each picture.
    pub backdrops: [Backdrop; 3],
    /// Where the prompt says nothing.
    pub shadow: Shadow,
    pub reflection: bool,
    /// The product is made no larger, so that what lies under and beside it is seen.
    pub fill_max: f32,
}

/// Room for a reflection below, and for a thrown shadow at the side.
const FILL_OVER_REFLECTION: f32 = 0.76;
const FILL_BESIDE_SHADOW: f32 = 0.82;

/// Studio sweeps: the usual one, a lighter and a darker.
const SWEEPS: [Sweep; 3] =
    [Sweep { low: 222, high: 251 }, Sweep { low: 234, high: 252 }, Sweep { low: 206, high: 244 }];

/// `None` where nothing was asked for beyond what the prompt says.
pub(super) fn of(staging: &Staging, picture: Option<&Arc<Picture>>) -> Option<Staged> {
    let given = picture.map(|picture| Backdrop::Picture(picture.clone())).or(staging.backdrop.map(painted));
    Some(match (staging.scene, given) {
        (SceneKind::Auto, None) => return None,
        (SceneKind::Auto | SceneKind::Shadow, Some(given)) => Staged::on(given),
        (SceneKind::Shadow, None) => Staged {
            titles: ["White with shadow", "White with shadow, closer", "White with shadow, bright"],
            ..Staged::on(Backdrop::White)
        },
        (SceneKind::White, _) => Staged {
            titles: ["Pure white", "Pure white, closer", "Pure white, bright"],
            shadow: Shadow::None,
            fill_max: 1.0,
            ..Staged::on(Backdrop::White)
        },
        (SceneKind::Studio, _) => Staged::studio(),
        (SceneKind::Reflection, given) => Staged {
            titles: ["Reflection", "Reflection, closer", "Reflection, bright"],
            shadow: Shadow::Contact,
            reflection: true,
            fill_max: FILL_OVER_REFLECTION,
            ..Staged::on(given.unwrap_or(Backdrop::White))
        },
    })
}

impl Staged {
    /// A colour, a gradient, a picture.
    pub(super) fn on(backdrop: Backdrop) -> Staged {
        Staged {
            titles: titles(&backdrop),
            backdrops: [backdrop.clone(), backdrop.clone(), backdrop],
            shadow: Shadow::Thrown,
            reflection: false,
            fill_max: FILL_BESIDE_SHADOW,
        }
    }

    pub(super) fn studio() -> Staged {
        Staged {
            titles: ["Studio sweep", "Studio sweep, closer", "Studio sweep, bright"],
            backdrops: SWEEPS.map(Backdrop::Studio),
            ..Staged::on(Backdrop::White)
        }
    }

    /// A backdrop that the prompt names: with no more than a contact shadow, and as large as ever.
    pub(super) fn in_passing(self) -> Staged {
        Staged { shadow: Shadow::Contact, fill_max: 1.0, ..self }
    }
}

fn painted(Colors { top, bottom }: Colors) -> Backdrop {
    if top == bottom { Backdrop::Plain(top) } else { Backdrop::Gradient { top, bottom } }
}

fn titles(backdrop: &Backdrop) -> [&'static str; 3] {
    match backdrop {
        Backdrop::Picture(_) => ["On your backdrop", "On your backdrop, closer", "On your backdrop, bright"],
        Backdrop::Gradient { .. } => ["Color gradient", "Color gradient, closer", "Color gradient, bright"],
        _ => ["Plain color", "Plain color, closer", "Plain color, bright"],
    }
}
