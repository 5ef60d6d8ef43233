//! The examples from their repositories to numbers: built, tested, pushed, pulled and run in containers, they say what
//! they say without any.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::registry::{Login, PASSWORD, Registry};
use crate::support::{Base, Corner, Csw, Sandbox, base_image, docker, docker_says, require};

const SECRET: &str = "hunter2-of-the-model";

struct Pipeline {
    sandbox: Sandbox,
    corner: Corner,
    registry: Registry,
    config: PathBuf,
}

impl Pipeline {
    /// The examples as they are shipped, and a registry that wants a login. `None` leaves the test out.
    fn new() -> Option<Self> {
        if !require("docker") || !require("registry") {
            return None;
        }
        let sandbox = Sandbox::new();
        let registry = Registry::with(Login::Basic, false);
        let config = registry.docker_config(&registry.address);
        Some(Self { sandbox, corner: Corner::new(), registry, config })
    }

    /// Takes the example over; its file gets these lines as well.
    fn example(&self, title: &str, repo_url: &str, more: &str) {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("config/Examples/{title}.yaml"));
        let text = fs::read_to_string(shipped).unwrap();
        let local = format!("repo_url: ./examples/{}\n", title.to_lowercase());
        assert!(text.contains(&local), "{text}");
        let text = text.replace(&local, &format!("repo_url: {repo_url}\n"));
        self.sandbox.write(&format!("config/Examples/{title}.yaml"), format!("{text}{more}"));
    }

    fn csw(&self, args: &[&str]) -> Csw {
        self.sandbox
            .csw(args)
            .with_engine()
            .env("CSW_REGISTRY", &self.registry.address)
            .env("PROJECT", self.corner.project())
            .env("TAG", "v1")
            .env("DOCKER_CONFIG", &self.config)
    }

    fn image(&self, title: &str) -> String {
        let name = format!("examples_{}_tasks", title.to_lowercase());
        format!("{}/{}/{name}:v1", self.registry.address, self.corner.project())
    }

    /// Builds it on this base, tests it, pushes it, forgets it, and pulls it. Gives the record of the build.
    fn publish(&self, title: &str, base: &str) -> Value {
        let (model, image) = (format!("Examples/{title}"), self.image(title));
        let build = ["models", "-n", &model, "build", "-o", "json"];
        let built: Value = serde_json::from_str(&self.csw(&build).env("CSW_BASE_IMAGE", base).ok()).unwrap();
        let record = built["images"][0].clone();
        assert_eq!((&record["image"], &record["skipped"]), (&json!(image), &json!(false)), "{record}");
        let tested = self.csw(&["models", "-n", &model, "test", "-o", "json"]).ok();
        let tested: Value = serde_json::from_str(&tested).unwrap();
        assert_eq!(
            (&tested[0]["result"], &tested[0]["image_id"]),
            (&json!("passed"), &record["id"]),
            "{tested}"
        );
        let pushed = self.csw(&["models", "-n", &model, "push", "-o", "json"]).ok();
        let pushed: Value = serde_json::from_str(&pushed).unwrap();
        let digest = pushed["images"][0]["digest"].as_str().unwrap().to_owned();
        docker_says(["rmi", "--force", &image]);
        let config = self.config.display().to_string();
        docker_says(["--config", &config, "pull", "--quiet", &image]);
        let digests = docker_says(["image", "inspect", "-f", "{{json .RepoDigests}}", &image]);
        assert!(digests.contains(&digest), "{digests} instead of {digest}");
        record
    }

    /// What a simulation with this adjustment gives in the image, by csw's executor there: the bytes of each output.
    fn outputs_in_image(&self, title: &str, entry: &Value, adjustment: &Value) -> Vec<Vec<u8>> {
        const RUN: &str = "mkdir /tmp/job && printf %s \"$1\" >/tmp/job/launch.json && \
            printf %s \"$2\" >/tmp/job/kwargs.json && CSW_JOB_DIR=/tmp/job csw job --job-id run --route-name sim >&2 && \
            cat /tmp/job/result.json";
        let launch = json!({
            "task_id": "run", "task": "sim", "model": format!("Examples/{title}"), "entry": entry, "workdir": "/model",
        });
        let kwargs = json!({"meta_param_dict": {}, "adjustment": adjustment});
        let mut command =
            docker(["run", "--rm", "--network=none", &self.image(title), "sh", "-c", RUN, "sh"]);
        let output = command.args([launch.to_string(), kwargs.to_string()]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(result["status"], "SUCCESS", "{result}");
        let lists =
            ["renderable", "downloadable"].map(|list| result["outputs"][list].as_array().unwrap().clone());
        let bytes = |output: &Value| {
            let data = output["data"].as_str().unwrap();
            match output["media_type"].as_str().unwrap() {
                "PNG" => STANDARD.decode(data).unwrap(),
                _ => data.as_bytes().to_owned(),
            }
        };
        let mut all: Vec<Vec<u8>> = lists.concat().iter().map(bytes).collect();
        all.sort();
        all
    }

    /// The same by the embedded stack.
    fn outputs_here(&self, title: &str, sets: &[&str]) -> Vec<Vec<u8>> {
        let model = format!("Examples/{title}");
        let mut args = vec!["jobs", "run", "-n", &model, "--out", title];
        args.extend(sets.iter().flat_map(|set| ["--set", set]));
        self.sandbox.csw(&args).ok();
        let mut all = Vec::new();
        files(&self.sandbox.work().join(title), &mut all);
        all.sort();
        all
    }

    /// Neither the image's history, nor its configuration, nor its files hold a secret.
    fn holds_no_secret(&self, title: &str) {
        let image = self.image(title);
        let said = docker_says(["history", "--no-trunc", &image]) + &docker_says(["inspect", &image]);
        let find = format!(
            "grep -rlF -e {SECRET} -e '{PASSWORD}' /model /etc /tmp /usr/local /opt 2>/dev/null; true"
        );
        let found = docker_says(["run", "--rm", "--network=none", &image, "sh", "-c", &find]);
        assert_eq!(found, "", "files with secrets");
        for secret in [SECRET, PASSWORD] {
            assert!(!said.contains(secret), "{said}");
        }
    }
}

