//! `emberwatch simulate`: a city, a load, or idle connections.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use domain::profile::Profile;
use sim::city::Inventory;
use sim::doors::Doors;
use sim::line::CountersNow;
use sim::load::{LoadOptions, LoadProtocol};
use sim::run::RunOptions;
use tokio_util::sync::CancellationToken;

use crate::cli::{Simulate, Speak};
use crate::platform::stopped_by_somebody;
use crate::settings::Settings;
use crate::{city, profiles};

pub(crate) async fn run(settings: &Settings, wanted: &Simulate) -> anyhow::Result<()> {
    let doors = doors(settings, wanted);
    let models: Vec<_> = profiles::load(&settings.profiles.dir)?.all.into_iter().map(Arc::new).collect();
    let stop = CancellationToken::new();
    let stopper = stop.clone();
    tokio::spawn(async move {
        if stopped_by_somebody().await.is_ok() {
            stopper.cancel();
        }
    });
    if wanted.load || wanted.idle {
        let (door, protocol) = match wanted.speak {
            Speak::Cloud7b7b => (Some(doors.field), LoadProtocol::Cloud7b7b),
            Speak::Mqtt => (doors.mqtt, LoadProtocol::Mqtt),
        };
        let door =
            door.context("the door for MQTT is closed by the configuration; say where it is with --mqtt")?;
        load(door, protocol, wanted, &models, stop).await
    } else {
        live(doors, wanted, &models, stop).await
    }
}

/// Where the platform's doors are: as the flags say, else as the configuration does, where an empty address is a
/// closed door.
fn doors(settings: &Settings, wanted: &Simulate) -> Doors {
    Doors {
        field: wanted.to.unwrap_or(settings.field.listen),
        mqtt: wanted.mqtt.or_else(|| settings.mqtt.listen.parse().ok()),
        http: wanted.ingest.or_else(|| settings.ingest.listen.parse().ok()),
        coap: wanted.coap.or_else(|| settings.coap.listen.parse().ok()),
    }
}

async fn live(
    doors: Doors,
    wanted: &Simulate,
    models: &[Arc<Profile>],
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let scenario = city::scenario(&wanted.city)?;
    let inventory = Inventory::of(&scenario);
    println!("{} terminals, field door {}", inventory.terminals.len(), doors.field);
    let options = RunOptions { doors, truth: wanted.truth.clone(), stop };
    let running = sim::run::start(&scenario, &inventory, models, &options)?;
    tell(&running.finished().await);
    Ok(())
}

async fn load(
    server: SocketAddr,
    protocol: LoadProtocol,
    wanted: &Simulate,
    models: &[Arc<Profile>],
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let readings_per_s = if wanted.idle { Some(0.0) } else { wanted.rate };
    let options = LoadOptions {
        protocol,
        addresses: wanted.addresses,
        connections: wanted.connections,
        connect_per_s: wanted.connect_per_s,
        readings_per_s,
        window: wanted.window,
        for_s: wanted.seconds,
        first_serial: wanted.first,
        record: wanted.record.clone(),
        stop,
        ..LoadOptions::to(server)
    };
    let report = sim::load::run(options, models).await?;
    if wanted.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("{report}");
    }
    Ok(())
}

/// Says what a city did.
pub(crate) fn tell(counters: &CountersNow) {
    println!("the city: {counters:?}");
}
