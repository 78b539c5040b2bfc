//! The words that are understood. Tables only; how they stand together is `reading`'s part.

use super::{Background, Light, Shadow};

/// What a fixed phrase means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Background(Background),
    Shadow(Shadow),
    Light(Light),
    /// True of every picture that is made here.
    Kept,
}

/// Phrases that mean the same wherever they stand. Pauses inside are skipped. Of two that begin alike the longer is first.
pub(super) const PHRASES: &[(&[&str], Meaning)] = {
    use Meaning::{Background as B, Kept, Light as L, Shadow as S};
    &[
        (&["isolated", "on", "white"], B(Background::PureWhite)),
        (&["on", "pure", "white"], B(Background::PureWhite)),
        (&["on", "seamless", "white"], B(Background::PureWhite)),
        (&["on", "plain", "white"], B(Background::PureWhite)),
        (&["on", "white"], B(Background::PureWhite)),
        (&["against", "white"], B(Background::PureWhite)),
        (&["studio", "white"], B(Background::PureWhite)),
        (&["white", "studio"], B(Background::PureWhite)),
        (&["white", "seamless"], B(Background::PureWhite)),
        (&["on", "light", "grey"], B(Background::LightGrey)),
        (&["on", "light", "gray"], B(Background::LightGrey)),
        (&["studio", "sweep"], B(Background::Gradient)),
        (&["studio", "background"], B(Background::Gradient)),
        (&["studio", "backdrop"], B(Background::Gradient)),
        (&["seamless", "paper"], B(Background::Gradient)),
        (&["shadowless"], S(Shadow::None)),
        (&["shadow", "free"], S(Shadow::None)),
        (&["free", "of", "shadows"], S(Shadow::None)),
        (&["high", "key"], L(Light::Bright)),
        (&["bright", "and", "airy"], L(Light::Bright)),
        (&["bright", "light"], L(Light::Bright)),
        (&["bright", "lighting"], L(Light::Bright)),
        (&["brighter"], L(Light::Bright)),
        (&["more", "contrast"], L(Light::Crisp)),
        (&["higher", "contrast"], L(Light::Crisp)),
        (&["high", "contrast"], L(Light::Crisp)),
        (&["punchy"], L(Light::Crisp)),
        (&["natural", "light"], L(Light::Neutral)),
        (&["as", "photographed"], L(Light::Neutral)),
        (&["unchanged", "in", "shape", "color", "material", "and", "lettering"], Kept),
        (&["keep", "the", "product", "unchanged"], Kept),
        (&["keep", "the", "product", "as", "it", "is"], Kept),
        (&["do", "not", "change", "the", "product"], Kept),
        (&["don't", "change", "the", "product"], Kept),
        (&["remove", "the", "background"], Kept),
        (&["replace", "the", "background"], Kept),
        (&["change", "the", "background"], Kept),
        (&["background", "removed"], Kept),
        (&["fully", "visible"], Kept),
        (&["not", "cropped"], Kept),
        (&["at", "most"], Kept),
        (&["everywhere", "behind", "the", "product"], Kept),
        (&["behind", "the", "product"], Kept),
        (&["right", "under", "the", "product"], Kept),
        (&["under", "the", "product"], Kept),
        (&["that", "suits", "the", "product"], Kept),
        (&["nearly", "or", "exactly"], Kept),
        (&["within", "these", "rules"], Kept),
    ]
};

pub(super) const BACKGROUND_HEADS: &[&str] =
    &["background", "backgrounds", "backdrop", "backdrops", "gradient", "sweep", "bg"];

/// Words before a background that are no colour and that every background here satisfies.
pub(super) const BACKGROUND_MANNERS: &[&str] = &[
    "plain", "pure", "solid", "clean", "seamless", "simple", "bright", "crisp", "smooth", "even", "uniform", "studio",
    "subtle", "the", "a",
];

/// What may stand beside a bare white: "pure white, please".
pub(super) const ASIDES: &[&str] = &["please", "thanks", "only", "just", "very", "simply", "really", "and"];

pub(super) const SHADOW_HEADS: &[&str] = &["shadow", "shadows"];

/// Words before a shadow, and the shadow they mean.
pub(super) const SHADOW_MANNERS: &[(&str, Shadow)] = &[
    ("contact", Shadow::Contact),
    ("grounding", Shadow::Contact),
    ("faint", Shadow::Contact),
    ("natural", Shadow::Contact),
    ("realistic", Shadow::Contact),
    ("soft", Shadow::Soft),
    ("softer", Shadow::Soft),
    ("diffuse", Shadow::Soft),
    ("diffused", Shadow::Soft),
    ("gentle", Shadow::Soft),
    ("subtle", Shadow::Soft),
    ("light", Shadow::Soft),
    ("drop", Shadow::Soft),
];

