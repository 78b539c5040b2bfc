//! What a finished picture is called, and whether a name is one that a marketplace takes.

use crate::preset::{Format, Preset};

/// Where files go whose product number nobody gave: a marketplace would file a guessed one under a stranger's product.
const NEEDS_IDENTIFIER: &str = "needs-identifier";
/// File systems and archives allow 255 bytes; this leaves room for variant, number and extension.
const MAX_STEM_CHARS: usize = 100;

/// A name below the preset's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName {
    /// A folder that holds it back from upload.
    pub folder: Option<&'static str>,
    /// With extension.
    pub name: String,
}

impl FileName {
    /// Relative, with `/`.
    pub fn path(&self) -> String {
        match self.folder {
            Some(folder) => format!("{folder}/{}", self.name),
            None => self.name.clone(),
        }
    }

    /// The same name for a file of another format than the preset's first.
    pub fn with_format(mut self, format: Format) -> FileName {
        let stem = self.name.rsplit_once('.').map_or(self.name.as_str(), |(stem, _)| stem);
        self.name = format!("{stem}.{}", format.extension());
        self
    }
}

/// What is wrong with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameFault {
    /// It holds characters that the marketplace refuses.
    Characters,
    /// It does not follow the marketplace's template.
    Template,
}

impl Preset {
    /// The name of picture `n` (from 1) of a product. `identifier` is the product's number or stock-keeping unit as the
    /// seller gave it; `stem` is the photo's file name without extension and stands in where there is none.
    pub fn file_name(&self, identifier: Option<&str>, n: usize, stem: &str) -> FileName {
        let identifier = identifier.map(str::trim).filter(|id| !id.is_empty());
        if self.name.contains("{asin}") {
            return self.amazon_name(identifier, n, stem);
        }
        let key = match (identifier, self.name.contains("{gtin14}")) {
            (Some(id), true) => gtin14(id).unwrap_or_else(|| sanitise(id)),
            (Some(id), false) => sanitise(id),
            (None, _) => sanitise(stem),
        };
        FileName { folder: None, name: fill_in(&self.name, &key, n) }
    }

    fn amazon_name(&self, identifier: Option<&str>, n: usize, stem: &str) -> FileName {
        let (folder, key) = match identifier.and_then(product_number) {
            Some(number) => (None, number),
            None => (Some(NEEDS_IDENTIFIER), letters_and_digits(stem)),
        };
        // The set's first picture is the main one, the others are its further views.
        let name = if n > 1 && self.name.contains(".MAIN.") {
            fill_in(&self.name.replace(".MAIN.", ".PT{nn}."), &key, n - 1)
        } else {
            fill_in(&self.name, &key, n)
        };
        FileName { folder, name }
    }

    /// The template for a picture that has the name `name`: where that says which of a product's views it shows, it stays that one.
    pub fn template_for(&self, name: &str) -> String {
        let variant = name.rsplit('.').nth(1).filter(|variant| self.name.contains("{asin}") && is_variant(variant));
        match (variant, self.name.rsplit_once('.')) {
            (Some(variant), Some((_, extension))) => format!("{{asin}}.{variant}.{extension}"),
            _ => self.name.clone(),
        }
    }

    /// Whether pictures can't be named after this identifier, because the marketplace files them under an ASIN or a
    /// trade number and this is none.
    pub fn ignores_identifier(&self, identifier: &str) -> bool {
        self.name.contains("{asin}") && product_number(identifier.trim()).is_none()
    }

    /// Whether a marketplace would take `name`. Nothing is said of the extension beyond its case and form, which
    /// depends on the bytes.
    pub fn name_fault(&self, name: &str) -> Option<NameFault> {
        let amazon = self.name.contains("{asin}");
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '.' || (!amazon && matches!(c, '_' | '-'));
        if !name.chars().all(allowed) {
            return Some(NameFault::Characters);
        }
        let follows = if amazon { is_amazon_name(name) } else { follows_template(&self.name, name) };
        (!follows).then_some(NameFault::Template)
    }
}

fn fill_in(template: &str, key: &str, n: usize) -> String {
    let mut name = template.replace("{nn}", &format!("{n:02}")).replace("{n}", &n.to_string());
    for placeholder in ["{asin}", "{sku}", "{handle}", "{gtin14}"] {
        name = name.replace(placeholder, key);
    }
    name
}

/// ASCII letters, digits, full stop, underscore and hyphen; runs of anything else become one hyphen. Never empty, never
/// hidden, never a path. Two texts that differ only in letters which no marketplace takes get different names.
fn sanitise(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().take(MAX_STEM_CHARS) {
        match c {
            c if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') => out.push(c),
            _ if out.ends_with('-') => {}
            _ => out.push('-'),
        }
    }
    let trimmed = out.trim_matches(['.', '-']);
    let plain = if trimmed.is_empty() { "picture" } else { trimmed };
    lost_letters(text).map_or_else(|| plain.into(), |mark| format!("{plain}-{mark}"))
}

