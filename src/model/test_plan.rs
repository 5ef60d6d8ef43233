use serde::{Deserialize, Serialize};

/// What the tests of a model are, where its file says more than its entry does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestPlan {
    /// A program and its arguments that tests the model instead of pytest or of an example, run in the repository's
    /// folder; it passes by exit code 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// A JSON file of the repository with the inputs of the simulation that a command model is tested with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
    /// An interactive app, which must start and answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<App>,
}

/// An interactive app of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// What it is made with, which says how it is started.
    pub kind: AppKind,
    /// Its file or, for Bokeh, folder in the repository.
    pub file: String,
}

/// What an interactive app is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AppKind {
    /// `python3 FILE`, with HOST and PORT in the environment.
    Dash,
    /// `bokeh serve FILE`.
    Bokeh,
    /// `streamlit run FILE`.
    Streamlit,
}

impl TestPlan {
    /// Whether the file says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
