//! Under which heading an option stands, in help and in manual pages.

use std::collections::BTreeMap;

use clap::{Arg, Command};

use crate::support::Sandbox;

const GLOBAL: [&str; 9] =
    ["tag", "project", "cr", "bucket", "cs-url", "cs-api-token", "color", "quiet", "verbose"];
const CLUSTER: [&str; 6] = ["kubeconfig", "context", "namespace", "as", "as-group", "applyset"];
const HEADINGS: [&str; 3] = ["Options", "Cluster options", "Global options"];

/// Every command with its path, `csw` first.
pub fn every_command(visit: &mut dyn FnMut(&str, &Command)) {
    fn walk(command: &Command, path: &str, visit: &mut dyn FnMut(&str, &Command)) {
        visit(path, command);
        for below in command.get_subcommands() {
            walk(below, &format!("{path} {}", below.get_name()), visit);
        }
    }
    let mut csw = csw::cli::command();
    csw.build();
    walk(&csw, "csw", visit);
}

/// Where an option belongs: a command that reaches a cluster takes `--kubeconfig`, and `--namespace` with it.
fn belongs(command: &Command, option: &Arg) -> &'static str {
    let long = option.get_long().unwrap_or_default();
    let has = |wanted: &str| command.get_arguments().any(|a| a.get_long() == Some(wanted));
    if GLOBAL.contains(&long) && has("cs-api-token") {
        HEADINGS[2]
    } else if CLUSTER.contains(&long) && has("kubeconfig") {
        HEADINGS[1]
    } else {
        HEADINGS[0]
    }
}

/// The long names that stand under each heading, in order; a heading ends where a line begins at the margin.
fn sections(text: &str) -> Vec<(String, Vec<String>)> {
    let mut sections: Vec<(String, Vec<String>)> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if !line.starts_with(' ') && !line.is_empty() {
            let heading = line.strip_suffix(':').filter(|h| h.to_lowercase().ends_with("options"));
            inside = heading.is_some();
            sections.extend(heading.map(|h| (h.to_owned(), Vec::new())));
        } else if inside && line.trim_start().starts_with('-') && line.len() - line.trim_start().len() <= 6 {
            let long = line.split("--").nth(1).unwrap_or_default();
            let name: String = long.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
            sections.last_mut().unwrap().1.push(name);
        }
    }
    sections
}

#[test]
fn each_option_stands_where_it_belongs_in_the_help_of_every_command() {
    let mut problems = Vec::new();
    every_command(&mut |path, command| {
        for option in command.get_arguments().filter(|a| a.get_long().is_some() && !a.is_hide_set()) {
            let (is, ought) = (option.get_help_heading().unwrap_or("Options"), belongs(command, option));
            if is != ought {
                problems.push(format!("{path}: {option} stands under {is}, not {ought}"));
            }
        }
        // csw itself has no other options.
        if path == "csw" {
            return;
        }
        let help = command.clone().term_width(100).render_long_help().to_string();
        let shown = sections(&help);
        let order: Vec<&str> = shown.iter().map(|(heading, _)| heading.as_str()).collect();
        let expected: Vec<&str> = HEADINGS.into_iter().filter(|h| order.contains(h)).collect();
        if order != expected || order.first() != Some(&"Options") {
            problems.push(format!("{path}: the headings are {order:?}"));
        }
        // What many commands share comes after what is the command's own; `--help` comes last of all.
        let own = &shown[0].1;
        let shared = own.iter().position(|o| ["on", "scheduler"].contains(&o.as_str()));
        let rest = shared.map_or(&[][..], |at| &own[at..]);
        if rest.iter().any(|o| !["on", "scheduler", "help"].contains(&o.as_str())) {
            problems.push(format!("{path}: shared options before its own: {own:?}"));
        }
    });
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn manual_pages_have_the_same_headings() {
    let sandbox = Sandbox::new();
    sandbox.csw(["man", "man1"]).ok();
    let mut problems = Vec::new();
    every_command(&mut |path, command| {
        let page = sandbox.read(&format!("man1/{}.1", path.replace(' ', "-")));
        let mut under: BTreeMap<String, String> = BTreeMap::new();
        let mut heading = String::new();
        for line in page.lines() {
            match line.strip_prefix(".SH ") {
                Some(next) => heading = next.trim_matches('"').to_owned(),
                None if line.starts_with("\\fB\\-") => {
                    let text = line.replace("\\-", "-").replace("\\fB", "").replace("\\fR", "");
                    if let Some(long) = text.split("--").nth(1) {
                        let name =
                            long.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
                        under.insert(name, heading.clone());
                    }
                }
                None => {}
            }
        }
        for option in command.get_arguments().filter(|a| a.get_long().is_some() && !a.is_hide_set()) {
            let long = option.get_long().unwrap();
            let ought = belongs(command, option).to_uppercase();
            if under.get(long) != Some(&ought) {
                problems.push(format!("{path}: --{long} stands under {:?}, not {ought}", under.get(long)));
            }
        }
    });
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn examples_in_manual_pages_are_lines_as_they_are_typed() {
    let sandbox = Sandbox::new();
    sandbox.csw(["man", "man1"]).ok();
    let page = sandbox.read("man1/csw-jobs-logs.1");
    let (_, examples) = page.split_once(".SH EXAMPLES\n.nf\n").unwrap();
    let (examples, _) = examples.split_once("\n.fi").unwrap();
    assert_eq!(examples.lines().next(), Some("csw jobs logs run\\-1"), "{examples}");
    let own = sandbox.read("man1/csw.1");
    let (people, machines) = own.split_once(".SH \"STARTED BY CSW ITSELF\"").unwrap();
    assert!(people.contains("csw\\-jobs(1)") && !people.contains("csw\\-api\\-task(1)"), "{people}");
    assert!(machines.contains("csw\\-api\\-task(1)"), "{machines}");
}
