use std::collections::{BTreeMap, BTreeSet};

use minijinja::value::Value;
use serde::Serialize;

use super::context::{ModelInput, RenderContext};
use super::template;
use crate::model::{
    ClusterType, Egress, ImageReference, Labels, Model, Resources, Toleration, is_label_value,
};

/// Environment variables of a model's pods that csw sets: a model can't.
const RESERVED: [&str; 6] = ["OWNER", "TITLE", "EXP_TASK_TIME", "CS_URL", "BUCKET", "JOB_ID"];
const RESERVED_PREFIXES: [&str; 3] = ["CSW_", "REDIS_", "DASK_SCHEDULER_"];

/// A model as templates see it: `model`, field by field.
#[derive(Debug, Serialize)]
pub(super) struct ModelView<'m> {
    name: String,
    owner: &'m str,
    title: &'m str,
    safe: String,
    image: String,
    env: Vec<EnvEntry<'m>>,
    secret_names: Vec<&'m str>,
    dask: bool,
    replicas: u32,
    nthreads: u64,
    memory_bytes: u64,
    resources: PodResources,
    inputs_resources: PodResources,
    inputs_replicas: u32,
    exp_task_time: String,
    time_limit: String,
    deadline: u64,
    grace: u32,
    internet: bool,
    egress: Vec<&'m Egress>,
    node_selector: Labels,
    tolerations: Vec<&'m Toleration>,
    json: String,
}

#[derive(Debug, Serialize)]
struct EnvEntry<'m> {
    name: &'m str,
    value: &'m str,
}

#[derive(Debug, Clone, Serialize)]
struct PodResources {
    requests: BTreeMap<String, String>,
    limits: BTreeMap<String, String>,
}

impl<'m> ModelView<'m> {
    /// Everything that templates need of a model, or all that keeps it from becoming objects.
    pub(super) fn new(input: &ModelInput<'m>, context: &'m RenderContext) -> Result<Self, Vec<String>> {
        let model = input.model;
        let mut problems = names(model);
        let mut env: Vec<EnvEntry<'m>> =
            model.env.iter().map(|(name, value)| EnvEntry { name, value }).collect();
        // A model's pods have no user of their own in the image, so no home either.
        if !model.env.contains_key("HOME") && !input.secrets.contains_key("HOME") {
            env.push(EnvEntry { name: "HOME", value: "/tmp" });
        }
        let secret_names: Vec<&str> = input.secrets.keys().map(String::as_str).collect();
        problems.extend(environment(model, &env, &secret_names));
        let image = match image(input, context) {
            Ok(image) => image,
            Err(problem) => {
                problems.push(problem);
                String::new()
            }
        };
        if !problems.is_empty() {
            return Err(problems.into_iter().map(|p| format!("{}: {p}", model.name)).collect());
        }
        let settings = &context.kubernetes;
        let limit = model.sim_time_limit.as_secs_f64();
        let resources = PodResources::new(model);
        Ok(Self {
            name: model.name.to_string(),
            owner: model.name.owner(),
            title: model.name.title(),
            safe: model.name.safe(),
            image,
            env,
            secret_names,
            dask: model.cluster_type == ClusterType::Dask,
            replicas: model.replicas,
            nthreads: model.resources.limits.cpu.millis().div_ceil(1000),
            memory_bytes: model.resources.limits.memory.bytes(),
            inputs_resources: PodResources::of_inputs_server(&model.resources),
            resources,
            inputs_replicas: model.placement.inputs_replicas,
            exp_task_time: model.exp_task_time.unwrap_or(model.sim_time_limit).as_secs_f64().to_string(),
            time_limit: limit.to_string(),
            deadline: whole(limit + settings.jobs.start_allowance.as_secs_f64()),
            grace: context.grace_seconds,
            internet: model.placement.internet,
            egress: model.placement.egress.iter().collect(),
            node_selector: node_selector(model, context),
            tolerations: settings.tolerations.models.iter().chain(&model.placement.tolerations).collect(),
            json: serde_json::to_string(model).map_err(|e| vec![format!("{}: {e}", model.name)])?,
        })
    }
}

/// The model's secrets for templates: name to value, and nothing of it in text.
pub(super) fn secrets(input: &ModelInput<'_>) -> Value {
    let all: BTreeMap<String, Value> =
        input.secrets.iter().map(|(name, value)| (name.clone(), template::secret(value.clone()))).collect();
    Value::from(all)
}

