use std::collections::BTreeMap;

use minijinja::value::{Serde, Value};
use secrecy::ExposeSecret;
use serde::Serialize;

use super::context::{ModelInput, RenderContext, ServicesContext};
use super::model_view::{self, ModelView};
use super::template::{self, Engine, Evaluated, TemplateError};
use super::{KubeVersion, Object, RenderError, Templates, redis_acl, yaml};
use crate::model::{InstallOrder, Model, is_label_value};

const SERVICES: [&str; 7] = [
    "services/namespace.yaml",
    "services/network.yaml",
    "services/worker-secret.yaml",
    "services/redis.yaml",
    "services/scheduler.yaml",
    "services/outputs-processor.yaml",
    "services/job-cleanup.yaml",
];

/// Turns models and settings into objects. Made once: templates are compiled and settings checked then.
pub struct Renderer {
    engine: Engine,
    context: RenderContext,
    common: Value,
}

/// What every template can use.
#[derive(Serialize)]
struct Common<'c> {
    namespace: &'c str,
    version: String,
    kube: KubeView,
    settings: &'c crate::model::KubernetesSettings,
    image_pull_secrets: Option<Vec<BTreeMap<&'static str, &'c str>>>,
    keep_seconds: u64,
}

#[derive(Serialize)]
struct KubeView {
    minor: u8,
}

impl Renderer {
    /// Compiles the templates and checks what can be checked without a model.
    ///
    /// # Errors
    /// [`RenderError::Invalid`] with everything that is wrong with templates and settings.
    pub fn new(templates: &Templates, context: RenderContext) -> Result<Self, RenderError> {
        let mut problems = unsupported(&context);
        let engine = match Engine::new(templates.iter()) {
            Ok(engine) => Some(engine),
            Err(errors) => {
                problems.extend(errors.iter().map(ToString::to_string));
                None
            }
        };
        match engine {
            Some(engine) if problems.is_empty() => {
                let common = Value::from(Serde(common(&context)));
                Ok(Self { engine, context, common })
            }
            _ => Err(RenderError::Invalid { problems }),
        }
    }

    /// The objects of the services and what they share, in install order.
    ///
    /// # Errors
    /// [`RenderError::Invalid`] with everything that is wrong.
    pub fn services(&self, services: &ServicesContext) -> Result<Vec<Object>, RenderError> {
        let mut problems = Vec::new();
        let context = self.services_context(services, &mut problems);
        let mut objects = Vec::new();
        for file in SERVICES {
            match self.render(file, &context) {
                Ok(more) => objects.extend(more),
                Err(errors) => problems.extend(errors.iter().map(ToString::to_string)),
            }
        }
        objects.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
        for pair in objects.windows(2) {
            if let [a, b] = pair
                && sort_key(a) == sort_key(b)
            {
                problems.push(format!("{a} is rendered twice"));
            }
        }
        if problems.is_empty() { Ok(objects) } else { Err(RenderError::Invalid { problems }) }
    }

