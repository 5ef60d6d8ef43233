//! What every template gives, for the oldest, a middle and the newest release. `CSW_REGENERATE=1` writes the goldens.

use csw::render::*;

use super::fixture;
use crate::support::generated;

const VERSIONS: [&str; 3] = ["1.20", "1.30", "1.36"];

/// The templates, all but one of a folder without text.
fn only(file: &str) -> Templates {
    let folder = file.split('/').next().unwrap();
    // The job template is part of another template's object, so its text is always there.
    let others = Templates::embedded()
        .filter(|(other, _)| *other != file && other.starts_with(folder) && *other != "models/job.yaml");
    Templates::with_overrides(others.map(|(other, _)| (other.to_owned(), String::new()))).unwrap()
}

fn objects(file: &str, version: &str) -> Vec<Object> {
    let renderer = Renderer::new(&only(file), fixture::full_context(version)).unwrap();
    if file.starts_with("services/") {
        return renderer.services(&fixture::services()).unwrap();
    }
    let models = fixture::all_models();
    let inputs: Vec<ModelInput<'_>> =
        models.iter().map(|(model, secrets)| ModelInput { model, secrets, tag: None }).collect();
    if file == "models/job.yaml" {
        return inputs.iter().map(|input| fixture::job(&renderer, input)).collect();
    }
    inputs.iter().flat_map(|input| renderer.model(input).unwrap()).collect()
}

#[test]
fn every_template_gives_what_its_golden_holds() {
    for version in VERSIONS {
        for (file, _) in Templates::embedded() {
            let objects = objects(file, version);
            assert!(!objects.is_empty(), "{file}");
            let text = fixture::stream(&objects);
            let golden = format!("tests/golden/render/{version}/{file}");
            generated(&golden, &text);
            // The text means the objects.
            let golden = std::fs::read_to_string(format!("{}/{golden}", env!("CARGO_MANIFEST_DIR"))).unwrap();
            let parsed: Vec<serde_json::Value> = serde_saphyr::from_multiple(&golden).unwrap();
            let values: Vec<&serde_json::Value> = objects.iter().map(Object::value).collect();
            assert_eq!(parsed.iter().collect::<Vec<_>>(), values, "{file}");
        }
    }
}

#[test]
fn rendering_twice_gives_the_same_bytes_in_install_order() {
    let text = || fixture::stream(&fixture::everything(fixture::full_context("1.36")));
    assert_eq!(text(), text());
    let renderer = Renderer::new(&Templates::default(), fixture::full_context("1.36")).unwrap();
    let models = fixture::all_models();
    let inputs = models.iter().map(|(model, secrets)| ModelInput { model, secrets, tag: None });
    let mut streamed = Vec::new();
    renderer
        .stream(renderer.check(inputs).unwrap(), |object| {
            streamed.push(object);
            Ok::<_, RenderError>(())
        })
        .unwrap();
    assert!(streamed.is_sorted_by_key(Object::order));
    assert!(renderer.services(&fixture::services()).unwrap().is_sorted_by_key(Object::order));
    // The same objects as one model after the other.
    let mut one_by_one: Vec<Object> = models
        .iter()
        .flat_map(|(model, secrets)| renderer.model(&ModelInput { model, secrets, tag: None }).unwrap())
        .collect();
    one_by_one.sort_by_key(Object::order);
    assert_eq!(streamed, one_by_one);
}

