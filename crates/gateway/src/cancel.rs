//! `PUT …/requests/{id}/cancel`: asks that a request ends now.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use plantain_queue::model::Cancelled;
use plantain_wire::cancel::CancelReply;

use crate::account::Authenticated;
use crate::address::RequestAddress;
use crate::refusal::Refusal;
use crate::{Gateway, lookup, reply};

pub(crate) async fn cancel(
    State(gateway): State<Gateway>,
    Authenticated(account): Authenticated,
    Extension(asked): Extension<RequestAddress>,
) -> Result<Response, Refusal> {
    lookup::find(&gateway, &account, &asked).await?;
    let said = word(gateway.engine.cancel(&asked.id).await?);
    Ok(reply::about(&asked.id, reply::json(said.http_status(), said.to_json())))
}

/// A request that was still waiting is answered like a running one: that is the best documented of fal's two answers, and
/// clients look only at whether the code is a 2xx.
fn word(cancelled: Cancelled) -> CancelReply {
    match cancelled {
        Cancelled::Removed | Cancelled::Requested => CancelReply::Requested,
        Cancelled::AlreadyCompleted => CancelReply::AlreadyCompleted,
        Cancelled::NotFound => CancelReply::NotFound,
    }
}
