//! `csw up`, and other services of csw, as processes of their own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::{Csw, Sandbox};

/// A running stack; killed when dropped.
pub struct Up {
    child: Child,
    pub url: String,
    said: Arc<Said>,
}

/// What a process has written to stderr.
#[derive(Default)]
struct Said {
    /// The text, and whether nothing will be added to it.
    text: Mutex<(String, bool)>,
    more: Condvar,
}

impl Up {
    /// Starts it and waits until it listens.
    pub fn start(csw: Csw) -> Self {
        Self::spawn(csw.into_command())
    }

    /// The same for a command that was put together elsewhere.
    pub fn spawn(mut command: Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut before = String::new();
        let url = loop {
            let Some(line) = lines.next() else { panic!("csw has ended: {before}") };
            let line = line.unwrap();
            before.push_str(&line);
            before.push('\n');
            if let Some(url) = line.strip_prefix("Listening on ") {
                break url.to_owned();
            }
        };
        let said = Arc::new(Said { text: Mutex::new((before, false)), ..Said::default() });
        let all = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut all_of_it = all.text.lock().unwrap();
                all_of_it.0.push_str(&line);
                all_of_it.0.push('\n');
                all.more.notify_all();
            }
            all.text.lock().unwrap().1 = true;
            all.more.notify_all();
        });
        Self { child, url, said }
    }

    /// What it has written to stderr.
    pub fn said(&self) -> String {
        self.said.text.lock().unwrap().0.clone()
    }

    /// The link that opens the stack's page, once.
    pub fn page_link(&self) -> String {
        let said = self.line_with("Page: ");
        said.split_whitespace().nth(1).unwrap().to_owned()
    }

    /// The line of stderr that begins so, waited for.
    pub fn line_with(&self, beginning: &str) -> String {
        let found = |text: &str| text.lines().find(|line| line.starts_with(beginning)).map(str::to_owned);
        let said = self.said.text.lock().unwrap();
        let (said, _) = self
            .said
            .more
            .wait_timeout_while(said, Duration::from_secs(120), |(text, ended)| {
                found(text).is_none() && !*ended
            })
            .unwrap();
        found(&said.0).unwrap_or_else(|| panic!("no line begins with {beginning:?}:\n{}", said.0))
    }

    pub fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    /// Bytes of its memory, as Linux tells (`VmRSS`, or `VmHWM` for the most that it ever was).
    pub fn memory(&self, field: &str) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
    }

    /// Files in that folder that it has open, with or without a name.
    pub fn open_temporary_files(&self, folder: &std::path::Path) -> usize {
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        // One may be closed while we look.
        let targets = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
        targets.filter(|target| target.starts_with(folder)).count()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and how it ended.
    pub fn terminate(mut self) -> ExitStatus {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // It may have ended in the way that the test wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Sandbox {
    /// A model `Test/<Title>` whose command is this shell script. It may write in the working folder, where tests look.
    pub fn sh_model(&self, title: &str, script: &str) {
        self.write(&format!("models/{title}/model.sh"), script);
        let config = format!(
            "owner: Test\ntitle: {title}\ntimestamp: \"2026-01-01\"\nrepo_url: ./models/{title}\n\
             entry:\n  command: [sh, model.sh]\nsim_time_limit: 2m\nwrites: [../..]\n"
        );
        self.write(&format!("config/Test/{title}.yaml"), config);
    }

    /// `csw up` on any free port, with its state in `data`.
    pub fn up(&self, args: &[&str]) -> Up {
        let all = ["up", "--listen", "127.0.0.1:0", "--data", "data"].iter().chain(args);
        Up::start(self.csw(all).env("CSW_GRACE_PERIOD", "5"))
    }
}
