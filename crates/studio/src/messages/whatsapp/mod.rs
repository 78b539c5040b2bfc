//! Messages by WhatsApp: a seller's number on the way in, a template on the way out, and what Meta tells afterwards.
//!
//! The API's 200 means that a message was accepted and nothing more, so such a message stays pending until a notice says that it
//! arrived or failed. What was sent is noted before and after it leaves ([`receipt`]): a message whose answer was lost is not
//! sent again before its notices had time to come.

pub mod hearing;
pub mod receipt;
mod sending;
pub mod store;
pub mod wish;

use std::time::Duration;

use plantain_whatsapp::{Graph, Secret};

/// What messages by WhatsApp are sent with.
#[derive(Clone, Debug)]
pub struct Whatsapp {
    pub graph: Graph,
    /// Signs what Meta posts.
    pub app_secret: Secret,
    /// What the webhook is set up with.
    pub verify_token: Secret,
    pub templates: Templates,
    pub patience: Patience,
}

/// The names of the approved templates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Templates {
    /// A picture above, the number of pictures in the text, a button to the job.
    pub job: String,
    /// How many photos are ready, failed and were left out; a button to the batch.
    pub batch: String,
}

impl Default for Templates {
    fn default() -> Templates {
        Templates { job: "pictures_ready".to_owned(), batch: "batch_ready".to_owned() }
    }
}

/// How long notices are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// After an attempt whose answer was lost, before it is taken for not sent.
    pub unanswered: Duration,
    /// After the API accepted a message of which nothing is heard.
    pub accepted: Duration,
    /// Until a message that left arrives: Meta keeps it for so long for a phone that is off.
    pub sent: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        let day = Duration::from_secs(24 * 60 * 60);
        Patience { unanswered: Duration::from_secs(60), accepted: day, sent: 30 * day }
    }
}
