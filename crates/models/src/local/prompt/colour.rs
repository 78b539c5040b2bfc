//! Names of colours, as people write them before the word background.

use super::Background;

const NAMED: [(&str, [u8; 3]); 24] = [
    ("black", [0, 0, 0]),
    ("grey", [192, 192, 192]),
    ("gray", [192, 192, 192]),
    ("red", [200, 30, 40]),
    ("green", [60, 140, 80]),
    ("blue", [50, 100, 190]),
    ("yellow", [250, 215, 70]),
    ("orange", [245, 150, 50]),
    ("pink", [255, 192, 203]),
    ("purple", [120, 70, 160]),
    ("brown", [120, 80, 50]),
    ("beige", [238, 226, 205]),
    ("cream", [255, 250, 235]),
    ("ivory", [255, 252, 240]),
    ("navy", [0, 0, 128]),
    ("teal", [0, 128, 128]),
    ("turquoise", [64, 200, 195]),
    ("mint", [200, 240, 220]),
    ("lavender", [225, 215, 245]),
    ("lilac", [215, 195, 235]),
    ("peach", [255, 218, 185]),
    ("coral", [250, 140, 115]),
    ("maroon", [110, 20, 35]),
    ("sand", [225, 205, 170]),
];

/// A word for how light a colour is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shade {
    Light,
    Dark,
}

pub(super) fn shade(word: &str) -> Option<Shade> {
    match word {
        "light" | "pale" | "pastel" | "soft" => Some(Shade::Light),
        "dark" | "deep" => Some(Shade::Dark),
        _ => None,
    }
}

/// The background that a colour's name and a shade mean. `None` for a word that names no colour.
pub(super) fn background(name: &str, shade: Option<Shade>) -> Option<Background> {
    if name == "white" {
        return Some(Background::PureWhite);
    }
    let (_, rgb) = NAMED.iter().find(|(known, _)| *known == name)?;
    Some(match shade {
        Some(Shade::Light) if matches!(name, "grey" | "gray") => Background::LightGrey,
        Some(Shade::Light) => Background::Colour(rgb.map(|level| mix(level, 255, 0.6))),
        Some(Shade::Dark) => Background::Colour(rgb.map(|level| mix(level, 0, 0.6))),
        None => Background::Colour(*rgb),
    })
}

pub(super) fn of_rgb(rgb: [u8; 3]) -> Background {
    if rgb == [255; 3] { Background::PureWhite } else { Background::Colour(rgb) }
}

/// Part of the way from one level to another.
fn mix(from: u8, to: u8, part: f32) -> u8 {
    (f32::from(from) * (1.0 - part) + f32::from(to) * part).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_lighten_and_darken() {
        for (name, shade, expected) in [
            ("white", None, Some(Background::PureWhite)),
            ("white", Some(Shade::Light), Some(Background::PureWhite)),
            ("gray", Some(Shade::Light), Some(Background::LightGrey)),
            ("grey", None, Some(Background::Colour([192; 3]))),
            ("grey", Some(Shade::Dark), Some(Background::Colour([77; 3]))),
            ("pink", Some(Shade::Light), Some(Background::Colour([255, 230, 234]))),
            ("marble", None, None),
        ] {
            assert_eq!(background(name, shade), expected, "{shade:?} {name}");
        }
        assert_eq!(of_rgb([255; 3]), Background::PureWhite);
        assert_eq!(of_rgb([1, 2, 3]), Background::Colour([1, 2, 3]));
    }
}
