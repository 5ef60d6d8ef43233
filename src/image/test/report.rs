use std::time::Duration;

/// What became of a model's tests.
#[derive(Debug, Clone, PartialEq)]
pub struct TestReport {
    /// The id of the image that was tested, `sha256:…`.
    pub image: String,
    /// What ran, in order: as far as it came.
    pub suites: Vec<Suite>,
    /// How it ended.
    pub ending: Ending,
    /// How long it took.
    pub took: Duration,
}

/// How a run of tests ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By itself.
    Completed,
    /// By the time limit.
    TimedOut,
    /// By Ctrl-C or SIGTERM.
    Interrupted,
}

/// Tests that belong together: a run of pytest, an example, an app.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Suite {
    /// `pytest`, `example`, `app` or the first word of the command.
    pub name: String,
    /// Its tests.
    pub cases: Vec<Case>,
}

/// One test.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Where it is: a Python module and class, or empty.
    pub class: String,
    /// What it is called.
    pub name: String,
    /// How long it took.
    pub took: Duration,
    /// How it ended.
    pub outcome: CaseOutcome,
    /// What it wrote, secrets masked.
    pub output: String,
}

/// How a test ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseOutcome {
    /// As it should.
    Passed,
    /// It was left out, and why.
    Skipped(String),
    /// It found something wrong: in one line, and at length.
    Failed(String, String),
    /// It could not be carried out: in one line, and at length.
    Errored(String, String),
}

impl Case {
    /// A test without a class that wrote nothing of interest.
    pub(super) fn new(name: impl Into<String>, took: Duration, outcome: CaseOutcome) -> Self {
        Self { class: String::new(), name: name.into(), took, outcome, output: String::new() }
    }
}

impl CaseOutcome {
    /// Whether the model is fine as far as this test tells.
    pub fn is_fine(&self) -> bool {
        matches!(self, Self::Passed | Self::Skipped(_))
    }

    /// An error with its story; the first line is what it is in short.
    pub(super) fn errored(story: impl Into<String>) -> Self {
        let story = story.into();
        Self::Errored(story.lines().next().unwrap_or_default().to_owned(), story)
    }

    /// A failure with its story; the first line is what it is in short.
    pub(super) fn failed(story: impl Into<String>) -> Self {
        let story = story.into();
        Self::Failed(story.lines().next().unwrap_or_default().to_owned(), story)
    }
}

impl TestReport {
    /// Whether everything ran to its end, and something ran, and nothing was wrong.
    pub fn passed(&self) -> bool {
        self.ending == Ending::Completed && self.count() > 0 && self.wrong().next().is_none()
    }

    /// Tests that ran or were left out.
    pub fn count(&self) -> usize {
        self.cases().count()
    }

    /// Tests that were left out.
    pub fn skipped(&self) -> usize {
        self.cases().filter(|case| matches!(case.outcome, CaseOutcome::Skipped(_))).count()
    }

    /// Tests that failed or could not be carried out.
    pub fn wrong(&self) -> impl Iterator<Item = &Case> {
        self.cases().filter(|case| !case.outcome.is_fine())
    }

    fn cases(&self) -> impl Iterator<Item = &Case> {
        self.suites.iter().flat_map(|suite| &suite.cases)
    }
}
