//! An input that stands in the query of an address, as `@fal-ai/client` writes it where it is told to use GET.
//!
//! The client makes text of every value, so texts are what comes out; the checks of inputs take numbers and yes or no as text.

use bytes::Bytes;
use serde_json::{Map, Value};
use url::form_urlencoded;

/// What in the query belongs to the queue, and not to the model.
const OWN: [&str; 3] = ["fal_webhook", "fal_max_queue_length", "fal_jwt_token"];

/// A JSON object; a name that comes more than once is a list.
pub(crate) fn read(query: Option<&str>) -> Bytes {
    let mut input = Map::new();
    let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    for (name, value) in pairs.filter(|(name, _)| !OWN.contains(&name.as_ref())) {
        let value = Value::String(value.into_owned());
        match input.get_mut(name.as_ref()) {
            None => drop(input.insert(name.into_owned(), value)),
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    Value::Object(input).to_string().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_input_is_what_the_queue_itself_does_not_read() {
        for (query, input) in [
            ("", "{}"),
            ("prompt=a+chair%2C+%22red%22&num_images=2", r#"{"num_images":"2","prompt":"a chair, \"red\""}"#),
            ("fal_webhook=https%3A%2F%2Fa.test%2F%3Fa%3D1&prompt=x&fal_max_queue_length=3", r#"{"prompt":"x"}"#),
            ("image_urls=a&image_urls=b&image_urls=c", r#"{"image_urls":["a","b","c"]}"#),
            ("prompt", r#"{"prompt":""}"#),
        ] {
            assert_eq!(read(Some(query)), input, "{query}");
        }
        assert_eq!(read(None), "{}");
    }

    proptest! {
        #[test]
        fn whatever_stands_there_becomes_json(query in ".{0,200}") {
            let input = read(Some(&query));
            prop_assert!(serde_json::from_slice::<Map<String, Value>>(&input).is_ok());
        }
    }
}
