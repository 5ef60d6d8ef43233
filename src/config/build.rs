//! From what stands in a file, and what the web app knows, to a validated model.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::document::{Code, Optional, Problems, Span, Spanned};
use super::model_file::{Amounts, ModelFile, ResourceTable};
use super::web_app::WebModel;
use crate::model::{
    ClusterType, Cpu, Entry, Memory, Model, ModelName, Placement, Reach, ResourcePair, Resources, Seconds,
    TestPlan,
};

/// `<safeowner>-<safetitle>-dask-scheduler` names a Kubernetes Service, which takes 63 characters.
const MAX_SAFE_NAME: usize = 63 - "-dask-scheduler".len();
const DEFAULT_TIME_LIMIT: Seconds = Seconds::from_secs(2 * 60 * 60);

/// The name that the file gives its model, with the place of the title; `None` if a part is missing or wrong, which
/// has been reported.
pub(super) fn name(file: &ModelFile) -> Option<(ModelName, Span)> {
    let (owner, title) = (file.owner.get()?, file.title.get()?);
    Some((ModelName::new(&owner.value.0, &title.value.0).ok()?, title.span))
}

/// Validates what spans several keys and puts the model together. What the file says outweighs what the web app
/// says. Relative paths start at `root`. `None` if there is no name; otherwise usable only if nothing was reported.
pub(super) fn build(
    file: ModelFile,
    web: Option<&WebModel>,
    root: &Path,
    problems: &mut Problems,
) -> Option<Model> {
    let (name, name_span) = name(&file)?;
    if let Some(reason) = too_long(&name) {
        problems.refuse(name_span, reason);
    }
    let repo_tag = one_of(file.repo_tag, file.branch, problems);
    let cluster_type =
        file.cluster_type.map(|c| c.value).or_else(|| web.and_then(|w| w.cluster_type)).unwrap_or_default();
    let replicas = replicas(
        file.replicas.map(|r| Spanned { value: r.value.0, span: r.span, key: r.key }),
        cluster_type,
        problems,
    );
    let resources = resources(file.resources, web, problems);
    let exp_task_time = file.exp_task_time;
    if let (Some(limit), Some(expected)) = (&file.sim_time_limit, &exp_task_time)
        && limit.value < expected.value
    {
        let source = Arc::clone(problems.source());
        let message = format!(
            "`sim_time_limit` ({}) would end simulations that take as long as expected ({})",
            limit.value, expected.value
        );
        problems.error(limit.span, Code::Conflict, message).also(source, expected.span, "expected time");
    }
    let exp_task_time = exp_task_time.map(|e| e.value).or_else(|| web.and_then(|w| w.exp_task_time));
    let secrets = file.secrets.map(|s| s.value.0).unwrap_or_default();
    let env = env(file.env.map(|e| e.value.0).unwrap_or_default(), &secrets, problems);
    let text = |own: Optional<super::text::Text>, other: fn(&WebModel) -> &Option<String>| {
        own.map(|t| t.value.0).or_else(|| web.and_then(|w| other(w).clone())).filter(|t| !t.is_empty())
    };
    let entry = file.entry.map_or(Entry::Python { interpreter: None }, |e| e.value.0);
    let network = file.network.map(|n| n.value).unwrap_or_default();
    let test = super::test_plan::plan(file.test, &entry, problems);
    Some(Model {
        oneliner: text(file.oneliner, |w| &w.oneliner),
        description: text(file.description, |w| &w.description),
        timestamp: file.timestamp.into_inner().map(|t| t.value),
        repo: file.repo_url.map(|r| r.value.locate(root)).or_else(|| web.and_then(|w| w.repo.clone())),
        repo_tag: repo_tag.or_else(|| web.and_then(|w| w.repo_tag.clone())),
        latest_tag: web.and_then(|w| w.latest_tag.clone()),
        entry,
        cluster_type,
        replicas,
        resources,
        sim_time_limit: file.sim_time_limit.map_or_else(|| time_limit(exp_task_time), |s| s.value),
        max_jobs: file.max_jobs.map(|m| m.value.0),
        exp_task_time,
        env,
        secrets: secrets.into_iter().map(|(name, _)| name).collect(),
        affinity_size: file.affinity.and_then(|a| a.value.size.into_inner()).map(|s| s.value.0),
        listed: file.listed.map(|l| l.value).or_else(|| web.and_then(|w| w.listed)).unwrap_or(true),
        skip_test: file.skip_test.is_some_and(|s| s.value),
        test,
        placement: Placement {
            internet: network.internet.is_some_and(|i| i.value),
            egress: network.egress.map(|e| e.value).unwrap_or_default(),
            gpu: file.gpu.map(|g| g.value.gpu()),
            node_selector: file.node_selector.map(|s| s.value).unwrap_or_default(),
            tolerations: file.tolerations.map(|t| t.value).unwrap_or_default(),
            inputs_replicas: file.inputs_server.and_then(|s| s.value.replicas).map_or(1, |r| r.value.0),
        },
        reach: Reach {
            isolation: file.isolation.map(|i| i.value),
            reads: paths(file.reads),
            writes: paths(file.writes),
        },
        name,
    })
}

/// A model that only the web app knows.
pub(super) fn from_web(name: ModelName, web: &WebModel) -> Model {
    Model {
        name,
        oneliner: web.oneliner.clone(),
        description: web.description.clone(),
        timestamp: None,
        repo: web.repo.clone(),
        repo_tag: web.repo_tag.clone(),
        latest_tag: web.latest_tag.clone(),
        entry: Entry::Python { interpreter: None },
        cluster_type: web.cluster_type.unwrap_or_default(),
        replicas: 1,
        resources: web_resources(web),
        sim_time_limit: time_limit(web.exp_task_time),
        max_jobs: None,
        exp_task_time: web.exp_task_time,
        env: BTreeMap::new(),
        secrets: Vec::new(),
        affinity_size: None,
        listed: web.listed.unwrap_or(true),
        skip_test: false,
        test: TestPlan::default(),
        placement: Placement::default(),
        reach: Reach::default(),
    }
}