#[test]
fn a_project_s_template_replaces_one_and_is_named_when_it_fails() {
    let with = |file: &str, text: &str| {
        let templates = Templates::with_overrides([(file.to_owned(), text.to_owned())]).unwrap();
        Renderer::new(&templates, fixture::context("1.36"))
    };
    let own = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ model.safe }}-mine\ndata:\n{% if model.dask %}\n  \
               dask: \"{{ model.replicas }}\"\n{% else %}\n  dask: none\n{% endif %}\n";
    let renderer = with("models/inputs-server.yaml", own).unwrap();
    let (model, secrets) = fixture::all_models().remove(0);
    let input = ModelInput { model: &model, secrets: &secrets, tag: None };
    let objects = renderer.model(&input).unwrap();
    let mine = objects.iter().find(|o| o.name() == "pslmodels-ogusa-mine").unwrap();
    assert_eq!(mine.value()["data"]["dask"], "2");
    assert!(!objects.iter().any(|o| o.name() == "pslmodels-ogusa-api-task"));

    let renderer = with("models/inputs-server.yaml", "a: 1\nb: {{ model.nmae }}\n").unwrap();
    let error = renderer.check([input]).unwrap_err().to_string();
    assert!(
        error.contains("PSLmodels/OG-USA: templates/models/inputs-server.yaml:2: `model.nmae` is undefined"),
        "{error}"
    );
    let error = with("services/redis.yaml", "a: {{ b").map(drop).unwrap_err().to_string();
    assert!(error.contains("templates/services/redis.yaml:1: "), "{error}");
    // A secret in the wrong place, and an object that two models share.
    let leak = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {{ secrets }}\n";
    let error = with("models/model.yaml", leak).unwrap().check([input]).unwrap_err().to_string();
    assert!(error.contains("ConfigMap x holds a secret's value") && !error.contains("hunter2"), "{error}");
    let same = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n";
    let renderer = with("models/model.yaml", same).unwrap();
    let models = fixture::all_models();
    let error = renderer
        .check(models.iter().map(|(model, secrets)| ModelInput { model, secrets, tag: None }))
        .unwrap_err()
        .to_string();
    assert!(error.contains("PSLmodels/Tax-Cruncher: ConfigMap x is rendered twice"), "{error}");
}

