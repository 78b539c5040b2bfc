//! `GET /api/price`: what a picture of an endpoint costs, for whoever wants to know before asking it.

use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use plantain_wire::endpoint::EndpointId;

use crate::error::StudioError;
use crate::http::App;
use crate::http::error::ApiError;
use crate::http::extract::Params;
use crate::http::openapi::{answers, bodies};

/// Whose price.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// As the queue names it.
    #[param(max_length = 200, example = "fal-ai/flux/dev")]
    endpoint: String,
}

/// What an endpoint's pictures are counted with.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Price {
    #[schema(examples("fal-ai/flux/dev"))]
    endpoint: String,
    /// US cents; null where nobody has said what this endpoint costs.
    #[schema(examples(2.5))]
    cents_per_image: Option<f64>,
}

#[utoipa::path(
    get,
    path = "/api/price",
    operation_id = "showPrice",
    tag = "Generate",
    summary = "What an endpoint costs",
    description = "For each picture, as whoever runs the studio has set it. A job's price is that of the moment at which it is accepted.",
    params(Wanted),
    responses(
        (status = 200, description = "The price, if it is known.", body = Price),
        (status = 422, description = "`endpoint_unusable`: this is no endpoint's name.", body = bodies::Refusal),
        answers::Queried, answers::Closed
    )
)]
pub async fn show(
    State(app): State<App>,
    Params(wanted): Params<Wanted>,
    headers: HeaderMap,
) -> Result<Json<Price>, ApiError> {
    app.admit(&headers)?;
    let unusable = |why: String| ApiError::from(StudioError::Endpoint { why });
    let endpoint: EndpointId = wanted.endpoint.parse().map_err(|error| unusable(format!("{error}")))?;
    let makers = &app.studio.config().makers;
    let cents_per_image = makers.knows(&endpoint).then(|| makers.of(&endpoint).cents_per_image);
    Ok(Json(Price { endpoint: endpoint.to_string(), cents_per_image }))
}
