//! The lane that hands in the letters with links. A letter is owed from the commit that kept its link until the server has
//! taken it, it can't be taken, or the link has expired.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use plantain_mail::attempt::Outcome;
use plantain_work::clock::after;
use plantain_work::lane::{self, Claim, ClaimFailed, Lane, Left};
use plantain_work::{Shutdown, Tasks};

use crate::accounts::account::{Link, Posted};
use crate::accounts::{leaving, letter};
use crate::error::StudioError;
use crate::service::{Inner, Studio};

/// Letters that are handed in at once: what a small server takes from one client.
const SLOTS: usize = 4;

/// How long a letter stays with a process that may have died: longer than an attempt may take.
const LEASE: Duration = Duration::from_secs(120);

/// Between attempts. Somebody waits before their mailbox, so the first ones come soon; servers that put strangers off want
/// minutes.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(5),
    Duration::from_secs(20),
    Duration::from_secs(60),
    Duration::from_secs(180),
    Duration::from_secs(300),
];

impl Studio {
    /// Where no letter can be sent, none is owed.
    pub(crate) fn start_post(&self, tasks: &Tasks, shutdown: &Shutdown) {
        tasks.spawn("studio.leaving", leaving::run(self.0.clone(), shutdown.clone()));
        if !self.has_accounts() {
            return;
        }
        let lane = Arc::new(PostLane(self.0.clone()));
        let (wake, clock) = (self.0.post.clone(), self.0.clock.clone());
        tasks.spawn("studio.post", lane::run(lane, SLOTS, wake, clock, tasks.clone(), shutdown.clone()));
    }

    /// Hands in what is owed now, one after the other, and tells how many that was.
    pub async fn post_letters(&self) -> Result<usize, StudioError> {
        let links = self.0.store.claim_letters(SLOTS, LEASE, self.0.clock.now()).await?;
        for link in &links {
            self.0.hand_in(link).await?;
        }
        Ok(links.len())
    }
}

struct PostLane(Arc<Inner>);

#[async_trait]
impl Lane for PostLane {
    type Task = Link;

    fn name(&self) -> &'static str {
        "studio.post"
    }

    async fn claim(&self, free: usize) -> Result<Claim<Link>, ClaimFailed> {
        let claimed = self.0.store.claim_letters(free, LEASE, self.0.clock.now()).await;
        let tasks = claimed.map_err(|error| {
            tracing::error!(%error, "studio.post: no letter could be claimed");
            ClaimFailed
        })?;
        Ok(Claim { tasks, next_due: None, held_back: false })
    }

    async fn run(&self, link: Link, stop: Shutdown) -> Left {
        tokio::select! {
            biased;
            done = self.0.hand_in(&link) => if let Err(error) = done {
                // Nothing is lost: the lease runs out and the letter is sent again.
                tracing::error!(%error, "account.letter_stalled");
            },
            () = stop.aborted() => {}
        }
        Left::More
    }
}

impl Inner {
    async fn hand_in(&self, link: &Link) -> Result<(), StudioError> {
        let Some(post) = &self.config.post else { return Ok(()) };
        let letter = letter::sign_in(link, &post.token(&link.id), &self.config.public_url).map_err(|error| {
            tracing::error!(%error, "account.letter_unrendered: a bug in a template");
            StudioError::Internal
        })?;
        let attempt = post.mailer.send(&letter, &self.clock).await;
        let to = &link.address;
        let said = &nameless(&attempt.said, &to.to_string());
        let posted = match attempt.outcome {
            Outcome::Sent => {
                tracing::info!(?to, code = attempt.code, "account.letter_sent to {to:?}");
                Posted::Sent
            }
            Outcome::Later => {
                tracing::warn!(?to, code = attempt.code, said, "account.letter_put_off to {to:?}: {said}");
                let pause = PAUSES[usize::try_from(link.tries).unwrap_or(usize::MAX).clamp(1, PAUSES.len()) - 1];
                Posted::Again(after(self.clock.now(), pause))
            }
            Outcome::Never => {
                tracing::warn!(?to, code = attempt.code, said, "account.letter_refused to {to:?}: {said}");
                Posted::Never
            }
        };
        Ok(self.store.posted(&link.id, posted).await?)
    }
}

/// What a server said, without the mailbox that it likes to repeat.
fn nameless(said: &str, address: &str) -> String {
    // Neither changes its length, so that places in one are places in the other.
    let (lower, wanted) = (said.to_ascii_lowercase(), address.to_ascii_lowercase());
    let (mut told, mut at) = (String::with_capacity(said.len()), 0);
    for (found, _) in lower.match_indices(&wanted) {
        told.push_str(&said[at..found]);
        told.push_str("(the address)");
        at = found + wanted.len();
    }
    told.push_str(&said[at..]);
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_logged_of_a_servers_words_names_no_mailbox() {
        for (said, told) in [
            ("5.1.1 <asha@shop.example>: unknown", "5.1.1 <(the address)>: unknown"),
            ("Asha@SHOP.example, asha@shop.example", "(the address), (the address)"),
            ("नहीं asha@shop.example", "नहीं (the address)"),
            ("come back later", "come back later"),
            ("", ""),
        ] {
            assert_eq!(nameless(said, "Asha@shop.example"), told, "{said}");
        }
    }
}
