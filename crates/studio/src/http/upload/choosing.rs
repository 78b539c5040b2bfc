//! Which thing in the photo is meant, from the fields of a form or from JSON. Pure.

use plantain_wire::models::choice::{BoxPrompt, ChoiceError, Keep, ObjectChoice, PointPrompt};

use super::fields::{Name, repeated};
use crate::http::error::ApiError;

/// Adds what a field says; an empty one says nothing.
pub fn add(choice: &mut ObjectChoice, name: Name, text: &str) -> Result<(), ApiError> {
    match name {
        _ if text.is_empty() => {}
        Name::Keep if !choice.keep.is_auto() => return Err(repeated(name)),
        Name::Keep => choice.keep = text.parse().map_err(not_chosen)?,
        Name::Box if !choice.box_prompts.is_empty() => return Err(repeated(name)),
        Name::Box => choice.box_prompts.push(text.parse().map_err(not_chosen)?),
        _ => choice.point_prompts.push(PointPrompt::parse(text, name == Name::Include).map_err(not_chosen)?),
    }
    Ok(())
}

/// The same as numbers.
pub fn of_numbers(
    area: Option<[u32; 4]>,
    include: &[[u32; 2]],
    exclude: &[[u32; 2]],
    keep: Option<&str>,
) -> Result<ObjectChoice, ApiError> {
    let area = area.map(BoxPrompt::of_size).transpose().map_err(not_chosen)?;
    let points = |places: &[[u32; 2]], wanted| -> Result<Vec<PointPrompt>, ChoiceError> {
        places.iter().map(|place| PointPrompt::at(*place, wanted)).collect()
    };
    let mut point_prompts = points(include, true).map_err(not_chosen)?;
    point_prompts.extend(points(exclude, false).map_err(not_chosen)?);
    let keep = keep.map_or(Ok(Keep::Auto), str::parse).map_err(not_chosen)?;
    Ok(ObjectChoice { box_prompts: area.into_iter().collect(), point_prompts, keep })
}

fn not_chosen(error: ChoiceError) -> ApiError {
    let (code, field) = match error {
        ChoiceError::NoKeep => {
            let message = format!("The field keep can't be used: {error}.");
            return ApiError::unprocessable(
                "keep_unknown",
                message,
                "Leave it out for the one thing that stands out most.",
            );
        }
        ChoiceError::NoBox | ChoiceError::EmptyBox => ("box_malformed", "box"),
        ChoiceError::NoPoint => ("point_malformed", "point"),
    };
    let message = format!("The {field} can't be used: {error}.");
    ApiError::unprocessable(code, message, "Pixels are counted from the upper left corner of the photo held upright.")
}

#[cfg(test)]
mod tests {
    use super::super::fields::{Form, from_json};
    use super::*;

    fn form(fields: &[(&str, &[u8])]) -> Result<ObjectChoice, &'static str> {
        let mut form = Form::default();
        for (name, bytes) in fields {
            let name = Name::parse(Some(name)).map_err(|error| error.code)?;
            form.text(name, bytes).map_err(|error| error.code)?;
        }
        form.into_new_job().map(|new| new.choice).map_err(|error| error.code)
    }

    #[test]
    fn the_product_is_chosen_the_same_way_in_a_form_and_in_json() {
        let said: &[(&str, &[u8])] = &[
            ("box", b"10,20,300,400"),
            ("include", b"40,50"),
            ("include", b"60,70"),
            ("exclude", b"1,2"),
            ("keep", b"all"),
        ];
        let choice = form(said).unwrap();
        assert_eq!(choice.box_prompts, ["10,20,300,400".parse().unwrap()]);
        assert_eq!(choice.point_prompts.iter().map(|point| point.label).collect::<Vec<_>>(), [1, 1, 0]);
        assert_eq!(choice.keep, Keep::All);
        let json =
            br#"{"box": [10, 20, 300, 400], "include": [[40, 50], [60, 70]], "exclude": [[1, 2]], "keep": "all"}"#;
        assert_eq!(from_json(json).unwrap().choice, choice);
        for (body, code) in [
            (&br#"{"box": [1, 2, 3, 0]}"#[..], "box_malformed"),
            (br#"{"box": [1, 2, 3]}"#, "wrong_field"),
            (br#"{"box": [1, 2, 3, 4, 5]}"#, "wrong_field"),
            (br#"{"include": [[1, 2, 3]]}"#, "wrong_field"),
            (br#"{"box": [-1, 2, 3, 4]}"#, "wrong_field"),
            (br#"{"keep": "some"}"#, "keep_unknown"),
            (br#"{"include": [[70000, 1]]}"#, "point_malformed"),
        ] {
            assert_eq!(from_json(body).unwrap_err().code, code);
        }
    }
}
