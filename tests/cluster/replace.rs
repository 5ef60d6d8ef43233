//! What can't be changed is replaced where that is asked for, and only there.

use super::space::{Space, actions};
use crate::support::{on_each_cluster, require};

/// A Job whose command can't be changed, and a binding whose role can't.
fn objects(command: &str, role: &str) -> String {
    format!(
        r#"apiVersion: batch/v1
kind: Job
metadata: {{name: j}}
spec:
  template:
    spec:
      restartPolicy: Never
      nodeSelector: {{no: such}}
      containers:
      - {{name: c, image: "csw-test/busybox:1", command: [{command}]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: b}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: {role}}}
subjects: [{{kind: ServiceAccount, name: default}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: c}}
data: {{command: {command}}}
"#
    )
}

on_each_cluster!(what_cannot_be_changed_is_replaced_only_when_that_is_said);

fn what_cannot_be_changed_is_replaced_only_when_that_is_said() {
    if !require("kubernetes") {
        return;
    }
    let space = Space::new();
    let uid = |resource: &str| space.get(resource)["metadata"]["uid"].as_str().unwrap().to_owned();
    space.sandbox.write("all.yaml", objects("one", "r1"));
    let apply = ["cluster", "apply", "-f", "all.yaml"];
    space.json(&apply, 0);
    let (job, binding, map) = (uid("job/j"), uid("rolebinding/b"), uid("configmap/c"));

    space.sandbox.write("all.yaml", objects("two", "r2"));
    let output = space.run(&apply);
    assert_eq!(output.code, 4, "{}", output.stderr);
    for words in
        ["nothing was applied", "field is immutable", "cannot change roleRef", "--force-replace deletes it"]
    {
        assert!(output.stderr.contains(words), "{words}: {}", output.stderr);
    }
    assert_eq!(
        space.get("configmap/c")["data"]["command"],
        "one",
        "nothing is applied if anything is refused"
    );

    let replace = [&apply[..], &["--force-replace"]].concat();
    let dry = space.json(&[&replace[..], &["--dry-run"]].concat(), 0);
    assert_eq!(dry["summary"]["replace"], 2);
    assert_eq!(uid("job/j"), job, "a dry run replaces nothing");
    let done = space.json(&replace, 0);
    assert_eq!(actions(&done)["Job/j"], "replace");
    assert_eq!(actions(&done)["RoleBinding/b"], "replace");
    assert_eq!(actions(&done)["ConfigMap/c"], "update");
    assert!(uid("job/j") != job && uid("rolebinding/b") != binding);
    assert_eq!(uid("configmap/c"), map, "what can be changed is not replaced");
    assert_eq!(space.get("job/j")["spec"]["template"]["spec"]["containers"][0]["command"][0], "two");
    assert_eq!(space.members("job"), ["j"]);
    assert_eq!(space.json(&apply, 0)["summary"]["unchanged"], 3);

    // What the server would not take is told before the old one goes.
    space.sandbox.write(
        "all.yaml",
        objects("\"\", name: \"No Such\"", "r3").replace("restartPolicy: Never", "restartPolicy: Always"),
    );
    let job = uid("job/j");
    let output = space.run(&replace);
    assert_eq!(output.code, 4, "{}", output.stderr);
    assert_eq!(uid("job/j"), job);
}

on_each_cluster!(what_is_not_ours_or_cannot_be_made_again_is_never_replaced);

fn what_is_not_ours_or_cannot_be_made_again_is_never_replaced() {
    if !require("kubernetes") {
        return;
    }
    let space = Space::new();
    let claim = |size: &str| {
        format!(
            "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: p}}\nspec: {{storageClassName: none, volumeName: one-that-is-to-come, accessModes: [{size}], resources: {{requests: {{storage: 1Gi}}}}}}\n"
        )
    };
    space.sandbox.write("all.yaml", claim("ReadWriteOnce"));
    space.json(&["cluster", "apply", "-f", "all.yaml"], 0);
    space.sandbox.write("all.yaml", claim("ReadOnlyMany"));
    let replace = ["cluster", "apply", "-f", "all.yaml", "--force-replace", "--force-conflicts"];
    let output = space.run(&replace);
    assert_eq!(output.code, 4, "{}", output.stderr);
    assert!(output.stderr.contains("objects of this kind are never replaced"), "{}", output.stderr);

    let file = space.sandbox.write("theirs.yaml", objects("one", "r1"));
    space.kubectl(&["apply", "-f", file.to_str().unwrap()]);
    space.sandbox.write("all.yaml", objects("two", "r2"));
    let output = space.run(&replace);
    assert_eq!(output.code, 4, "{}", output.stderr);
    assert!(output.stderr.contains("it is no member of this set"), "{}", output.stderr);
}
