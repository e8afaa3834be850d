//! A profile that people change is in force at once and after a restart.

use domain::access::Scope;
use domain::reading::{PointIndex, Quality, Sample};
use engine::EngineError;
use engine::services::ProfileOrigin;

use crate::world::{World, at_s, operator};

const ID: &str = "arcm300-cloud";

fn text(world: &World) -> String {
    world.engine.directory().profile(ID).expect("it is shipped").text.clone()
}

/// The shipped profile with a stricter limit and one more point.
fn stricter(text: &str) -> String {
    let (head, tail) = text.split_once("[[points]]").expect("it has points");
    format!(
        "{head}[limits.residual_current]\nwarning = 50\nalarm = 100\n\n[[groups]]\nsegment = \"1-1\"\nstart = 0x0200\ncount = 1\n\n[[points]]{tail}\n[[points]]\ncode = \"spare\"\nname = \"备用\"\nquantity = \"residual_current\"\naddress = 0x0200\nformat = \"u16\"\n"
    )
}

async fn write(world: &World, text: &str, version: i64) -> Result<i64, EngineError> {
    let (all, who) = (Scope::platform(), operator(1));
    world.engine.profiles().write(&all, &who, ID, text, version, "").await.map(|row| row.version)
}

#[tokio::test]
async fn new_limits_and_new_points_are_in_force_at_once_and_after_a_restart() {
    let world = World::new().await;
    world.measure(0, 150).await;
    let before = world.engine.memory().detector(world.detector).expect("known").binding.channels.len();
    let shipped = text(&world);
    assert_eq!(write(&world, &stricter(&shipped), 0).await.expect("written"), 1);
    let detector = world.engine.memory().detector(world.detector).expect("known");
    assert_eq!(detector.binding.channels.len(), before + 1);
    world.wait_for_alarm_at(6).await;
    assert_eq!(world.the_alarm().await.limit_value, Some(100.0));
    let known = world.engine.profiles().one(&Scope::platform(), ID).await.expect("known");
    assert_eq!((known.origin, known.version), (ProfileOrigin::Database, 1));
    assert_eq!(known.beneath, [ProfileOrigin::Shipped]);
    assert_eq!(world.audit("profile.create").await.len(), 1);

    let world = world.restart(at_s(100)).await;
    assert_eq!(text(&world), stricter(&shipped));
    let last = u16::try_from(before - 1).expect("few");
    let sample = Sample { point: PointIndex(last), raw: 7, quality: Quality::Good };
    let reading = world.reading(101, vec![sample]);
    world.clock.set(at_s(101));
    assert_eq!(world.confirm(reading).await, bus::Outcome::Committed);
    let detector = world.engine.memory().detector(world.detector).expect("known");
    let spare = detector.binding.channels.last().expect("channels").channel.clone();
    assert_eq!(spare.point, Some(PointIndex(last)));
}

#[tokio::test]
async fn a_text_that_is_none_or_breaks_what_is_stored_changes_nothing() {
    let world = World::new().await;
    let shipped = text(&world);
    let Err(EngineError::Profile(mistake)) = write(&world, "name = 3\n", 0).await else {
        panic!("a text that is no profile must be refused");
    };
    assert_eq!((mistake.line, mistake.file.as_str()), (1, "arcm300-cloud.toml"));
    let broken = shipped.replacen("code = \"residual\"", "code = \"leak\"", 1);
    let broken = broken.replace("point = \"residual\"", "point = \"leak\"");
    let Err(EngineError::Breaks(breaks)) = write(&world, &broken, 0).await else {
        panic!("a point that is stored must not go");
    };
    assert_eq!(breaks.iter().map(|one| one.kind()).collect::<Vec<_>>(), ["point_gone"]);
    assert_eq!(text(&world), shipped);
    assert_eq!(world.audit("profile").await.len(), 0);
}

#[tokio::test]
async fn what_was_taken_away_leaves_the_file_beneath() {
    let world = World::new().await;
    let (all, who) = (Scope::platform(), operator(1));
    let desk = world.engine.profiles();
    let id = "asj-relay";
    let shipped = world.engine.directory().profile(id).expect("it is shipped").text.clone();
    desk.write(&all, &who, id, &format!("# ours\n{shipped}"), 0, "").await.expect("written");
    assert!(world.engine.directory().profile(id).expect("there").text.starts_with("# ours"));
    desk.delete(&all, &who, id, 1, "").await.expect("nobody has it");
    assert_eq!(world.engine.directory().profile(id).expect("there").text, shipped);
    let known = desk.one(&all, id).await.expect("there");
    assert_eq!((known.origin, known.version, known.beneath.len()), (ProfileOrigin::Shipped, 2, 0));
    let in_use = desk.write(&all, &who, ID, &text(&world), 0, "").await.expect("written").version;
    assert!(desk.delete(&all, &who, ID, in_use, "").await.is_err());
}
