use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::view::Row;
use crate::job::RuntimeError;
use crate::job::kubernetes::{ClusterJob, KubernetesJobs};
use crate::model::{Job, JobStatus, ModelError, ModelName, Seconds};
use crate::services::client::{ClientError, SchedulerClient};
use crate::services::scheduler::wire::{JobQuery, Order};

/// Jobs that are asked for at once.
const PAGE: usize = 1000;

/// In which order jobs are told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Sort {
    /// Those first that were submitted last
    #[default]
    #[value(alias = "created", alias = "submitted", alias = "age")]
    Newest,
    /// Those first that were submitted first
    Oldest,
    /// Those first that ended last
    #[value(alias = "finished")]
    Ended,
    /// Those first that took longest
    #[value(alias = "duration")]
    Took,
    /// By state: what failed first
    Status,
    /// By model
    #[value(alias = "name")]
    Model,
    /// By id
    Id,
}

/// A moment, or how long ago it was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Since(Timestamp);

/// Which jobs, and in which order.
#[derive(Debug)]
pub(super) struct JobChoice {
    pub(super) status: Vec<JobStatus>,
    pub(super) models: Vec<ModelName>,
    pub(super) since: Option<Timestamp>,
    pub(super) limit: Option<usize>,
    pub(super) sort: Sort,
}

impl Since {
    pub(super) fn moment(self) -> Timestamp {
        self.0
    }
}

impl FromStr for Since {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(moment) = text.parse::<Timestamp>() {
            return Ok(Self(moment));
        }
        if let Ok(ago) = text.parse::<Seconds>() {
            let ago = SignedDuration::try_from(ago.to_duration()).unwrap_or(SignedDuration::MAX);
            return Ok(Self(Timestamp::now().checked_sub(ago).unwrap_or(Timestamp::MIN)));
        }
        // Without a zone it is the time on the wall.
        let local = text.parse::<DateTime>().ok().and_then(|at| at.to_zoned(TimeZone::system()).ok());
        local.map(|at| Self(at.timestamp())).ok_or_else(|| ModelError {
            what: "time",
            value: text.to_owned(),
            expected: "how long ago, as in 90m, or a moment, as in 2026-01-31 or 2026-01-31T09:30Z",
        })
    }
}

impl JobChoice {
    pub(super) async fn of_scheduler(&self, client: &SchedulerClient) -> Result<Vec<Job>, ClientError> {
        let mut query = JobQuery {
            status: self.status.clone(),
            models: self.models.clone(),
            since: self.since,
            order: Order::Newest,
            ..JobQuery::default()
        };
        let mut jobs = Vec::new();
        loop {
            query.limit = self.limit.map_or(PAGE, |limit| limit.saturating_sub(jobs.len()).min(PAGE));
            if query.limit == 0 {
                break;
            }
            match client.page(&query).await {
                Ok(page) => {
                    jobs.extend(page.jobs);
                    query.after = page.next;
                }
                // The job that the page before ended with was forgotten meanwhile.
                Err(ClientError::Refused { status: 404, .. }) if query.after.is_some() => {
                    (jobs, query.after) = (Vec::new(), None);
                    continue;
                }
                Err(e) => return Err(e),
            }
            if query.after.is_none() {
                break;
            }
        }
        self.sort(&mut jobs);
        Ok(jobs)
    }

    pub(super) async fn of_cluster(&self, cluster: &KubernetesJobs) -> Result<Vec<ClusterJob>, RuntimeError> {
        let mut jobs = cluster.list().await?;
        jobs.reverse();
        jobs.retain(|ClusterJob { job, .. }| {
            (self.status.is_empty() || self.status.contains(&job.status))
                && (self.models.is_empty() || self.models.contains(&job.model))
                && self.since.is_none_or(|since| job.created_at >= since)
        });
        jobs.truncate(self.limit.unwrap_or(usize::MAX));
        self.sort(&mut jobs);
        Ok(jobs)
    }

    /// `jobs` have the newest first, and keep that order among equals.
    fn sort<R: Row>(&self, jobs: &mut [R]) {
        let took = |job: &Job| {
            let end = job.finished_at.unwrap_or_else(Timestamp::now);
            job.started_at.filter(|_| job.status != JobStatus::Pending).map(|start| end.duration_since(start))
        };
        let rank = |job: &Job| match job.status {
            JobStatus::Fail => 0,
            JobStatus::Running => 1,
            JobStatus::Pending => 2,
            JobStatus::Cancelled => 3,
            JobStatus::Success => 4,
        };
        match self.sort {
            Sort::Newest => {}
            Sort::Oldest => jobs.reverse(),
            Sort::Ended => jobs.sort_by_key(|row| std::cmp::Reverse(row.job().finished_at)),
            Sort::Took => jobs.sort_by_key(|row| std::cmp::Reverse(took(row.job()))),
            Sort::Status => jobs.sort_by_key(|row| rank(row.job())),
            Sort::Model => jobs.sort_by_key(|row| row.job().model.to_string().to_lowercase()),
            Sort::Id => jobs.sort_by_key(|row| row.job().id.clone()),
        }
    }
}