/// Four hexadecimal digits of the whole text where it holds letters or digits that are no ASCII; `None` where it does not.
fn lost_letters(text: &str) -> Option<String> {
    // FNV-1a: equal texts must give equal names on every machine, and nobody gains by a collision.
    let mark = |bytes: &[u8]| {
        bytes.iter().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
    };
    let lost = |c: char| c.is_alphanumeric() && !c.is_ascii();
    text.chars().any(lost).then(|| {
        let hash = mark(text.as_bytes());
        format!("{:04x}", (hash >> 16) ^ (hash & 0xffff))
    })
}

fn letters_and_digits(text: &str) -> String {
    let kept: String = text.chars().filter(char::is_ascii_alphanumeric).take(MAX_STEM_CHARS).collect();
    let plain = if kept.is_empty() { "picture".into() } else { kept };
    plain + &lost_letters(text).unwrap_or_default()
}

/// An ASIN (ten letters and digits) or a UPC, EAN, JAN or ISBN-13, without the dashes and spaces people put between.
fn product_number(text: &str) -> Option<String> {
    let number: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect::<String>().to_ascii_uppercase();
    let asin = number.len() == 10 && number.chars().all(|c| c.is_ascii_alphanumeric());
    let trade = [8, 12, 13].contains(&number.len()) && number.chars().all(|c| c.is_ascii_digit());
    (asin || trade).then_some(number)
}

/// A shorter trade number is a 14-digit one with leading zeros.
fn gtin14(text: &str) -> Option<String> {
    let number: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    let trade = [8, 12, 13, 14].contains(&number.len()) && number.chars().all(|c| c.is_ascii_digit());
    trade.then(|| format!("{number:0>14}"))
}

/// `IDENTIFIER.VARIANT.ext`, split by full stops.
fn is_amazon_name(name: &str) -> bool {
    let parts: Vec<&str> = name.split('.').collect();
    let [identifier, rest @ .., extension] = parts.as_slice() else { return false };
    let variant = match rest {
        [] => true,
        [variant] => is_variant(variant),
        _ => false,
    };
    variant && product_number(identifier).is_some_and(|n| n == *identifier) && is_plain_extension(extension)
}

fn is_variant(variant: &str) -> bool {
    let view = variant.strip_prefix("PT").is_some_and(|n| n.len() == 2 && n.chars().all(|c| c.is_ascii_digit()));
    view || ["MAIN", "SWCH", "BACK", "FRNT", "SIDE", "TOPP", "BOTT"].contains(&variant)
}

/// Lower case, and `jpg` rather than `jpeg`.
fn is_plain_extension(extension: &str) -> bool {
    ["jpg", "png", "webp"].contains(&extension)
}

/// Walks template and name together: letters match themselves, `{n}` and `{nn}` digits, the others any plain run.
fn follows_template(template: &str, name: &str) -> bool {
    let (Some((template, _)), Some((stem, extension))) = (template.rsplit_once('.'), name.rsplit_once('.')) else {
        return false;
    };
    is_plain_extension(extension) && matches_pattern(template, stem)
}

