//! Why a file of an archive, or a line of a list, became no job.

use plantain_media::decode::PictureError;

use crate::error::{IDENTIFIER_CHARS_MAX, PRODUCTS_MAX, PROMPT_CHARS_MAX};
use crate::job::JobError;

/// In the order in which they are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The name leads out of the archive, or is one of another system.
    Outside,
    /// The name is too long or holds control characters.
    Name,
    /// An archive in the archive.
    Nested,
    /// Not a file: a link, or something else that only a system has.
    NoFile,
    Encrypted,
    /// Packed by a method that hardly anybody uses.
    Method,
    TooLarge {
        most: usize,
    },
    /// It unpacks to more than a picture can.
    Bomb,
    /// Its checksum is wrong, or it breaks off.
    Damaged,
    NotAPicture {
        message: String,
        hint: String,
    },
    /// The same path, but for the case of its letters, came before.
    SameName {
        before: String,
    },
    /// Paths that stand in the archive twice, letter for letter; the last of each counts.
    Repeated,
    /// The same bytes came before.
    SameBytes {
        before: String,
    },
    /// A second list.
    SecondTable,
    /// A line names a file that isn't there, or that several could be.
    NoSuchFile {
        line: u64,
        several: bool,
    },
    /// A line says what an earlier one did.
    SameLine {
        line: u64,
        before: u64,
    },
    UnknownPreset {
        line: u64,
        preset: String,
        nearest: Option<String>,
    },
    Sku {
        line: u64,
    },
    Prompt {
        line: u64,
    },
    Products {
        line: u64,
        products: String,
    },
}

impl Why {
    /// For bytes that were looked at.
    pub fn picture(error: &PictureError) -> Why {
        Why::NotAPicture { message: error.message(), hint: error.hint().to_owned() }
    }

    /// Stable, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Why::Outside => "path_outside",
            Why::Name => "name_unusable",
            Why::Nested => "nested_archive",
            Why::NoFile => "not_a_file",
            Why::Encrypted => "encrypted",
            Why::Method => "unknown_compression",
            Why::TooLarge { .. } => "file_too_large",
            Why::Bomb => "unpacks_too_far",
            Why::Damaged => "damaged",
            Why::NotAPicture { .. } => "not_a_picture",
            Why::SameName { .. } | Why::Repeated => "same_name",
            Why::SameBytes { .. } => "same_picture",
            Why::SecondTable => "second_list",
            Why::NoSuchFile { .. } => "no_such_file",
            Why::SameLine { .. } => "same_line",
            Why::UnknownPreset { .. } => "unknown_preset",
            Why::Sku { .. } => "identifier_unusable",
            Why::Prompt { .. } => "prompt_too_long",
            Why::Products { .. } => "products_unusable",
        }
    }

    /// In a seller's words.
    pub fn told(&self) -> JobError {
        let (message, hint) = self.words();
        JobError::new(self.code(), message, hint)
    }

    fn words(&self) -> (String, String) {
        let own = |message: &str, hint: &str| (message.to_owned(), hint.to_owned());
        match self {
            Why::Outside => own(
                "The file's path leads out of the archive.",
                "Pack the folder again with your system's own tool; paths may hold names and / alone.",
            ),
            Why::Name => own("The file's name can't be used.", "Give it a short name of letters and digits."),
            Why::Nested => own("It is an archive itself.", "Unpack it, and pack its photos with the others."),
            Why::NoFile => own("It is a link, not a file.", "Pack the file that it leads to."),
            Why::Encrypted => own("It is locked with a password.", "Pack the photos again without a password."),
            Why::Method => own("It is packed by a rare method.", "Pack the photos again as a usual ZIP (deflate)."),
            Why::TooLarge { most } => (
                format!("It is larger than {} MB.", most / (1024 * 1024)),
                "Export it smaller; 3,000 pixels on the long side are plenty.".to_owned(),
            ),
            Why::Bomb => own("It unpacks to far more than its size.", "Pack the photos as they came from the camera."),
            Why::Damaged => own("It is damaged.", "Pack it again, and check that it opens on your computer."),
            Why::NotAPicture { message, hint } => own(message, hint),
            Why::SameName { before } => (
                format!("\"{before}\" has the same name."),
                "Give one of them another name if both are wanted.".to_owned(),
            ),
            Why::Repeated => own(
                "Some paths stand in it twice; the last file of each was taken.",
                "Pack the folder again if one of the others was meant.",
            ),
            Why::SameBytes { before } => (
                format!("It is the same picture as \"{before}\"."),
                "Nothing is to be done; name it in the list if it is wanted twice.".to_owned(),
            ),
            Why::SecondTable => own("There is another list already.", "Send one list, in the archive or beside it."),
            Why::NoSuchFile { line, several: false } => (
                format!("Line {line} names a file that is not in the archive."),
                "Write the name as it stands in the archive, with its folders.".to_owned(),
            ),
            Why::NoSuchFile { line, several: true } => (
                format!("Line {line} names a file that several folders hold."),
                "Write its folders before the name.".to_owned(),
            ),
            Why::SameLine { line, before } => (
                format!("Line {line} asks for what line {before} did."),
                "Give another preset if the photo is wanted twice.".to_owned(),
            ),
            Why::UnknownPreset { line, preset, nearest } => (
                format!("Line {line}: there is no preset \"{}\".", preset.chars().take(80).collect::<String>()),
                match nearest {
                    Some(nearest) => format!("Did you mean \"{nearest}\"?"),
                    None => "Write it as in \"amazon_main\"; all are named under \"All rules as data\" at the foot of the page.".to_owned(),
                },
            ),
            Why::Sku { line } => (
                format!("Line {line}: the product number can't be used."),
                format!("It may hold letters A to Z, digits, spaces and . _ -, {IDENTIFIER_CHARS_MAX} at most."),
            ),
            Why::Prompt { line } => (
                format!("Line {line}: the prompt is longer than {PROMPT_CHARS_MAX} characters."),
                "Say what matters most in a few sentences.".to_owned(),
            ),
            Why::Products { line, products } => (
                format!("Line {line}: \"{}\" is not a number of pieces.", products.chars().take(40).collect::<String>()),
                format!("Write a whole number from 1 to {PRODUCTS_MAX}, or nothing."),
            ),
        }
    }
}
