//! How large a photo may be.

use plantain_media::decode::Limits;

use super::error::ConfigError;
use super::source::{Sources, Written};

const MIB: usize = 1024 * 1024;

/// `PHOTO_MB_MAX`, in bytes.
pub fn parse(sources: &Sources) -> Result<usize, ConfigError> {
    sources.get("PHOTO_MB_MAX").map(bytes).unwrap_or_else(|| Ok(Limits::default().max_bytes))
}

fn bytes(written: &Written) -> Result<usize, ConfigError> {
    let text = written.text.trim();
    let number = text.parse().ok().filter(|number| (1..=Limits::MB_MAX).contains(number));
    let problem = || format!("`{text}` is not a number from 1 to {}", Limits::MB_MAX);
    let fix = "write how many megabytes a photo may have, as a whole number";
    number.map(|number: usize| number * MIB).ok_or_else(|| written.invalid(problem(), fix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: Option<&str>) -> Result<usize, ConfigError> {
        parse(&Sources::of(text.map(|text| ("PHOTO_MB_MAX", text.to_owned()))).unwrap())
    }

    #[test]
    fn a_photos_bound_is_whole_megabytes_and_bounded_itself() {
        for (text, mib) in
            [(None, 12), (Some(" "), 12), (Some("12"), 12), (Some(" 40 "), 40), (Some("1"), 1), (Some("64"), 64)]
        {
            assert_eq!(parsed(text).unwrap(), mib * MIB, "{text:?}");
        }
        for text in ["0", "65", "-1", "12.5", "12 MB"] {
            let said = parsed(Some(text)).map_err(|error| error.to_string());
            assert!(
                said.as_ref().is_err_and(|said| said.contains("PHOTO_MB_MAX") && said.contains("megabytes")),
                "{said:?}"
            );
        }
    }
}
