use std::time::Duration;

use super::KubernetesRuntime;
use super::cancel::{GRACE, MARGIN};
use crate::job::RuntimeError;
use crate::model::JobId;

impl KubernetesRuntime {
    /// Deletes the Jobs of an id (or the one of that name), whether they have ended or not, and returns when nothing of
    /// them is left. `grace` is what their pods get instead of their own period.
    pub(super) async fn remove(
        &self,
        id: &JobId,
        name: Option<&str>,
        grace: Option<u64>,
    ) -> Result<(), RuntimeError> {
        let mut changes = self.live.changes(id);
        let doomed = self.live.doom(id, name);
        for job in &doomed {
            self.jobs.delete_job(&job.name, job.uid.as_deref()).await?;
            if let Some(seconds) = grace.filter(|s| job.graces.iter().any(|own| own != s)) {
                self.jobs.hurry(&job.name, seconds).await?;
            }
        }
        let longest = doomed.iter().flat_map(|d| d.graces.iter().copied()).max();
        let limit = Duration::from_secs(grace.or(longest).unwrap_or(GRACE)) + MARGIN;
        let gone = tokio::time::timeout(limit, async {
            while !self.live.left(id, &doomed).is_empty() {
                changes.next().await;
            }
        });
        match gone.await {
            Ok(()) => Ok(()),
            Err(_) => Err(RuntimeError::Lingers {
                left: self.live.left(id, &doomed).join(", "),
                seconds: limit.as_secs(),
            }),
        }
    }
}
