//! Questions to the file as such: its type, name, channels, metadata.

use crate::check::container::{Channels, Container, Kind};
use crate::check::report::{Outcome, RuleResult, must, should};
use crate::check::{Claims, Generated};
use crate::color::ProfileUse;
use crate::preset::{AiTag, Format, NameFault, Preset};

pub(in crate::check) fn file_type(
    preset: &Preset,
    kind: Kind,
    container: &Container,
    claims: &Claims<'_>,
) -> RuleResult {
    let accepted = preset.formats.iter().any(|format| kind_of(*format) == kind);
    let extension = claims.file_name.and_then(|name| name.rsplit_once('.')).map(|(_, ext)| ext.to_ascii_lowercase());
    let extension_fits = extension.as_deref().is_none_or(|ext| kind.extensions().contains(&ext));
    let declared = claims.content_type.map(|t| t.split(';').next().unwrap_or(t).trim().to_ascii_lowercase());
    let type_fits = declared.as_deref().is_none_or(|declared| content_type_of(kind) == Some(declared));
    let formats: Vec<&str> = preset.formats.iter().map(|f| kind_of(*f).name()).collect();
    let mut measured = kind.name().to_owned();
    if container.animated {
        measured += ", animated";
    }
    if let (Some(extension), false) = (&extension, extension_fits) {
        measured += &format!(", named .{extension}");
    }
    if let (Some(declared), false) = (&declared, type_fits) {
        measured += &format!(", declared as {declared}");
    }
    let fix = match () {
        () if !accepted => format!("save it as {}", formats.join(" or ")),
        () if container.animated => "save a single frame".into(),
        () => format!("give it the extension and type of a {}", kind.name()),
    };
    RuleResult::new("file_type", "File type")
        .requires(format!("{}, one frame, extension and type that match", formats.join(" or ")))
        .found(measured)
        .judged(must(accepted && !container.animated && extension_fits && type_fits), fix)
        .from(preset, "format")
}

fn kind_of(format: Format) -> Kind {
    match format {
        Format::Jpeg => Kind::Jpeg,
        Format::Png => Kind::Png,
        Format::Webp => Kind::Webp,
    }
}

fn content_type_of(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Jpeg => Some("image/jpeg"),
        Kind::Png => Some("image/png"),
        Kind::Webp => Some("image/webp"),
        _ => None,
    }
}

pub(in crate::check) fn file_name(preset: &Preset, name: Option<&str>) -> RuleResult {
    let result = RuleResult::new("file_name", "File name").requires(&preset.name).from(preset, "name");
    let Some(name) = name.map(|name| name.rsplit(['/', '\\']).next().unwrap_or(name)) else {
        return result.found("no name given");
    };
    let example = preset.file_name(None, 1, "name").name;
    match preset.name_fault(name) {
        None => result.found(name).judged(Outcome::Pass, ""),
        Some(NameFault::Characters) => result
            .found(format!("{name} has characters that the marketplace refuses"))
            .judged(Outcome::Fail, format!("rename it like {example}")),
        Some(NameFault::Template) => result
            .found(format!("{name} does not follow the template"))
            .judged(Outcome::Warn, format!("for a bulk upload rename it like {}", preset.template_for(name))),
    }
}

pub(in crate::check) fn colour(preset: &Preset, container: &Container, profile: ProfileUse) -> RuleResult {
    let space = match (container.channels, profile) {
        (Channels::Cmyk, _) => "CMYK",
        (_, ProfileUse::None) => "sRGB without a profile",
        (_, ProfileUse::Srgb) => "sRGB, profile embedded",
        (_, ProfileUse::Unreadable) => "an unreadable profile",
        (_, _) => "another colour space than sRGB",
    };
    let srgb = container.channels != Channels::Cmyk && matches!(profile, ProfileUse::None | ProfileUse::Srgb);
    RuleResult::new("colour", "Colour")
        .requires(&preset.colour)
        .found(format!("{space}, {} bit", container.bits))
        .judged(must(srgb && container.bits == 8), "convert it to sRGB with 8 bits a channel")
        .from(preset, "colour")
}

pub(in crate::check) fn alpha(preset: &Preset, container: &Container) -> RuleResult {
    RuleResult::new("alpha", "Transparency")
        .requires(if preset.alpha { "allowed" } else { "no alpha channel" })
        .found(if container.alpha { "has an alpha channel" } else { "none" })
        .judged(must(preset.alpha || !container.alpha), "flatten it on the background that the marketplace asks for")
        .from(preset, "alpha")
}

