//! JSON that is kept and passed on as it was written, and read only by whoever wants to know what it says.
//!
//! A list of jobs holds hundreds of kilobytes of reports that nobody looks into on the way.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// One JSON value as text; `null` by default.
#[derive(Clone, Debug)]
pub struct RawJson(Box<RawValue>);

impl RawJson {
    /// `null` where the value can't be written.
    pub fn of(value: &impl Serialize) -> RawJson {
        serde_json::value::to_raw_value(value).map(RawJson).unwrap_or_default()
    }

    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// What it says; `None` where it has another shape.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.as_str()).ok()
    }

    /// The rules of a check's report, each with its `rule` and `outcome`; none where it has another shape.
    pub fn results(&self) -> Vec<Value> {
        match self.read::<Value>().as_mut().and_then(|report| report.get_mut("results")).map(Value::take) {
            Some(Value::Array(results)) => results,
            _ => Vec::new(),
        }
    }
}

impl Default for RawJson {
    fn default() -> RawJson {
        RawJson(RawValue::NULL.to_owned())
    }
}

/// By the text: the same value may be written in several ways.
impl PartialEq for RawJson {
    fn eq(&self, other: &RawJson) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RawJson, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(RawJson)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_passed_on_as_it_was_written() {
        #[derive(Serialize, Deserialize)]
        struct Holder {
            kept: RawJson,
        }
        let written = r#"{"kept":{"b": 1.50, "a":[ null ]}}"#;
        let holder: Holder = serde_json::from_str(written).unwrap();
        assert_eq!(serde_json::to_string(&holder).unwrap(), written);
        assert_eq!(holder.kept.read::<Value>(), Some(json!({"b": 1.5, "a": [null]})));
        assert_eq!(holder.kept.read::<Vec<u8>>(), None);
        let by_value: Holder = serde_json::from_value(json!({"kept": [1, 2]})).unwrap();
        assert_eq!(by_value.kept.read::<Vec<u8>>(), Some(vec![1, 2]));
    }

    #[test]
    fn a_report_of_another_shape_has_no_results() {
        assert_eq!(
            RawJson::of(&json!({"results": [{"rule": "size"}, 7]})).results(),
            [json!({"rule": "size"}), json!(7)]
        );
        for other in [json!(null), json!([]), json!("x"), json!({}), json!({"results": {}})] {
            assert_eq!(RawJson::of(&other).results(), [] as [Value; 0], "{other}");
        }
    }

    #[test]
    fn nothing_is_null() {
        assert_eq!(RawJson::default().as_str(), "null");
        assert_eq!(RawJson::of(&Value::Null), RawJson::default());
    }
}
