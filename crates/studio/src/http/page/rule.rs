//! A preset in a line and a drawing, for whoever chooses one.

use plantain_media::preset::{Background, Format, Preset, Presets, ShadowRule};

use crate::config::Maker;
use crate::http::page::starter::{self, Starter};
use crate::http::words::Words;
use crate::roles;

/// The side of the square that the drawing has, and the air around the largest frame in it.
const DRAWING: f32 = 72.0;
const AIR: f32 = 2.0;

/// A choice in the list, with all that the page shows when it is chosen.
pub struct PresetOption {
    pub id: String,
    pub title: String,
    pub chosen: bool,
    pub canvas: (u32, u32),
    pub rule: RuleLine,
    /// The scenes that its rules leave open, by name, with spaces between.
    pub scenes: String,
    /// `yes` where colours and pictures may lie behind the product.
    pub backdrop: &'static str,
    /// The names of its starters, with spaces between.
    pub starters: String,
    /// The first of them, as an example of a wish.
    pub example: String,
}

/// A marketplace's choices, under what it is called.
pub struct Group {
    pub name: String,
    pub presets: Vec<PresetOption>,
}

/// The rule in words, and the frame with the product's box in the drawing's own units.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleLine {
    pub main: String,
    pub more: String,
    /// The day on which it was read.
    pub read: Option<String>,
    pub background: &'static str,
    pub frame: Area,
    pub fill: Area,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Area {
    pub x: f32,
    pub y: f32,
    pub width: f32,
    pub height: f32,
}

impl Area {
    /// Centred in a square of side `within`.
    fn centred(width: f32, height: f32, within: f32) -> Area {
        let tenth = |value: f32| (value * 10.0).round() / 10.0;
        Area {
            x: tenth((within - width) / 2.0),
            y: tenth((within - height) / 2.0),
            width: tenth(width),
            height: tenth(height),
        }
    }
}

impl std::fmt::Display for Area {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {} {}", self.x, self.y, self.width, self.height)
    }
}

impl PresetOption {
    pub fn new(preset: &Preset, maker: &Maker, words: &Words) -> PresetOption {
        let starters: Vec<&Starter> = starter::of(preset, maker).collect();
        let example = starters.first().map(|first| words.fill("make.prompt.example", &[("words", first.words)]));
        PresetOption {
            id: preset.id.clone(),
            title: title(preset, words),
            chosen: preset.id == crate::http::upload::fields::USUAL_PRESET,
            canvas: preset.canvas,
            rule: RuleLine::new(preset, words),
            scenes: roles::scenes(preset).collect::<Vec<_>>().join(" "),
            backdrop: if preset.background == Background::F0 { "yes" } else { "no" },
            starters: starters.iter().map(|starter| starter.name).collect::<Vec<_>>().join(" "),
            example: example.unwrap_or_default(),
        }
    }
}

/// All choices by marketplace, in the order in which these come up.
pub fn groups(presets: &Presets, maker: &Maker, words: &Words) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for preset in presets.iter() {
        let name = match preset.marketplace.as_str() {
            "" => words.get("make.preset.own"),
            "Any" => words.get("make.preset.any"),
            marketplace => marketplace,
        };
        let option = PresetOption::new(preset, maker, words);
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.presets.push(option),
            None => groups.push(Group { name: name.to_owned(), presets: vec![option] }),
        }
    }
    groups
}

/// The choice that stands before anybody chooses.
pub fn usual(groups: &[Group]) -> Option<&PresetOption> {
    let mut all = groups.iter().flat_map(|group| &group.presets);
    all.clone().find(|option| option.chosen).or_else(|| all.next())
}

/// What a person calls the preset; a user's own may have no title, and keeps it in all languages.
pub fn title(preset: &Preset, words: &Words) -> String {
    let title = if preset.title.is_empty() { &preset.id } else { &preset.title };
    words.told(title).into_owned()
}

impl RuleLine {
    fn new(preset: &Preset, words: &Words) -> RuleLine {
        let (width, height) = (preset.canvas.0 as f32, preset.canvas.1 as f32);
        let scale = (DRAWING - 2.0 * AIR) / width.max(height);
        let (width, height) = (width * scale, height * scale);
        RuleLine {
            main: main_line(preset, words),
            more: more_line(preset, words),
            read: read(preset, words),
            background: code(preset.background),
            frame: Area::centred(width, height, DRAWING),
            fill: Area::centred(width * preset.fill.target, height * preset.fill.target, DRAWING),
        }
    }
}

