//! The platform in one process: open the store, start engine, field door and API, run until asked to stop, stop in
//! the order in which nothing confirmed is lost.

use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use api::Api;
use bus::{Counters, Directory, ForwardSender, IntakeSender, LiveHub, Sessions, TelegramSink};
use domain::alarm::LifeRules;
use domain::telling::Gathering;
use engine::{BackupPlan, Clock as _, Engine, EngineConfig, Parts, SystemClock, TellingConfig};
use gateway::mqtt::{Joined, MqttDoor, MqttHandle};
use gateway::{Forwarder, Gateway, GatewayHandle, Ingest, IngestParts};
use sim::doors::Doors;
use store::history::{Retention, SealRules};
use store::open::TelegramBounds;
use store::{Options, Store, StoreError};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cli::CityArgs;
use crate::profiles::{self, Profiles};
use crate::settings::Settings;
use crate::{city, field, forward, ingest, mqtt, simulate};

const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;
const MINUTE_MS: i64 = 60_000;
/// How long the whole stop may take before the process gives up.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// A running platform.
pub(crate) struct Platform {
    api: Api,
    engine: Engine,
    gateway: GatewayHandle,
    mqtt: MqttHandle,
    forwarding: CancellationToken,
    ingest: Arc<Ingest>,
    /// The other doors, by name.
    doors: Vec<(&'static str, SocketAddr)>,
    gateway_stop: CancellationToken,
    http_stop: CancellationToken,
    http: JoinHandle<std::io::Result<()>>,
    http_addr: SocketAddr,
    field_addr: SocketAddr,
}

pub(crate) async fn open_store(settings: &Settings) -> anyhow::Result<Store> {
    let data = &settings.data;
    let options = Options {
        hard_limit_bytes: Some(data.hard_limit_bytes).filter(|bytes| *bytes > 0),
        telegrams: TelegramBounds {
            per_terminal: settings.engine.telegrams_per_terminal,
            total: settings.engine.telegrams_total,
            ..TelegramBounds::default()
        },
        ..Options::default()
    };
    Store::open(&data.dir, options)
        .await
        .with_context(|| format!("data folder {}", data.dir.display()))
        .map_err(hinted)
}

/// What to do when the data are damaged: nobody should have to look for it then.
fn hinted(error: anyhow::Error) -> anyhow::Error {
    let is_damaged = error
        .chain()
        .any(|cause| matches!(cause.downcast_ref::<StoreError>(), Some(StoreError::Corrupt { .. })));
    if !is_damaged {
        return error;
    }
    error.context(
        "the database cannot be read. `emberwatch verify` says what is damaged, `emberwatch restore --from BACKUPS \
         --data NEW` brings back a backup; leave the damaged folder as it is until then (docs/backup.md)",
    )
}

/// Takes the data folder for this process alone; it is free again when the file is dropped or the process ends.
/// Two platforms on one folder would give the same id to different alarms.
pub(crate) fn claim_folder(settings: &Settings) -> anyhow::Result<File> {
    let dir = &settings.data.dir;
    store::private::make_folder(dir)
        .with_context(|| format!("data folder {} cannot be made", dir.display()))?;
    let path = dir.join("running.lock");
    let claim =
        store::private::make_file(&path).with_context(|| format!("{} cannot be written", path.display()))?;
    match claim.try_lock() {
        Ok(()) => Ok(claim),
        Err(TryLockError::WouldBlock) => {
            anyhow::bail!("data folder {}: another platform runs on it, wanted only one", dir.display())
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("{} cannot be locked", path.display()))
        }
    }
}

fn engine_config(settings: &Settings) -> anyhow::Result<EngineConfig> {
    let data = &settings.data;
    Ok(EngineConfig {
        batch_max: settings.engine.batch_max,
        soft_limit_bytes: data.soft_limit_bytes,
        free_warning_bytes: data.free_warning_bytes,
        retention: Retention {
            readings_ms: Some(i64::from(data.keep_readings_days) * DAY_MS),
            quarter_hours_ms: Some(i64::from(data.keep_rollups_days) * DAY_MS),
            days_ms: (data.keep_daily_days > 0).then(|| i64::from(data.keep_daily_days) * DAY_MS),
            answers_ms: Some(i64::from(settings.ingest.keep_answers_h) * HOUR_MS),
            ..Retention::default()
        },
        seal_every_ms: i64::from(settings.history.every_min.max(1)) * MINUTE_MS,
        sealing: SealRules {
            settle_ms: i64::from(settings.history.settle_h) * HOUR_MS,
            chunks: settings.history.chunks_per_step,
            slice_rows: settings.history.rows_per_step,
        },
        alarms: LifeRules {
            shelf_most_ms: i64::from(settings.alarms.shelf_most_h) * HOUR_MS,
            realarm_alarm_ms: i64::from(settings.alarms.realarm_alarm_h) * HOUR_MS,
            realarm_warning_ms: i64::from(settings.alarms.realarm_warning_h) * HOUR_MS,
            realarm_fault_ms: i64::from(settings.alarms.realarm_fault_h) * HOUR_MS,
        },
        risk: settings.risk,
        backup: backup_plan(settings)?,
        ..EngineConfig::default()
    })
}

