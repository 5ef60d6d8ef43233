use clap::Args;

use crate::cli::Context;
use crate::error::{Exit, Failure};
use crate::secret::{FileBackend, Protection};
use crate::ui::prompt;

/// Make a new identity and encrypt everything for it and the recipients
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw secrets rotate-key
  csw secrets rotate-key --passphrase   # protect the new identity, asks for it unseen

The whole file is encrypted anew, the cluster's secrets and every model's. The old key no longer decrypts it. The old
identity is kept beside the new one, for other files that need it. If the command is killed, run it again: until it is
done the identity file holds both keys.")]
pub(in crate::cli) struct RotateKeyArgs {
    /// Protect the new identity with a passphrase
    #[arg(long, conflicts_with = "no_passphrase")]
    passphrase: bool,

    /// Protect the new identity by its file's permissions alone
    #[arg(long)]
    no_passphrase: bool,
}

pub(super) fn run(context: &Context, args: RotateKeyArgs) -> anyhow::Result<Exit> {
    let RotateKeyArgs { passphrase, no_passphrase } = args;
    let backend = FileBackend::new(&context.settings(|_| ())?);
    let protection = match (passphrase, no_passphrase) {
        (true, _) if !prompt::possible() => {
            return Err(Failure::usage("a passphrase can be typed only on a terminal").into());
        }
        (true, _) => Protection::Passphrase(prompt::hidden_twice("New passphrase")?),
        (_, true) => Protection::Plain,
        _ => Protection::Keep,
    };
    let done = context.block_on(async { Ok(backend.rotate_key(protection).await?) })?;
    let printer = context.printer();
    printer.note(format!("Made a new key: {}", done.public_key));
    printer.note(format!(
        "It is in {}; {} public keys can decrypt now",
        done.identity.display(),
        done.recipients
    ));
    printer.note(format!(
        "The old identity is kept in {}: delete it when no other file needs it",
        done.old_identity.display()
    ));
    Ok(Exit::Ok)
}
