//! What the repository ships and the program generates: `make regenerate` writes all of it anew.

use csw::cli::{self, Shell};

use crate::support::{Sandbox, generated};

#[test]
fn completions_are_those_of_the_program() {
    for (shell, name, path) in [
        (Shell::Bash, "bash", "completions/csw.bash"),
        (Shell::Elvish, "elvish", "completions/csw.elv"),
        (Shell::Fish, "fish", "completions/csw.fish"),
        (Shell::Powershell, "powershell", "completions/_csw.ps1"),
        (Shell::Zsh, "zsh", "completions/_csw"),
    ] {
        let script = cli::completion_script(shell).unwrap();
        assert_eq!(Sandbox::new().csw(["completions", name]).ok(), script);
        generated(path, &script);
    }
}

#[test]
fn the_schema_of_the_settings_file_is_that_of_the_settings() {
    let schema = serde_json::to_string_pretty(&csw::settings::json_schema()).unwrap() + "\n";
    generated("config/schema/csw.schema.json", &schema);
}

#[test]
fn the_schemas_of_models_are_those_of_the_types() {
    for (name, schema) in [
        ("model.schema.json", csw::config::schema::model_schema()),
        ("models-list.schema.json", csw::config::schema::list_schema()),
    ] {
        generated(&format!("config/schema/{name}"), &(serde_json::to_string_pretty(&schema).unwrap() + "\n"));
    }
}
