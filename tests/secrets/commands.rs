use crate::support::Sandbox;

const MODEL: &str = "PSLmodels/Tax-Cruncher";

#[test]
fn a_model_s_secret_goes_in_and_comes_out() {
    let sandbox = Sandbox::new();
    let set = sandbox
        .csw(["models", "-n", MODEL, "secrets", "set", "--secret-name", "super", "--secret-value", "secret"])
        .output();
    assert_eq!((set.code, set.stdout.as_str()), (0, ""), "{}", set.stderr);
    assert!(set.stderr.contains("warning: others on this machine can see a value"), "{}", set.stderr);
    assert!(set.stderr.contains("Made a new identity at "), "{}", set.stderr);
    assert_eq!(sandbox.csw(["models", "-n", MODEL, "secrets", "get", "super"]).ok(), "secret\n");
    assert_eq!(
        sandbox
            .csw(["models", "secrets", "--owner", "PSLmodels", "--title", "Tax-Cruncher", "get", "super"])
            .ok(),
        "secret\n"
    );
    // Another spelling of the same safe name is the same entry; the cluster's are others.
    assert_eq!(
        sandbox.csw(["models", "-n", "pslmodels/taxcruncher", "secrets", "get", "super"]).ok(),
        "secret\n"
    );
    assert_eq!(sandbox.csw(["secrets", "list"]).ok(), "No secrets. Set one with `csw secrets set NAME`\n");

    let store = std::fs::read_to_string(sandbox.home().join(".config/csw/secrets.age")).unwrap();
    assert!(store.starts_with("-----BEGIN AGE ENCRYPTED FILE-----"));
    assert!(!store.contains("secret") && !store.contains("super"));
}

#[test]
fn what_it_writes_is_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::new();
    sandbox.csw(["secrets", "set", "a"]).stdin("b").ok();
    let folder = sandbox.home().join(".config/csw");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.push(path.file_name().unwrap().to_string_lossy().into_owned());
    }
    names.sort();
    assert_eq!(names, ["identity.txt", "secrets.age", "secrets.age.lock"]);
}

#[test]
fn the_cluster_s_secrets_have_two_names() {
    let sandbox = Sandbox::new();
    sandbox.csw(["svc", "secrets", "set", "BUCKET", "gs://b"]).ok();
    assert_eq!(sandbox.csw(["secrets", "get", "BUCKET"]).ok(), "gs://b\n");
    assert_eq!(sandbox.csw(["services", "secrets", "get", "BUCKET"]).ok(), "gs://b\n");
}

#[test]
fn list_masks_unless_asked() {
    let sandbox = Sandbox::new();
    sandbox.csw(["models", "-n", MODEL, "secrets", "set", "super", "secret"]).ok();
    let list =
        |args: &[&str]| sandbox.csw(["models", "-n", MODEL, "secrets", "list"].iter().chain(args)).ok();
    assert_eq!(list(&[]), "NAME   VALUE\nsuper  ******\n");
    assert_eq!(list(&["-o", "json"]), "{\n  \"super\": \"******\"\n}\n");
    assert_eq!(list(&["-o", "name"]), "super\n");
    assert_eq!(list(&["-o", "json", "--reveal"]), "{\n  \"super\": \"secret\"\n}\n");
    let both = sandbox.csw([
        "models",
        "-n",
        "PSLmodels/OG-USA,PSLmodels/Tax-Cruncher",
        "secrets",
        "list",
        "-o",
        "json",
    ]);
    let both: serde_json::Value = serde_json::from_str(&both.ok()).unwrap();
    assert_eq!(both, serde_json::json!({"PSLmodels/OG-USA": {}, MODEL: {"super": "******"}}));
}

#[test]
fn a_secret_that_is_not_there_is_an_error_with_the_nearest_name() {
    let sandbox = Sandbox::new();
    sandbox.csw(["secrets", "set", "DB_PASSWORD", "x"]).ok();
    for verb in ["get", "delete"] {
        let output = sandbox.csw(["secrets", verb, "DB_PASWORD"]).output();
        assert_eq!((output.code, output.stdout.as_str()), (1, ""));
        assert_eq!(
            output.stderr,
            "error: the cluster has no secret `DB_PASWORD`\n  hint: Did you mean `DB_PASSWORD`?\n  hint: See all names with `csw secrets list`\n"
        );
    }
    // Nothing was ever set: the same, and no file is made.
    let empty = Sandbox::new();
    for verb in ["get", "delete"] {
        assert_eq!(empty.csw(["secrets", verb, "a"]).output().code, 1);
    }
    assert!(!empty.home().join(".config/csw/secrets.age").exists());
    assert!(!empty.home().join(".config/csw/identity.txt").exists());
}

#[test]
fn delete_takes_all_or_nothing() {
    let sandbox = Sandbox::new();
    sandbox.csw(["secrets", "import", "-"]).stdin("A=1\nB=2\n").ok();
    assert_eq!(sandbox.csw(["secrets", "delete", "A", "C"]).output().code, 1);
    assert_eq!(sandbox.csw(["secrets", "list", "-o", "name"]).ok(), "A\nB\n");
    sandbox.csw(["secrets", "delete", "A", "B"]).ok();
    assert_eq!(sandbox.csw(["secrets", "list", "-o", "json"]).ok(), "{}\n");
}

#[test]
fn several_models_are_changed_together_and_read_one_by_one() {
    let sandbox = Sandbox::new();
    sandbox.csw(["models", "-n", "A/B,C/D", "secrets", "set", "K"]).stdin("v").ok();
    for model in ["A/B", "C/D"] {
        assert_eq!(sandbox.csw(["models", "-n", model, "secrets", "get", "K"]).ok(), "v\n");
    }
    let get = sandbox.csw(["models", "-n", "A/B,C/D", "secrets", "get", "K"]).output();
    assert_eq!((get.code, get.stdout.as_str()), (2, ""));
    let none = sandbox.csw(["models", "secrets", "list"]).output();
    assert_eq!(none.code, 2);
    assert!(none.stderr.contains("which model?"), "{}", none.stderr);
}

#[test]
fn a_model_s_secret_is_named_like_a_variable() {
    let sandbox = Sandbox::new();
    let output = sandbox.csw(["models", "-n", "A/B", "secrets", "set", "a-b", "x"]).output();
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("it becomes an environment variable of the model"), "{}", output.stderr);
    sandbox.csw(["secrets", "set", "a-b", "x"]).ok();
    assert_eq!(sandbox.csw(["secrets", "set", "a/b", "x"]).output().code, 2);
}