fn paths(list: Optional<Vec<super::text::Text>>) -> Vec<PathBuf> {
    list.map(|list| list.value.into_iter().map(|path| path.0.into()).collect()).unwrap_or_default()
}

/// Why a name is too long for what is named after it, if it is.
pub(super) fn too_long(name: &ModelName) -> Option<String> {
    let safe = name.safe();
    (safe.len() > MAX_SAFE_NAME).then(|| {
        format!(
            "`{safe}`, what Kubernetes objects of this model are named after, has {} characters, and they take \
             {MAX_SAFE_NAME}",
            safe.len()
        )
    })
}

fn time_limit(expected: Option<Seconds>) -> Seconds {
    expected
        .and_then(|e| Seconds::try_from(e.as_secs_f64() * 2.0).ok().or(Some(e)))
        .filter(|e| *e > DEFAULT_TIME_LIMIT)
        .unwrap_or(DEFAULT_TIME_LIMIT)
}

fn one_of(
    repo_tag: Optional<super::values::GitRef>,
    branch: Optional<super::values::GitRef>,
    problems: &mut Problems,
) -> Option<String> {
    if let (Some(tag), Some(branch)) = (&repo_tag, &branch) {
        let source = Arc::clone(problems.source());
        problems
            .error(branch.key, Code::Conflict, "`branch` and `repo_tag` are two spellings of one thing")
            .also(source, tag.key, "repo_tag here")
            .set_help("keep `repo_tag`");
    }
    repo_tag.or(branch).map(|r| r.value.0)
}

fn replicas(given: Option<Spanned<u32>>, cluster_type: ClusterType, problems: &mut Problems) -> u32 {
    let Some(given) = given else { return 1 };
    if cluster_type != ClusterType::Dask && given.value > 1 {
        let message =
            format!("{} replicas need `cluster_type: dask`: a single-core model has no workers", given.value);
        problems
            .error(given.span, Code::Conflict, message)
            .set_help("add `cluster_type: dask`, or delete `replicas`");
    }
    given.value
}

fn env(
    variables: Vec<(String, Span, String)>,
    secrets: &[(String, Span)],
    problems: &mut Problems,
) -> BTreeMap<String, String> {
    let secrets: HashMap<&str, Span> = secrets.iter().map(|(name, span)| (name.as_str(), *span)).collect();
    for (name, span, _) in &variables {
        if let Some(other) = secrets.get(name.as_str()) {
            let source = Arc::clone(problems.source());
            problems
                .error(*span, Code::Conflict, format!("`{name}` is both a variable of `env` and a secret"))
                .also(source, *other, "secret here")
                .set_help("keep one of the two");
        }
    }
    variables.into_iter().map(|(name, _, value)| (name, value)).collect()
}

/// Request and limit of one resource. One that the file speaks of is the file's alone.
fn pair<T: Ord + Clone + std::fmt::Display>(
    what: &str,
    request: Optional<T>,
    limit: Optional<T>,
    default: (T, T),
    problems: &mut Problems,
) -> (T, T) {
    match (request, limit) {
        (None, None) => default,
        (Some(one), None) | (None, Some(one)) => (one.value.clone(), one.value),
        (Some(request), Some(limit)) => {
            if limit.value < request.value {
                let source = Arc::clone(problems.source());
                let message = format!(
                    "the {what} limit ({}) is below the {what} request ({})",
                    limit.value, request.value
                );
                problems.error(limit.span, Code::Conflict, message).also(source, request.span, "request");
            }
            (request.value, limit.value)
        }
    }
}

fn resources(table: Optional<ResourceTable>, web: Option<&WebModel>, problems: &mut Problems) -> Resources {
    let table = table.map(|t| t.value).unwrap_or_default();
    let requests: Amounts = table.requests.map(|a| a.value).unwrap_or_default();
    let limits: Amounts = table.limits.map(|a| a.value).unwrap_or_default();
    let default = web.map_or_else(default_resources, web_resources);
    let cpu = pair("cpu", requests.cpu, limits.cpu, (default.requests.cpu, default.limits.cpu), problems);
    let memory = pair(
        "memory",
        requests.memory,
        limits.memory,
        (default.requests.memory, default.limits.memory),
        problems,
    );
    Resources {
        requests: ResourcePair { cpu: cpu.0, memory: memory.0 },
        limits: ResourcePair { cpu: cpu.1, memory: memory.1 },
    }
}

fn web_resources(web: &WebModel) -> Resources {
    let default = default_resources();
    let cpu = web.cpu.clone();
    let memory = web.memory.clone();
    Resources {
        requests: ResourcePair {
            cpu: cpu.clone().unwrap_or(default.requests.cpu),
            memory: memory.as_ref().map_or(default.requests.memory, |m| m.request.clone()),
        },
        limits: ResourcePair {
            cpu: cpu.unwrap_or(default.limits.cpu),
            memory: memory.map_or(default.limits.memory, |m| m.limit),
        },
    }
}

/// What the web app's rule makes of 1 cpu and 2 GB.
fn default_resources() -> Resources {
    Resources {
        requests: ResourcePair { cpu: Cpu::from_whole(1), memory: Memory::from_gigabytes(2) },
        limits: ResourcePair { cpu: Cpu::from_whole(1), memory: Memory::from_gigabytes(3) },
    }
}
