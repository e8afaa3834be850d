//! The binary `emberwatch`: configuration, commands, lifecycle.

mod backup;
mod city;
mod cli;
mod commands;
mod field;
mod forward;
mod ingest;
mod mqtt;
mod platform;
mod profiles;
mod settings;
mod simulate;

use std::process::ExitCode;

use clap::Parser as _;
use cli::{Cli, Command};
use settings::Settings;
use tracing_subscriber::EnvFilter;

/// The command did what it should and found damage.
const DAMAGED: u8 = 2;

/// Readings are made on one thread and let go on another; the C library's allocator took a quarter of the intake's time
/// with that (docs/performance-intake.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("emberwatch: {error:#}");
            if error.is::<backup::Damage>() { ExitCode::from(DAMAGED) } else { ExitCode::FAILURE }
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<()> {
    let settings = || settings::load(cli.common.config.as_deref(), &cli.common.sets());
    match &cli.command {
        Command::Config => commands::config(),
        Command::Openapi => commands::openapi(),
        Command::Profiles { paths } => commands::profiles(paths),
        Command::Serve => with(settings()?, async |settings| platform::serve(settings).await),
        Command::Demo(demo) => with(settings()?, async |settings| platform::demo(settings, &demo.city).await),
        Command::Simulate(wanted) => {
            with(settings()?, async |settings| simulate::run(settings, wanted).await)
        }
        Command::Commission(wanted) => {
            with(settings()?, async |settings| city::commission_command(settings, wanted).await)
        }
        Command::ResetPassword { login } => {
            with(settings()?, async |settings| commands::reset_password(settings, login).await)
        }
        Command::Migrate => with(settings()?, async |settings| commands::migrate(settings).await),
        Command::Backup(wanted) => with(settings()?, async |settings| backup::backup(settings, wanted).await),
        Command::Backups { folder } => {
            with(settings()?, async |settings| backup::list(settings, folder.as_ref()).await)
        }
        Command::Verify(wanted) => with(settings()?, async |settings| backup::verify(settings, wanted).await),
        Command::Restore(wanted) => {
            with(settings()?, async |settings| backup::restore(settings, wanted).await)
        }
        Command::Doctor => with(settings()?, async |settings| commands::doctor(settings).await),
    }
}

fn with(settings: Settings, work: impl AsyncFnOnce(&Settings) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.log.filter)
        .map_err(|error| anyhow::anyhow!("log.filter {:?}: {error}", settings.log.filter))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // What cannot be written to a full disk is lost; saying so there would end the task that says it.
        .log_internal_errors(false)
        .init();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work(&settings))
}