fn node_selector(model: &Model, context: &RenderContext) -> Labels {
    let size =
        model.affinity_size.as_deref().and_then(|size| Labels::one("size", size).ok()).unwrap_or_default();
    context.kubernetes.node_selectors.models.merged(&size).merged(&model.placement.node_selector)
}

/// Whole seconds, rounded up.
pub(super) fn whole(seconds: f64) -> u64 {
    // Times are between zero and a few years.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = seconds.ceil() as u64;
    whole
}

fn image(input: &ModelInput<'_>, context: &RenderContext) -> Result<String, String> {
    let name = format!("{}_tasks", input.model.name.safe_underscored());
    reference(&name, input.tag.unwrap_or(&context.tag), context)
}

/// The image `name` of the registry and project, pinned if its digest is known.
pub(super) fn reference(name: &str, tag: &str, context: &RenderContext) -> Result<String, String> {
    let image =
        ImageReference::new(&context.registry, &context.project, name, tag).map_err(|e| e.to_string())?;
    let Some(digests) = &context.digests else { return Ok(image.to_string()) };
    match digests.get(&image.to_string()) {
        Some(digest) => image.with_digest(digest).map(|i| i.to_string()).map_err(|e| e.to_string()),
        // One image that is not pinned would be taken for one that is.
        None => Err(format!("there is no digest of the image {image}: build and push it first")),
    }
}

/// Names that become too long, or that Services can't have.
fn names(model: &Model) -> Vec<String> {
    let safe = model.name.safe();
    let longest = if model.cluster_type == ClusterType::Dask { "-dask-scheduler" } else { "-api-task" };
    let mut problems = Vec::new();
    if !is_label_value(&format!("{safe}{longest}")) {
        let room = 63 - longest.len();
        problems.push(format!(
            "its short name `{safe}` has {} characters: names on Kubernetes leave room for {room}",
            safe.len()
        ));
    }
    if !safe.starts_with(|c: char| c.is_ascii_lowercase()) {
        problems
            .push(format!("its short name `{safe}` starts with a digit, which a Kubernetes Service can't"));
    }
    problems
}

fn environment(model: &Model, env: &[EnvEntry<'_>], secret_names: &[&str]) -> Vec<String> {
    let mut problems = Vec::new();
    let all = env.iter().map(|e| e.name).chain(secret_names.iter().copied());
    for name in all {
        if RESERVED.contains(&name) || RESERVED_PREFIXES.iter().any(|p| name.starts_with(p)) {
            problems.push(format!("the environment variable `{name}` is one that csw sets itself"));
        }
        if !is_variable(name) {
            problems.push(format!("`{name}` can't be the name of an environment variable on Kubernetes"));
        }
    }
    let given: BTreeSet<&str> = secret_names.iter().copied().collect();
    for entry in env.iter().filter(|e| given.contains(e.name)) {
        problems.push(format!("`{}` is both an environment variable and a secret", entry.name));
    }
    for name in model.secrets.iter().filter(|n| !given.contains(n.as_str())) {
        problems.push(format!(
            "its secret `{name}` has no value; set it: csw models -n {} secrets set {name}",
            model.name
        ));
    }
    problems
}

/// Letters, digits, `_`, `-` and `.`, not starting with a digit: what both an environment variable and a Secret's key
/// may be.
fn is_variable(name: &str) -> bool {
    name.len() <= 253
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

impl PodResources {
    fn new(model: &Model) -> Self {
        let pair = |p: &crate::model::ResourcePair| {
            BTreeMap::from([
                ("cpu".to_owned(), p.cpu.to_string()),
                ("memory".to_owned(), p.memory.to_string()),
            ])
        };
        let mut resources =
            Self { requests: pair(&model.resources.requests), limits: pair(&model.resources.limits) };
        if let Some(gpu) = &model.placement.gpu {
            resources.limits.insert(gpu.resource.clone(), gpu.count.to_string());
        }
        resources
    }

    /// An inputs server runs all the time and computes little: it reserves little, and may use what a simulation may.
    fn of_inputs_server(resources: &Resources) -> Self {
        let small_cpu = resources.limits.cpu.millis().min(100);
        let small_memory = resources.limits.memory.bytes().min(256 << 20);
        let pair = |cpu: String, memory: String| {
            BTreeMap::from([("cpu".to_owned(), cpu), ("memory".to_owned(), memory)])
        };
        Self {
            requests: pair(format!("{small_cpu}m"), small_memory.to_string()),
            limits: pair(resources.limits.cpu.to_string(), resources.limits.memory.to_string()),
        }
    }
}
