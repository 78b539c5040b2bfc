//! That each preset has a name and a note in the language.

use plantain_media::preset::Presets;

use super::{assert_told, hindi};
use crate::config::StudioConfig;

/// What marketplaces call themselves and what they show, which is the same in all languages.
const NAMES: &[&str] = &[
    "Amazon Flipkart Myntra Shopify eBay Etsy Walmart Google Merchant Center Meta Facebook Instagram Meesho Zalando",
    "TikTok Shop OTTO Market AJIO myntra_main",
];

#[test]
fn every_preset_is_told() {
    let presets = Presets::builtin();
    assert_told(presets.iter().flat_map(|preset| [&preset.title, &preset.notes]), NAMES);
    assert_told([StudioConfig::default().backend_label], &[]);
    let named: Vec<&str> = presets.iter().map(|preset| preset.title.as_str()).collect();
    let same: Vec<&&str> = named.iter().filter(|title| hindi().told(title) == **title).collect();
    assert_eq!(same, [&"Google Merchant Center"], "which is a name as a whole");
}
