use super::{OutputsProcessor, Refusal};
use crate::model::{JobId, JobStatus, TaskName, TaskResult};
use crate::store::{AttemptToken, Claims, ClusterKey, Recorded, Standing};

/// Whose results are taken.
pub enum Admission {
    /// Those of attempts that the store itself has started.
    Started,
    /// Those of attempts whose token was made with the cluster's key. Nothing has to be known of a job before.
    Signed(ClusterKey),
}

/// What a token proves.
pub(super) struct Admitted {
    /// What the job is about.
    pub(super) task: TaskName,
    /// Whether its result is wanted.
    pub(super) is_current: bool,
}

impl OutputsProcessor {
    /// Refuses at once what no body can make right, before any of it takes memory.
    pub(super) fn precheck(&self, token: &AttemptToken) -> Result<(), Refusal> {
        let is_signed = match &self.admission {
            Admission::Started => self.ledger.has_signed(token),
            Admission::Signed(key) => key.verify(token).is_some(),
        };
        if is_signed { Ok(()) } else { Err(Refusal::Unsigned) }
    }

    /// What the token proves about a job.
    pub(super) async fn admit(&self, id: &JobId, token: &AttemptToken) -> Result<Admitted, Refusal> {
        match &self.admission {
            Admission::Started => self.started(id, token).await,
            Admission::Signed(key) => {
                let claims = claims(key, id, token)?;
                let is_current = self.ledger.standing(&claims, token)? == Standing::Current;
                Ok(Admitted { task: claims.task, is_current })
            }
        }
    }

    async fn started(&self, id: &JobId, token: &AttemptToken) -> Result<Admitted, Refusal> {
        let job = self.store.get(id).await?.ok_or_else(|| Refusal::NoSuchJob { id: id.clone() })?;
        let is_current = self.store.check_token(id, token).await?;
        match (is_current, job.status, job.attempt) {
            // No attempt is over yet, so that nobody can have an old token.
            (false, JobStatus::Pending, 0) | (false, JobStatus::Running, 0 | 1) => {
                Err(Refusal::Forged { id: id.clone() })
            }
            _ => Ok(Admitted { task: job.task, is_current }),
        }
    }

    /// [`OutputsProcessor::admit`] for who is about to change the job's files: from here on older attempts may not.
    pub(super) async fn admit_writer(&self, id: &JobId, token: &AttemptToken) -> Result<Admitted, Refusal> {
        match &self.admission {
            Admission::Started => self.started(id, token).await,
            Admission::Signed(key) => {
                let claims = claims(key, id, token)?;
                let is_current = self.ledger.adopt(&claims, token).await? == Standing::Current;
                Ok(Admitted { task: claims.task, is_current })
            }
        }
    }

    /// Makes it the job's result, if the token's attempt is the one that counts.
    pub(super) async fn record(&self, token: &AttemptToken, result: TaskResult) -> Result<Recorded, Refusal> {
        let push = self.target.is_some();
        let recorded = match &self.admission {
            Admission::Started => self.store.record(token, result, push).await?,
            Admission::Signed(key) => {
                let claims = claims(key, &result.task_id, token)?;
                self.ledger.deliver(&claims, token, result, push).await?
            }
        };
        if recorded == Recorded::Accepted {
            self.recorded.notify_one();
        }
        self.metrics.recorded(recorded);
        Ok(recorded)
    }
}

fn claims(key: &ClusterKey, id: &JobId, token: &AttemptToken) -> Result<Claims, Refusal> {
    let claims = key.verify(token).ok_or(Refusal::Unsigned)?;
    if claims.id == *id { Ok(claims) } else { Err(Refusal::Forged { id: id.clone() }) }
}
