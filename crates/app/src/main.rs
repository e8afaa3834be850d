//! The binary `emberwatch`: configuration, commands, lifecycle.

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

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("emberwatch: {error:#}");
            ExitCode::FAILURE
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
        Command::Doctor => with(settings()?, async |settings| commands::doctor(settings).await),
    }
}

fn with(settings: Settings, work: impl AsyncFnOnce(&Settings) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.log.filter)
        .map_err(|error| anyhow::anyhow!("log.filter {:?}: {error}", settings.log.filter))?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work(&settings))
}
