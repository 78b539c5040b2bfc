//! A seller's wish to stop a job: durable first, then told to the queue.

use plantain_wire::cancel::CancelReply;

use crate::error::StudioError;
use crate::job::transition::{JobEvent, Refused};
use crate::job::{Job, JobId, Outcome};
use crate::service::{Inner, Studio};
use crate::store::Applied;
use crate::view::CancelView;

impl Studio {
    /// Cancels a job that hasn't left yet; asks the queue to stop one that has. A second call asks again.
    pub async fn cancel(&self, id: &JobId) -> Result<CancelView, StudioError> {
        let inner = &self.0;
        match inner.store.apply(id, &JobEvent::CancelAsked, inner.clock.now()).await? {
            Applied::NotFound => Ok(CancelView::NotFound),
            Applied::Refused(Refused::NothingNew) => match inner.store.job(id).await? {
                Some(job) => Ok(inner.ask_to_cancel(&job).await),
                None => Ok(CancelView::NotFound),
            },
            Applied::Refused(_) => Ok(CancelView::TooLate),
            Applied::Changed(job) => {
                inner.announce(id);
                inner.outbox.wake();
                Ok(inner.ask_to_cancel(&job).await)
            }
        }
    }
}

impl Inner {
    /// Best effort: whoever follows the job asks again, for the wish is stored.
    pub(crate) async fn ask_to_cancel(&self, job: &Job) -> CancelView {
        if job.outcome == Some(Outcome::Canceled) {
            return CancelView::Canceled;
        }
        let Some(request_id) = &job.request_id else { return CancelView::Requested };
        match self.client.cancel(&job.spec.endpoint, request_id).await {
            Ok(CancelReply::AlreadyCompleted) => CancelView::TooLate,
            Ok(CancelReply::Requested | CancelReply::Removed | CancelReply::NotFound) => CancelView::Requested,
            Err(error) => {
                tracing::warn!(job = %job.id, %error, "job.cancel: the queue could not be asked");
                CancelView::Requested
            }
        }
    }
}