/// Shadows that are never made here.
pub(super) const FOREIGN_SHADOWS: &[&str] =
    &["harsh", "hard", "dark", "strong", "long", "dramatic", "heavy", "deep", "colored"];

/// What is never added, so that asking for its absence is fulfilled.
pub(super) const NEVER_ADDED: &[&str] = &[
    "text",
    "texts",
    "lettering",
    "logo",
    "logos",
    "watermark",
    "watermarks",
    "border",
    "borders",
    "frame",
    "frames",
    "prop",
    "props",
    "reflection",
    "reflections",
    "people",
    "person",
    "hand",
    "hands",
    "model",
    "models",
    "product",
    "products",
    "object",
    "objects",
    "clutter",
    "decoration",
    "decorations",
    "badge",
    "badges",
    "sticker",
    "stickers",
    "graphics",
    "accessories",
];

/// What may stand between a negation and the last thing that it rules out.
pub(super) const LIST_WORDS: &[&str] = &[
    "any",
    "a",
    "an",
    "or",
    "and",
    "nor",
    "other",
    "second",
    "extra",
    "additional",
    "added",
    "more",
    "no",
    "visible",
    "the",
    "kind",
];

pub(super) const NEGATIONS: &[&str] = &["no", "not", "without", "never", "avoid", "zero", "don't", "nor"];

/// Verbs before a share of the frame.
pub(super) const FILL_WORDS: &[&str] = &[
    "fill",
    "fills",
    "filling",
    "filled",
    "occupy",
    "occupies",
    "occupying",
    "take",
    "takes",
    "taking",
    "cover",
    "covers",
    "covering",
    "coverage",
    "up",
];

/// What may stand around a share of the frame.
pub(super) const FILL_MANNERS: &[&str] = &[
    "about",
    "around",
    "at",
    "least",
    "most",
    "roughly",
    "approximately",
    "nearly",
    "of",
    "the",
    "frame",
    "canvas",
    "image",
    "picture",
    "photo",
    "area",
    "to",
];

/// Nouns for a picture; after "of" its subject is named.
pub(super) const PICTURES: &[&str] =
    &["photo", "photos", "photograph", "picture", "pictures", "image", "images", "shot", "packshot"];

/// Words that end the description of a subject.
pub(super) const AFTER_SUBJECT: &[&str] = &[
    "on", "in", "with", "against", "at", "under", "over", "next", "beside", "near", "without", "no", "being", "held",
    "for",
];

/// Words that ask for nothing that could be left undone.
pub(super) const HARMLESS: &[&str] = &[
    "a",
    "an",
    "the",
    "this",
    "that",
    "these",
    "my",
    "our",
    "its",
    "it",
    "i",
    "you",
    "we",
    "and",
    "or",
    "of",
    "on",
    "in",
    "at",
    "to",
    "for",
    "from",
    "with",
    "by",
    "as",
    "is",
    "are",
    "be",
    "should",
    "must",
    "please",
    "want",
    "need",
    "would",
    "like",
    "can",
    "make",
    "makes",
    "made",
    "create",
    "generate",
    "give",
    "show",
    "put",
    "place",
    "placed",
    "set",
    "use",
    "using",
    "keep",
    "look",
    "looks",
    "looking",
    "turn",
    "into",
    "have",
    "has",
    "having",
    "add",
    "product",
    "products",
    "item",
    "photo",
    "photos",
    "photograph",
    "photography",
    "picture",
    "pictures",
    "image",
    "images",
    "shot",
    "packshot",
    "catalog",
    "catalogue",
    "ready",
    "ecommerce",
    "e",
    "commerce",
    "commercial",
    "professional",
    "quality",
    "high",
    "listing",
    "marketplace",
    "amazon",
    "flipkart",
    "myntra",
    "shopify",
    "etsy",
    "ebay",
    "main",
    "hero",
    "clean",
    "sharp",
    "photorealistic",
    "realistic",
    "exactly",
    "only",
    "just",
    "very",
    "so",
    "centered",
    "centred",
    "style",
    "studio",
];

/// Words that may begin a quoted phrase although they ask for nothing.
pub(super) const LEADING: &[&str] =
    &["on", "in", "at", "under", "over", "with", "against", "beside", "near", "a", "an", "the", "no"];
