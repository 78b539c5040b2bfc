//! `GET …/requests/{id}/status`: where a request stands.

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use plantain_queue::engine::Logs;

use crate::account::Authenticated;
use crate::address::RequestAddress;
use crate::bases::Bases;
use crate::refusal::Refusal;
use crate::{Gateway, lookup, reply, view};

/// The code is 202 until the request has ended: one client takes every 200 for the end. Logs are the whole log so far.
pub(crate) async fn status(
    State(gateway): State<Gateway>,
    Authenticated(account): Authenticated,
    Extension(asked): Extension<RequestAddress>,
    Extension(bases): Extension<Bases>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let wanted = wanted_logs(query.as_deref());
    let found = lookup::glance(&gateway, &account, &asked, wanted).await?;
    let logs = (wanted == Logs::With).then(|| found.logs.clone());
    let said = view::status_of(&found, &bases.queue, logs);
    Ok(reply::about(&asked.id, reply::json(said.status.http_status(), said.to_json())))
}

pub(crate) fn wanted_logs(query: Option<&str>) -> Logs {
    if wants_logs(query) { Logs::With } else { Logs::Without }
}

/// Clients write `1` or `true`; everything else means no.
fn wants_logs(query: Option<&str>) -> bool {
    let mut pairs = query.unwrap_or_default().split('&');
    let value = pairs.find_map(|pair| pair.strip_prefix("logs="));
    value.is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_asked_for_in_every_clients_way() {
        for (query, expected) in [
            ("logs=1", true),
            ("logs=true", true),
            ("logs=True", true),
            ("x=2&logs=1", true),
            ("logs=0", false),
            ("logs=false", false),
            ("logs=", false),
            ("logs", false),
            ("catalogs=1", false),
            ("", false),
        ] {
            assert_eq!(wants_logs(Some(query)), expected, "{query}");
        }
        assert!(!wants_logs(None));
    }
}
