//! What each route does, for `/openapi.json`.

use serde_json::{Value, json};

use super::wire::{
    Accepted, Cleaned, CleanupRequest, JobPage, ModelInfo, Order, SubmitMany, SubmitRequest, SubmittedMany,
};
use crate::model::{Job, JobId, JobStatus, TaskResult};
use crate::services::openapi::{Operation, Schemas};
use crate::services::outputs_processor::wire::{ResultsPage, RetriedResult};
use crate::store::UndeliveredState;

/// Moments as everybody reads them.
const MOMENT: &str =
    "^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$";
const NO_JOB: &str = "There is no such job.";

pub(super) fn submit(schemas: &mut Schemas) -> Operation {
    let name = || json!({"type": "string", "pattern": "^[0-9A-Za-z][0-9A-Za-z._-]{0,99}$"});
    let accepted = schemas.answer::<Accepted>();
    let answer = json!({
        "type": "object",
        "description": "The function's own result, with `status`, `meta` and, with FAIL, `traceback`.",
        "properties": {"status": {"enum": ["SUCCESS", "FAIL"]}, "meta": {"type": "object"}},
        "required": ["status", "meta"],
    });
    Operation::post(
        "submit",
        "Asks something of a model: `version` and `defaults` are answered, `parse` and `sim` accepted.",
    )
    .path("owner", "The model's owner.", name())
    .path("title", "The model's title.", name())
    .takes(schemas.request::<SubmitRequest>())
    .answers("Accepted, or the answer.", json!({"anyOf": [accepted, answer]}))
    .refuses(404, "There is no such model or task.")
    .refuses(409, "The id is taken by another job.")
}

pub(super) fn submit_many(schemas: &mut Schemas) -> Operation {
    Operation::post("submitMany", "Accepts simulations in their order, each for itself.")
        .takes(schemas.request::<SubmitMany>())
        .answers("What became of each.", schemas.answer::<SubmittedMany>())
}

pub(super) fn sync(_: &mut Schemas) -> Operation {
    let done = json!({
        "type": "object",
        "properties": {"status": {"const": "SUCCESS"}, "models": {"type": "integer"}},
        "required": ["status", "models"],
    });
    Operation::post("sync", "Takes the web app's list of models in place of the one before.")
        .takes(json!({"type": "array", "items": {"type": "object"}}))
        .answers("How many models are known now.", done)
        .refuses(400, "The list has mistakes, which the hints tell; nothing was changed.")
}

pub(super) fn list(schemas: &mut Schemas) -> Operation {
    let words = |pattern: &str| json!({"type": "string", "pattern": pattern});
    let status = "(?:PENDING|RUNNING|SUCCESS|FAIL|CANCELLED)";
    let part = "[0-9A-Za-z][0-9A-Za-z._-]{0,99}";
    Operation::get("listJobs", "A page of jobs, in the order of their acceptance.")
        .query(
            "status",
            "Only jobs in these states, with commas between them.",
            words(&format!("^({status}(,{status}){{0,4}})?$")),
        )
        .query(
            "model",
            "Only jobs of these models, with commas between them.",
            words(&format!("^({part}/{part}(,{part}/{part}){{0,9}})?$")),
        )
        .query("since", "Only jobs that were accepted then or later.", words(MOMENT))
        .query("order", "Whether the oldest or the newest come first.", schemas.request::<Order>())
        .query("after", "The `next` of the page before.", schemas.request::<JobId>())
        .query(
            "limit",
            "Jobs on the page; more than 1000 are never.",
            json!({"type": "integer", "minimum": 0}),
        )
        .answers("The page.", schemas.answer::<JobPage>())
        .refuses(404, "There is no job `after`.")
}

pub(super) fn job(schemas: &mut Schemas) -> Operation {
    of_job(schemas, Operation::get("job", "A job as it stands, at once or when something has happened."))
        .query(
            "wait",
            "Puts the answer off until the job has ended, for at most so many seconds (60).",
            json!({"type": "integer", "minimum": 0}),
        )
        .query(
            "while",
            "Puts the answer off only while the job is in this state.",
            schemas.request::<JobStatus>(),
        )
        .answers("The job.", schemas.answer::<Job>())
}

