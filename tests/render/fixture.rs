//! Models and settings that goldens, benches and clusters share.

use std::collections::BTreeMap;

use csw::model::*;
use csw::render::*;
use secrecy::SecretString;

pub fn model(name: &str) -> Model {
    let pair =
        |cpu: &str, memory: &str| ResourcePair { cpu: cpu.parse().unwrap(), memory: memory.parse().unwrap() };
    Model {
        name: name.parse().unwrap(),
        oneliner: Some("A model".into()),
        description: None,
        timestamp: Some("2020-10-29 09:29".parse().unwrap()),
        repo: Some(RepoLocation::Git("https://github.com/PSLmodels/Tax-Cruncher".parse().unwrap())),
        repo_tag: Some("master".into()),
        latest_tag: None,
        entry: Entry::Python { interpreter: None },
        cluster_type: ClusterType::SingleCore,
        replicas: 1,
        resources: Resources { requests: pair("1", "2G"), limits: pair("2", "2400M") },
        sim_time_limit: Seconds::from_secs(3600),
        max_jobs: None,
        exp_task_time: Some(Seconds::from_secs(60)),
        env: BTreeMap::new(),
        secrets: Vec::new(),
        affinity_size: None,
        listed: true,
        skip_test: false,
        test: Default::default(),
        placement: Placement::default(),
        reach: Reach::default(),
    }
}

/// A model that uses all that a model can use.
pub fn dask_model() -> Model {
    Model {
        cluster_type: ClusterType::Dask,
        replicas: 2,
        env: [("BUILD_NUM", "0"), ("PRICE", "$(HOME) costs $5"), ("ANSWER", "yes")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into(),
        secrets: vec!["OSPC_TOKEN".into()],
        placement: Placement {
            internet: true,
            egress: vec![
                Egress { cidr: "10.20.0.0/16".parse().unwrap(), ports: vec![5432, 443] },
                Egress { cidr: "fd00::1/128".parse().unwrap(), ports: Vec::new() },
            ],
            gpu: Some(Gpu { count: 1, resource: "nvidia.com/gpu".into() }),
            node_selector: Labels::one("size", "large").unwrap(),
            tolerations: vec![Toleration {
                key: Some("dedicated".into()),
                operator: TolerationOperator::Equal,
                value: Some("models".into()),
                effect: Some(TaintEffect::NoSchedule),
            }],
            inputs_replicas: 0,
        },
        ..model("PSLmodels/OG-USA")
    }
}

pub fn secrets(all: &[(&str, &str)]) -> BTreeMap<String, SecretString> {
    all.iter().map(|(k, v)| ((*k).to_owned(), SecretString::from((*v).to_owned()))).collect()
}

pub fn context(version: &str) -> RenderContext {
    RenderContext {
        kube_version: version.parse().unwrap(),
        registry: "gcr.io".into(),
        project: "my-project".into(),
        tag: "2026-01-31".into(),
        digests: None,
        kubernetes: KubernetesSettings::default(),
        grace_seconds: 30,
    }
}

pub fn services() -> ServicesContext {
    ServicesContext {
        cs_url: Some("https://compute.studio/".parse().unwrap()),
        cs_api_token: Some("token-of-the-web-app".to_owned().into()),
        scheduler_token: Some("token-of-the-scheduler".to_owned().into()),
        bucket: "gs://my-bucket".into(),
        redis: RedisPasswords {
            admin: "admin-password-0123456789abcdef0123".to_owned().into(),
            scheduler: "scheduler-password-0123456789abcdef".to_owned().into(),
            executor: "executor-password-0123456789abcdef0".to_owned().into(),
        },
        cluster_key: "cluster-key-0123456789abcdef01234567".to_owned().into(),
    }
}

pub fn stream(objects: &[Object]) -> String {
    let mut text = String::new();
    for object in objects {
        yaml::write_document(&mut text, object).unwrap();
    }
    text
}

/// Settings in which everything is set that the version has.
pub fn full_context(version: &str) -> RenderContext {
    let mut context = context(version);
    let kubernetes = &mut context.kubernetes;
    let map = |all: &[(&str, &str)]| all.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    if !["1.20", "1.21"].contains(&version) {
        kubernetes.kueue_queue = Some("simulations".parse().unwrap());
    }
    kubernetes.quota = map(&[("limits.memory", "200Gi"), ("count/jobs.batch", "500")]);
    kubernetes.limit_range.default = map(&[("memory", "512Mi")]);
    kubernetes.limit_range.max = map(&[("cpu", "16")]);
    kubernetes.image_pull_secrets = vec!["registry".parse().unwrap()];
    kubernetes.redis.storage_class = Some("fast".into());
    kubernetes.network.api_server_cidrs = vec!["172.16.0.2/32".into()];
    kubernetes.tolerations.services =
        vec![Toleration { key: None, operator: TolerationOperator::Exists, value: None, effect: None }];
    context
}

pub fn all_models() -> Vec<(Model, BTreeMap<String, SecretString>)> {
    vec![
        (dask_model(), secrets(&[("OSPC_TOKEN", "hunter2"), ("EMPTY", "")])),
        (model("PSLmodels/Tax-Cruncher"), secrets(&[])),
    ]
}

/// Every object of services, models and one job of each model.
pub fn everything(context: RenderContext) -> Vec<Object> {
    everything_in(context, "gs://my-bucket")
}

pub fn everything_in(context: RenderContext, bucket: &str) -> Vec<Object> {
    let renderer = Renderer::new(&Templates::default(), context).unwrap();
    let mut objects = renderer.services(&ServicesContext { bucket: bucket.into(), ..services() }).unwrap();
    for (model, secrets) in &all_models() {
        let input = ModelInput { model, secrets, tag: None };
        objects.extend(renderer.model(&input).unwrap());
        objects.push(job(&renderer, &input));
    }
    objects
}

pub fn job(renderer: &Renderer, input: &ModelInput<'_>) -> Object {
    let template = renderer.job_template(input).unwrap();
    let id = format!("5f2c1b34-{}", input.model.name.safe()).parse().unwrap();
    let run = job::JobRun { id: &id, tag: None, annotations: &BTreeMap::new() };
    job::instantiate(&template, &run).unwrap()
}
