//! What Meta posts to the studio: verified, kept, and answered only when it is durable.

use jiff::Timestamp;

use plantain_whatsapp::notice::{self, Refused, Wish, Wrote};

use super::receipt::Heard;
use crate::error::StudioError;
use crate::service::Studio;

impl Studio {
    /// Whether a webhook is set up by somebody who knows the word for it; `None` where no messages go by WhatsApp.
    pub fn knows_whatsapp_word(&self, given: &str) -> Option<bool> {
        Some(self.0.config.whatsapp.as_ref()?.verify_token.is(given))
    }

    /// Keeps what a notice tells; `None` where no messages go by WhatsApp. What is unknown, late or a repetition changes nothing.
    pub async fn hear_whatsapp(
        &self,
        signature: Option<&str>,
        body: &[u8],
    ) -> Option<Result<Result<(), Refused>, StudioError>> {
        let whatsapp = self.0.config.whatsapp.as_ref()?;
        Some(match notice::read(&whatsapp.app_secret, signature, body, whatsapp.graph.sender()) {
            Ok(notice) => self.keep_notice(notice).await.map(Ok),
            Err(refused) => Ok(Err(refused)),
        })
    }

    async fn keep_notice(&self, notice: notice::Notice) -> Result<(), StudioError> {
        let inner = &self.0;
        for told in notice.told {
            let heard = Heard::from(told);
            let standing = heard.standing.as_str();
            match inner.store.hear_of_message(&heard, inner.clock.now()).await? {
                Some(message) => {
                    tracing::info!(message = %message.id, standing, code = heard.code, "message.heard {}", message.id);
                    if let Some(job) = &message.job {
                        inner.hub.changed(job);
                    }
                    inner.outbox.wake();
                }
                None => tracing::debug!(standing, "message.heard: nothing new, or none of ours"),
            }
        }
        for Wrote { from, wish, at } in notice.wrote {
            let at = Timestamp::from_second(at).unwrap_or_else(|_| inner.clock.now());
            inner.store.keep_consent(from.digits(), wish == Wish::Start, at).await?;
            tracing::info!(number = from.shown(), ?wish, "whatsapp.consent");
        }
        Ok(())
    }
}