/// The backup of each night, where a folder for it is set.
fn backup_plan(settings: &Settings) -> anyhow::Result<Option<BackupPlan>> {
    let backup = &settings.backup;
    if backup.dir.is_empty() {
        return Ok(None);
    }
    let minutes = backup.at.split_once(':').and_then(|(hours, minutes)| {
        let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
        (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
    });
    let Some(at_min) = minutes else {
        anyhow::bail!("backup.at = {:?}: wanted hours and minutes such as \"02:30\"", backup.at)
    };
    anyhow::ensure!(backup.keep > 0, "backup.keep is 0, wanted at least 1");
    Ok(Some(BackupPlan {
        dir: backup.dir.clone().into(),
        at_min,
        zone: settings.field.zone.clone(),
        keep: backup.keep,
        late_after_ms: i64::from(backup.late_after_h) * HOUR_MS,
    }))
}

/// Tells a higher centre our alarms where one is configured; ends with the token.
fn forward_to_centre(
    settings: &Settings,
    engine: &Engine,
    counters: &Arc<Counters>,
) -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    if let Some(config) = forward::config(settings) {
        let forwarder = Forwarder::new(&config, Arc::clone(counters), Arc::new(|| SystemClock.now()))?;
        let (sender, requests) = ForwardSender::pair();
        engine.forward_to(config.centre, sender);
        tokio::spawn(forwarder.run(requests, stop.clone()));
    }
    Ok(stop)
}

fn telling_config(settings: &Settings) -> anyhow::Result<TellingConfig> {
    let (telling, url) = (&settings.telling, settings.http.public_url.trim_end_matches('/'));
    let web = url.starts_with("https://") || url.starts_with("http://");
    anyhow::ensure!(
        url.is_empty() || web,
        "http.public_url = {url:?}: wanted an address that begins with https:// or http://, or nothing"
    );
    Ok(TellingConfig {
        public_url: Some(url.to_owned()).filter(|url| !url.is_empty()),
        gathering: Gathering {
            gather_ms: i64::from(telling.gather_s) * 1000,
            alarm_rest_ms: i64::from(telling.alarm_rest_s) * 1000,
            rest_ms: i64::from(telling.rest_s) * 1000,
        },
        link_ms: i64::from(telling.link_h) * HOUR_MS,
        at_once_per_medium: telling.at_once_per_medium,
        keep_ms: i64::from(telling.keep_days) * DAY_MS,
        ..TellingConfig::default()
    })
}

