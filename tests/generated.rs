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

/// The help of every command, for reviews: a change of the command line shows as a change of this file.
#[test]
fn the_reference_is_the_help_of_every_command() {
    let mut text = String::new();
    reference(&mut cli::command().term_width(100), "", &mut text);
    generated("tests/snapshots/cli-reference.txt", &text);
}

fn reference(command: &mut clap::Command, above: &str, text: &mut String) {
    let path = format!("{above}{}", command.get_name());
    command.build();
    let help = command.clone().bin_name(&path).render_long_help().to_string();
    let lines: String = help.lines().map(|l| l.trim_end().to_owned() + "\n").collect();
    text.push_str(&format!("{}\n{path}\n\n{lines}\n", "=".repeat(100)));
    for sub in command.get_subcommands_mut() {
        reference(sub, &format!("{path} "), text);
    }
}