pub(super) fn result(schemas: &mut Schemas) -> Operation {
    of_job(schemas, Operation::get("result", "A job's result as the web app gets it; outputs are a pointer."))
        .answers("The result.", schemas.answer::<TaskResult>())
        .refuses(409, "The job has no result (yet).")
}

pub(super) fn outputs(schemas: &mut Schemas) -> Operation {
    let part = || {
        json!({"type": "array", "items": {
            "type": "object",
            "properties": {"title": {"type": "string"}, "media_type": {"type": "string"}, "data": {}},
            "required": ["title", "media_type", "data"],
        }})
    };
    let outputs = json!({
        "type": "object",
        "properties": {"renderable": part(), "downloadable": part()},
        "required": ["renderable", "downloadable"],
    });
    of_job(schemas, Operation::get("outputs", "A simulation's outputs themselves; bytes as base64."))
        .answers("The outputs.", outputs)
        .refuses(409, "The job has no outputs (yet).")
}

pub(super) fn logs(schemas: &mut Schemas) -> Operation {
    of_job(
        schemas,
        Operation::get(
            "logs",
            "What was done to make the model ready, and what it wrote in its last attempt.",
        ),
    )
    .query("follow", "Goes on until the job has ended.", json!({"type": "boolean"}))
    .answers_as("text/plain", "The log.", json!({"type": "string"}))
}

pub(super) fn cancel(schemas: &mut Schemas) -> Operation {
    // Nothing has to be said; a body is there to tell a program from a form of a web page.
    of_job(schemas, Operation::post("cancel", "Cancels a job that has not ended."))
        .takes(Value::Object(serde_json::Map::new()))
        .answers("The job as it stands then.", schemas.answer::<Job>())
}

pub(super) fn job_called_cleanup(schemas: &mut Schemas) -> Operation {
    Operation::get("jobCalledCleanup", "The job of this id, as any other.")
        .answers("The job.", schemas.answer::<Job>())
        .refuses(404, NO_JOB)
}

pub(super) fn cleanup(schemas: &mut Schemas) -> Operation {
    Operation::post("cleanup", "Forgets jobs that have ended.")
        .takes(schemas.request::<CleanupRequest>())
        .answers("Which.", schemas.answer::<Cleaned>())
}

pub(super) fn undelivered(schemas: &mut Schemas) -> Operation {
    Operation::get("undelivered", "A page of results that the web app does not have.")
        .needs(
            "state",
            "Those that are tried again, or those that it refused.",
            schemas.request::<UndeliveredState>(),
        )
        .query("after", "The `next` of the page before.", schemas.request::<JobId>())
        .query("limit", "Results on the page.", json!({"type": "integer", "minimum": 0}))
        .answers("The page.", schemas.answer::<ResultsPage>())
}

pub(super) fn retry(schemas: &mut Schemas) -> Operation {
    of_job(schemas, Operation::post("retry", "Sends a result that the web app refused to it again."))
        .takes(Value::Object(serde_json::Map::new()))
        .answers("Where it stands now.", schemas.answer::<RetriedResult>())
        .refuses(409, "The web app has it.")
}

pub(super) fn models(schemas: &mut Schemas) -> Operation {
    Operation::get("models", "The models that can be asked.")
        .answers("By name.", schemas.answer::<Vec<ModelInfo>>())
}

pub(super) fn metrics(_: &mut Schemas) -> Operation {
    Operation::get("metrics", "Counters for Prometheus.").answers_as(
        "application/openmetrics-text",
        "OpenMetrics 1.0.",
        json!({"type": "string"}),
    )
}

pub(super) fn page(_: &mut Schemas) -> Operation {
    Operation::get("page", "How it stands, for people.").answers_as(
        "text/html",
        "A page.",
        json!({"type": "string"}),
    )
}

pub(super) fn healthz(_: &mut Schemas) -> Operation {
    Operation::get("healthz", "Whether it works at all.").answers("It does.", ok())
}

pub(super) fn readyz(_: &mut Schemas) -> Operation {
    Operation::get("readyz", "Whether it takes jobs.")
        .answers("It does.", ok())
        .refuses(503, "It does not, for now.")
}

fn of_job(schemas: &mut Schemas, operation: Operation) -> Operation {
    operation.path("id", "The job.", schemas.request::<JobId>()).refuses(404, NO_JOB)
}

fn ok() -> Value {
    json!({"type": "object", "properties": {"status": {"const": "ok"}}, "required": ["status"]})
}
