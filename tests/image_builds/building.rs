//! What is built, what is left alone, and what is told of it.

use serde_json::Value;

use super::support::{Project, in_image};
use crate::support::{docker, docker_says};

const RUN: (&str, &str) = ("run.sh", "echo '{}'\n");

#[test]
fn a_model_is_built_once_and_again_when_something_has_changed() {
    let Some(project) = Project::new() else { return };
    project.model("Plain", "timestamp: 2026-01-01\n", &[RUN, ("data/a.txt", project.corner.project())]);
    let image = project.image("tests_plain_tasks");
    let build = || project.build(&["models", "build", "-n", "Tests/Plain"])[0].clone();
    let first = build();
    assert_eq!(first["skipped"], false, "{first}");
    assert_eq!(first["image"], image.as_str());
    assert_eq!(docker_says(["inspect", "-f", "{{.Id}}", &image]), first["id"].as_str().unwrap());
    let second = build();
    assert_eq!((&second["skipped"], &second["id"]), (&Value::Bool(true), &first["id"]));
    // Another name for the same content costs nothing either.
    let text = project.csw(&["models", "build", "-o", "json"]).env("TAG", "v2").ok();
    let other: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&other["images"][0]["skipped"], &other["images"][0]["id"]),
        (&Value::Bool(true), &first["id"])
    );
    assert_eq!(docker_says(["inspect", "-f", "{{.Id}}", &image.replace(":v1", ":v2")]), first["id"]);
    docker_says(["rmi", &image.replace(":v1", ":v2")]);
    // Content, timestamp and environment each make another image; the one that lost its name is gone.
    project.sandbox.write("repos/Plain/data/a.txt", format!("{} 2", project.corner.project()));
    let third = build();
    assert_eq!(third["skipped"], false);
    assert_ne!(third["id"], first["id"]);
    let known = docker_says([
        "images",
        "--quiet",
        "--no-trunc",
        "--filter",
        "label=studio.compute.csw.target=Tests/Plain",
    ]);
    assert!(!known.contains(first["id"].as_str().unwrap()), "{known}");
    for more in
        ["timestamp: 2026-01-02\n", "timestamp: 2026-01-02\nenv: {BUILD_NUM: '7', TEXT: 'a \"b\" $HOME'}\n"]
    {
        project.model("Plain", more, &[]);
        assert_eq!(build()["skipped"], false, "{more}");
        assert_eq!(build()["skipped"], true, "{more}");
    }
    assert_eq!(in_image(&image, "echo \"$BUILD_NUM $TEXT\""), "7 a \"b\" $HOME");
    let model: Value = serde_json::from_str(&in_image(&image, "cat /etc/csw/model.json")).unwrap();
    assert_eq!((&model["model"], &model["workdir"]), (&"Tests/Plain".into(), &"/model".into()));
    assert_eq!(model["entry"]["command"]["argv"], serde_json::json!(["sh", "run.sh"]));
    let forced = project.build(&["models", "build", "--force"]);
    assert_eq!(forced[0]["skipped"], false);
}

#[test]
fn both_builders_make_the_same_image() {
    let Some(project) = Project::new() else { return };
    project.model(
        "Same",
        "",
        &[RUN, ("lib/x.awk", "{ print }\n"), (".dockerignore", "*.md\n!keep.md\nsecret\n")],
    );
    for (path, text) in [("a.md", "a"), ("keep.md", "k"), ("sub/b.md", "b"), ("secret/key", "s")] {
        project.sandbox.write(&format!("repos/Same/{path}"), text);
    }
    let image = project.image("tests_same_tasks");
    let look = || {
        let files = in_image(
            &image,
            "find / -xdev -type f ! -path '/proc/*' ! -path '/sys/*' ! -path '/etc/host*' ! -path /etc/resolv.conf ! -path /.dockerenv | sort | xargs sha256sum; id -u; pwd",
        );
        let config = docker_says([
            "inspect",
            "-f",
            "{{json .Config.Labels}} {{.Config.User}} {{.Config.Env}} {{.Config.Cmd}}",
            &image,
        ]);
        (files, config)
    };
    project.build(&["models", "build"]);
    let buildkit = look();
    assert!(docker_says(["history", "--no-trunc", &image]).contains("buildkit"));
    let text = project.csw(&["models", "build", "--no-cache", "-o", "json"]).env("DOCKER_BUILDKIT", "0").ok();
    assert!(text.contains("\"skipped\": false"), "{text}");
    assert!(!docker_says(["history", "--no-trunc", &image]).contains("buildkit"));
    assert_eq!(look(), buildkit);
    let (files, config) = buildkit;
    assert!(files.ends_with("1000\n/model"), "{files}");
    for (path, there) in
        [("a.md", false), ("keep.md", true), ("sub/b.md", true), ("secret/key", false), ("run.sh", true)]
    {
        assert_eq!(files.contains(&format!("/model/{path}\n")), there, "{path} in {files}");
    }
    assert!(config.contains("org.opencontainers.image.title\":\"Tests/Same"), "{config}");
    assert!(docker_says(["ps", "--all", "--quiet", "--filter", &format!("ancestor={image}")]).is_empty());
}

