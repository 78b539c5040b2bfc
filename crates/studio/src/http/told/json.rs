//! JSON with the sentences under known keys told in another language, and every other byte as it was.
//!
//! The text is walked, not parsed into values: numbers keep their digits and keys their order.

/// Under which sentences of ours stand.
const KEYS: [&str; 13] = [
    "message",
    "hint",
    "why",
    "notices",
    "description",
    "stageDetail",
    "title",
    "required",
    "measured",
    "fix",
    "source",
    "note",
    "notes",
];

/// An object or a list that is open, and whether its strings are told.
struct Open {
    is_object: bool,
    is_told: bool,
    /// In an object: a key comes next.
    awaits_key: bool,
}

/// The text with `tell` applied; what `tell` leaves alone is copied as it was written.
pub fn told(json: &str, mut tell: impl FnMut(&str) -> Option<String>) -> String {
    let mut told = String::with_capacity(json.len() + json.len() / 4);
    let mut open: Vec<Open> = Vec::new();
    let mut rest = json;
    while let Some(at) = rest.find(['{', '[', '}', ']', ',', '"']) {
        let (before, tail) = rest.split_at(at);
        told.push_str(before);
        let length = if tail.starts_with('"') { string_length(tail) } else { 1 };
        let (token, after) = tail.split_at(length);
        let inside = open.last().is_some_and(|open| open.is_told);
        match (token, open.last_mut()) {
            ("{", _) => open.push(Open { is_object: true, is_told: false, awaits_key: true }),
            ("[", _) => open.push(Open { is_object: false, is_told: inside, awaits_key: false }),
            ("}" | "]", _) => drop(open.pop()),
            (",", Some(top)) if top.is_object => top.awaits_key = true,
            (key, Some(top)) if key != "," && top.awaits_key => {
                top.is_told = KEYS.contains(&key.trim_matches('"'));
                top.awaits_key = false;
            }
            _ => {}
        }
        let is_value = token.starts_with('"') && inside && !is_key(after);
        told.push_str(is_value.then(|| spoken(token, &mut tell)).flatten().as_deref().unwrap_or(token));
        rest = after;
    }
    told + rest
}

fn is_key(after: &str) -> bool {
    after.trim_start().starts_with(':')
}

fn spoken(token: &str, tell: &mut impl FnMut(&str) -> Option<String>) -> Option<String> {
    let said: String = serde_json::from_str(token).ok()?;
    serde_json::to_string(&tell(&said)?).ok()
}

/// Bytes of the string at the beginning, with both quotes; all of the text where it never ends.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn only_sentences_under_known_keys_are_told_and_the_rest_keeps_its_bytes() {
        let shout = |said: &str| Some(said.to_uppercase());
        for (json, becomes) in [
            (r#"{"message":"a","code":"a"}"#, r#"{"message":"A","code":"a"}"#),
            (
                r#"{ "z" : 17454220438242315174000, "hint" : "a\"b\n" }"#,
                r#"{ "z" : 17454220438242315174000, "hint" : "A\"B\n" }"#,
            ),
            (
                r#"{"notices":["a",["b"],{"c":"d","fix":"e"},"f"],"g":["h"]}"#,
                r#"{"notices":["A",["B"],{"c":"d","fix":"E"},"F"],"g":["h"]}"#,
            ),
            (
                r#"{"message":{"code":"a"},"b":"message","hint":null}"#,
                r#"{"message":{"code":"a"},"b":"message","hint":null}"#,
            ),
            (r#"["a",{"why":"b"}]"#, r#"["a",{"why":"B"}]"#),
            (r#"{"why":"never ends"#, r#"{"why":"never ends"#),
            ("\"message\"", "\"message\""),
            ("}]},", "}]},"),
        ] {
            assert_eq!(told(json, shout), becomes);
            assert_eq!(told(json, |_| None), json);
        }
    }

    fn anything() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
            Just(json!("{\"message\":\"x\"}")),
        ];
        leaf.prop_recursive(4, 48, 6, |inner| {
            let key = prop_oneof![Just("message".to_owned()), Just("notices".to_owned()), ".{0,6}"];
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::vec((key, inner), 0..6).prop_map(|all| Value::Object(all.into_iter().collect())),
            ]
        })
    }

    /// What the walk has to come to, the long way.
    fn by_value(value: &Value, under: bool) -> Value {
        match value {
            Value::String(said) if under => Value::from(format!("<{said}>")),
            Value::Array(all) => all.iter().map(|one| by_value(one, under)).collect(),
            Value::Object(all) => Value::Object(
                all.iter().map(|(key, one)| (key.clone(), by_value(one, KEYS.contains(&key.as_str())))).collect(),
            ),
            other => other.clone(),
        }
    }

    proptest! {
        #[test]
        fn any_json_keeps_its_shape(value in anything()) {
            let json = value.to_string();
            let walked: Value = serde_json::from_str(&told(&json, |said| Some(format!("<{said}>")))).unwrap();
            prop_assert_eq!(walked, by_value(&value, false));
            prop_assert_eq!(told(&json, |_| None), json);
        }

        #[test]
        fn any_text_is_survived(text in ".{0,64}") {
            prop_assert_eq!(told(&text, |_| None), text);
        }
    }
}
