//! What the published JSON schemas of Kubernetes and another reader of YAML say about the goldens.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::require;

const SCRIPT: &str = r"
import glob, json, sys, yaml
import kubernetes_validate
wrong, documents = [], {}
for path in sorted(glob.glob(sys.argv[1] + '/*/*/*.yaml')):
    version = path.split('/')[-3]
    # YAML 1.1, as kubectl reads it.
    documents[path] = list(yaml.safe_load_all(open(path)))
    for one in documents[path]:
        # The schemas begin with 1.25; the oldest release has kinds that they don't know any more.
        if version == '1.20':
            continue
        try:
            kubernetes_validate.validate(one, version, strict=True)
        except Exception as e:
            wrong.append('%s: %s %s: %s' % (path, one['kind'], one['metadata']['name'], e))
print(json.dumps({'wrong': wrong, 'documents': documents}))
";

/// An environment with the schemas, made once a checkout.
fn python() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kubernetes-validate-1.37.0");
    let python = folder.join("bin/python");
    if !folder.join("complete").exists() {
        let run = |command: &mut Command| {
            let output = command.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "kubernetes-validate==1.37.0"]));
        std::fs::write(folder.join("complete"), "").unwrap();
    }
    python
}

#[test]
fn goldens_validate_against_the_published_schemas() {
    if !require("pypi") {
        return;
    }
    let goldens = format!("{}/tests/golden/render", env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(python()).args(["-c", SCRIPT, &goldens]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["wrong"], serde_json::json!([]));
    let files = found["documents"].as_object().unwrap();
    assert_eq!(files.len(), 36);
    // What a reader of YAML 1.1 makes of the text is what was rendered.
    for (path, documents) in files {
        let ours: Vec<Value> = serde_saphyr::from_multiple(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(documents.as_array().unwrap(), &ours, "{path}");
    }
}
