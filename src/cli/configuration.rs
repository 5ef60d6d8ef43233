//! A stack's configuration while the stack runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Context;
use crate::services::catalogue::{Catalogue, Reloaded};
use crate::services::stack::Stack;
use crate::settings::Settings;
use crate::ui::{self, Printer};

/// How often files are looked at. Looking works wherever files can be read; what the operating system tells of changes does
/// not come from a network file system.
const EVERY: Duration = Duration::from_millis(500);
/// Folders below the configuration's that are looked into.
const DEPTH: usize = 4;
/// The settings files.
const SETTINGS: [&str; 2] = ["csw.yaml", "cs-config.yaml"];

/// What tells a file from how it was: when it was written, and its size.
type Look = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

/// Sees changes of the settings file and of the models' files.
pub(super) struct Watch {
    printer: Printer,
    cwd: PathBuf,
    config_dir: PathBuf,
    settings: Look,
    models: Look,
    effective: BTreeMap<&'static str, Option<String>>,
}

impl Watch {
    pub(super) fn new(context: &Context) -> anyhow::Result<Self> {
        let cwd = std::env::current_dir()?;
        let settings = look_at_settings(&cwd);
        let printer = context.printer();
        let (config_dir, models, effective) = (PathBuf::new(), Look::new(), BTreeMap::new());
        Ok(Self { printer, cwd, config_dir, settings, models, effective })
    }

    /// Takes these settings as those that are in effect.
    pub(super) fn start(&mut self, settings: &Settings) {
        self.config_dir.clone_from(&settings.config_dir.value);
        self.models = look_at_models(&self.config_dir);
        self.effective = effective(settings);
    }

    /// Goes on for ever. What is being written is read when it has been left alone for a moment.
    pub(super) async fn follow(
        &mut self,
        catalogue: &Catalogue,
        stack: &Stack,
        resolve: impl Fn() -> anyhow::Result<Settings>,
    ) {
        let (mut settings, mut models) = (self.settings.clone(), self.models.clone());
        loop {
            tokio::time::sleep(EVERY).await;
            let (settings_now, models_now) = (look_at_settings(&self.cwd), look_at_models(&self.config_dir));
            if settings_now == settings && settings_now != self.settings {
                self.settings.clone_from(&settings);
                self.tell_settings(resolve());
            }
            if models_now == models && models_now != self.models {
                self.models.clone_from(&models);
                if catalogue.reload().await {
                    stack.configuration_changed();
                }
            }
            (settings, models) = (settings_now, models_now);
            catalogue.news().iter().for_each(|news| self.tell(news));
        }
    }

    /// A stack keeps the settings that it was started with: others may need another store, address or bucket.
    fn tell_settings(&self, resolved: anyhow::Result<Settings>) {
        let now = match resolved {
            Ok(settings) => effective(&settings),
            Err(error) => {
                ui::report(self.printer, &error);
                return self.printer.warn("The settings stay as they were: correct the file");
            }
        };
        let changed: Vec<&str> = now
            .iter()
            .filter(|(key, value)| self.effective.get(*key) != Some(*value))
            .map(|(key, _)| *key)
            .collect();
        match changed.as_slice() {
            [] => self.printer.note("The settings file has changed; the settings in effect are the same"),
            keys => self.printer.note(format!(
                "Settings have changed that this stack was started with: {}; start it anew for them",
                keys.join(", ")
            )),
        }
    }

    fn tell(&self, news: &Reloaded) {
        let Reloaded { added, changed, removed, kept, diagnostics, unreadable } = news;
        for (what, names) in [("Added", added), ("Changed", changed), ("Removed", removed)] {
            if !names.is_empty() {
                self.printer.note(format!("{what}: {}", listed(names)));
            }
        }
        if let Some(why) = unreadable {
            self.printer.warn(format!("The models stay as they were: {why}"));
        }
        if !diagnostics.is_empty() {
            self.printer.warn(diagnostics.render(self.printer.report_style()));
            if !kept.is_empty() {
                self.printer
                    .warn(format!("As they were, until their mistakes are corrected: {}", listed(kept)));
            }
        }
    }
}

fn listed(names: &[impl ToString]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn effective(settings: &Settings) -> BTreeMap<&'static str, Option<String>> {
    settings.effective().into_iter().map(|setting| (setting.key, setting.value)).collect()
}

/// Wherever a settings file may be that counts.
fn look_at_settings(cwd: &Path) -> Look {
    let mut look = Look::new();
    for folder in cwd.ancestors() {
        SETTINGS.iter().for_each(|name| look_at(folder.join(name), &mut look));
    }
    look
}

fn look_at_models(config_dir: &Path) -> Look {
    let mut look = Look::new();
    let mut folders = vec![(config_dir.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
                look_at(path, &mut look);
            } else if depth < DEPTH && path.is_dir() {
                folders.push((path, depth + 1));
            }
        }
    }
    look
}

fn look_at(path: PathBuf, look: &mut Look) {
    if let Ok(found) = std::fs::metadata(&path) {
        look.insert(path, (found.modified().ok(), found.len()));
    }
}
