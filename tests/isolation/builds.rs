//! What build scripts of a model's packages find in their environment.

use crate::support::{Sandbox, require};

#[test]
fn a_build_script_sees_no_credentials() {
    if !require("pypi") {
        return;
    }
    let sandbox = Sandbox::new();
    let seen = sandbox.home().join("seen");
    sandbox.write(
        "model/setup.py",
        format!(
            "import os\nopen({:?}, 'w').write('\\n'.join(sorted(os.environ)))\n\
             from setuptools import setup\nsetup(name='m', version='1', py_modules=[], install_requires=['six'])\n",
            seen.display().to_string()
        ),
    );
    sandbox.write("model/cs-config/cs_config/__init__.py", "");
    sandbox.write("model/cs-config/cs_config/functions.py", "def get_version():\n    return '1'\n");
    sandbox
        .write("config/Test/M.yaml", "owner: Test\ntitle: M\ntimestamp: \"2026-01-01\"\nrepo_url: ./model\n");
    let mut csw = sandbox.csw(["models", "prepare", "Test/M"]);
    let secrets = [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "REDIS_EXECUTOR_PW",
        "CS_API_TOKEN",
        "CSW_SCHEDULER_TOKEN",
        "GITHUB_TOKEN",
        "KUBECONFIG",
        "SSH_AUTH_SOCK",
        "SOMETHING_ELSE",
    ];
    for name in secrets {
        csw = csw.env(name, "/hunter2");
    }
    csw.env("PIP_RETRIES", "1").ok();
    let seen = std::fs::read_to_string(seen).unwrap();
    let seen: Vec<&str> = seen.lines().collect();
    for name in secrets {
        assert!(!seen.contains(&name), "{name} in {seen:?}");
    }
    assert!(seen.contains(&"PATH") && seen.contains(&"PIP_RETRIES"), "{seen:?}");
}
