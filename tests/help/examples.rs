//! Every example of every help is run, and whatever csw suggests can at least be parsed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use clap::error::ErrorKind;

use super::headings::every_command;
use super::places::{self, ELSEWHERE, Place};
use super::project::Project;
use crate::support::{Up, WebApp, missing, on_each_cluster, on_path, require};

/// The examples of all commands, each once, in the order of the commands.
pub fn examples() -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    every_command(&mut |_, command| {
        for told in [command.get_after_help(), command.get_after_long_help()].into_iter().flatten() {
            let told = told.to_string();
            let lines = told.lines().skip_while(|line| *line != "Examples:").skip(1);
            for line in lines.take_while(|line| !line.is_empty()).map(str::trim) {
                if !found.iter().any(|known| known == line) {
                    found.push(line.to_owned());
                }
            }
        }
    });
    found
}

fn place(example: &str) -> Place {
    ELSEWHERE.iter().find(|(line, _)| *line == example).map_or(Place::Here(""), |(_, place)| *place)
}

/// Programs that examples use beside csw.
const PROGRAMS: [&str; 5] = ["jq", "kubectl", "man", "curl", "seq"];

/// Examples of a place, without those for which the machine has no program.
fn of(wanted: impl Fn(&Place) -> bool) -> Vec<(String, Place)> {
    let there = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let lacking = PROGRAMS.into_iter().find(|program| words.contains(program) && !on_path(program));
        lacking.inspect(|program| missing(program, "not on PATH")).is_none()
    };
    let placed = examples().into_iter().map(|line| (line.clone(), place(&line)));
    placed.filter(|(line, place)| wanted(place) && there(line)).collect()
}

#[test]
fn every_example_that_runs_elsewhere_is_there() {
    let known: BTreeSet<String> = examples().into_iter().collect();
    let gone: Vec<&str> =
        ELSEWHERE.iter().map(|(line, _)| *line).filter(|line| !known.contains(*line)).collect();
    assert!(gone.is_empty(), "no help has these examples any more: {gone:#?}");
    for (line, place) in ELSEWHERE {
        if let Place::NotRun(why) = place {
            assert!(why.len() > 20, "{line}: say why it is not run");
        }
    }
}

