//! What a list was asked for: the query of `GET /console/api/requests`, read strictly, so that a typo is not a full list.

use jiff::Timestamp;
use plantain_queue::history::{Cursor, Filter, PAGE_MAX, Stage};
use plantain_wire::endpoint::EndpointId;
use plantain_wire::id::UserId;
use url::form_urlencoded;

use crate::refusal::Refusal;

/// Entries of a page, unless another number was asked for.
pub(super) const PAGE_USUAL: usize = 50;

/// Of a key's id and of a label, in bytes: more than any that is kept.
const WORD_BYTES_MAX: usize = 512;

const QUERY: &str = "made of state, key, user, endpoint, label, from, to, before and limit, each at most once";

pub(super) fn read(query: Option<&str>) -> Result<Filter, Refusal> {
    let mut filter = Filter { limit: PAGE_USUAL, ..Filter::default() };
    let mut seen: Vec<String> = Vec::new();
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        if seen.iter().any(|earlier| *earlier == name) {
            return Err(Refusal::Unreadable { name: "query", expected: QUERY });
        }
        seen.push(name.clone().into_owned());
        if !value.is_empty() {
            set(&mut filter, &name, &value)?;
        }
    }
    match (filter.from, filter.to) {
        (Some(from), Some(to)) if from >= to => Err(Refusal::Unreadable { name: "to", expected: "later than 'from'" }),
        _ => Ok(filter),
    }
}

fn set(filter: &mut Filter, name: &str, value: &str) -> Result<(), Refusal> {
    match name {
        "state" => filter.stage = Some(stage(value)?),
        "key" => filter.key_id = Some(word("key", value)?),
        "user" => filter.user_id = Some(UserId::parse(value).map_err(|_| unreadable("user", "the id of an account"))?),
        "endpoint" => filter.endpoint = Some(endpoint(value)?),
        "label" => filter.label = Some(label(value)?),
        "from" => filter.from = Some(moment("from", value)?),
        "to" => filter.to = Some(moment("to", value)?),
        "before" => filter.before = Some(cursor(value)?),
        "limit" => filter.limit = limit(value)?,
        _ => return Err(unreadable("query", QUERY)),
    }
    Ok(())
}

fn stage(value: &str) -> Result<Stage, Refusal> {
    let expected = "waiting, running, succeeded, refused, failed or cancelled";
    Stage::parse(value).ok_or(unreadable("state", expected))
}

pub(super) fn word(name: &'static str, value: &str) -> Result<String, Refusal> {
    let plain = value.len() <= WORD_BYTES_MAX && !value.chars().any(char::is_control);
    plain.then(|| value.to_owned()).ok_or(unreadable(name, "at most 512 bytes on one line"))
}

/// As hosts are kept: in small letters, with the port.
pub(super) fn host(value: &str) -> Result<String, Refusal> {
    let port = value.rsplit_once(':').and_then(|(name, port)| port.parse::<u16>().ok().filter(|_| !name.is_empty()));
    port.ok_or(unreadable("host", "a host with its port, such as shop.example:443"))?;
    Ok(word("host", value)?.to_ascii_lowercase())
}

fn endpoint(value: &str) -> Result<EndpointId, Refusal> {
    let expected = "an endpoint's id, such as fal-ai/nano-banana/edit, or an app's, such as fal-ai/nano-banana";
    EndpointId::parse(value).map_err(|_| unreadable("endpoint", expected))
}

fn label(value: &str) -> Result<(String, String), Refusal> {
    let (key, value) = value.split_once('=').ok_or(unreadable("label", "written key=value"))?;
    Ok((word("label", key)?, word("label", value)?))
}

pub(super) fn moment(name: &'static str, value: &str) -> Result<Timestamp, Refusal> {
    value.parse().map_err(|_| unreadable(name, "a time such as 2026-02-17T10:30:00Z"))
}

pub(super) fn cursor(value: &str) -> Result<Cursor, Refusal> {
    value.parse().map(Cursor).map_err(|_| unreadable("before", "the 'next' of an earlier answer"))
}

pub(super) fn limit(value: &str) -> Result<usize, Refusal> {
    let limit = value.parse().ok().filter(|limit| (1..=PAGE_MAX).contains(limit));
    limit.ok_or(unreadable("limit", "1 to 200"))
}

pub(super) fn unreadable(name: &'static str, expected: &'static str) -> Refusal {
    Refusal::Unreadable { name, expected }
}

#[cfg(test)]
mod tests {
    use plantain_queue::history::Ending;

    use super::*;

    #[test]
    fn every_filter_is_read() {
        let query = "state=failed&key=shop&user=user_1&endpoint=fal-ai%2Fflux%2Fdev&label=a%3Db%3Dc\
                     &from=2026-02-17T10:30:00Z&to=2026-02-17T11:30:00%2B00:00&before=17&limit=200";
        let filter = read(Some(query)).unwrap();
        assert_eq!(filter.stage, Some(Stage::Ended(Ending::Failed)));
        assert_eq!(filter.key_id.as_deref(), Some("shop"));
        assert_eq!(filter.user_id.unwrap().as_str(), "user_1");
        assert_eq!(filter.endpoint.unwrap().as_str(), "fal-ai/flux/dev");
        assert_eq!(filter.label, Some(("a".into(), "b=c".into())));
        assert_eq!((filter.before, filter.limit), (Some(Cursor(17)), 200));
        assert!(filter.from.unwrap() < filter.to.unwrap());
        for nothing in [None, Some(""), Some("state=&key=&from=")] {
            assert_eq!(read(nothing).unwrap(), Filter { limit: PAGE_USUAL, ..Filter::default() });
        }
    }

    #[test]
    fn what_can_not_be_meant_is_refused() {
        let long = format!("key={}", "x".repeat(513));
        for bad in [
            "state=COMPLETED",
            "state=failed&state=failed",
            "key=a%0Ab",
            &long,
            "user=a%20b",
            "endpoint=../etc",
            "endpoint=%00",
            "label=shop",
            "from=yesterday",
            "from=2026-13-45T99:00:00Z",
            "from=2026-02-17T10:30:00Z&to=2026-02-17T10:30:00Z",
            "before=-1x",
            "before=99999999999999999999999",
            "limit=0",
            "limit=201",
            "limit=1e9",
            "stat=failed",
        ] {
            assert!(matches!(read(Some(bad)), Err(Refusal::Unreadable { .. })), "{bad}");
        }
    }
}
