//! Whom a wish names to be told, and how many a stranger may have told within an hour.
//!
//! They are counted once the wish is known to be good and new, right before it is kept, and are given back where nothing comes of it:
//! whoever sends a wish again is answered as the first time, however many were told since.

use jiff::Timestamp;

use crate::error::StudioError;
use crate::hourly::{Bound, Held, Hourly};
use crate::messages::message::Channel;

/// Nobody who is named is counted where whoever wishes answers to the operator for what they send.
#[derive(Clone, Debug, Default)]
pub struct Naming {
    counts: Hourly,
    named: Vec<(Channel, Vec<Bound>)>,
}

/// Counted, and given back when dropped, unless it is kept.
#[derive(Debug, Default)]
#[must_use]
pub struct Counted(Vec<Held>);

impl Naming {
    pub fn counted_in(counts: &Hourly) -> Naming {
        Naming { counts: counts.clone(), named: Vec::new() }
    }

    /// One more who is named, and what bounds that.
    pub fn and(mut self, channel: Channel, bounds: Vec<Bound>) -> Naming {
        self.named.push((channel, bounds));
        self
    }

    /// Counts all who are named, or none of them.
    pub fn count(&self, now: Timestamp) -> Result<Counted, StudioError> {
        let hold = |(channel, bounds): &(Channel, Vec<Bound>)| {
            self.counts.hold(bounds, now).ok_or_else(|| {
                tracing::warn!(channel = channel.as_str(), "message.too_many: a stranger may have no more told");
                StudioError::TooManyNamed(*channel)
            })
        };
        self.named.iter().map(hold).collect::<Result<_, _>>().map(Counted)
    }
}

impl Counted {
    pub fn keep(self) {
        self.0.into_iter().for_each(Held::keep);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_not_counted_where_the_message_beside_it_is_one_too_many() {
        let counts = Hourly::default();
        let bound = |name: &str, most| vec![(name.to_owned(), most)];
        let letter = || Naming::counted_in(&counts).and(Channel::Mail, bound("mailbox", 1));
        let both = letter().and(Channel::Whatsapp, bound("number", 0));
        let refused = both.count(Timestamp::UNIX_EPOCH).unwrap_err();
        assert_eq!((refused.code(), refused.http_status()), ("too_many_messages", 429));
        letter().count(Timestamp::UNIX_EPOCH).unwrap().keep();
        assert_eq!(letter().count(Timestamp::UNIX_EPOCH).unwrap_err().code(), "too_many_letters");
        Naming::default().count(Timestamp::UNIX_EPOCH).unwrap().keep();
    }
}