#[test]
fn services_are_the_program_alone_and_a_program_with_libraries_is_refused() {
    let Some(project) = Project::new() else { return };
    let built = project.build(&["svc", "build", "--out", "build.json"]);
    let targets: Vec<&str> = built.iter().map(|r| r["target"].as_str().unwrap()).collect();
    assert_eq!(targets, ["outputs_processor", "redis", "scheduler"]);
    let written: Value = serde_json::from_str(&project.sandbox.read("build.json")).unwrap();
    assert_eq!(written["images"].as_array().unwrap(), &built);
    let scheduler = project.image("scheduler");
    let config =
        docker_says(["inspect", "-f", "{{.Config.User}} {{.Config.Cmd}} {{len .RootFS.Layers}}", &scheduler]);
    assert!(config.starts_with("65532:65532 [csw scheduler --start]"), "{config}");
    // BusyBox runs as the command that it is called by: here it stands in for csw.
    let run = docker(["run", "--rm", "--network=none", &scheduler]).output().unwrap();
    let said = String::from_utf8(run.stderr).unwrap();
    assert!(said.contains("csw: applet not found"), "{said}");
    let output = project.csw(&["svc", "build", "scheduler", "--program", env!("CARGO_BIN_EXE_csw")]).output();
    assert_eq!(output.code, 1);
    assert!(
        output.stderr.contains("is not static") && output.stderr.contains("make dist"),
        "{}",
        output.stderr
    );
}

#[test]
fn base_images_stay_those_of_the_lock_file() {
    let Some(project) = Project::new() else { return };
    project.model("Locked", "", &[RUN]);
    let lock: Value = serde_json::from_str(&project.csw(&["svc", "lock", "-o", "json"]).ok()).unwrap();
    let id = docker_says(["inspect", "-f", "{{.Id}}", project.base()]);
    assert_eq!(lock["images"][project.base()]["id"], id.as_str(), "{lock}");
    project.build(&["models", "build"]);
    // Somebody moves the base's name meanwhile.
    let folder = project.sandbox.work().join("other");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("Dockerfile"), format!("FROM {}\nLABEL a=b\n", project.base())).unwrap();
    docker_says(["build", "--quiet", "--tag", project.base(), folder.to_str().unwrap()]);
    let output = project.csw(&["models", "build"]).output();
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(
        output.stderr.contains("csw-images.lock.json") && output.stderr.contains("csw svc lock"),
        "{}",
        output.stderr
    );
    project.csw(&["svc", "lock"]).ok();
    assert_eq!(project.build(&["models", "build"])[0]["skipped"], false);
}

#[test]
fn a_project_may_bring_dockerfiles_of_its_own() {
    let Some(project) = Project::new() else { return };
    project.model("Own", "", &[RUN]);
    project.sandbox.write("csw.yaml", "");
    project.sandbox.write(
        "templates/images/Tests/Own.Dockerfile",
        "FROM {{ base }} AS first\nARG GREETING=none\nRUN echo \"$GREETING from {{ title }}\" > /greeting\nFROM {{ base }}\nCOPY --from=first /greeting /\nCOPY model/ /model/\nWORKDIR /model\n",
    );
    project.build(&["models", "build", "--build-arg", "GREETING=hello"]);
    assert_eq!(in_image(&project.image("tests_own_tasks"), "cat /greeting; ls"), "hello from Own\nrun.sh");
    project.sandbox.write("templates/images/model.Dockerfil.Dockerfile", "FROM x");
    let output = project.csw(&["models", "build"]).output();
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("model.Dockerfil.Dockerfile"), "{}", output.stderr);
}

#[test]
fn a_repository_installs_what_it_asks_for_with_its_own_script() {
    let Some(project) = Project::new() else { return };
    let script = "echo installed > /installed\npwd >> /installed\n";
    project.model("Asks", "", &[RUN, ("cs-config/install.sh", script)]);
    project.build(&["models", "build"]);
    assert_eq!(in_image(&project.image("tests_asks_tasks"), "cat /installed"), "installed\n/model");
}
