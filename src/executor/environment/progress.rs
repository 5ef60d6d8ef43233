/// Hears what [`Environments::prepare`](super::Environments::prepare) is doing. All methods may be called from any
/// thread; none may block.
pub trait PrepareProgress: Send + Sync {
    /// A new step has begun: "Fetching https://…", "Installing packages".
    fn step(&self, what: &str);

    /// A line that the tool at work printed.
    fn detail(&self, line: &str);

    /// Something that a person should know and that stays true: a package that was left out, say.
    fn note(&self, line: &str);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl PrepareProgress for Silent {
    fn step(&self, _what: &str) {}
    fn detail(&self, _line: &str) {}
    fn note(&self, _line: &str) {}
}
