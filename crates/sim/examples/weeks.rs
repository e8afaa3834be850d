//! Scores the diagnosis: `weeks [circuits] [faults of each kind] [seed] [household.csv] [folder of the document]`. With a
//! folder, `detection.md` there gets its tables between its marks, and its curves beside it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::BufReader;
use std::path::Path;
use std::time::Duration;

use domain::diagnosis::{BARS, Kind, VERSION};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sim::premises::PremisesKind;
use sim::weeks::chart::{Line, draw};
use sim::weeks::fault::{SlowFault, Wrong};
use sim::weeks::measured::Household;
use sim::weeks::premises::Premises;
use sim::weeks::score::{Looks, Met, Seen, episodes, looks, meet};
use sim::weeks::sensed::{Sensors, sense};
use sim::weeks::{DAY, NEW_YEAR, number};

/// Days before a look is possible, and before a fault begins.
const BEFORE: usize = 42;
const YEAR: usize = 365;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let said: Vec<String> = std::env::args().skip(1).collect();
    let parse = |at: usize, default: usize| said.get(at).map_or(Ok(default), |word| word.parse());
    let (circuits, each, seed) = (parse(0, 180)?, parse(1, 24)?, parse(2, 1)? as u64);
    let mut cost = Looks::default();
    let mut text = String::new();

    let sound = many(circuits, |index| {
        let premises = Premises::numbered(index, seed);
        let load = premises.load(NEW_YEAR, BEFORE + YEAR);
        looks(&sense(load, sensors(index, premises.seed), None).history, BEFORE, BEFORE + YEAR)
    });
    let years = number(circuits);
    writeln!(text, "### Simulated circuits in which nothing is wrong\n")?;
    writeln!(text, "{circuits} circuits for a year each, a look each day ({years:.0} detector-years).\n")?;
    false_table(&mut text, &sound, years)?;

    let jobs: Vec<(usize, usize)> = (0..8).flat_map(|which| (0..each).map(move |one| (which, one))).collect();
    let met = many(jobs.len(), |at| {
        let (which, one) = jobs.get(at).copied().unwrap_or_default();
        simulated(which, one, seed)
    });
    cost_of(&mut cost, &sound);
    let (met, seen): (Vec<Met>, Vec<Looks>) = met.into_iter().unzip();
    cost_of(&mut cost, &seen);
    writeln!(text, "\n### Simulated slow faults\n")?;
    fault_table(&mut text, &met)?;

    let mut charts = vec![
        ("detection-found.svg", found(&met, "Simulated faults told, by days since they began")),
        ("detection-bar.svg", bars(&sound, years, &met)),
    ];
    if let Some(path) = said.get(3) {
        let household = Household::read(BufReader::new(std::fs::File::open(path)?))?;
        let all = household.circuits();
        let days = all.first().map_or(0, |(_, load)| load.steps() / DAY);
        let sensors = Sensors { air: true, neutral: true, temperature_k: 0.1, seed: 77 };
        // Only what was measured is looked at for the single circuits: current and voltage.
        let looked = many(all.len(), |index| {
            let Some((name, load)) = all.get(index) else { return Looks::default() };
            let mut history = sense(load.clone(), sensors, None).history;
            if *name != "board" {
                history.tracks.retain(|t| t.code.starts_with("current") || t.code.starts_with("voltage"));
            }
            looks(&history, BEFORE, days)
        });
        cost_of(&mut cost, &looked);
        let years = number(all.len() * (days - BEFORE)) / 365.0;
        writeln!(text, "\n### Measured household load, nothing added\n")?;
        writeln!(
            text,
            "{} minutes of measurement, {} circuits, {years:.1} detector-years.\n",
            household.minutes,
            all.len()
        )?;
        false_table(&mut text, &looked, years)?;
        for ((name, _), looked) in all.iter().zip(&looked) {
            for (kind, days) in episodes(&looked.seen, |one| one.strong) {
                println!("measured {name}: {} on days {days:?}", kind.code());
            }
        }
        let board = household.board();
        let starts: Vec<usize> = (BEFORE..days - 190).step_by(61).collect();
        let jobs: Vec<(usize, usize)> =
            (0..6).flat_map(|which| starts.iter().map(move |start| (which, *start))).collect();
        let met = many(jobs.len(), |at| {
            let (which, start) = jobs.get(at).copied().unwrap_or_default();
            injected(&board, sensors, which, start, at)
        });
        let (met, seen): (Vec<Met>, Vec<Looks>) = met.into_iter().unzip();
        cost_of(&mut cost, &seen);
        writeln!(text, "\n### Faults added to the measured load\n")?;
        fault_table(&mut text, &met)?;
        charts
            .push(("detection-measured.svg", found(&met, "Faults added to the measured load told, by days")));
    }
    let per = cost.spent.as_secs_f64() / f64::from(cost.count.max(1));
    writeln!(
        text,
        "\n### Cost\n\n{} looks, {:.2} ms each on one core (engine version {VERSION}); 100,000 detectors once a day take \
         {:.1} minutes of one core a day.",
        cost.count,
        per * 1e3,
        per * 1e5 / 60.0
    )?;
    println!("{text}\nbars: {BARS:?}");
    if let Some(folder) = said.get(4) {
        write(Path::new(folder), &text, &charts)?;
    }
    Ok(())
}

