//! Finds the request that a call is about.

use std::sync::Arc;

use plantain_queue::engine::Logs;
use plantain_queue::model::RequestView;

use crate::Gateway;
use crate::address::RequestAddress;
use crate::keys::Account;
use crate::refusal::Refusal;

/// Another account's request, and one of another application, look as if they did not exist.
pub(crate) async fn find(gateway: &Gateway, account: &Account, asked: &RequestAddress) -> Result<RequestView, Refusal> {
    let found = gateway.engine.status(&asked.id).await?;
    found.filter(|view| may_see(view, account, asked)).ok_or(Refusal::UnknownRequest)
}

/// Like [`find`], without the output, and mostly from memory.
pub(crate) async fn glance(
    gateway: &Gateway,
    account: &Account,
    asked: &RequestAddress,
    logs: Logs,
) -> Result<Arc<RequestView>, Refusal> {
    let found = gateway.engine.glance(&asked.id, logs).await?;
    found.filter(|view| may_see(view, account, asked)).ok_or(Refusal::UnknownRequest)
}

fn may_see(view: &RequestView, account: &Account, asked: &RequestAddress) -> bool {
    view.caller.user_id == account.user_id && view.endpoint.app() == asked.endpoint.app()
}
