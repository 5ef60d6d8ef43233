//! Error kinds, hints, and the documented exit codes.
//!
//! Each domain module has its own error enum that implements [`Diagnose`]; at the edge errors travel as
//! `anyhow::Error` and are classified once, by [`classify`].

use std::fmt;

use crate::{
    config, executor, folder, image, isolation, job, kube, model, outputs, plan, private, publish, render,
    secret, services, settings, sink, store,
};

/// What `csw` exits with.
///
/// | code | meaning |
/// |---|---|
/// | 0 | everything that was asked for is done |
/// | 1 | user or configuration error: a file, a name or a value is wrong |
/// | 2 | usage error: the command line could not be understood |
/// | 3 | changes are pending (only with `--exit-code`) |
/// | 4 | a remote side refused or could not be reached |
/// | 5 | a wait timed out, or a job failed |
/// | 70 | internal error: a bug in csw |
/// | 130 | interrupted (Ctrl-C) before it was done |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything that was asked for is done.
    Ok = 0,
    /// A file, a name or a value is wrong.
    Config = 1,
    /// The command line could not be understood.
    Usage = 2,
    /// Changes are pending.
    Pending = 3,
    /// A remote side refused or could not be reached.
    Remote = 4,
    /// A wait timed out or a job failed.
    Failed = 5,
    /// A bug in csw.
    Internal = 70,
    /// Somebody asked it to end before it was done, as by Ctrl-C.
    Interrupted = 130,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What a domain error tells the edge: its exit code and what the user can try next.
pub trait Diagnose: std::error::Error {
    /// The exit code that the error ends the program with.
    fn exit(&self) -> Exit;

    /// Commands or changes to try next, imperative, without a full stop.
    fn hints(&self) -> Vec<String> {
        Vec::new()
    }

    /// A report of several lines that says more than the message, and is shown instead of it.
    fn report(&self, _style: config::ReportStyle) -> Option<String> {
        None
    }
}

/// An error at the edge that no domain module owns, such as a file named on the command line that can't be read.
#[derive(Debug)]
pub struct Failure {
    /// How the program ends.
    pub exit: Exit,
    /// What went wrong, in one sentence without a full stop.
    pub message: String,
    /// What to try next.
    pub hints: Vec<String>,
}

impl Failure {
    /// A user or configuration error.
    pub fn config(message: impl Into<String>) -> Self {
        Self { exit: Exit::Config, message: message.into(), hints: Vec::new() }
    }

    /// A usage error that clap could not see.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into(), hints: Vec::new() }
    }

    /// A remote side that refused or could not be reached.
    pub fn remote(message: impl Into<String>) -> Self {
        Self { exit: Exit::Remote, message: message.into(), hints: Vec::new() }
    }

    /// A wait that timed out, or a job that failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, message: message.into(), hints: Vec::new() }
    }

    /// A wish of the user's that this ends now: `message` says what was ended and how things stand.
    pub fn interrupted(message: impl Into<String>) -> Self {
        Self { exit: Exit::Interrupted, message: message.into(), hints: Vec::new() }
    }

    /// Adds what to try next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl Diagnose for Failure {
    fn exit(&self) -> Exit {
        self.exit
    }

    fn hints(&self) -> Vec<String> {
        self.hints.clone()
    }
}

/// The first error of the chain that a domain module owns, if there is one.
fn diagnose(error: &anyhow::Error) -> Option<&dyn Diagnose> {
    macro_rules! first_of {
        ($cause:expr, $($t:ty),+ $(,)?) => {
            $(if let Some(e) = $cause.downcast_ref::<$t>() { return Some(e); })+
        };
    }
    // `anyhow` hides a context's type from `chain()`, so the outermost is asked apart.
    if let Some(e) = error.downcast_ref::<Failure>() {
        return Some(e);
    }
    for cause in error.chain() {
        first_of!(
            cause,
            Failure,
            model::ModelError,
            config::ConfigError,
            settings::SettingsError,
            secret::SecretError,
            store::StoreError,
            private::NotPrivate,
            outputs::OutputsError,
            folder::FolderError,
            render::RenderError,
            executor::ExecutorError,
            image::ImageError,
            isolation::LauncherError,
            job::RuntimeError,
            services::ServiceError,
            services::client::ClientError,
            store::BadRedisSetting,
            store::InputsError,
            publish::PublishError,
            services::outputs_processor::Refusal,
            kube::KubeError,
            kube::port_forward::PortForwardError,
            plan::PlanError,
            sink::SinkError,
            sink::WriteError,
            image::push::PushError,
            image::registry::RegistryError,
            image::credentials::CredentialError,
        );
    }
    None
}

/// The exit code and the hints for an error at the edge. What no domain module owns is a bug, unless it is
/// plainly the operating system's answer.
pub fn classify(error: &anyhow::Error) -> (Exit, Vec<String>) {
    if let Some(known) = diagnose(error) {
        return (known.exit(), known.hints());
    }
    // Ctrl-C at a question.
    let interrupted = |e: &std::io::Error| e.kind() == std::io::ErrorKind::Interrupted;
    if error.chain().filter_map(|c| c.downcast_ref()).any(interrupted) {
        return (Exit::Interrupted, Vec::new());
    }
    if error.chain().any(|c| c.is::<std::io::Error>()) {
        return (Exit::Config, Vec::new());
    }
    (Exit::Internal, vec!["Report this with the command that you ran: it is a bug in csw".into()])
}

/// The full report of an error that has one.
pub fn full_report(error: &anyhow::Error, style: config::ReportStyle) -> Option<String> {
    diagnose(error)?.report(style)
}

/// Whether the error is a reader that went away, which ends the program quietly.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|c| c.downcast_ref::<std::io::Error>())
        .any(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}
