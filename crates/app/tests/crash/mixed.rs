//! Devices of mixed protocols against the real server, all cut off at once; what they saw confirmed against what the
//! store holds. Small by default; `EMBERWATCH_MIX_DEVICES=20000 EMBERWATCH_MIX_SECONDS=600` is a city's hour in ten
//! minutes (12 readings of each device, as at five minutes apart); `EMBERWATCH_MIX_ADDRESSES=1` lets all of them come from
//! one address; `EMBERWATCH_MIX_LINES=16500` is how many lines may be open at once, where a process cannot have more files.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use domain::access::Scope;
use domain::hazard::Hazard;
use domain::reading::Filing;
use sim::load::mixed::{DeviceLog, MixedOptions, MixedReport, SaidReading, Tongue, run_mixed};
use store::Store;
use store::detectors::DetectorFilter;

use crate::check::{lives, readings};
use crate::platform::Place;

/// Readings of one device in the time before the cut.
const READINGS: f64 = 12.0;

fn number(variable: &str, otherwise: u32) -> u32 {
    std::env::var(variable).ok().map_or(otherwise, |text| text.parse().expect(variable))
}

/// How far apart the server and a device that it asks may put a reading, ms: a busy machine.
const ASKED_WITHIN_MS: i64 = 60_000;
/// Readings of one device that may have been on the line when it was cut, where nothing is confirmed.
const ON_THE_LINE: usize = 3;

/// A stored reading: when it was filed by whose clock, and the measured value in its unit.
struct Kept {
    at_ms: i64,
    value: i64,
}

/// Everything that is wrong about what is stored of one device.
async fn faults_of(
    store: &Store,
    detector: domain::id::DetectorId,
    serial: &str,
    log: &DeviceLog,
) -> Vec<String> {
    let scope = Scope::platform();
    let channels = store.detectors().channels(&scope, detector).await.unwrap();
    let measured = channels.iter().find(|channel| channel.code == log.tongue.measured()).unwrap();
    let point = measured.point.expect("a point");
    let mut stored = Vec::new();
    let mut faults = Vec::new();
    for reading in readings(store, detector).await {
        if reading.filing != Filing::Current {
            faults.push(format!(
                "{serial}: a reading of {:?} was filed {:?}",
                reading.device_at, reading.filing
            ));
        }
        let at_ms = reading.device_at.map_or(reading.filed_at.0, |at| at.0);
        let Some(sample) = reading.samples.iter().find(|sample| sample.point == point) else {
            // What is asked for piece by piece is stored piece by piece.
            assert!(log.tongue.is_polled(), "{serial}: a reading without its value");
            continue;
        };
        // In mA or V, whatever the model's scale.
        #[expect(clippy::cast_possible_truncation, reason = "whole numbers up to 640")]
        stored.push(Kept { at_ms, value: measured.decimals.value(sample.raw).round() as i64 });
    }
    faults.extend(if log.tongue.is_polled() { asked(&stored, log) } else { told(&stored, log) });
    faults.iter().map(|fault| format!("{serial}, {}: {fault}", log.tongue.name())).collect()
}

/// Readings that the device told with its own clock.
fn told(stored: &[Kept], log: &DeviceLog) -> Vec<String> {
    let mut by_time: HashMap<i64, Vec<i64>> = HashMap::new();
    for kept in stored {
        by_time.entry(kept.at_ms).or_default().push(kept.value);
    }
    let mut unconfirmed = 0;
    let mut faults = Vec::new();
    for SaidReading { device_at_ms, value, confirmed } in &log.said {
        match (by_time.remove(device_at_ms).as_deref(), confirmed) {
            (Some([one]), _) if one == value => {}
            (None, false) => unconfirmed += 1,
            (None, true) => {
                faults.push(format!("the reading of {device_at_ms} was confirmed and is not stored"))
            }
            (Some(had), _) => faults.push(format!("{device_at_ms} is stored as {had:?}, said was {value}")),
        }
    }
    if !by_time.is_empty() {
        faults.push(format!("nobody said {by_time:?}"));
    }
    // Where the protocol confirms nothing, only what was on the line when it was cut may be missing.
    if !log.tongue.confirms() && unconfirmed > ON_THE_LINE {
        faults.push(format!("{unconfirmed} readings of {} are missing", log.said.len()));
    }
    faults
}