impl Platform {
    async fn start(
        settings: &Settings,
        store: Store,
        profiles: Profiles,
        demo: bool,
    ) -> anyhow::Result<Self> {
        let http = TcpListener::bind(settings.http.listen)
            .await
            .with_context(|| format!("cannot listen for people on http.listen = {}", settings.http.listen))?;
        let http_addr = http.local_addr()?;
        let counters = Arc::new(Counters::default());
        let directory = Arc::new(Directory::default());
        let sessions = Arc::new(Sessions::default());
        // Ids of the live stream carry the run's name, so that nobody resumes in another run's numbers.
        let boot = format!("{:x}", SystemClock.now().0);
        let live = Arc::new(LiveHub::new(boot, settings.engine.live_bound));
        let (intake, intake_end) = IntakeSender::bounded(settings.engine.intake_bound);
        let (telegrams, telegrams_end) =
            TelegramSink::bounded(settings.engine.telegram_bound, Arc::clone(&counters));
        let parts = Parts {
            intake: intake_end,
            intake_gauge: Some(intake.clone()),
            telegrams: telegrams_end,
            telegram_gauge: Some(telegrams.clone()),
            directory: Arc::clone(&directory),
            sessions: Arc::clone(&sessions),
            live,
            counters: Arc::clone(&counters),
            profiles: profiles.all,
        };
        let config = engine_config(settings)?;
        let engine = Engine::start(store, parts, config, Arc::new(SystemClock))
            .await
            .map_err(|error| hinted(error.into()))?;
        let forwarding = forward_to_centre(settings, &engine, &counters)?;
        let options = notify::Options {
            local_addresses: settings.telling.local_addresses,
            ..notify::Options::default()
        };
        let sender = notify::Sender::with(options).context("the clients of the providers cannot be made")?;
        engine.tell(telling_config(settings)?, sender);
        let http_stop = CancellationToken::new();
        let config = api::Config {
            zone: settings.field.zone.clone(),
            demo,
            behind_https: settings.http.behind_https,
            trust_forwarded_for: settings.http.trust_forwarded_for,
            max_streams_per_user: settings.http.max_streams_per_user,
            exports_at_once: settings.http.exports_at_once,
            ..api::Config::default()
        };
        let api = Api::start(engine.clone(), config, http_stop.clone()).await?;
        let http = tokio::spawn(api::serve(http, api.clone()));
        // The field door opens last: whoever dials in finds everything behind it running.
        let gateway_stop = CancellationToken::new();
        let joined = Joined {
            intake: intake.clone(),
            directory: Arc::clone(&directory),
            sessions: Arc::clone(&sessions),
            telegrams: telegrams.clone(),
            counters: Arc::clone(&counters),
            clock: Arc::new(|| SystemClock.now()),
        };
        let mqtt = MqttDoor::start(mqtt::config(settings)?, joined, gateway_stop.clone())?;
        for (door, address) in [("mqtt", mqtt.local_addr()), ("mqtts", mqtt.tls_addr())] {
            if let Some(address) = address {
                api.door_is_open(door, address);
            }
        }
        let ingest = Ingest::new(
            ingest::shared(&settings.ingest),
            IngestParts {
                intake: intake.clone(),
                directory: Arc::clone(&directory),
                sessions: Arc::clone(&sessions),
                telegrams: telegrams.clone(),
                counters: Arc::clone(&counters),
                answers: Arc::new(engine.clone()),
                clock: Arc::new(|| SystemClock.now()),
                shutdown: gateway_stop.clone(),
            },
        );
        let mut doors = Vec::new();
        if let Some(config) = ingest::http(&settings.ingest)? {
            doors.push(("http", gateway::http::start(config, Arc::clone(&ingest)).await?.local_addr));
        }
        if let Some(config) = ingest::coap(&settings.coap)? {
            doors.push(("coap", gateway::coap::start(config, Arc::clone(&ingest)).await?.local_addr));
        }
        if let Some((config, secured)) = ingest::coaps(&settings.coaps, &settings.coap)? {
            let door = gateway::coap::start_secured(config, secured, Arc::clone(&ingest)).await?;
            doors.push(("coaps", door.local_addr));
        }
        for (name, address) in &doors {
            api.door_is_open(name, *address);
        }
        let gateway = Gateway::start(
            field::config(settings)?,
            intake,
            directory,
            sessions,
            telegrams,
            counters,
            Arc::new(|| SystemClock.now()),
            gateway_stop.clone(),
        )?;
        let field_addr = gateway.local_addr();
        api.door_is_open("field", field_addr);
        if let Some(address) = gateway.datagram_addr() {
            api.door_is_open("gb26875", address);
        }
        Ok(Self {
            api,
            engine,
            gateway,
            mqtt,
            forwarding,
            ingest,
            doors,
            gateway_stop,
            http_stop,
            http,
            http_addr,
            field_addr,
        })
    }

    /// Stops in order: no new readings, those under way committed and confirmed, then screens and engine.
    async fn stop(self) -> anyhow::Result<()> {
        self.gateway_stop.cancel();
        tokio::join!(self.gateway.stopped(), self.mqtt.stopped(), self.ingest.stopped());
        self.forwarding.cancel();
        self.http_stop.cancel();
        self.http.await??;
        self.engine.stop().await;
        self.engine.store().close().await;
        Ok(())
    }

    /// Where devices of a simulated city come to.
    fn doors(&self) -> Doors {
        let of = |wanted| self.doors.iter().find(|(name, _)| *name == wanted).map(|(_, address)| *address);
        Doors { field: self.field_addr, mqtt: self.mqtt.local_addr(), http: of("http"), coap: of("coap") }
    }

