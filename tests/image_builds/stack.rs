//! The images that a cluster runs, with the real csw in them.

use serde_json::Value;

use crate::cluster::space::{CONTAINER_SECURITY, POD_SECURITY, Space, deployment};
use crate::support::{Sandbox, StackImages, docker_says, on_each_cluster, require};

/// The example of a Python model, as it is shipped.
fn add_solow(sandbox: &Sandbox) {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("config/Examples/Solow.yaml")).unwrap();
    let folder = format!("repo_url: {}", root.join("examples/solow").display());
    sandbox.write("config/Examples/Solow.yaml", text.replace("repo_url: ./examples/solow", &folder));
}

#[test]
fn csw_runs_in_the_images_of_the_stack_and_finds_them_built_the_next_time() {
    let sandbox = Sandbox::new();
    add_solow(&sandbox);
    let Some(images) = StackImages::build(&sandbox, &["Examples/Solow"]) else { return };
    let version = images.with(sandbox.csw(["--version"])).ok();
    for name in ["scheduler", "outputs_processor", "examples_solow_tasks"] {
        let said = docker_says(["run", "--rm", "--network=none", &images.image(name), "csw", "--version"]);
        assert_eq!(said, version.trim(), "{name}");
    }
    let said =
        docker_says(["run", "--rm", "--network=none", &images.image("redis"), "redis-server", "--version"]);
    assert!(said.starts_with("Redis server v="), "{said}");
    for build in [&["svc", "build"][..], &["models", "-n", "Examples/Solow", "build"]] {
        let said = images.with(sandbox.csw([build, &["-o", "json"]].concat())).ok();
        let records: Value = serde_json::from_str(&said).unwrap();
        let records = records["images"].as_array().unwrap();
        assert!(!records.is_empty() && records.iter().all(|record| record["skipped"] == true), "{said}");
    }
    for name in ["scheduler", "outputs_processor", "redis", "examples_solow_tasks"] {
        let image = images.image(name);
        let told = docker_says(["history", "--no-trunc", &image]) + &docker_says(["inspect", &image]);
        // Whoever has the image must not learn of the machine that built it.
        let home = sandbox.home().display().to_string();
        assert!(!told.contains(&home) && !told.contains(env!("CARGO_MANIFEST_DIR")), "{name}: {told}");
    }
}

on_each_cluster!(services_names_are_found_from_an_image_from_scratch);

/// There is no library to look names up in an image from scratch: the program has to do it by itself.
fn services_names_are_found_from_an_image_from_scratch() {
    if !require("kubernetes-node") {
        return;
    }
    let space = Space::new();
    let Some(images) = StackImages::build(&space.sandbox, &[]) else { return };
    let apply = |manifest: &str| {
        let file = space.sandbox.write("manifest.yaml", manifest);
        space.kubectl(&["apply", "--filename", file.to_str().unwrap()]);
    };
    let answers = deployment("answers", "httpd -f -v -p 8080 -h /tmp", "");
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: answers}\nspec:\n  selector: {app: answers}\n  ports: [{port: 80, targetPort: 8080}]\n";
    apply(&format!("{answers}{service}"));
    space.kubectl(&["wait", "deployment/answers", "--for=condition=Available", "--timeout=120s"]);
    let ask = |name: &str, host: &str| {
        let pod = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  restartPolicy: Never\n  securityContext: {POD_SECURITY}\n  containers:\n  - name: csw\n    securityContext: {CONTAINER_SECURITY}\n    image: {}\n    imagePullPolicy: IfNotPresent\n    command: [csw, jobs, list, --scheduler, 'http://{host}/']\n",
            images.image("scheduler")
        );
        apply(&pod);
        let ended = "jsonpath={.status.phase}";
        let phase = loop {
            let phase = space.kubectl(&["get", "pod", name, "-o", ended]);
            if matches!(phase.trim(), "Failed" | "Succeeded") {
                break phase;
            }
            std::thread::sleep(std::time::Duration::from_millis(200));
        };
        phase + &space.kubectl(&["logs", name])
    };
    // The server has no jobs, and says so: it was reached.
    for (pod, host) in
        [("short", "answers".to_owned()), ("long", format!("answers.{}.svc.cluster.local", space.name))]
    {
        let said = ask(pod, &host);
        assert!(said.contains("404"), "{said}");
    }
    let said = ask("wrong", "nobody");
    assert!(!said.contains("404") && said.contains("nobody"), "{said}");
}