fn main_line(preset: &Preset, words: &Words) -> String {
    let shadow = match preset.shadow {
        ShadowRule::None => "rule.shadow.none",
        ShadowRule::Contact => "rule.shadow.contact",
        ShadowRule::Soft => "rule.shadow.soft",
        ShadowRule::Any => "rule.shadow.any",
    };
    let background = format!("rule.background.{}", code(preset.background));
    format!("{}, {}", words.get(&background), words.get(shadow))
}

fn more_line(preset: &Preset, words: &Words) -> String {
    let percent = |share: f32| format!("{}", (share * 100.0).round());
    let fill = match preset.fill.is_ruled() {
        true => words.fill("rule.fill", &[("min", &percent(preset.fill.min)), ("max", &percent(preset.fill.max))]),
        false => words.get("rule.fill.free").to_owned(),
    };
    let (width, height) = (preset.canvas.0.to_string(), preset.canvas.1.to_string());
    let size = words.fill("rule.size", &[("width", &width), ("height", &height)]);
    let format = preset.formats.first().map_or("", |format| format_name(*format));
    let bytes = words.fill("rule.bytes", &[("format", format), ("bytes", &mega(preset.max_bytes))]);
    let read = read(preset, words).map(|day| words.fill("make.preset.read", &[("date", &day)]));
    [Some(size), Some(fill), Some(bytes), read].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn read(preset: &Preset, words: &Words) -> Option<String> {
    preset.sources.iter().map(|source| source.read).max().map(|day| words.day(day))
}

fn code(background: Background) -> &'static str {
    match background {
        Background::W1 => "W1",
        Background::W2 => "W2",
        Background::N1 => "N1",
        Background::G1 => "G1",
        Background::F0 => "F0",
    }
}

fn format_name(format: Format) -> &'static str {
    match format {
        Format::Jpeg => "JPEG",
        Format::Png => "PNG",
        Format::Webp => "WebP",
    }
}

fn mega(bytes: u64) -> String {
    format!("{}\u{a0}MB", bytes as f64 / 1_000_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_stand_together_by_marketplace() {
        let groups = groups(&Presets::builtin(), &Maker::LOCAL, Words::english());
        let told: Vec<(&str, usize)> =
            groups.iter().map(|group| (group.name.as_str(), group.presets.len())).take(3).collect();
        assert_eq!(told, [("Amazon", 2), ("Flipkart", 1), ("Myntra", 3)]);
        assert_eq!(groups.last().map(|group| group.name.as_str()), Some("For all of them"));
        assert_eq!(usual(&groups).map(|option| option.id.as_str()), Some("amazon_main"));
    }

    #[test]
    fn the_rule_of_a_preset_is_told_in_a_line() {
        let presets = Presets::builtin();
        let option = PresetOption::new(presets.get("amazon_main").unwrap(), &Maker::LOCAL, Words::english());
        assert!(option.chosen);
        assert_eq!(option.rule.main, "Pure white, no shadow");
        assert_eq!((option.scenes.as_str(), option.backdrop), ("auto white", "no"));
        let free = PresetOption::new(presets.get("shopify").unwrap(), &Maker::LOCAL, Words::english());
        assert_eq!((free.scenes.as_str(), free.backdrop), ("auto white shadow studio reflection", "yes"));
        let told = "2000 × 2000 px · product fills 85–95\u{a0}% · JPEG up to\u{a0}10\u{a0}MB";
        assert!(option.rule.more.starts_with(told), "{}", option.rule.more);
    }

    #[test]
    fn every_preset_has_words_and_a_drawing_that_fits() {
        for preset in Presets::builtin().iter() {
            let option = PresetOption::new(preset, &Maker::LOCAL, Words::english());
            assert!(!option.rule.main.contains("rule."), "{}", option.rule.main);
            assert!(!option.rule.more.contains("rule.") && !option.title.is_empty(), "{}", preset.id);
            let frame = option.rule.frame;
            assert!(frame.x >= AIR - 0.1 && frame.y + frame.height <= DRAWING - AIR + 0.1, "{} {frame}", preset.id);
            assert!(option.rule.fill.width < frame.width);
            assert!(option.scenes.starts_with("auto"), "{}: {}", preset.id, option.scenes);
        }
    }

    #[test]
    fn a_users_own_preset_keeps_its_name() {
        let presets = Presets::builtin();
        let hindi = Words::of("hi").unwrap();
        for (named, told) in [("eBay photo", "eBay फ़ोटो"), ("Our shop's square", "Our shop's square"), ("", "ebay")]
        {
            let own = Preset { title: named.to_owned(), ..presets.get("ebay").unwrap().clone() };
            assert_eq!(title(&own, hindi), told);
        }
    }
}