/// Readings that the server asked for, in the order of its own clock: each is one that the device answered, in the
/// order in which it did.
fn asked(stored: &[Kept], log: &DeviceLog) -> Vec<String> {
    let mut answers = log.said.iter();
    let mut missing = 0;
    for kept in stored {
        let before = answers.len();
        let fits = |said: &SaidReading| {
            said.value == kept.value && (said.device_at_ms - kept.at_ms).abs() <= ASKED_WITHIN_MS
        };
        if !answers.any(fits) {
            return vec![format!("nobody answered the {} of {}", kept.value, kept.at_ms)];
        }
        missing += before - answers.len() - 1;
    }
    missing += answers.len();
    if missing > ON_THE_LINE {
        return vec![format!("{missing} answers of {} are missing", log.said.len())];
    }
    Vec::new()
}

async fn check(store: &Store, report: &MixedReport) -> Vec<String> {
    let scope = Scope::platform();
    let detectors = store.detectors().all(&scope, &DetectorFilter::default()).await.unwrap();
    let mut faults = Vec::new();
    let mut alarming = BTreeMap::new();
    let mut excused = BTreeSet::new();
    for detector in detectors {
        let log = report.devices.get(&detector.serial).expect("a device of the load");
        faults.extend(faults_of(store, detector.id, &detector.serial, log).await);
        if log.in_alarm {
            alarming.insert(detector.id, detector.serial.clone());
        } else if log.may_alarm {
            excused.insert(detector.id);
        }
    }
    for life in lives(store).await.values() {
        let of = life.alarm.detector_id;
        if life.alarm.hazard == Hazard::ResidualCurrent
            && alarming.remove(&of).is_none()
            && !excused.remove(&of)
        {
            faults.push(format!("nothing asks for {:?}, or it was raised twice", life.alarm));
        }
    }
    faults.extend(alarming.values().map(|serial| format!("{serial}: its alarm was lost")));
    faults
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mixed_protocols_lose_nothing_confirmed_and_invent_nothing_also_when_all_are_cut_at_once() {
    let began = Instant::now();
    let devices = usize::try_from(number("EMBERWATCH_MIX_DEVICES", 200)).unwrap();
    let addresses = usize::try_from(number("EMBERWATCH_MIX_ADDRESSES", 200)).unwrap();
    let for_s = f64::from(number("EMBERWATCH_MIX_SECONDS", 6));
    // Fewer than there are devices of protocols with a line, so that some hang up in between.
    let lines = usize::try_from(number("EMBERWATCH_MIX_LINES", 120)).unwrap();
    let place = Place::commission_mixed(devices).await;
    let mut platform = place.serve(&place.all_doors());
    platform.readiness(200).await;
    let options = MixedOptions {
        doors: place.doors(),
        addresses,
        devices,
        lines,
        every_s: for_s / READINGS,
        for_s,
        // Half as many a second as a door takes from one address.
        connect_within_s: (devices as f64 / 1_000.0).max(1.0),
        recover_within_s: 120.0,
        seed: 7,
    };
    let profiles: Vec<_> = domain::profile::shipped().unwrap().into_iter().map(Arc::new).collect();
    let report = run_mixed(options, &profiles).await.unwrap();
    platform.assert_runs();
    let rss = platform.memory_kb();
    platform.stop().await;
    let store = place.store().await;
    let faults = check(&store, &report).await;
    store.close().await;
    println!(
        "{report}\nserver's memory      {rss} KB\nwhole test           {:.0} s",
        began.elapsed().as_secs_f64()
    );
    let some: Vec<_> = faults.iter().take(12).collect();
    assert!(some.is_empty(), "{} things are wrong, among them: {some:#?}", faults.len());
    assert_eq!(report.not_back, 0, "everybody comes back");
    // Else the run has shown nothing.
    assert!(report.confirmed > devices, "readings were confirmed");
    assert!(report.alarm_delay.count > 0, "there were alarms in the storm");
    for tongue in Tongue::ALL {
        assert!(
            report.devices.values().any(|log| log.tongue == tongue && !log.said.is_empty()),
            "{tongue:?} spoke"
        );
    }
}