pub(in crate::check) fn metadata(container: &Container) -> RuleResult {
    let exif = &container.exif;
    let told = |names: &[&str]| {
        let xmp = container.xmp.as_deref().unwrap_or_default();
        names.iter().any(|name| xmp.windows(name.len()).any(|window| window == name.as_bytes()))
    };
    let turned = exif.orientation.is_some_and(|o| o != 1);
    let mut found = Vec::new();
    if turned {
        found.push(format!("orientation {}", exif.orientation.unwrap_or(1)));
    }
    if exif.gps || told(&["GPSLatitude", "GPSLongitude"]) {
        found.push("GPS position".into());
    }
    if exif.personal || told(&["SerialNumber", "OwnerName"]) {
        found.push("serial number or owner".into());
    }
    if container.sealed {
        found.push("metadata that can't be read".into());
    }
    let measured = match (found.is_empty(), exif.present) {
        (true, false) => "none".to_owned(),
        (true, true) => "EXIF without place or person".into(),
        (false, _) => found.join(", "),
    };
    RuleResult::new("metadata", "Orientation and privacy")
        .requires("upright pixels, no GPS position, no serial numbers")
        .found(measured)
        .judged(must(found.is_empty()), "turn the pixels upright and save without EXIF")
}

pub(in crate::check) fn dpi(preset: &Preset, container: &Container) -> RuleResult {
    let result = RuleResult::new("dpi", "Density tag").from(preset, "dpi");
    let measured = container.dpi.map_or("no tag".into(), |dpi| format!("{dpi} dpi"));
    let Some(least) = preset.min_dpi else { return result.requires("no rule").found(measured) };
    result
        .requires(format!("{least} dpi or more"))
        .found(measured)
        .judged(must(container.dpi.is_some_and(|dpi| dpi >= least)), "write the tag; it changes no pixel")
}

pub(in crate::check) fn jpeg_quality(preset: &Preset, container: &Container) -> RuleResult {
    let result = RuleResult::new("jpeg_quality", "JPEG quality").from(preset, "quality");
    let measured = container.jpeg_quality.map_or("not a JPEG".into(), |q| format!("about {q}"));
    match (preset.min_jpeg_quality, container.jpeg_quality) {
        (Some(least), Some(quality)) => result
            .requires(format!("{least} or more"))
            .found(measured)
            .judged(should(quality + 1 >= least), format!("save it again from the original at quality {least}")),
        (Some(least), None) => result.requires(format!("{least} or more")).found(measured),
        (None, _) => result.requires("no rule").found(measured),
    }
}

/// IPTC's names for what made a picture's pixels.
const TRAINED: &str = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";
const COMPOSITE: &str = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia";

pub(in crate::check) fn provenance(preset: &Preset, container: &Container, generated: Generated) -> RuleResult {
    let xmp = String::from_utf8_lossy(container.xmp.as_deref().unwrap_or_default()).into_owned();
    let tag = match () {
        () if xmp.contains(COMPOSITE) => Some("compositeWithTrainedAlgorithmicMedia"),
        () if xmp.contains(TRAINED) => Some("trainedAlgorithmicMedia"),
        () => None,
    };
    let (required, holds) = match generated {
        Generated::Unknown => ("the IPTC source type if any pixel was generated", None),
        Generated::Nothing => ("no generative source type, since nothing was generated", Some(tag.is_none())),
        Generated::Scene | Generated::Everything if preset.ai_tag == Some(AiTag::Required) => {
            ("IPTC source type trainedAlgorithmicMedia", Some(tag == Some("trainedAlgorithmicMedia")))
        }
        Generated::Scene | Generated::Everything => ("an IPTC source type of generated media", Some(tag.is_some())),
    };
    let outcome = match (holds, preset.ai_tag) {
        (None, _) => Outcome::NotMeasured,
        (Some(true), _) => Outcome::Pass,
        (Some(false), Some(AiTag::Required)) => Outcome::Fail,
        (Some(false), None) => Outcome::Warn,
    };
    RuleResult::new("provenance", "Provenance")
        .requires(required)
        .found(tag.unwrap_or("no source type"))
        .judged(outcome, "write the right IPTC digital source type as the last step")
        .from(preset, "provenance")
}
