use serde_json::Value;

use super::Verdict;
use super::lookup::{text, truth};

/// There is nothing to wait for but its existence; its Jobs come when it is time.
pub(super) fn assess(cron_job: &Value) -> Verdict {
    if truth(cron_job, "/spec/suspend") {
        return Verdict::Ready("suspended".into());
    }
    Verdict::Ready(format!("scheduled {}", text(cron_job, "/spec/schedule")))
}