fn sensors(index: usize, seed: u64) -> Sensors {
    let coarse = index % 4 == 3;
    Sensors {
        air: !index.is_multiple_of(3),
        neutral: index % 2 == 1,
        temperature_k: if coarse { 1.0 } else { 0.1 },
        seed,
    }
}

/// Runs each of `count` on the cores that there are, answers in order.
fn many<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let work = &work;
    let mut parts: Vec<(usize, T)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores)
            .map(|core| {
                scope.spawn(move || {
                    (core..count).step_by(cores).map(|index| (index, work(index))).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    parts.sort_by_key(|(index, _)| *index);
    parts.into_iter().map(|(_, answer)| answer).collect()
}

fn cost_of(cost: &mut Looks, all: &[Looks]) {
    cost.count += all.iter().map(|looks| looks.count).sum::<u32>();
    cost.spent += all.iter().map(|looks| looks.spent).sum::<Duration>();
}

/// One simulated fault of the kind number `which`.
fn simulated(which: usize, one: usize, seed: u64) -> (Met, Looks) {
    let mut draw = StdRng::seed_from_u64(seed * 1_000_003 + (which * 1_000 + one) as u64);
    let number_of = one * 7 + which * 13 + 1_000;
    let mut premises = Premises::numbered(number_of, seed);
    let phase = draw.random_range(0..3usize);
    let weeks: usize = draw.random_range(5..=20);
    if matches!(which, 0 | 6) {
        premises.phases = 3;
    }
    if which == 5 {
        // Where people live: a shop's own load hides a charger.
        premises.kind = PremisesKind::RentedHouse;
        premises.rated_a = 32.0;
    }
    let length = BEFORE + weeks * 7 + 28;
    let from = NEW_YEAR.plus_ms(draw.random_range(0..300i64) * 86_400_000);
    let load = premises.load(from, length);
    let busy = load.busy(0).max(1.0);
    let mut sensors = sensors(number_of, premises.seed);
    let wrong = match which {
        0 => Wrong::LooseTerminal { phase, rise_k: draw.random_range(45.0..90.0) },
        1 => Wrong::Insulation { end_ma: draw.random_range(260.0..500.0), bend: draw.random_range(1.0..2.5) },
        2 => Wrong::LeakingLoad {
            phase,
            amps: (0.12 * premises.rated_a).max(draw.random_range(3.0..9.0)),
            above_a: 0.0,
            leak_ma: draw.random_range(25.0..120.0),
            hour: draw.random_range(7.0..18.0),
        },
        3 => Wrong::GrowingLoad { share: 1.15 * premises.rated_a / busy - 1.0 + draw.random_range(0.0..0.2) },
        4 => Wrong::AfterHours {
            // A seventh to two fifths of what all phases carry when it is busy.
            amps: busy * number(premises.phases) * draw.random_range(0.15..0.4),
            hour: draw.random_range(0.0..3.0),
            long_h: draw.random_range(1.5..4.0),
        },
        5 => Wrong::Ebike {
            phase,
            amps: draw.random_range(0.6..5.0),
            hour: draw.random_range(18.5..24.0),
            plateau_h: draw.random_range(1.5..5.0),
            tail_h: draw.random_range(1.0..2.0),
        },
        6 => {
            sensors.neutral = true;
            // A neutral that carries 1.1 times the rated current at the busy load.
            Wrong::Harmonics { third: 1.1 * premises.rated_a / (3.0 * busy) }
        }
        _ => Wrong::Supply { factor: draw.random_range(2.0..4.0) },
    };
    let fault =
        SlowFault { wrong, from: BEFORE * DAY, full: (BEFORE + weeks * 7) * DAY, seed: premises.seed };
    meet(&sense(load, sensors, Some(&fault)), &fault)
}

/// One fault added to the measured board.
fn injected(
    board: &sim::weeks::load::Load,
    sensors: Sensors,
    which: usize,
    start: usize,
    at: usize,
) -> (Met, Looks) {
    let mut draw = StdRng::seed_from_u64(at as u64);
    let weeks: usize = draw.random_range(6..=20);
    let wrong = match which {
        0 => Wrong::LooseTerminal {
            phase: draw.random_range(0..2usize),
            rise_k: draw.random_range(45.0..90.0),
        },
        1 => Wrong::Insulation { end_ma: draw.random_range(260.0..500.0), bend: draw.random_range(1.0..2.5) },
        // The measured water heater leaks whenever it runs.
        2 => Wrong::LeakingLoad {
            phase: 1,
            amps: 0.0,
            above_a: 3.0,
            leak_ma: draw.random_range(25.0..120.0),
            hour: 0.0,
        },
        3 => Wrong::GrowingLoad { share: 1.15 * 25.0 / board.busy(0) - 1.0 },
        4 => Wrong::Ebike {
            phase: 2,
            amps: draw.random_range(0.6..5.0),
            hour: draw.random_range(18.5..24.0),
            plateau_h: draw.random_range(1.5..5.0),
            tail_h: draw.random_range(1.0..2.0),
        },
        _ => Wrong::Supply { factor: draw.random_range(2.0..4.0) },
    };
    let full = start + weeks * 7;
    let fault = SlowFault { wrong, from: start * DAY, full: full * DAY, seed: at as u64 };
    meet(&sense(board.clone(), sensors, Some(&fault)), &fault)
}

fn false_table(text: &mut String, all: &[Looks], years: f64) -> std::fmt::Result {
    let mut strong: BTreeMap<Kind, usize> = BTreeMap::new();
    let mut any: BTreeMap<Kind, usize> = BTreeMap::new();
    for looks in all {
        for (kind, days) in episodes(&looks.seen, |one| one.strong) {
            *strong.entry(kind).or_default() += days.len();
        }
        for (kind, days) in episodes(&looks.seen, |_| true) {
            *any.entry(kind).or_default() += days.len();
        }
    }
    writeln!(
        text,
        "| finding | told (strong) | per detector-year | on the analysis page only, per detector-year |"
    )?;
    writeln!(text, "| --- | ---: | ---: | ---: |")?;
    let of = |map: &BTreeMap<Kind, usize>, kind| map.get(&kind).copied().unwrap_or(0);
    for kind in Kind::ALL {
        let (told, seen) = (of(&strong, kind), of(&any, kind));
        let weak = number(seen.saturating_sub(told)) / years;
        writeln!(text, "| {} | {told} | {:.4} | {weak:.3} |", kind.code(), number(told) / years)?;
    }
    let all: usize = strong.values().sum();
    writeln!(text, "| **all** | {all} | **{:.4}** | |", number(all) / years)
}

fn middle(mut values: Vec<usize>, share: f64) -> String {
    values.sort_unstable();
    let at = ((number(values.len()) - 1.0) * share).round().max(0.0);
    let index = (0..values.len()).find(|index| number(*index) >= at);
    index.and_then(|index| values.get(index)).map_or("–".to_owned(), ToString::to_string)
}

fn fault_table(text: &mut String, met: &[Met]) -> std::fmt::Result {
    writeln!(
        text,
        "| fault | cases | told in time | missed | seen at all | told after, days (median) | reach the threshold | lead, days \
         (median) | lead, days (10 %) | other findings told |"
    )?;
    writeln!(text, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
    for kind in Kind::ALL {
        let own: Vec<&Met> = met.iter().filter(|one| one.kind == kind).collect();
        if own.is_empty() {
            continue;
        }
        let told: Vec<usize> = own.iter().filter_map(|one| one.strong_after).collect();
        let leads: Vec<usize> = own.iter().filter_map(|one| one.lead()).collect();
        writeln!(
            text,
            "| {} | {} | {} | {:.0} % | {} | {} | {} | {} | {} | {} |",
            kind.code(),
            own.len(),
            told.len(),
            100.0 * number(own.len() - told.len()) / number(own.len()),
            own.iter().filter(|one| one.seen_after.is_some()).count(),
            middle(told, 0.5),
            own.iter().filter(|one| one.threshold_after.is_some()).count(),
            middle(leads.clone(), 0.5),
            middle(leads, 0.1),
            own.iter().map(|one| one.beside.len()).sum::<usize>(),
        )?;
    }
    Ok(())
}

/// The share that was told, by days since the fault began.
fn found(met: &[Met], title: &str) -> String {
    let lines: Vec<Line> = Kind::ALL
        .into_iter()
        .filter_map(|kind| {
            let own: Vec<&Met> = met.iter().filter(|one| one.kind == kind).collect();
            let share = |day: usize| {
                let told = own.iter().filter(|one| one.strong_after.is_some_and(|after| after <= day));
                100.0 * number(told.count()) / number(own.len())
            };
            let points = (0..=140).step_by(2).map(|day| (number(day), share(day))).collect();
            (!own.is_empty()).then(|| Line { name: kind.code().replace('_', " "), points })
        })
        .collect();
    draw(title, "days since the fault began", "told, %", &lines)
}

/// What a higher bar would cost and bring, for the findings that are a change.
fn bars(sound: &[Looks], years: f64, met: &[Met]) -> String {
    let kinds = [Kind::LooseningTerminal, Kind::AgeingInsulation, Kind::OverloadAhead, Kind::AgeingSupply];
    let tries: Vec<f64> =
        (0..=24).map(|half| f64::from(half) / 2.0).filter(|z| *z >= BARS.strong_z).collect();
    let past = |one: &Seen, z: f64| {
        one.strong && kinds.contains(&one.kind) && one.errors.is_some_and(|errors| errors >= z)
    };
    let wrong = tries.iter().map(|z| {
        let all: usize = sound
            .iter()
            .map(|looks| episodes(&looks.seen, |one| past(one, *z)).values().map(Vec::len).sum::<usize>())
            .sum();
        (*z, 100.0 * number(all) / years)
    });
    let own: Vec<&Met> = met.iter().filter(|one| kinds.contains(&one.kind)).collect();
    let missed = tries.iter().map(|z| {
        let missed = own.iter().filter(|one| one.errors.is_none_or(|errors| errors < *z)).count();
        (*z, 100.0 * number(missed) / number(own.len()))
    });
    let lines = [
        Line { name: "false per 100 years".to_owned(), points: wrong.collect() },
        Line { name: "missed, %".to_owned(), points: missed.collect() },
    ];
    draw("A higher bar: fewer false findings, more missed", "bar, standard errors", "see legend", &lines)
}

fn write(folder: &Path, text: &str, charts: &[(&str, String)]) -> std::io::Result<()> {
    for (name, svg) in charts {
        std::fs::write(folder.join(name), svg)?;
    }
    let path = folder.join("detection.md");
    let old = std::fs::read_to_string(&path)?;
    let (begin, end) = ("<!-- score -->\n", "<!-- /score -->");
    if let Some((head, (_, tail))) =
        old.split_once(begin).and_then(|(head, rest)| Some((head, rest.split_once(end)?)))
    {
        std::fs::write(&path, format!("{head}{begin}{text}{end}{tail}"))?;
    }
    Ok(())
}