/// What is in the files of a folder of results, but for the one that says whose results these are.
fn files(folder: &Path, found: &mut Vec<Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            _ if path.ends_with(".csw-folder") => {}
            true => files(&path, found),
            false => found.push(fs::read(path).unwrap()),
        }
    }
}

fn git(folder: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(["-c", "user.name=T", "-c", "user.email=t@example.org"]).args(args);
    let output = command.output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A bare repository with the example in it, and its commit.
fn bare_repository(folder: &Path, title: &str) -> (String, String) {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(title);
    let (work, bare) = (folder.join("work"), folder.join("served.git"));
    fs::create_dir_all(&work).unwrap();
    let copied = Command::new("cp").arg("-r").arg(example.join(".")).arg(&work).status().unwrap();
    assert!(copied.success());
    git(&work, &["init", "--quiet", "--initial-branch=main"]);
    // What running the tests by hand may have left there.
    fs::write(work.join(".gitignore"), "__pycache__\n").unwrap();
    git(&work, &["add", "--all"]);
    git(&work, &["commit", "--quiet", "--message", "Publish"]);
    let commit = git(&work, &["rev-parse", "HEAD"]);
    git(folder, &["clone", "--quiet", "--bare", "work", "served.git"]);
    (format!("file://{}", bare.display()), commit)
}

#[test]
fn solow_from_a_git_repository_gives_the_same_numbers_in_its_image() {
    let Some(base) = base_image(Base::Pytest) else { return };
    let Some(pipeline) = Pipeline::new() else { return };
    let (url, commit) = bare_repository(&pipeline.sandbox.work().join("repository"), "solow");
    pipeline.example("Solow", &url, "repo_tag: main\nsecrets: [API_KEY]\n");
    pipeline.csw(&["models", "-n", "Examples/Solow", "secrets", "set", "API_KEY"]).stdin(SECRET).ok();
    let record = pipeline.publish("Solow", &base);
    assert_eq!(record["commit"], commit);
    let adjustment = json!({"Solow": {"savings_rate": 0.3}});
    let there = pipeline.outputs_in_image("Solow", &json!({"python": {"interpreter": null}}), &adjustment);
    assert_eq!(there, pipeline.outputs_here("Solow", &["Solow.savings_rate=0.3"]));
    assert!(there.len() >= 3, "{} outputs", there.len());
    pipeline.holds_no_secret("Solow");
}

#[test]
fn epidemic_gives_the_same_numbers_in_its_image() {
    let Some(base) = base_image(Base::Shell) else { return };
    let Some(pipeline) = Pipeline::new() else { return };
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/epidemic");
    pipeline.example("Epidemic", &example.display().to_string(), "");
    pipeline.publish("Epidemic", &base);
    let adjustment = json!({"Epidemic": {"reproduction_number": 2.5}});
    let entry = json!({"command": {"argv": ["sh", "run.sh"]}});
    let there = pipeline.outputs_in_image("Epidemic", &entry, &adjustment);
    assert_eq!(there, pipeline.outputs_here("Epidemic", &["Epidemic.reproduction_number=2.5"]));
    assert!(there.len() >= 3, "{} outputs", there.len());
    pipeline.holds_no_secret("Epidemic");
}

/// The lines of the README, as a pipeline runs them: from a repository to objects that name the image by its digest.
#[test]
fn the_pipeline_of_the_readme_pins_what_it_has_tested() {
    let Some(base) = base_image(Base::Pytest) else { return };
    let Some(pipeline) = Pipeline::new() else { return };
    let (url, _) = bare_repository(&pipeline.sandbox.work().join("repository"), "solow");
    pipeline.example("Solow", &url, "repo_tag: main\n");
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let lines: Vec<&str> =
        readme.lines().filter_map(|line| line.strip_prefix("    csw models -n Examples/Solow ")).collect();
    let verbs: Vec<&str> = lines.iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(verbs, ["build", "test", "push", "config"]);
    for line in lines {
        let args: Vec<&str> = ["models", "-n", "Examples/Solow"].into_iter().chain(line.split(' ')).collect();
        pipeline.csw(&args).env("CSW_BASE_IMAGE", &base).ok();
    }
    let built: Value = serde_json::from_str(&pipeline.sandbox.read("build.json")).unwrap();
    let digest = built["images"][0]["digest"].as_str().unwrap();
    let image = pipeline.image("Solow");
    let (repository, _) = image.rsplit_once(':').unwrap();
    let mut manifests = Vec::new();
    files(&pipeline.sandbox.work().join("manifests"), &mut manifests);
    let pinned = format!("{repository}@{digest}");
    let text = String::from_utf8(manifests.concat()).unwrap();
    assert!(text.contains(&pinned) || text.contains(&format!("{image}@{digest}")), "{pinned} in {text}");
    assert!(pipeline.sandbox.read("tests.xml").contains("Examples/Solow"));
    let latest = format!("{repository}:latest");
    docker_says(["--config", &pipeline.config.display().to_string(), "pull", "--quiet", &latest]);
    assert!(docker_says(["inspect", "-f", "{{.RepoDigests}}", &latest]).contains(digest));
}