    fn services_context(&self, services: &ServicesContext, problems: &mut Vec<String>) -> Value {
        let mut image = |name: &str| {
            model_view::reference(name, &self.context.tag, &self.context).unwrap_or_else(|problem| {
                problems.push(problem);
                String::new()
            })
        };
        let images = minijinja::context! {
            scheduler => image("scheduler"), outputs_processor => image("outputs_processor"), redis => image("redis"),
        };
        if services.cs_url.is_some() && services.cs_api_token.is_none() {
            problems.push("a web app is set (CS_URL), but no token for it (CS_API_TOKEN)".to_owned());
        }
        let path = bucket_path(&services.bucket, problems);
        let acl = redis_acl::file(&services.redis);
        let exposed = |s: &'_ Option<secrecy::SecretString>| {
            s.as_ref().map_or(String::new(), |s| s.expose_secret().to_owned())
        };
        // Redis' passwords are long and random, so the checksum tells nothing about the other values.
        let checksum = redis_acl::checksum([
            acl.expose_secret(),
            &exposed(&services.cs_api_token),
            services.cluster_key.expose_secret(),
            services.cs_url.as_ref().map_or("", url::Url::as_str),
            &services.bucket,
        ]);
        let secret = |s: &Option<secrecy::SecretString>| s.clone().map_or(Value::from(()), template::secret);
        let settings = &self.context.kubernetes;
        let (v6, v4): (Vec<String>, Vec<String>) =
            settings.network.internet_except.iter().cloned().partition(|c| c.contains(':'));
        let api_server: Vec<Value> = settings
            .network
            .api_server_cidrs
            .iter()
            .map(|cidr| minijinja::context! { ipBlock => minijinja::context! { cidr => cidr } })
            .collect();
        minijinja::context! {
            images => images,
            limit_range => !settings.limit_range.is_empty(),
            web_app => services.cs_url.as_ref().map(|url| minijinja::context! {
                url => url.as_str(), port => url.port_or_known_default(),
            }),
            bucket => minijinja::context! { url => services.bucket.as_str(), path => path },
            redis => minijinja::context! {
                acl => template::secret(acl),
                passwords => minijinja::context! {
                    admin => template::secret(services.redis.admin.clone()),
                    scheduler => template::secret(services.redis.scheduler.clone()),
                    executor => template::secret(services.redis.executor.clone()),
                },
            },
            secrets => minijinja::context! {
                cs_api_token => secret(&services.cs_api_token), scheduler_token => secret(&services.scheduler_token),
                cluster_key => template::secret(services.cluster_key.clone()),
            },
            checksum => checksum,
            inputs_idle_seconds => settings.inputs_idle_timeout.map(|t| model_view::whole(t.as_secs_f64())),
            internet_except => minijinja::context! { v4 => v4, v6 => v6 },
            api_server_peers => (!api_server.is_empty()).then_some(api_server),
            ..self.common.clone()
        }
    }

    /// The Job that a model's simulations are made from; see [`super::job`].
    ///
    /// # Errors
    /// [`RenderError::Invalid`] with everything that is wrong.
    pub fn job_template(&self, input: &ModelInput<'_>) -> Result<Object, RenderError> {
        let context = self.model_context(input)?;
        self.job_of(&context).map_err(|e| about(input.model, &e))
    }

    fn job_of(&self, context: &Value) -> Result<Object, Vec<TemplateError>> {
        one_job(self.render(JOB, &job_context(context))?)
    }

    pub(super) fn model_context(&self, input: &ModelInput<'_>) -> Result<Value, RenderError> {
        let view =
            ModelView::new(input, &self.context).map_err(|problems| RenderError::Invalid { problems })?;
        Ok(minijinja::context! {
            version => label(input.tag.unwrap_or(&self.context.tag)),
            model => Value::from(Serde(&view)), secrets => model_view::secrets(input), ..self.common.clone()
        })
    }

    /// The context of `models/job-template.yaml`.
    pub(super) fn job_template_context(
        &self,
        context: &Value,
        text: JobText,
    ) -> Result<Value, Vec<TemplateError>> {
        let yaml = match text {
            JobText::Whole => {
                let mut yaml = String::with_capacity(8 << 10);
                yaml::write(&mut yaml, &self.job_of(context)?).map_err(|e| {
                    vec![TemplateError { file: JOB.into(), line: None, reason: e.to_string() }]
                })?;
                yaml
            }
            JobText::Left => {
                let context = job_context(context);
                let heads: Vec<Object> =
                    self.evaluate(JOB, &context)?.check().collect::<Result<_, _>>().map_err(|e| vec![e])?;
                one_job(heads)?;
                String::new()
            }
        };
        Ok(minijinja::context! { job_yaml => yaml, ..context.clone() })
    }

    pub(super) fn evaluate(&self, file: &str, context: &Value) -> Result<Evaluated, Vec<TemplateError>> {
        self.engine.evaluate(file, context).map_err(|e| vec![e])
    }

    fn render(&self, file: &str, context: &Value) -> Result<Vec<Object>, Vec<TemplateError>> {
        let evaluated = self.evaluate(file, context)?;
        let mut objects = Vec::new();
        let mut errors = Vec::new();
        for object in evaluated.objects() {
            match object {
                Ok(object) => objects.push(object),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(objects) } else { Err(errors) }
    }
}

