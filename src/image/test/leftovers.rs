use bollard::query_parameters::ListContainersOptionsBuilder;
use std::collections::HashMap;

use super::container::{Labels, remove};
use super::owner;
use crate::image::{Engine, ImageError};

/// Removes containers of tests whose csw has ended without removing them: killed in the moment between making and
/// starting one, or together with the engine. Those of a csw that lives are left alone. Answers how many.
///
/// # Errors
/// When the engine refuses.
pub async fn remove_leftovers(engine: &Engine) -> Result<usize, ImageError> {
    let filters = HashMap::from([("label", vec![owner::MODEL])]);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let listed = engine.docker().list_containers(Some(options)).await;
    let listed = listed.map_err(ImageError::engine("list containers"))?;
    let mut removed = 0;
    for container in listed {
        let labels: Labels = container.labels.unwrap_or_default();
        if let Some(id) = container.id.filter(|_| owner::is_abandoned(&labels)) {
            remove(engine.docker(), &id).await?;
            removed += 1;
        }
    }
    Ok(removed)
}