#[test]
fn what_a_model_or_a_release_can_t_have_is_told_at_once() {
    let mut context = fixture::context("1.20");
    context.kubernetes.kueue_queue = Some("q".parse().unwrap());
    let error = Renderer::new(&Templates::default(), context).map(drop).unwrap_err().to_string();
    assert!(error.contains("Kubernetes 1.20 can't suspend Jobs") && error.contains("1.22"), "{error}");

    let mut context = fixture::context("1.36");
    context.kubernetes.replicas.outputs_processor = 2;
    let error = Renderer::new(&Templates::default(), context).map(drop).unwrap_err().to_string();
    assert!(
        error.contains("`kubernetes.replicas.outputs_processor` is 2") && error.contains("use 1"),
        "{error}"
    );

    let renderer = Renderer::new(&Templates::default(), fixture::context("1.36")).unwrap();
    let mut model = fixture::model("3d/Printer");
    model.env.insert("REDIS_HOST".into(), "x".into());
    model.env.insert("BOTH".into(), "x".into());
    model.secrets = vec!["API_KEY".into()];
    let secrets = fixture::secrets(&[("BOTH", "x"), ("no name", "x")]);
    let error =
        renderer.model(&ModelInput { model: &model, secrets: &secrets, tag: None }).unwrap_err().to_string();
    insta::assert_snapshot!(error, @r"
    cannot render: 5 problems
      3d/Printer: its short name `3d-printer` starts with a digit, which a Kubernetes Service can't
      3d/Printer: the environment variable `REDIS_HOST` is one that csw sets itself
      3d/Printer: `no name` can't be the name of an environment variable on Kubernetes
      3d/Printer: `BOTH` is both an environment variable and a secret
      3d/Printer: its secret `API_KEY` has no value; set it: csw models -n 3d/Printer secrets set API_KEY
    ");

    let mut services = fixture::services();
    services.cs_api_token = None;
    services.bucket = "file:///etc".into();
    let mut context = fixture::context("1.36");
    context.project = "No Project".into();
    let renderer = Renderer::new(&Templates::default(), context).unwrap();
    let error = renderer.services(&services).unwrap_err().to_string();
    insta::assert_snapshot!(error, @r"
    cannot render: 5 problems
      invalid image reference `gcr.io/No Project/scheduler:2026-01-31`: expected an image reference with its registry, as in gcr.io/my-project/scheduler:2026-01-31 or …@sha256:<64 hex digits>
      invalid image reference `gcr.io/No Project/outputs_processor:2026-01-31`: expected an image reference with its registry, as in gcr.io/my-project/scheduler:2026-01-31 or …@sha256:<64 hex digits>
      invalid image reference `gcr.io/No Project/redis:2026-01-31`: expected an image reference with its registry, as in gcr.io/my-project/scheduler:2026-01-31 or …@sha256:<64 hex digits>
      a web app is set (CS_URL), but no token for it (CS_API_TOKEN)
      the bucket `file:///etc` is no folder that a disk can be mounted on: use one such as file:///outputs
    ");
}

#[test]
fn images_are_pinned_and_jobs_are_made() {
    let mut context = fixture::context("1.36");
    let digest = format!("sha256:{}", "ab".repeat(32));
    let names = ["pslmodels_taxcruncher_tasks", "scheduler", "outputs_processor", "redis"];
    let pin = |name: &&str| (format!("gcr.io/my-project/{name}:2026-01-31"), digest.clone());
    context.digests = Some(names[..3].iter().map(pin).collect());
    let error = Renderer::new(&Templates::default(), context.clone()).unwrap().services(&fixture::services());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("no digest of the image gcr.io/my-project/redis:2026-01-31"), "{error}");
    context.digests = Some(names.iter().map(pin).collect());
    let renderer = Renderer::new(&Templates::default(), context).unwrap();
    let (model, secrets) = fixture::all_models().remove(1);
    let input = ModelInput { model: &model, secrets: &secrets, tag: None };
    let template = renderer.job_template(&input).unwrap();
    let image = "/spec/template/spec/containers/0/image";
    let pinned = format!("gcr.io/my-project/pslmodels_taxcruncher_tasks:2026-01-31@{digest}");
    assert_eq!(template.value().pointer(image).unwrap(), &pinned);
    let scheduler = renderer.services(&fixture::services()).unwrap();
    let scheduler = scheduler.iter().find(|o| o.kind() == "Deployment" && o.name() == "scheduler").unwrap();
    assert_eq!(
        scheduler.value().pointer(image).unwrap(),
        &format!("gcr.io/my-project/scheduler:2026-01-31@{digest}")
    );

    let id = "run-1".parse().unwrap();
    let annotations = [("csw/attempt".to_owned(), "1".to_owned())].into();
    let run = job::JobRun { id: &id, tag: Some("v7"), annotations: &annotations };
    let job = job::instantiate(&template, &run).unwrap();
    assert_eq!((job.kind(), job.name(), job.namespace()), ("Job", "run-1", Some("csw")));
    assert_eq!(job.value().pointer(image).unwrap(), "gcr.io/my-project/pslmodels_taxcruncher_tasks:v7");
    assert_eq!(job.value().pointer("/metadata/labels/job-id").unwrap(), "run-1");
    assert_eq!(job.value().pointer("/spec/template/metadata/labels/job-id").unwrap(), "run-1");
    assert_eq!(job.value().pointer("/metadata/annotations/csw~1attempt").unwrap(), "1");
    let run = job::JobRun { tag: Some("no tag"), ..run };
    assert!(job::instantiate(&template, &run).unwrap_err().to_string().contains("invalid image tag"));
    // What the scheduler reads in the cluster is that very template.
    let objects = renderer.model(&input).unwrap();
    let map = objects.iter().find(|o| o.kind() == "ConfigMap").unwrap();
    let text = map.value().pointer("/data/job.yaml").unwrap().as_str().unwrap();
    assert_eq!(&serde_saphyr::from_str::<serde_json::Value>(text).unwrap(), template.value());
    let json = map.value().pointer("/data/model.json").unwrap().as_str().unwrap();
    assert_eq!(serde_json::from_str::<csw::model::Model>(json).unwrap(), model);
}
