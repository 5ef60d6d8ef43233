use clap::Args;

use crate::cli::Context;
use crate::cli::build::image_templates;
use crate::config::{self, Sources};
use crate::error::Exit;
use crate::image::build::Workshop;
use crate::image::credentials::CredentialStore;
use crate::image::{Engine, Lock, Locked, current_base};
use crate::ui::{Format, Progress, Table};

use crate::cli::image_targets::SERVICES;

/// Pin the images that others start from
///
/// Writes the digest that each has now to csw-images.lock.json, beside csw.yaml: builds use these until the next time,
/// on every machine. Commit the file. Credentials are Docker's: `docker login`, or a credential helper.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw svc lock
  CSW_BASE_IMAGE=python:3.13-slim csw svc lock
  csw svc lock -o json | jq .images")]
pub(super) struct LockArgs {
    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

pub(super) fn run(context: &Context, args: LockArgs) -> anyhow::Result<Exit> {
    let LockArgs { output } = args;
    let settings = context.settings(|_| {})?;
    let templates = image_templates(&settings)?;
    let catalog = config::load_valid(&Sources::files(&settings.config_dir.value))?;
    let models: Vec<_> = catalog.models().collect();
    let (base, redis) = (&settings.base_image.value, &settings.redis_base_image.value);
    let mut wanted = Workshop::bases_of(&templates, base, redis, &SERVICES, &models)?;
    // Also for models to come.
    wanted.push(base.clone());
    wanted.sort();
    wanted.dedup();
    let printer = context.printer();
    let lock = context.block_on(async {
        let engine = Engine::connect(None).await?;
        let credentials = CredentialStore::from_environment();
        let progress = Progress::spinner(printer, "Looking up base images");
        let told = Told { progress: &progress, printer };
        let mut lock = Lock::default();
        for image in wanted {
            // One that names its digest is pinned already.
            if !image.contains('@') {
                let locked = current_base(&engine, &credentials, &image, &told).await?;
                lock.images.insert(image, locked);
            }
        }
        Ok(lock)
    })?;
    let path = Lock::path(&settings.root);
    let before = Lock::read(&path).unwrap_or_default();
    lock.write(&path)?;
    let changed =
        lock.images.iter().filter(|(image, locked)| before.images.get(*image) != Some(locked)).count();
    printer.note(format!("{} images in {}, {changed} of them changed", lock.images.len(), path.display()));
    printer.view(
        output,
        &lock,
        |lock| {
            let mut table = Table::new(&["IMAGE", "LOCKED TO"], "Nothing to lock");
            for (image, locked) in &lock.images {
                let (Locked::Digest(to) | Locked::Id(to)) = locked;
                table.row([image.clone(), to.clone()]);
            }
            table
        },
        |lock| lock.images.keys().cloned().collect(),
    )?;
    Ok(Exit::Ok)
}

/// Hears what is being looked up.
struct Told<'p> {
    progress: &'p Progress,
    printer: crate::ui::Printer,
}

impl crate::executor::environment::PrepareProgress for Told<'_> {
    fn step(&self, what: &str) {
        self.progress.message(what.to_owned());
    }

    fn detail(&self, _line: &str) {}

    fn note(&self, line: &str) {
        self.progress.suspended(|| self.printer.note(line));
    }
}
