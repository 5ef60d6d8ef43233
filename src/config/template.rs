//! The file that a new model starts with.

use crate::model::{BuildTimestamp, ModelName};

/// A commented file for `name`, valid as it is. `schema` is the path of the schema, as seen from the file.
pub fn model_template(name: &ModelName, timestamp: &BuildTimestamp, repo_url: &str, schema: &str) -> String {
    // Owner, title and schema hold nothing that YAML takes for anything but text, apart from what looks like a number
    // or a boolean: JSON's quotes are YAML's too.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let (owner, title) = (quoted(name.owner()), quoted(name.title()));
    let (timestamp, repo_url) = (quoted(&timestamp.to_string()), quoted(repo_url));
    format!(
        r#"# yaml-language-server: $schema={schema}

# The model's name: this file is <owner>/<title>.yaml.
owner: {owner}
title: {title}

# One line for lists.
# oneliner: Calculate what there is to calculate

# Bump it to ask for a rebuild.
timestamp: {timestamp}

# A git URL, or a path that starts at the folder above `config`.
repo_url: {repo_url}
# Branch, tag or commit; the repository's default branch if left out.
# repo_tag: main

# The functions of the Python package cs_config, or a program in any language that reads a JSON request on stdin and
# writes a JSON result to stdout, as in `command: [sh, run.sh]`.
entry:
  python: {{}}

# How long a simulation is expected to take, and when it is ended.
exp_task_time: 1m
sim_time_limit: 2h

# What a simulation reserves, and what it may use at most.
resources:
  requests: {{cpu: 1, memory: 2G}}
  limits: {{cpu: 1, memory: 3G}}

# A Dask cluster instead of one process a simulation.
# cluster_type: dask
# replicas: 2

# Environment variables; not for secrets.
# env:
#   BUILD_NUM: 0

# Names of secrets that the model gets as environment variables. Their values:
#   csw models -n {name} secrets set API_KEY
# secrets: [API_KEY]
"#
    )
}
