//! What can be asked of the binary.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Emberwatch 智慧用电管理平台: finds electrical fires before they start.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
pub(crate) struct Common {
    /// A configuration file; `emberwatch config` prints what it may say.
    #[arg(long, short, env = "EMBERWATCH_CONFIG", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// One setting, e.g. `--set http.listen=0.0.0.0:8080`; may be given again.
    #[arg(long, value_name = "KEY=VALUE", global = true)]
    pub(crate) set: Vec<String>,
    /// The data folder; short for `--set data.dir=…`.
    #[arg(long, global = true)]
    pub(crate) data: Option<PathBuf>,
}

impl Common {
    /// The flags as settings, the short ones first.
    pub(crate) fn sets(&self) -> Vec<String> {
        let data = self.data.iter().map(|dir| format!("data.dir={}", dir.display()));
        data.chain(self.set.iter().cloned()).collect()
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the platform.
    Serve,
    /// Start the platform with a simulated city that dials in.
    Demo(Demo),
    /// Dial into a platform as a city, as load, or as idle connections.
    Simulate(Box<Simulate>),
    /// Put a scenario's city into the data folder, so that a simulator may dial in (the platform must be stopped).
    Commission(Commission),
    /// Give an account a new one-time password (also while the platform runs).
    ResetPassword {
        /// The account's login.
        login: String,
    },
    /// Bring the data folder's schema up to date and say so.
    Migrate,
    /// Check profile files: each mistake with file, line and reason.
    Profiles {
        /// Files or folders; nothing checks the built-in ones.
        paths: Vec<PathBuf>,
    },
    /// Check the deployment: configuration, data folder, disk, audit chain.
    Doctor,
    /// Back up the data folder, also while the platform runs.
    Backup(BackupArgs),
    /// List the backups of a folder.
    Backups {
        /// The folder; without it, the configuration's `backup.dir`.
        #[arg(long = "in", value_name = "DIR")]
        folder: Option<PathBuf>,
    },
    /// Check every file of the data folder, or of backups; ends with 2 when something is damaged.
    Verify(VerifyArgs),
    /// Bring a backup back into a new data folder (`--data NEW`), after checking it.
    Restore(RestoreArgs),
    /// Print the description of the API (OpenAPI 3.1).
    Openapi,
    /// Print the commented default configuration.
    Config,
}

#[derive(Debug, Args)]
pub(crate) struct CityArgs {
    /// A scenario file; without one, the built-in city of the demo.
    #[arg(long)]
    pub(crate) scenario: Option<PathBuf>,
    /// How many detectors, instead of what the scenario says.
    #[arg(long)]
    pub(crate) detectors: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The folder of backups, made when missing; without it, the configuration's `backup.dir`.
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Option<PathBuf>,
    /// How many backups are kept, this one among them; without it, the configuration's `backup.keep`.
    #[arg(long)]
    pub(crate) keep: Option<usize>,
    /// Copy everything again, also what did not change since the last backup.
    #[arg(long)]
    pub(crate) whole: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Check the backups in this folder instead of the data folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) backup: Option<PathBuf>,
    /// Only the backup of this name.
    #[arg(long, requires = "backup")]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The folder of backups.
    #[arg(long, value_name = "DIR")]
    pub(crate) from: PathBuf,
    /// The backup of this name instead of the newest.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Leave out what is damaged, as far as the records are whole, instead of refusing.
    #[arg(long)]
    pub(crate) despite_damage: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    #[command(flatten)]
    pub(crate) city: CityArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Commission {
    #[command(flatten)]
    pub(crate) city: CityArgs,
    /// Instead of a city: so many terminals for `simulate --load`.
    #[arg(long, value_name = "CONNECTIONS")]
    pub(crate) load: Option<usize>,
    /// With `--load`: so many more that speak MQTT, for `simulate --load --speak mqtt`.
    #[arg(long, value_name = "CONNECTIONS", requires = "load", default_value_t = 0)]
    pub(crate) load_mqtt: usize,
    /// Instead of a city: so many devices of mixed protocols, for the measurement with a reconnect storm.
    #[arg(long, value_name = "DEVICES", conflicts_with = "load")]
    pub(crate) mixed: Option<usize>,
}

/// How the devices of a load speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Speak {
    /// The vendor cloud protocol.
    #[value(name = "7b7b")]
    Cloud7b7b,
    /// MQTT, QoS 1.
    Mqtt,
}

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    #[command(flatten)]
    pub(crate) city: CityArgs,
    /// The platform's field door; without it, the configuration's `field.listen`.
    #[arg(long)]
    pub(crate) to: Option<SocketAddr>,
    /// City: the platform's MQTT door; without it, the configuration's `mqtt.listen`.
    #[arg(long)]
    pub(crate) mqtt: Option<SocketAddr>,
    /// City: its ingestion door; without it, the configuration's `ingest.listen`.
    #[arg(long)]
    pub(crate) ingest: Option<SocketAddr>,
    /// City: its CoAP door; without it, the configuration's `coap.listen`.
    #[arg(long)]
    pub(crate) coap: Option<SocketAddr>,
    /// City: where to write the truth of every injected fault (JSON lines).
    #[arg(long)]
    pub(crate) truth: Option<PathBuf>,
    /// Instead of a city: as many uploads as the platform confirms, or as `--rate` says.
    #[arg(long, conflicts_with = "idle")]
    pub(crate) load: bool,
    /// Instead of a city: connections that log in and then only keep the line.
    #[arg(long)]
    pub(crate) idle: bool,
    /// Load: readings per second in all; without it, as many as the platform confirms.
    #[arg(long, requires = "load")]
    pub(crate) rate: Option<f64>,
    /// Load: uploads of one connection that may wait for their confirmation.
    #[arg(long, default_value_t = 4)]
    pub(crate) window: usize,
    /// Load and idle: how many connections.
    #[arg(long, default_value_t = 1000)]
    pub(crate) connections: usize,
    /// Load and idle: how the devices speak; with `mqtt` they come to `--mqtt`.
    #[arg(long, value_enum, default_value_t = Speak::Cloud7b7b)]
    pub(crate) speak: Speak,
    /// Load and idle: from how many loopback addresses they dial.
    #[arg(long, default_value_t = 1)]
    pub(crate) addresses: usize,
    /// Load and idle: how many new connections per second.
    #[arg(long, default_value_t = 1500.0)]
    pub(crate) connect_per_s: f64,
    /// Load and idle: the number of the first terminal, from 1.
    #[arg(long, default_value_t = 1)]
    pub(crate) first: usize,
    /// Load and idle: for how long, s.
    #[arg(long, default_value_t = 30.0)]
    pub(crate) seconds: f64,
    /// Load: writes each confirmed upload to this file (JSON lines).
    #[arg(long, requires = "load")]
    pub(crate) record: Option<PathBuf>,
    /// Load and idle: the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
