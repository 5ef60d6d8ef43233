use std::collections::{HashMap, VecDeque};

use bollard::models::{BuildInfo, BuildInfoAux};

/// Lines of a failed step that are told.
const LAST: usize = 20;

/// What a builder tells, whichever it is: steps, their lines, which of them failed.
#[derive(Debug, Default)]
pub(super) struct Story {
    /// What is being done: `[2/5] RUN make`.
    step: String,
    last: VecDeque<String>,
    vertices: HashMap<String, Vertex>,
    failed: Option<Failed>,
    image: Option<String>,
    /// What the classic builder has made of the last step, unless that is from its cache.
    unfinished: Option<String>,
    /// Whether the last step is from the classic builder's cache.
    cached: bool,
}

#[derive(Debug, Default)]
struct Vertex {
    name: String,
    announced: bool,
    cached: bool,
    last: VecDeque<String>,
}

/// A step that failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Failed {
    /// The step, as the Dockerfile has it.
    pub(super) step: String,
    /// Its last lines.
    pub(super) last: Vec<String>,
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// A step began.
    Step(String),
    /// A step need not be done: the builder has its outcome.
    Cached(String),
    /// A line that a step printed.
    Line(String),
    /// A line about the builder's own doings.
    Aside(String),
}

impl Story {
    /// Takes in what the builder sent.
    pub(super) fn hear(&mut self, info: BuildInfo) -> Vec<Event> {
        let mut events = Vec::new();
        for line in info.stream.iter().flat_map(|text| text.split(['\n', '\r'])).map(clean) {
            self.classic_line(&line, &mut events);
        }
        if let Some(status) = info.status {
            let id = info.id.unwrap_or_default();
            events.push(Event::Line(format!("{id} {status}").trim().to_owned()));
        }
        match info.aux {
            Some(BuildInfoAux::Default(image)) => self.image = image.id.or(self.image.take()),
            Some(BuildInfoAux::BuildKit(status)) => {
                for vertex in status.vertexes {
                    self.vertex(vertex, &mut events);
                }
                for log in status.logs {
                    let text = String::from_utf8_lossy(&log.msg).into_owned();
                    let vertex = self.vertices.entry(log.vertex).or_default();
                    for line in text.split(['\n', '\r']).map(clean).filter(|l| !l.is_empty()) {
                        remember(&mut vertex.last, &line);
                        events.push(Event::Line(line));
                    }
                }
            }
            None => {}
        }
        events
    }

    /// The id of the image, once it is built.
    pub(super) fn image(&self) -> Option<&str> {
        self.image.as_deref()
    }

    /// The image without a name that the classic builder has made of the steps so far.
    pub(super) fn unfinished(&self) -> Option<&str> {
        self.unfinished.as_deref()
    }

    /// The step that was at work when it failed.
    pub(super) fn failed(&self) -> Failed {
        self.failed
            .clone()
            .unwrap_or_else(|| Failed { step: self.step.clone(), last: self.last.iter().cloned().collect() })
    }

    fn classic_line(&mut self, line: &str, events: &mut Vec<Event>) {
        let step = line.strip_prefix("Step ").and_then(|rest| rest.split_once(" : "));
        if let Some((number, what)) = step.filter(|(n, _)| n.split('/').all(|d| d.parse::<u32>().is_ok())) {
            self.step = format!("[{number}] {what}");
            self.last.clear();
            events.push(Event::Step(self.step.clone()));
        } else if line == "---> Using cache" {
            self.cached = true;
            events.push(Event::Cached(self.step.clone()));
        } else if !line.is_empty() {
            const ASIDES: [&str; 4] =
                ["--->", "Removing intermediate container ", "Successfully built ", "Successfully tagged "];
            if let Some(id) = line.strip_prefix("---> ").filter(|id| is_id(id)) {
                // Of what it starts from, and of what it has in its cache, it names the id as well.
                let is_old = std::mem::take(&mut self.cached) || self.step.contains("] FROM ");
                self.unfinished = (!is_old).then(|| id.to_owned());
            }
            if ASIDES.iter().any(|a| line.starts_with(a)) {
                events.push(Event::Aside(line.to_owned()));
            } else {
                remember(&mut self.last, line);
                events.push(Event::Line(line.to_owned()));
            }
        }
    }