/// In a project on this machine, each in one of its own.
#[test]
fn examples_that_need_nothing_work() {
    if !require("python3") {
        return;
    }
    let wrong: Vec<String> = of(|p| matches!(p, Place::Here(_)))
        .into_iter()
        .filter_map(|(line, place)| {
            let Place::Here(before) = place else { return None };
            let project = Project::new();
            project.sh(before).err().or_else(|| project.sh(&line).err())
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// What asks is answered, on a terminal.
#[test]
fn examples_that_ask_work() {
    let wrong: Vec<String> = of(|p| matches!(p, Place::Asks(..)))
        .into_iter()
        .filter_map(|(line, place)| {
            let Place::Asks(before, answers) = place else { return None };
            let project = Project::new();
            project.sh(before).err().or_else(|| project.on_a_terminal(&line, answers).err())
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Started, seen to listen, asked to end, ended well.
#[test]
fn examples_that_serve_work() {
    let wrong: Vec<String> = of(|p| matches!(p, Place::Serves(_)))
        .into_iter()
        .filter_map(|(line, place)| {
            let Place::Serves(before) = place else { return None };
            let project = Project::new();
            project.sh(before).err().or_else(|| project.serves(&line).err())
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// In order, on one stack; its web app refuses the results of run-1 and run-2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn examples_for_a_running_stack_work() {
    if !require("python3") {
        return;
    }
    let web_app = WebApp::start().await;
    web_app.always_fail("run-1", 400);
    web_app.always_fail("run-2", 400);
    let project = Project::new();
    let up = Up::spawn({
        let mut command = project.command("exec csw up --listen 127.0.0.1:0 --data data");
        command.env("CS_URL", web_app.url.as_str()).env("CS_API_TOKEN", "s3cret");
        command
    });
    let project = project.with("CSW_SCHEDULER", &up.url);
    let mut wrong: Vec<String> = Vec::new();
    wrong.extend(project.sh("csw jobs submit -n Examples/Solow --id run-2").err());
    for (line, place) in of(|p| matches!(p, Place::Stack(_))) {
        let Place::Stack(before) = place else { continue };
        wrong.extend(project.sh(before).err().or_else(|| project.sh(&line).err()));
    }
    assert!(wrong.is_empty(), "{}\n\n{}", wrong.join("\n\n"), up.said());
}

on_each_cluster!(
    oldest examples_for_a_cluster_work,
    "the commands are the same for every release, and what they do is tested elsewhere on each"
);

/// In order, in one namespace of the cluster.
fn examples_for_a_cluster_work() {
    if !require("kubernetes") || !require("python3") {
        return;
    }
    let place = places::Cluster::new();
    let mut wrong: Vec<String> = place.prepare().err().into_iter().collect();
    for (line, at) in
        of(|p| matches!(p, Place::Cluster(_) | Place::ClusterAsks(..) | Place::ClusterServes(_)))
    {
        let line = place.here(&line);
        wrong.extend(match at {
            Place::Cluster(before) => place.project.sh(before).and_then(|()| place.project.sh(&line)).err(),
            Place::ClusterAsks(before, answers) => {
                place.project.sh(before).and_then(|()| place.project.on_a_terminal(&line, answers)).err()
            }
            Place::ClusterServes(before) => {
                place.project.sh(before).and_then(|()| place.project.serves(&line)).err()
            }
            _ => None,
        });
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// In order, with the Docker engine and a registry of the test.
#[test]
fn examples_for_images_work() {
    if !require("docker") || !require("registry") {
        return;
    }
    let Some(place) = places::Engine::new() else { return };
    let mut wrong = Vec::new();
    for (line, at) in of(|p| matches!(p, Place::Engine(_))) {
        let Place::Engine(before) = at else { continue };
        if line.contains("--unused") && !require("kubernetes") {
            continue;
        }
        let line = place.here(&line);
        wrong.extend(place.project.sh(before).and_then(|()| place.project.sh(&line)).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// The runs of csw in a shell's line.
fn runs(line: &str) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    let code = line.split(" #").next().unwrap_or_default();
    // What a command in parentheses says stands for an image, which is the only thing that examples take so.
    let (code, inner) = match code.split_once("$(").and_then(|(a, rest)| Some((a, rest.split_once(')')?))) {
        Some((before, (inner, after))) => (format!("{before}example.com/a/b:1{after}"), inner.to_owned()),
        None => (code.to_owned(), String::new()),
    };
    for part in [code, inner].iter().flat_map(|code| code.split(['|', ';', '&'])) {
        let Ok(words) = shlex(part) else { continue };
        let at = words.iter().position(|word| word == "csw");
        if let Some(at) = at {
            let words = words[at..].iter().take_while(|word| !word.contains(['>', '<']));
            commands.push(words.cloned().collect());
        }
    }
    commands
}

/// Words of a line with quotes, as far as examples have them.
fn shlex(text: &str) -> Result<Vec<String>, ()> {
    let mut words: Vec<String> = Vec::new();
    let (mut word, mut quote, mut any) = (String::new(), None, false);
    for c in text.chars() {
        match (c, quote) {
            ('\'' | '"', None) => (quote, any) = (Some(c), true),
            (c, Some(open)) if c == open => quote = None,
            (' ' | '\n', None) => {
                if any || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            (c, _) => word.push(c),
        }
    }
    if any || !word.is_empty() {
        words.push(word);
    }
    if quote.is_none() { Ok(words) } else { Err(()) }
}

/// What is wrong with a command line, if anything is; that it may lack what only its reader knows is not.
fn misparsed(words: &[String]) -> Option<String> {
    let error = csw::cli::command().try_get_matches_from(words).err()?;
    let fine = [
        ErrorKind::DisplayHelp,
        ErrorKind::DisplayVersion,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
        ErrorKind::MissingRequiredArgument,
        ErrorKind::MissingSubcommand,
    ];
    let said = error.to_string();
    (!fine.contains(&error.kind()) && !said.contains("a value is required")).then_some(said)
}

#[test]
fn every_example_can_be_parsed() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in examples() {
        for words in runs(&line) {
            count += 1;
            wrong.extend(misparsed(&words).map(|why| format!("{line}\n{why}")));
        }
    }
    assert!(count > 100, "{count}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Commands in backquotes in messages, help and documents; and what a hint names without them, after a colon.
#[test]
fn every_command_that_is_suggested_can_be_parsed() {
    fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, found);
            } else if path.extension().is_some_and(|e| ["rs", "md", "yaml", "html"].iter().any(|x| e == *x)) {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = vec![root.join("README.md")];
    ["src", "templates", "config", "examples"]
        .iter()
        .for_each(|folder| files(&root.join(folder), &mut paths));
    let mut wrong = BTreeMap::new();
    let mut count = 0;
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        // A quotation that goes on in the next line is none of a command.
        for line in text.lines().filter(|line| line.matches('`').count() % 2 == 0) {
            let quoted = line.split('`').skip(1).step_by(2).filter(|code| code.starts_with("csw "));
            // Only a message suggests without backquotes; comments and documents are prose.
            let message = path.extension().is_some_and(|e| e == "rs") && !line.trim_start().starts_with("//");
            let told = line.split(": csw ").skip(1).filter(|_| message);
            let told = told.filter_map(|rest| rest.split(['"', '`', ';', ',']).next());
            let told: Vec<String> = told.map(|rest| format!("csw {rest}")).collect();
            for suggested in quoted.chain(told.iter().map(String::as_str)) {
                // A page for people may leave words out.
                let placed = suggested.split(' ').take(3).any(|word| word.starts_with('{'));
                if placed || suggested.contains(['…', '|', '<']) || suggested.contains("...") {
                    continue;
                }
                count += 1;
                if let Some(why) = suggestion(suggested) {
                    wrong.insert(format!("{}: {suggested}", path.display()), why);
                }
            }
        }
    }
    assert!(count > 80, "{count}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What is wrong with a suggestion whatever its placeholders stand for.
fn suggestion(text: &str) -> Option<String> {
    let text = text.replace("SHELL", "bash").replace("IMAGE", "example.com/a/b:1");
    let fill = |first: &str, others: &str| {
        let mut filled = String::new();
        let (mut rest, mut with) = (text.as_str(), first);
        while let Some((before, after)) = rest.split_once('{') {
            filled = filled + before + with;
            (_, rest) = after.split_once('}').unwrap_or(("", after));
            with = others;
        }
        filled + rest
    };
    let attempts =
        [fill("A/B", "A/B"), fill("A/B", "x"), fill("x", "x"), fill("x", "x").replace(" ID", " id")];
    let mut last = None;
    for attempt in attempts {
        let words: Vec<String> = shlex(&attempt).ok()?;
        last = Some(misparsed(&words)?);
    }
    last
}
