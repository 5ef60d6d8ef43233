//! The JSON Schema of each kind of value that a model's file holds.

use super::repo_url::RepoUrl;
use super::values::{
    Argv, EnvVars, GitRef, Interpreter, LabelValue, MaxJobs, NamePart, Replicas, SecretNames,
};
use crate::model::{BuildTimestamp, Cpu, Memory, Seconds};
use crate::written_schema::schema;

// Numbers and booleans stand wherever csw takes plain scalars as text: `repo_tag: 1.10` is fine.
schema! {
    NamePart => { "type": ["string", "number", "boolean"], "pattern": "^[0-9A-Za-z][0-9A-Za-z._-]{0,99}$" },
    GitRef => { "type": ["string", "number", "boolean"], "pattern": "^[^-/.\\s~^:?*\\[\\\\][^\\s~^:?*\\[\\\\]*$" },
    Interpreter => { "type": "string", "pattern": "^(/.*|[^-/ ][^/ ]*)$", "examples": ["python3.12"] },
    Argv => { "type": "array", "items": { "type": ["string", "number", "boolean"] }, "minItems": 1, "examples": [["sh", "run.sh"]] },
    Replicas => { "type": "integer", "minimum": 1, "maximum": 1000 },
    MaxJobs => { "type": "integer", "minimum": 1, "maximum": 100_000 },
    LabelValue => { "type": ["string", "number", "boolean"], "pattern": "^[0-9A-Za-z]([0-9A-Za-z._-]{0,61}[0-9A-Za-z])?$" },
    EnvVars => {
        "type": "object",
        "propertyNames": { "pattern": "^[A-Za-z_][0-9A-Za-z_]*$" },
        "additionalProperties": { "type": ["string", "number", "boolean"] },
        "examples": [{ "BUILD_NUM": 0 }]
    },
    SecretNames => {
        "oneOf": [
            { "type": "array", "items": { "type": "string", "pattern": "^[A-Za-z_][0-9A-Za-z_]*$" }, "uniqueItems": true },
            { "type": "object", "deprecated": true }
        ],
        "examples": [["API_KEY"]]
    },
    RepoUrl => {
        "type": "string",
        "pattern": "^((https?|ssh|git|file)://\\S+|[^\\s:/]+:\\S+|\\.{1,2}(/\\S*)?|/\\S*)$",
        "examples": ["https://github.com/PSLmodels/Tax-Cruncher", "./examples/solow"]
    },
    Memory => {
        "type": ["string", "number"],
        "exclusiveMinimum": 0,
        "pattern": "^([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([kMGTP]|[KMGTP]i|[eE]\\+?[0-9]+)?$",
        "examples": ["7G", "512Mi"]
    },
    Cpu => {
        "type": ["string", "number"],
        "exclusiveMinimum": 0,
        "pattern": "^([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([num]|[kMGTP]|[KMGTP]i|[eE]\\+?[0-9]+)?$",
        "examples": [2, 0.5, "500m"]
    },
    Seconds => {
        "type": ["string", "number"],
        "exclusiveMinimum": 0,
        "maximum": 31_622_400,
        "examples": [90, "15m", "2h 30m"]
    },
    BuildTimestamp => {
        "type": "string",
        "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?$",
        "examples": ["2020-10-29 09:29"]
    },
}
