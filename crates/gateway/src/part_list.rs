//! The list with which an upload in parts is completed: does it name exactly what was uploaded?

use plantain_queue::files::PartRecord;
use serde::Deserialize;

/// The most parts of one file, as at S3 and fal. With parts of 10 MiB these are 100 GB.
pub(crate) const PARTS_MAX: u16 = 10_000;

/// The body of a completion. Other keys are ignored.
#[derive(Debug, Deserialize)]
struct Completion {
    parts: Vec<Named>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Named {
    #[serde(rename = "partNumber", alias = "part_number")]
    number: u16,
    etag: String,
}

/// Why a list can't be completed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PartFault {
    #[error(r#"the body must be {{"parts":[{{"partNumber":1,"etag":"…"}}]}} with numbers from 1 to {PARTS_MAX}"#)]
    Unreadable,
    #[error("the list names no part")]
    Empty,
    #[error("the list names part {0} twice")]
    Twice(u16),
    #[error("the list does not name part {0}")]
    Unnamed(u16),
    #[error("part {0} has not been uploaded")]
    Missing(u16),
    #[error("part {0} has been uploaded with another etag")]
    Etag(u16),
}

/// A part's number as it stands in an address: digits alone, within the bounds.
pub(crate) fn number(text: &str) -> Option<u16> {
    let plain = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| plain && (1..=PARTS_MAX).contains(number))
}

pub(crate) fn etag(blob: &str) -> String {
    format!("\"{blob}\"")
}

pub(crate) fn read(body: &[u8]) -> Result<Vec<Named>, PartFault> {
    let Completion { mut parts } = serde_json::from_slice(body).map_err(|_| PartFault::Unreadable)?;
    // Clients that upload in parallel name parts in the order in which they ended.
    parts.sort_by_key(|part| part.number);
    if parts.iter().any(|part| !(1..=PARTS_MAX).contains(&part.number)) {
        return Err(PartFault::Unreadable);
    }
    Ok(parts)
}

/// `named` and `uploaded` are in the order of numbers. All parts from 1 on must be in both, with the same etag: a file that
/// lacks its end looks whole.
pub(crate) fn judge(named: &[Named], uploaded: &[PartRecord]) -> Result<(), PartFault> {
    if named.is_empty() {
        return Err(PartFault::Empty);
    }
    if let Some(pair) = named.windows(2).find(|pair| pair[0].number == pair[1].number) {
        return Err(PartFault::Twice(pair[0].number));
    }
    for (expected, part) in (1..).zip(named) {
        if part.number != expected {
            return Err(PartFault::Unnamed(expected));
        }
        let found = uploaded.iter().find(|known| known.number == part.number).ok_or(PartFault::Missing(part.number))?;
        if bare(&part.etag) != found.blob {
            return Err(PartFault::Etag(part.number));
        }
    }
    match uploaded.iter().find(|part| usize::from(part.number) > named.len()) {
        Some(more) => Err(PartFault::Unnamed(more.number)),
        None => Ok(()),
    }
}

