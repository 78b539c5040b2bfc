//! What is said on the queue's channel.

use deadpool_postgres::Transaction;

use plantain_queue::store::Hint;
use plantain_wire::id::RequestId;

use crate::error::DatabaseError;

pub(super) const CHANNEL: &str = "plantain_queue";

const REQUESTS: &str = "requests";
const DELIVERIES: &str = "deliveries";
const CHANGED: &str = "changed ";

/// Is heard when `tx` commits, and never if it does not.
pub(super) async fn send(tx: &Transaction<'_>, hints: &[Hint]) -> Result<(), DatabaseError> {
    let texts: Vec<String> = hints.iter().map(write).collect();
    let notify = tx.prepare_cached("SELECT pg_notify($1, hint) FROM unnest($2::text[]) AS hint").await?;
    tx.query(&notify, &[&CHANNEL, &texts]).await?;
    Ok(())
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
pub(super) fn read(text: &str) -> Hint {
    match text {
        REQUESTS => Hint::RequestsDue,
        DELIVERIES => Hint::DeliveriesDue,
        _ => {
            let id = text.strip_prefix(CHANGED).and_then(|id| RequestId::parse(id).ok());
            id.map_or(Hint::Anything, Hint::Changed)
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
            assert_eq!(read(&write(&hint)), hint);
        }
        assert_eq!(read("changed a/b"), Hint::Anything);
        assert_eq!(read("something newer"), Hint::Anything);
    }
}
