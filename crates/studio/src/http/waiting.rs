//! `?wait=SECONDS` of `POST /api/generate`: the ended job as the answer, for callers that can make one call only.

use std::time::Duration;

use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::IntoParams;

use crate::http::App;
use crate::http::error::ApiError;
use crate::job::JobId;
use crate::view::JobView;

/// The longest wait, in seconds: proxies and workflow tools give up on an answer soon after.
const WAIT_SECONDS_MAX: u64 = 120;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// How long to wait for the pictures, in whole seconds.
    #[param(value_type = Option<u64>, maximum = 120, example = 60)]
    wait: Option<String>,
}

/// How long a caller wants to wait for the pictures, and its place among those who wait.
#[derive(Debug)]
pub struct Wait {
    time: Duration,
    _place: OwnedSemaphorePermit,
}

impl Wait {
    /// `None` where nobody wants to wait. A caller that finds no place to wait is told so before its photo is read.
    pub fn wanted(app: &App, wanted: &Wanted) -> Result<Option<Wait>, ApiError> {
        let Some(time) = wanted.wait.as_deref().map(seconds).transpose()?.filter(|time| !time.is_zero()) else {
            return Ok(None);
        };
        let place = app.streams.clone().try_acquire_owned().map_err(|_| ApiError::busy())?;
        Ok(Some(Wait { time, _place: place }))
    }

    /// The job once it has ended; `None` where the time is over before, or the process is about to stop. The job goes on
    /// either way.
    pub async fn ended(self, app: &App, id: &JobId) -> Option<JobView> {
        let ended = async {
            // Watched before it is read: what happens between the two is news.
            let mut watch = app.studio.watch(id);
            loop {
                // The job is accepted whatever happens here: an unreadable store only ends the waiting.
                let job = app.studio.job(id).await.ok()??;
                if job.status.is_final() {
                    return Some(job);
                }
                watch.changed().await;
            }
        };
        tokio::select! {
            () = app.config.shutdown.begun() => None,
            job = app.config.clock.timeout(self.time, ended) => job.flatten(),
        }
    }
}

fn seconds(text: &str) -> Result<Duration, ApiError> {
    let seconds = text.parse().ok().filter(|seconds| *seconds <= WAIT_SECONDS_MAX);
    seconds.map(Duration::from_secs).ok_or_else(|| {
        ApiError::unprocessable(
            "bad_wait",
            "The time to wait can't be used.",
            format!("Give whole seconds from 0 to {WAIT_SECONDS_MAX}, as in ?wait=60."),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_whole_seconds_with_a_bound() {
        for (text, time) in [("0", Some(0)), ("1", Some(1)), ("60", Some(60)), ("120", Some(120))]
            .into_iter()
            .chain(["", "121", "-1", "1.5", "60s", "99999999999999999999"].map(|text| (text, None)))
        {
            let read = seconds(text).map_err(|error| error.code);
            assert_eq!(read, time.map(Duration::from_secs).ok_or("bad_wait"), "{text}");
        }
    }
}
