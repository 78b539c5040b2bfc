//! What is said on the queue's channel.

use deadpool_postgres::Transaction;

use plantain_queue::store::Hint;
use plantain_wire::id::RequestId;

use crate::error::DatabaseError;

pub(super) const CHANNEL: &str = "plantain_queue";

const REQUESTS: &str = "requests";
const DELIVERIES: &str = "deliveries";
const CHANGED: &str = "changed ";

/// Ids in one text: Postgres takes less than 8,000 bytes, and an id has at most 128.
const IDS_MAX: usize = 60;

/// Between the name of the sender's connections and what it says.
const OF: char = '\n';

const NOTIFY: &str =
    "SELECT pg_notify($1, current_setting('application_name') || E'\\n' || hint) FROM unnest($2::text[]) AS hint";
/// For a transaction of its own, which nobody waits for.
pub(super) const NOTIFY_UNSYNCED: &str = "SELECT set_config('synchronous_commit', 'off', true),
            pg_notify($1, current_setting('application_name') || E'\\n' || hint) FROM unnest($2::text[]) AS hint";

/// Is heard by other processes when `tx` commits, and never if it does not.
pub(super) async fn send(tx: &Transaction<'_>, hints: &[Hint]) -> Result<(), DatabaseError> {
    let notify = tx.prepare_cached(NOTIFY).await?;
    tx.query(&notify, &[&CHANNEL, &write_all(hints)]).await?;
    Ok(())
}

/// What somebody else said. The process that sent a hint has acted on it already.
pub(super) fn from_others(text: &str, own: &str) -> Vec<Hint> {
    match text.split_once(OF) {
        Some((sender, _)) if sender == own => Vec::new(),
        Some((_, hint)) => read(hint),
        // A process of the version before says no name.
        None => read(text),
    }
}

/// Changes of many requests go as one text, and what is said twice is written once.
pub(super) fn write_all(hints: &[Hint]) -> Vec<String> {
    let changed = |hint: &&Hint| matches!(hint, Hint::Changed(_));
    let mut texts: Vec<String> = hints.iter().filter(|hint| !changed(hint)).map(write).collect();
    texts.sort_unstable();
    texts.dedup();
    let ids: Vec<&RequestId> =
        hints.iter().filter_map(|hint| if let Hint::Changed(id) = hint { Some(id) } else { None }).collect();
    for ids in ids.chunks(IDS_MAX) {
        let ids: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
        texts.push(format!("{CHANGED}{}", ids.join(" ")));
    }
    texts
}

fn write(hint: &Hint) -> String {
    match hint {
        Hint::RequestsDue => REQUESTS.to_owned(),
        Hint::DeliveriesDue => DELIVERIES.to_owned(),
        Hint::Changed(id) => format!("{CHANGED}{id}"),
        Hint::Anything => String::new(),
    }
}

/// What can't be read was sent by another version and may mean anything.
fn read(text: &str) -> Vec<Hint> {
    match text {
        REQUESTS => vec![Hint::RequestsDue],
        DELIVERIES => vec![Hint::DeliveriesDue],
        _ => {
            let ids = text.strip_prefix(CHANGED).unwrap_or_default().split(' ');
            let changed: Result<Vec<Hint>, _> = ids.map(|id| RequestId::parse(id).map(Hint::Changed)).collect();
            changed.unwrap_or_else(|_| vec![Hint::Anything])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_understood() {
        let changed = Hint::Changed(RequestId::parse("r-1").unwrap());
        for hint in [Hint::RequestsDue, Hint::DeliveriesDue, changed, Hint::Anything] {
            assert_eq!(read(&write(&hint)), [hint]);
        }
        assert_eq!(read("changed a/b"), [Hint::Anything]);
        assert_eq!(read("something newer"), [Hint::Anything]);
        assert_eq!(from_others("plantain 1\nrequests", "plantain 2"), [Hint::RequestsDue]);
        assert_eq!(from_others("plantain 1\nrequests", "plantain 1"), []);
        assert_eq!(from_others("requests", "plantain 1"), [Hint::RequestsDue]);
        let many: Vec<Hint> = (0..150).map(|n| Hint::Changed(RequestId::parse(&format!("r-{n}")).unwrap())).collect();
        let texts = write_all(&many);
        assert_eq!((texts.len(), texts.iter().flat_map(|text| read(text)).collect::<Vec<_>>()), (3, many));
    }
}