fn matches_pattern(pattern: &str, text: &str) -> bool {
    if pattern.is_empty() {
        return text.is_empty();
    }
    let Some((placeholder, rest)) = pattern.strip_prefix('{').and_then(|p| p.split_once('}')) else {
        let mut letters = pattern.chars();
        return letters
            .next()
            .is_some_and(|first| text.strip_prefix(first).is_some_and(|text| matches_pattern(letters.as_str(), text)));
    };
    let digits_only = matches!(placeholder, "n" | "nn" | "gtin14");
    let run = text.chars().take_while(|c| !digits_only || c.is_ascii_digit()).count();
    let whole = |length: usize| placeholder != "gtin14" || length == 14;
    (1..=run).rev().any(|length| whole(length) && matches_pattern(rest, &text[length..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset::Presets;

    #[track_caller]
    fn named(preset: &str, identifier: Option<&str>, n: usize, stem: &str, path: &str) {
        let presets = Presets::builtin();
        assert_eq!(presets.get(preset).unwrap().file_name(identifier, n, stem).path(), path);
    }

    #[test]
    fn a_set_of_three_is_named_as_amazon_wants_it() {
        named("amazon_main", Some("B0ABCDEF12"), 1, "mug", "B0ABCDEF12.MAIN.jpg");
        named("amazon_main", Some("b0abcdef12"), 2, "mug", "B0ABCDEF12.PT01.jpg");
        named("amazon_main", Some("978-3-16-148410-0"), 3, "mug", "9783161484100.PT02.jpg");
        named("amazon_additional", Some("B0ABCDEF12"), 1, "mug", "B0ABCDEF12.PT01.jpg");
    }

    #[test]
    fn no_product_number_is_ever_guessed() {
        named("amazon_main", None, 1, "blue mug_1.final", "needs-identifier/bluemug1final.MAIN.jpg");
        named("amazon_main", Some("my mug"), 2, "mug", "needs-identifier/mug.PT01.jpg");
        named("amazon_main", Some("  "), 3, "", "needs-identifier/picture.PT02.jpg");
    }

    #[test]
    fn photos_whose_letters_no_marketplace_takes_keep_different_names() {
        let presets = Presets::builtin();
        for id in ["amazon_main", "shopify", "ebay", "walmart_main"] {
            let preset = presets.get(id).unwrap();
            let stems = ["मग", "杯子", "杯", "Käse", "Kèse", "मग 1", "杯子 1", "picture", "1"];
            let names = stems.map(|stem| preset.file_name(None, 1, stem).path());
            for (at, name) in names.iter().enumerate() {
                assert!(!names[..at].contains(name), "{id}: {names:?}");
                let held_back = name.starts_with(NEEDS_IDENTIFIER);
                assert!(held_back || preset.name_fault(name) != Some(NameFault::Characters), "{id}: {name}");
            }
        }
        assert!(presets.get("amazon_main").unwrap().ignores_identifier("my mug"));
        assert!(!presets.get("amazon_main").unwrap().ignores_identifier(" b0abcdef12"));
        assert!(!presets.get("ebay").unwrap().ignores_identifier("my mug"));
    }

    #[test]
    fn other_marketplaces_take_the_sku_or_the_photo_name() {
        named("flipkart_main", Some("MUG/01 !"), 1, "x", "MUG-01_1.jpg");
        named("myntra_main", None, 3, "../../etc/passwd", "etc-passwd_3.jpg");
        named("shopify", None, 2, "K*se", "K-se-2.jpg");
        named("ebay", None, 1, "…", "picture_1.jpg");
        named("walmart_main", Some("4006381333931"), 1, "x", "04006381333931_1.jpg");
        named("walmart_main", None, 1, "mug", "mug_1.jpg");
    }

    #[test]
    fn a_name_can_change_its_format() {
        let presets = Presets::builtin();
        let name = presets.get("shopify").unwrap().file_name(Some("a.b"), 1, "x").with_format(Format::Webp);
        assert_eq!(name.path(), "a.b-1.webp");
    }

    #[test]
    fn names_are_judged_by_characters_then_by_template() {
        use NameFault::{Characters, Template};
        for (preset, name, fault) in [
            ("amazon_main", "B0ABCDEF12.MAIN.jpg", None),
            ("amazon_main", "B0ABCDEF12.jpg", None),
            ("amazon_main", "9783161484100.PT08.jpg", None),
            ("amazon_main", "mug.MAIN.jpg", Some(Template)),
            ("amazon_main", "B0ABCDEF12.FRONT.jpg", Some(Template)),
            ("amazon_main", "B0ABCDEF12.MAIN.jpeg", Some(Template)),
            ("amazon_main", "B0ABCDEF12_MAIN.jpg", Some(Characters)),
            ("amazon_main", "B0ABCDEF12 MAIN.jpg", Some(Characters)),
            ("flipkart_main", "mug-1_1.jpg", None),
            ("flipkart_main", "mug.jpg", Some(Template)),
            ("flipkart_main", "mug_1.JPG", Some(Template)),
            ("otto_main", "Kanne_ü_1.jpg", Some(Characters)),
            ("walmart_main", "04006381333931_2.jpg", None),
            ("walmart_main", "4006381333931_2.jpg", Some(Template)),
            ("shopify", "mug-2.webp", None),
        ] {
            assert_eq!(Presets::builtin().get(preset).unwrap().name_fault(name), fault, "{preset} {name}");
        }
    }

    #[test]
    fn a_picture_is_told_the_template_of_its_own_view() {
        for (preset, name, template) in [
            ("amazon_main", "mug.MAIN.jpg", "{asin}.MAIN.jpg"),
            ("amazon_main", "mug.PT01.jpg", "{asin}.PT01.jpg"),
            ("amazon_additional", "mug.PT02.jpg", "{asin}.PT02.jpg"),
            ("amazon_main", "mug.FRONT.jpg", "{asin}.MAIN.jpg"),
            ("amazon_main", "mug.jpg", "{asin}.MAIN.jpg"),
            ("flipkart_main", "mug.PT01.jpg", "{sku}_{n}.jpg"),
        ] {
            assert_eq!(Presets::builtin().get(preset).unwrap().template_for(name), template, "{preset} {name}");
        }
    }

    #[test]
    fn every_preset_accepts_the_names_it_gives_itself() {
        for preset in Presets::builtin().iter() {
            for (identifier, n) in [("B0ABCDEF12", 1), ("B0ABCDEF12", 2), ("4006381333931", 3)] {
                if preset.name.contains("{gtin14}") && identifier.starts_with('B') {
                    continue;
                }
                let name = preset.file_name(Some(identifier), n, "x").name;
                assert_eq!(preset.name_fault(&name), None, "{} {name}", preset.id);
            }
        }
    }
}
