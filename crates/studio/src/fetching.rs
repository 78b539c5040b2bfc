//! Downloads what a model made. The addresses come from outside, so the address policy of `outbound` holds for them.

use bytes::Bytes;
use url::Url;

use plantain_outbound::Bounds;
use plantain_outbound::send::{FetchError, Fetched};

use crate::answering::MEDIUM_BYTES_MAX;
use crate::output;
use crate::saving::{Unsaved, unreadable};
use crate::service::Inner;

impl Inner {
    /// A model's picture.
    pub(crate) async fn fetch(&self, url: &Url) -> Result<Bytes, Unsaved> {
        self.fetch_within(url, self.config.result_limits.max_bytes).await
    }

    /// Any other file that an answer names.
    pub(crate) async fn fetch_medium(&self, url: &Url) -> Result<Bytes, Unsaved> {
        self.fetch_within(url, MEDIUM_BYTES_MAX).await
    }

    async fn fetch_within(&self, url: &Url, max_bytes: usize) -> Result<Bytes, Unsaved> {
        if let Some(bytes) = output::inline(url) {
            return bytes.map(Bytes::from).map_err(Unsaved::Never);
        }
        let bounds = Bounds { max_bytes, deadline: self.config.result_timeout };
        let fetched = self.outbound.get(url, bounds).await;
        let host = url.host_str().unwrap_or_default();
        match &fetched {
            Ok(fetched) => tracing::debug!(host, status = fetched.status, "job.fetched"),
            Err(error) => tracing::warn!(host, %error, "job.fetch_failed"),
        }
        meaning(fetched)
    }
}

fn meaning(fetched: Result<Fetched, FetchError>) -> Result<Bytes, Unsaved> {
    let never = |why: &str| Err(Unsaved::Never(unreadable(why)));
    match fetched {
        Ok(Fetched { status: 200, body, .. }) => Ok(body),
        Ok(Fetched { status: 404 | 410, .. }) => never("they were deleted before they could be downloaded"),
        Ok(Fetched { status: 300..=399 | 400..=407 | 409 | 411..=428 | 430..=499, .. }) => {
            never("the server that keeps them refused to hand them over")
        }
        Ok(_) => Err(Unsaved::Later),
        Err(error) if error.transient() => Err(Unsaved::Later),
        Err(FetchError::TooLarge { .. }) => never("one of them is larger than the studio takes"),
        Err(FetchError::Refused(_)) => never("they lie on a server that the studio is not allowed to reach"),
        Err(_) => never("their address can't be requested"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[track_caller]
    fn kind(fetched: Result<Fetched, FetchError>) -> &'static str {
        match meaning(fetched) {
            Ok(_) => "here",
            Err(Unsaved::Later) => "later",
            Err(Unsaved::Never(_)) => "never",
        }
    }

    #[test]
    fn only_what_may_change_is_tried_again() {
        let answer = |status| Ok(Fetched { status, content_type: None, body: Bytes::new() });
        for (status, expected) in [
            (200, "here"),
            (204, "later"),
            (302, "never"),
            (401, "never"),
            (403, "never"),
            (404, "never"),
            (408, "later"),
            (410, "never"),
            (429, "later"),
            (500, "later"),
            (503, "later"),
        ] {
            assert_eq!(kind(answer(status)), expected, "{status}");
        }
        assert_eq!(kind(Err(FetchError::TimedOut { deadline: Duration::ZERO })), "later");
        assert_eq!(kind(Err(FetchError::Broken)), "later");
        assert_eq!(kind(Err(FetchError::TooLarge { max_bytes: 1, start: Bytes::new() })), "never");
        assert_eq!(kind(Err(FetchError::Refused(plantain_outbound::policy::Refusal::Scheme))), "never");
    }
}