    fn announce(&self, lines: &[String]) {
        println!("Emberwatch {}", env!("CARGO_PKG_VERSION"));
        println!("field door: {}", self.field_addr);
        for address in self.gateway.local_addrs().iter().skip(1) {
            println!("field listener: {address}");
        }
        if let Some(address) = self.gateway.datagram_addr() {
            println!("gb26875 door: {address}");
        }
        for (door, address) in [("mqtt", self.mqtt.local_addr()), ("mqtts", self.mqtt.tls_addr())] {
            if let Some(address) = address {
                println!("{door} door: {address}");
            }
        }
        for (name, address) in &self.doors {
            println!("{name} door: {address}");
        }
        for line in lines {
            println!("{line}");
        }
        // Programs that start us wait for this line; it is the last.
        println!("ready: http://{}", self.http_addr);
    }
}

/// The platform alone.
pub(crate) async fn serve(settings: &Settings) -> anyhow::Result<()> {
    let _claim = claim_folder(settings)?;
    let store = open_store(settings).await?;
    let platform = Platform::start(settings, store, profiles::load(&settings.profiles.dir)?, false).await?;
    let mut lines = Vec::new();
    if let Some(code) = &platform.api.setup_code {
        lines.push("nobody has an account yet; the first page makes the first administrator".to_owned());
        lines.push(format!("setup code: {code}"));
    }
    platform.announce(&lines);
    stopped_by_somebody().await?;
    stop(platform, None).await
}

/// The platform with a simulated city that dials in.
pub(crate) async fn demo(settings: &Settings, wanted: &CityArgs) -> anyhow::Result<()> {
    let scenario = city::scenario(wanted)?;
    let inventory = sim::city::Inventory::of(&scenario);
    let _claim = claim_folder(settings)?;
    let store = open_store(settings).await?;
    let profiles = profiles::load(&settings.profiles.dir)?;
    let mut lines = Vec::new();
    if store.setup_needed().await? {
        println!("commissioning {} detectors …", inventory.commissioned_detectors());
        let password = city::found(&store, &profiles.all, &inventory).await?;
        city::expect_pace(&store, &profiles.all).await?;
        lines.push(format!("account:  {}", city::ADMINISTRATOR));
        lines.push(format!("one-time password: {password}"));
    } else {
        lines.push(format!(
            "account:  {} (its password as you set it; lost: emberwatch reset-password {})",
            city::ADMINISTRATOR,
            city::ADMINISTRATOR
        ));
    }
    let models: Vec<_> = profiles.all.iter().cloned().map(Arc::new).collect();
    let platform = Platform::start(settings, store, profiles, true).await?;
    let city_stop = CancellationToken::new();
    let options = sim::run::RunOptions {
        doors: platform.doors(),
        truth: Some(settings.data.dir.join("truth.jsonl")),
        stop: city_stop.clone(),
    };
    let running = sim::run::start(&scenario, &inventory, &models, &options)?;
    platform.announce(&lines);
    stopped_by_somebody().await?;
    city_stop.cancel();
    stop(platform, Some(running)).await
}

async fn stop(platform: Platform, city: Option<sim::run::Running>) -> anyhow::Result<()> {
    println!("stopping …");
    let soft = async {
        if let Some(city) = city {
            simulate::tell(&city.finished().await);
        }
        platform.stop().await
    };
    tokio::select! {
        done = tokio::time::timeout(STOP_WITHIN, soft) => match done {
            Ok(done) => done?,
            Err(_late) => anyhow::bail!("could not stop within {} s", STOP_WITHIN.as_secs()),
        },
        again = stopped_by_somebody() => {
            again?;
            anyhow::bail!("stopped hard at the second signal");
        }
    }
    println!("stopped; everything confirmed is on disk");
    Ok(())
}

/// Ctrl-C, or the service manager's terminate.
pub(crate) async fn stopped_by_somebody() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed?,
        _asked = terminate.recv() => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_folder_is_taken_by_one_platform_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let set = format!("data.dir={}", folder.path().join("data").display());
        let settings = crate::settings::load(None, &[set]).unwrap();
        let first = claim_folder(&settings).unwrap();
        let error = claim_folder(&settings).unwrap_err();
        assert!(error.to_string().contains("another platform runs on it"), "{error:#}");
        drop(first);
        claim_folder(&settings).unwrap();
    }
}
