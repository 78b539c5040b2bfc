//! Whom the studio is asked to tell once something is done: a mailbox, a number.

/// Each is told where the studio sends messages that way; else the wish is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct Notify {
    /// Have the studio send a letter to this address once it is done.
    #[arg(long = "notify-email", id = "notify_email", value_name = "ADDRESS", requires = "server")]
    pub email: Option<String>,
    /// Have the studio send a message by WhatsApp to this number, with its country code, once it is done.
    #[arg(long = "notify-whatsapp", id = "notify_whatsapp", value_name = "NUMBER", requires = "server")]
    pub whatsapp: Option<String>,
}

impl Notify {
    /// As the studio's fields.
    pub(super) fn fields(&self) -> [(&'static str, Option<&str>); 2] {
        [("notifyEmail", self.email.as_deref()), ("notifyWhatsapp", self.whatsapp.as_deref())]
    }
}
