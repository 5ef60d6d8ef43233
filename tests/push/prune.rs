use super::{Project, at_registry, digests, json};
use crate::registry::content;
use crate::support::registry::Registry;
use crate::support::{on_each_cluster, require};

#[test]
fn the_engine_s_old_images_go_after_they_were_shown() {
    if !require("docker") {
        return;
    }
    let config = tempfile::tempdir().unwrap();
    let project = Project::new("localhost:1", config.path());
    for (seed, name) in ["scheduler:v1", "scheduler:v0", "redis:v0"].iter().enumerate() {
        project.build(name, &content(1000, seed as u32));
    }
    let prune = ["images", "prune", "--older-than", "0.001"];
    let output = project.csw(prune).output();
    assert_eq!(output.code, 2, "{}", output.stderr);
    assert!(output.stderr.contains("--yes"), "{}", output.stderr);
    let shown =
        json(&project.csw(["images", "prune", "--older-than", "0.001", "--dry-run", "-o", "json"]).ok());
    let names = |view: &serde_json::Value| -> Vec<String> {
        view["removed"].as_array().unwrap().iter().map(|i| i["image"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&shown), [project.image("redis:v0"), project.image("scheduler:v0")]);
    assert_eq!(shown["kept"][0]["reason"], "it has the tag in use");
    assert_eq!(project.corner.images().len(), 3);
    let removed =
        json(&project.csw(["images", "prune", "--older-than", "0.001", "--yes", "-o", "json"]).ok());
    assert_eq!(names(&removed), names(&shown));
    assert_eq!(project.corner.images(), [project.image("scheduler:v1")]);
    let listed = project.csw(["images", "list", "-o", "name"]).ok();
    assert_eq!(listed, format!("{}\n", project.image("scheduler:v1")));
    let young = json(
        &project.csw(["images", "prune", "--older-than", "1h", "--tag", "x", "--yes", "-o", "json"]).ok(),
    );
    assert_eq!(young["kept"][0]["reason"], "it is too young");
}

#[tokio::test]
async fn the_registry_s_images_go_with_all_their_tags_or_stay() {
    if !require("docker") || !require("registry") {
        return;
    }
    let registry = Registry::start();
    let project = Project::at(&registry);
    project.build_services(1000);
    let old = json(&project.csw(["svc", "push", "--also-tag", "old", "-o", "json"]).ok());
    for (seed, name) in ["scheduler:v2", "outputs_processor:v2", "redis:v2"].iter().enumerate() {
        project.build(name, &content(1000, seed as u32 + 50));
    }
    project.csw(["svc", "push", "--tag", "v2"]).ok();
    let prune =
        |tag| ["images", "prune", "--registry", "--older-than", "0.001", "--tag", tag, "--yes", "-o", "json"];
    let path = project.repository("scheduler");
    project.csw(prune("old")).ok();
    assert_eq!(at_registry(&registry, &path, "v2").await, None);
    // The same content has the tag that is in use.
    assert_eq!(at_registry(&registry, &path, "v1").await.unwrap(), digests(&old)[0]);
    project.csw(prune("v9")).ok();
    assert_eq!(at_registry(&registry, &path, "v1").await, None);
    assert_eq!(at_registry(&registry, &path, "old").await, None);
}

on_each_cluster!(what_the_cluster_uses_stays);

fn what_the_cluster_uses_stays() {
    if !require("docker") || !require("kubernetes") {
        return;
    }
    let kubeconfig = crate::cluster::space::kubeconfig();
    let config = tempfile::tempdir().unwrap();
    let project = Project::new("localhost:1", config.path());
    for (seed, name) in ["scheduler:v0", "redis:v0"].iter().enumerate() {
        project.build(name, &content(1000, seed as u32));
    }
    // A namespace that nothing runs in, for a ConfigMap that names one of them as csw's job templates do.
    let name = project.corner.project().to_owned();
    let kubectl = |args: &[&str]| {
        let output =
            std::process::Command::new("kubectl").args(args).env("KUBECONFIG", &kubeconfig).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    kubectl(&[
        "create",
        "configmap",
        &name,
        "-n",
        "default",
        &format!("--from-literal=job=image: {}", project.image("redis:v0")),
    ]);
    let output = project
        .csw(["images", "prune", "--unused", "--yes", "-o", "json", "--kubeconfig", &kubeconfig])
        .output();
    kubectl(&["delete", "configmap", &name, "-n", "default"]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert_eq!(project.corner.images(), [project.image("redis:v0")]);
    assert_eq!(json(&output.stdout)["kept"][0]["reason"], "the cluster uses it");
    // A cluster that can't be asked is no cluster that uses nothing.
    let output =
        project.csw(["images", "prune", "--unused", "--yes", "--kubeconfig", "/nonexistent"]).output();
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert_eq!(project.corner.images().len(), 1);
}
