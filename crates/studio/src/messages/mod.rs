//! Messages out: what others are told of jobs and batches, by webhook, by mail and by WhatsApp.
//!
//! A message is owed in the commit that makes it owed (a job's end, a choice, a batch's end), so that neither exists without
//! the other; [`owing`] decides which. A lane takes what is due, `sending` makes one attempt by the message's
//! [`message::Channel`], and [`message::Message`]'s own functions say what follows. Receivers get each message at least once,
//! under the same id. What is kept of a message are [`facts::Facts`]; each channel puts them into its own form.

pub mod facts;
pub mod hook;
pub mod letter;
mod mail;
pub mod managing;
pub mod message;
pub mod naming;
pub mod owing;
mod sending;
pub mod store;
pub mod view;
pub(crate) mod webhook;
pub mod whatsapp;

use url::Url;

use plantain_outbound::{Outbound, Schedule};

use crate::link::LinkKey;
use crate::messages::hook::HookSecret;

/// What messages are sent with.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// To addresses that users gave.
    pub outbound: Outbound,
    /// Whom the operator wants to be told of everything.
    pub operator: Option<OperatorHook>,
    pub schedule: Schedule,
    /// For links to pictures that have an owner.
    pub links: LinkKey,
}

/// A receiver that the settings name.
#[derive(Clone, Debug)]
pub struct OperatorHook {
    pub url: Url,
    pub secret: Option<HookSecret>,
    /// It may lie where addresses of users may not.
    pub outbound: Outbound,
}

impl Outgoing {
    /// With the usual schedule, and nobody who is told of everything.
    pub fn new(outbound: Outbound, links: LinkKey) -> Outgoing {
        Outgoing { outbound, operator: None, schedule: Schedule::Standard, links }
    }
}
