use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::Project;
use crate::registry::content;
use crate::support::require;

#[test]
fn images_are_handed_to_the_local_cluster_s_tool() {
    if !require("docker") {
        return;
    }
    let config = tempfile::tempdir().unwrap();
    let project = Project::new("localhost:1", config.path());
    let output = project.csw(["svc", "push", "--use-kind"]).output();
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("there is no image"), "{}", output.stderr);
    for (seed, name) in ["scheduler:v1", "outputs_processor:v1", "redis:v1"].iter().enumerate() {
        project.build(name, &content(100, seed as u32));
    }
    // The tool writes down what it is called with.
    let tools = tempfile::tempdir().unwrap();
    let kind = tools.path().join("kind");
    let calls = tools.path().join("calls");
    fs::write(&kind, format!("#!/bin/sh\necho \"$@\" >> {}\n", calls.display())).unwrap();
    fs::set_permissions(&kind, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", tools.path().display());
    let output = project.csw(["svc", "push", "--use-kind"]).env("PATH", &path).output();
    assert_eq!(output.code, 0, "{}", output.stderr);
    let expected = format!(
        "load docker-image {} {} {}\n",
        project.image("scheduler:v1"),
        project.image("outputs_processor:v1"),
        project.image("redis:v1")
    );
    assert_eq!(fs::read_to_string(&calls).unwrap(), expected);
    let output = project.csw(["svc", "push", "--load", "k3d"]).env("PATH", &path).output();
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("k3d is not on PATH"), "{}", output.stderr);
    fs::write(&kind, "#!/bin/sh\necho 'ERROR: no nodes found for cluster \"kind\"' >&2\nexit 1\n").unwrap();
    let output = project.csw(["svc", "push", "--load", "kind"]).env("PATH", &path).output();
    assert_eq!(output.code, 4);
    assert!(output.stderr.contains("no nodes found for cluster"), "{}", output.stderr);
}
