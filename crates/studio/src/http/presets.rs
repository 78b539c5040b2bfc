//! `/api/presets`: the marketplaces' rules as data, with the source and the date of each.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use plantain_media::preset::{Preset, Presets};

use crate::error::StudioError;
use crate::http::App;
use crate::http::error::ApiError;
use crate::http::extract::Segments;
use crate::http::openapi::{bodies, values};

#[derive(Serialize)]
pub struct All {
    presets: Vec<Preset>,
}

/// A preset with what its tags stand for.
#[derive(Serialize)]
pub struct One {
    #[serde(flatten)]
    preset: Preset,
    /// The public documents that its sources name, by tag.
    documents: BTreeMap<String, String>,
    /// On what the sources disagree.
    open_questions: Vec<String>,
}

#[utoipa::path(
    get,
    path = "/api/presets",
    operation_id = "listPresets",
    tag = "Presets",
    summary = "All presets",
    description = "The rules of all marketplaces that pictures can be made for.",
    security(()),
    responses((status = 200, description = "All of them.", body = bodies::AllPresets))
)]
pub async fn list(State(app): State<App>) -> Json<All> {
    Json(All { presets: app.studio.presets().iter().cloned().collect() })
}

#[utoipa::path(
    get,
    path = "/api/presets/{id}",
    operation_id = "showPreset",
    tag = "Presets",
    summary = "One preset",
    description = "One marketplace's rules, with the documents behind each and what they leave open.",
    security(()),
    params(values::OfPreset),
    responses(
        (status = 200, description = "The rules.", body = bodies::RulesExplained),
        (status = 404, description = "`unknown_preset`: the hint names the nearest.", body = bodies::Refusal)
    )
)]
pub async fn show(State(app): State<App>, Segments(id): Segments<String>) -> Result<Json<One>, ApiError> {
    let presets = app.studio.presets();
    let preset = presets.get(&id).map_err(|unknown| {
        let error = ApiError::from(StudioError::UnknownPreset(unknown));
        ApiError { status: http::StatusCode::NOT_FOUND, ..error }
    })?;
    Ok(Json(explained(preset, presets)))
}

fn explained(preset: &Preset, presets: &Presets) -> One {
    let tags = preset.sources.iter().flat_map(|source| &source.documents);
    let documents = tags.filter_map(|tag| Some((tag.clone(), presets.document(tag)?.to_owned()))).collect();
    let open = preset.questions.iter().filter_map(|id| presets.question(id)).map(str::to_owned).collect();
    One { preset: preset.clone(), documents, open_questions: open }
}
