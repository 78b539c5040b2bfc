//! How many pieces the seller says there are, from a field of a form or from JSON. Pure.

use crate::error::PRODUCTS_MAX;
use crate::http::error::ApiError;
use crate::photo;

/// An empty field says nothing.
pub fn of_text(text: Option<&str>) -> Result<Option<u32>, ApiError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    photo::pieces(text).map(Some).ok_or_else(|| unusable(text))
}

pub fn of_number(given: Option<i64>) -> Result<Option<u32>, ApiError> {
    of_text(given.map(|given| given.to_string()).as_deref())
}

fn unusable(text: &str) -> ApiError {
    let shown: String = text.chars().take(40).collect();
    ApiError::unprocessable(
        "products_unusable",
        format!("\"{shown}\" is not a number of pieces."),
        format!("Give products as a whole number from 1 to {PRODUCTS_MAX}, or leave it out."),
    )
}

#[cfg(test)]
mod tests {
    use super::super::fields::{Form, Name, from_json};

    #[test]
    fn pieces_are_declared_the_same_way_in_a_form_and_in_json() {
        for (text, pieces) in [
            ("1", Ok(Some(1))),
            (" 2 ", Ok(Some(2))),
            ("99", Ok(Some(99))),
            ("", Ok(None)),
            ("0", Err("products_unusable")),
            ("100", Err("products_unusable")),
            ("-1", Err("products_unusable")),
            ("4294967298", Err("products_unusable")),
            ("a pair", Err("products_unusable")),
        ] {
            let mut form = Form::default();
            form.text(Name::parse(Some("products")).unwrap(), text.as_bytes()).unwrap();
            let said = form.into_new_job().map(|new| new.products).map_err(|error| error.code);
            assert_eq!(said, pieces, "{text}");
            if text.trim().parse::<i64>().is_ok() {
                let said = from_json(format!("{{\"products\": {text}}}").as_bytes());
                assert_eq!(said.map(|new| new.products).map_err(|error| error.code), pieces, "{text}");
            }
        }
        assert_eq!(from_json(b"{\"products\": \"two\"}").unwrap_err().code, "wrong_field");
        assert_eq!(from_json(b"{}").unwrap().products, None);
    }
}