    fn vertex(&mut self, seen: bollard::grpc::build::moby::buildkit::v1::Vertex, events: &mut Vec<Event>) {
        let vertex = self.vertices.entry(seen.digest).or_default();
        if !seen.name.is_empty() {
            vertex.name = seen.name.lines().next().unwrap_or_default().to_owned();
        }
        if seen.cached && !vertex.cached {
            vertex.cached = true;
            events.push(Event::Cached(vertex.name.clone()));
        } else if seen.started.is_some() && !vertex.announced && !vertex.cached {
            vertex.announced = true;
            events.push(Event::Step(vertex.name.clone()));
        }
        // Other steps are cancelled because of the one that failed.
        if !seen.error.is_empty() && !seen.error.contains("context canceled") && self.failed.is_none() {
            self.failed =
                Some(Failed { step: vertex.name.clone(), last: vertex.last.iter().cloned().collect() });
        }
    }
}

/// The beginning of an image's id.
fn is_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn remember(last: &mut VecDeque<String>, line: &str) {
    if last.len() == LAST {
        last.pop_front();
    }
    last.push_back(line.to_owned());
}

/// A line without the codes that colour terminals.
fn clean(line: &str) -> String {
    let (mut out, mut chars) = (String::with_capacity(line.len()), line.chars());
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => {
                if chars.next() == Some('[') {
                    let _final_byte = chars.by_ref().find(|c| ('@'..='~').contains(c));
                }
            }
            '\t' => out.push('\t'),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(story: &mut Story, text: &str) -> Vec<Event> {
        story.hear(BuildInfo { stream: Some(text.to_owned()), ..BuildInfo::default() })
    }

    #[test]
    fn the_classic_builders_words_are_understood() {
        let mut story = Story::default();
        assert_eq!(said(&mut story, "Step 1/2 : FROM x"), [Event::Step("[1/2] FROM x".into())]);
        assert_eq!(said(&mut story, " ---> Using cache\n"), [Event::Cached("[1/2] FROM x".into())]);
        said(&mut story, "Step 2/2 : RUN make\n");
        for n in 0..30 {
            said(&mut story, &format!("\u{1b}[31mline {n}\u{1b}[0m\n"));
        }
        said(&mut story, " ---> 0123\n");
        let failed = story.failed();
        assert_eq!(failed.step, "[2/2] RUN make");
        assert_eq!((failed.last.len(), failed.last.last().unwrap().as_str()), (20, "line 29"));
        assert_eq!(story.unfinished(), None);
        // What the base and the cache hold is not this build's.
        let mut story = Story::default();
        for (line, unfinished) in [
            ("Step 1/4 : FROM x", None),
            (" ---> 0123456789ab\n", None),
            ("Step 2/4 : RUN a", None),
            (" ---> Using cache\n", None),
            (" ---> 0123456789ac\n", None),
            ("Step 3/4 : RUN b", None),
            (" ---> Running in 0123456789ff\n", None),
            (" ---> 0123456789ad\n", Some("0123456789ad")),
            ("Step 4/4 : RUN c", Some("0123456789ad")),
        ] {
            said(&mut story, line);
            assert_eq!(story.unfinished(), unfinished, "{line}");
        }
        // A line of a program that looks like a step is none.
        assert_eq!(said(&mut story, "Step a/b : c"), [Event::Line("Step a/b : c".into())]);
    }

    #[test]
    fn buildkits_failed_step_is_told_apart_from_those_cancelled() {
        use bollard::grpc::build::moby::buildkit::v1::{StatusResponse, Vertex as Seen, VertexLog};
        let vertex = |digest: &str, error: &str| Seen {
            digest: digest.into(),
            name: format!("[{digest}/2] RUN {digest}"),
            started: Some(Default::default()),
            error: error.into(),
            ..Seen::default()
        };
        let hear = |story: &mut Story, status| {
            story.hear(BuildInfo { aux: Some(BuildInfoAux::BuildKit(status)), ..BuildInfo::default() })
        };
        let mut story = Story::default();
        let started =
            StatusResponse { vertexes: vec![vertex("1", ""), vertex("2", "")], ..StatusResponse::default() };
        assert_eq!(hear(&mut story, started.clone()).len(), 2);
        assert_eq!(hear(&mut story, started), []);
        let log = |digest: &str, text: &str| VertexLog {
            vertex: digest.into(),
            msg: text.as_bytes().to_vec(),
            ..VertexLog::default()
        };
        let logs = StatusResponse {
            logs: vec![log("1", "fine\n"), log("2", "bad\nworse\n")],
            ..StatusResponse::default()
        };
        assert_eq!(hear(&mut story, logs).len(), 3);
        let ended = StatusResponse {
            vertexes: vec![vertex("1", "context canceled"), vertex("2", "exit code: 1")],
            ..StatusResponse::default()
        };
        hear(&mut story, ended);
        assert_eq!(
            story.failed(),
            Failed { step: "[2/2] RUN 2".into(), last: vec!["bad".into(), "worse".into()] }
        );
    }
}