/// The template of a simulation's Job, which is part of an object of another.
const JOB: &str = "models/job.yaml";

/// Whether the text of the job template is needed, or only that it can be made.
#[derive(Debug, Clone, Copy)]
pub(super) enum JobText {
    Whole,
    Left,
}

fn job_context(context: &Value) -> Value {
    minijinja::context! { job => minijinja::context! { name => "job-template" }, ..context.clone() }
}

fn one_job(mut objects: Vec<Object>) -> Result<Object, Vec<TemplateError>> {
    match (objects.pop(), objects.is_empty()) {
        (Some(job), true) if job.kind() == "Job" => Ok(job),
        _ => Err(vec![TemplateError {
            file: JOB.to_owned(),
            line: None,
            reason: "must give one object, a Job".to_owned(),
        }]),
    }
}

/// How the services' objects are sorted.
fn sort_key(object: &Object) -> (InstallOrder, &str, Option<&str>, &str) {
    (object.order(), object.kind(), object.namespace(), object.name())
}

pub(super) fn about(model: &Model, errors: &[TemplateError]) -> RenderError {
    RenderError::Invalid { problems: errors.iter().map(|e| format!("{}: {e}", model.name)).collect() }
}

fn common(context: &RenderContext) -> Common<'_> {
    let settings = &context.kubernetes;
    let secrets: Vec<_> =
        settings.image_pull_secrets.iter().map(|name| BTreeMap::from([("name", name.as_str())])).collect();
    Common {
        namespace: settings.namespace.as_str(),
        version: label(&context.tag),
        kube: KubeView { minor: context.kube_version.minor() },
        settings,
        image_pull_secrets: (!secrets.is_empty()).then_some(secrets),
        keep_seconds: model_view::whole(settings.jobs.keep.as_secs_f64()),
    }
}

/// A tag as a label's value: the two allow nearly the same.
fn label(tag: &str) -> String {
    let short: String = tag.chars().take(63).collect();
    let label = short.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if is_label_value(label) { label.to_owned() } else { String::new() }
}

/// What is asked for and can't be had.
fn unsupported(context: &RenderContext) -> Vec<String> {
    let version = context.kube_version;
    let mut problems = Vec::new();
    let processors = context.kubernetes.replicas.outputs_processor;
    if processors > 1 {
        problems.push(format!(
            "`kubernetes.replicas.outputs_processor` is {processors}, but results are recorded on a disk that one pod has: use 1"
        ));
    }
    let kueue: KubeVersion = KubeVersion::KUEUE;
    if context.kubernetes.kueue_queue.is_some() && version < kueue {
        problems.push(format!(
            "Kubernetes {version} can't suspend Jobs, which Kueue (`kubernetes.kueue_queue`) needs: use {kueue} or later"
        ));
    }
    problems
}

/// The folder of a `file://` bucket, which needs a disk.
fn bucket_path(bucket: &str, problems: &mut Vec<String>) -> Option<String> {
    let path = bucket.strip_prefix("file://")?;
    let taken = ["/", "/tmp", "/etc", "/usr", "/bin", "/lib", "/proc", "/sys", "/dev"];
    let normal = path.trim_end_matches('/');
    if !path.starts_with('/')
        || normal.is_empty()
        || taken.contains(&normal)
        || path.contains(['%', ':'])
        || path.split('/').any(|p| p == "..")
    {
        problems.push(format!("the bucket `{bucket}` is no folder that a disk can be mounted on: use one such as file:///outputs"));
    }
    Some(normal.to_owned())
}