/// Some clients take the quotes off.
fn bare(etag: &str) -> &str {
    let etag = etag.trim();
    etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"')
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn uploaded(parts: &[(u16, &str)]) -> Vec<PartRecord> {
        let record = |(number, blob): &(u16, &str)| PartRecord {
            file_id: "f".into(),
            number: *number,
            blob: (*blob).to_owned(),
            size: 1,
            expires_at: Timestamp::UNIX_EPOCH,
        };
        parts.iter().map(record).collect()
    }

    #[track_caller]
    fn judged(list: &str, parts: &[(u16, &str)], expected: Result<(), PartFault>) {
        let found = read(list.as_bytes()).and_then(|named| judge(&named, &uploaded(parts)));
        assert_eq!(found, expected, "{list}");
    }

    #[test]
    fn a_list_that_names_every_part_is_taken_in_any_order() {
        let two = [(1, "aa"), (2, "bb")];
        judged(r#"{"parts":[{"partNumber":2,"etag":"\"bb\""},{"partNumber":1,"etag":"aa"}]}"#, &two, Ok(()));
        judged(r#"{"parts":[{"part_number":1,"etag":"W/\"aa\"","x":1}],"y":2}"#, &[(1, "aa")], Ok(()));
    }

    #[test]
    fn a_list_that_does_not_fit_is_refused_by_part() {
        let two = [(1, "aa"), (2, "bb")];
        let one = r#"{"partNumber":1,"etag":"aa"}"#;
        judged(r#"{"parts":[]}"#, &two, Err(PartFault::Empty));
        judged(&format!(r#"{{"parts":[{one},{one}]}}"#), &two, Err(PartFault::Twice(1)));
        judged(&format!(r#"{{"parts":[{one}]}}"#), &two, Err(PartFault::Unnamed(2)));
        judged(r#"{"parts":[{"partNumber":2,"etag":"bb"}]}"#, &two, Err(PartFault::Unnamed(1)));
        judged(&format!(r#"{{"parts":[{one},{{"partNumber":3,"etag":"cc"}}]}}"#), &two, Err(PartFault::Unnamed(2)));
        judged(&format!(r#"{{"parts":[{one}]}}"#), &[], Err(PartFault::Missing(1)));
        judged(&format!(r#"{{"parts":[{one}]}}"#), &[(1, "bb")], Err(PartFault::Etag(1)));
        judged(&format!(r#"{{"parts":[{one}]}}"#), &[(1, "AA")], Err(PartFault::Etag(1)));
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for bad in [
            "",
            "[]",
            "{}",
            "7",
            r#"{"parts":{}}"#,
            r#"{"parts":[1]}"#,
            r#"{"parts":[{"partNumber":1}]}"#,
            r#"{"parts":[{"partNumber":"1","etag":"a"}]}"#,
            r#"{"parts":[{"partNumber":0,"etag":"a"}]}"#,
            r#"{"parts":[{"partNumber":-1,"etag":"a"}]}"#,
            r#"{"parts":[{"partNumber":1.5,"etag":"a"}]}"#,
            r#"{"parts":[{"partNumber":10001,"etag":"a"}]}"#,
            r#"{"parts":[{"partNumber":99999,"etag":"a"}]}"#,
            r#"{"parts":[{"partNumber":1,"etag":null}]}"#,
        ] {
            assert_eq!(read(bad.as_bytes()), Err(PartFault::Unreadable), "{bad}");
        }
    }

    #[test]
    fn numbers_are_plain_and_within_bounds() {
        for (text, expected) in [("1", Some(1)), ("10000", Some(10_000)), ("42", Some(42))] {
            assert_eq!(number(text), expected, "{text}");
        }
        for bad in ["0", "01", "10001", "65537", "x", "", "+1", "-1", "1.0", " 1", "1e3", "١", "99999999999999999999"]
        {
            assert_eq!(number(bad), None, "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_body_breaks_the_reader(body: Vec<u8>, text in ".{0,20}") {
            let _ = read(&body);
            let _ = read(format!(r#"{{"parts":[{text}]}}"#).as_bytes());
            let _ = number(&text);
        }

        #[test]
        fn only_the_whole_is_taken(mut numbers in proptest::collection::vec(1..6_u16, 0..7), count in 0..6_u16) {
            let parts: Vec<_> = (1..=count).map(|number| (number, "aa")).collect();
            let named = numbers.iter().map(|number| Named { number: *number, etag: "aa".into() });
            let mut named: Vec<_> = named.collect();
            named.sort_by_key(|part| part.number);
            numbers.sort_unstable();
            let whole = count > 0 && numbers.iter().copied().eq(1..=count);
            proptest::prop_assert_eq!(judge(&named, &uploaded(&parts)).is_ok(), whole);
        }
    }
}
