//! A model's input and output described as data: one description, from which come the check of an input and its documentation.
//!
//! Owns the vocabulary of descriptions; the descriptions stand beside it, a file for each family of models. Invariant, held by
//! a test: every description is sound, so that its defaults pass its own check.

/// One endpoint: what it takes and what it gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schema {
    /// The whole endpoint id.
    pub endpoint: &'static str,
    /// For people.
    pub title: &'static str,
    pub description: &'static str,
    /// fal's word: `text-to-image`, `image-to-image`, `text-to-video`.
    pub category: &'static str,
    pub input: Object,
    pub output: Object,
}

/// A JSON object. Fields that are not described are allowed and ignored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Object {
    /// `Image`, `ImageSize`; for the outermost objects `Input` and `Output`.
    pub name: &'static str,
    /// In the order in which they are shown, which is the order of complaints.
    pub fields: &'static [Field],
    /// Exactly one of these fields must be there; empty where there is no such choice. They are optional by themselves.
    pub one_of: &'static [&'static str],
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Field {
    pub name: &'static str,
    pub kind: Kind,
    pub presence: Presence,
    pub description: &'static str,
}

/// Whether a field must be there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Presence {
    /// It must, and `null` is no value.
    Required,
    /// It may be left out or `null`; the default as JSON text.
    Default(&'static str),
    /// It may be left out or `null`, which means something of its own.
    Optional,
}

/// What a field holds. Bounds are inclusive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// `least` counts 0 or 1: at 1 a text of nothing but spaces is refused too. Lengths are characters.
    Text {
        least: usize,
        most: usize,
    },
    /// A whole number of any size: seeds exceed 64 bits with sign.
    Integer {
        least: Option<i128>,
        most: Option<i128>,
    },
    Number {
        least: Option<f64>,
        most: Option<f64>,
    },
    Flag,
    /// One of these words, always written as a string.
    Word(&'static [&'static str]),
    List {
        of: &'static Kind,
        least: usize,
        most: usize,
    },
    Object(&'static Object),
    /// An object, or one of some words instead of it.
    ObjectOrWord(&'static Object, &'static [&'static str]),
    /// An address of a file, or a `data:` URI.
    Address,
    /// One colour, or two with a comma between them, each as `#rrggbb`.
    Colors,
}

/// What a text of [`Kind::Colors`] looks like, as a regular expression.
pub const COLORS_PATTERN: &str = "^#[0-9a-fA-F]{6}(,#[0-9a-fA-F]{6})?$";

impl Object {
    /// An object without a choice between fields.
    pub const fn new(name: &'static str, fields: &'static [Field]) -> Object {
        Object { name, fields, one_of: &[] }
    }

    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Field {
    pub const fn required(name: &'static str, kind: Kind, description: &'static str) -> Field {
        Field { name, kind, presence: Presence::Required, description }
    }

    pub const fn optional(name: &'static str, kind: Kind, description: &'static str) -> Field {
        Field { name, kind, presence: Presence::Optional, description }
    }

    /// `default` is JSON text.
    pub const fn or(name: &'static str, kind: Kind, default: &'static str, description: &'static str) -> Field {
        Field { name, kind, presence: Presence::Default(default), description }
    }
}

impl Kind {
    /// A whole number without bounds.
    pub const ANY_INTEGER: Kind = Kind::Integer { least: None, most: None };

    pub const fn integer(least: i128, most: i128) -> Kind {
        Kind::Integer { least: Some(least), most: Some(most) }
    }

    pub const fn number(least: f64, most: f64) -> Kind {
        Kind::Number { least: Some(least), most: Some(most) }
    }

    /// A text that says something, such as a prompt.
    pub const fn text(most: usize) -> Kind {
        Kind::Text { least: 1, most }
    }

    /// A list of any length, as outputs have them.
    pub const fn list(of: &'static Kind) -> Kind {
        Kind::List { of, least: 0, most: usize::MAX }
    }
}
