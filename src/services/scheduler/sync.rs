use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::SchedulerState;
use crate::config::ConfigError;
use crate::services::ServiceError;
use crate::services::api::{ApiError, Text};

/// `POST /sync/`: a list of models as the web app has them.
pub(super) async fn sync(
    State(state): State<SchedulerState>,
    Text(list): Text,
) -> Result<Json<Value>, ApiError> {
    match state.catalogue.sync(list).await {
        Ok(models) => {
            state.dispatcher.forget_environments();
            Ok(Json(json!({"status": "SUCCESS", "models": models})))
        }
        Err(ServiceError::Config(ConfigError::Invalid(wrong))) => {
            let error = ApiError::bad_request("nothing was changed: the list has mistakes");
            Err(wrong.views().into_iter().fold(error, |error, mistake| error.hint(mistake.message)))
        }
        Err(e @ ServiceError::FixedCatalogue) => Err(ApiError::new(StatusCode::CONFLICT, e.to_string())),
        Err(e) => Err(e.into()),
    }
}
