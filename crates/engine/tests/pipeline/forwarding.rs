//! Alarms on their way to a higher centre: nothing lost, nothing out of order, nothing told twice that was confirmed.

use std::time::Duration;

use bus::{Forward, ForwardReceiver, ForwardSender, Forwarded};
use domain::hazard::Severity;
use domain::quantity::Quantity;

use crate::world::{World, at_s};

const CENTRE: &str = "192.0.2.9:5000";

fn begin(world: &World) -> ForwardReceiver {
    let (sender, requests) = ForwardSender::pair();
    world.engine.forward_to(CENTRE.to_owned(), sender);
    requests
}

/// The next step, answered with `outcome`.
async fn told(world: &World, requests: &mut ForwardReceiver, outcome: Forwarded) -> Forward {
    let next = async {
        loop {
            tokio::select! {
                request = requests.recv() => return request.expect("the engine tells"),
                // The engine looks for new steps by the clock of the test.
                () = tokio::task::yield_now() => world.clock.set(world.engine.now().plus_ms(1)),
            }
        }
    };
    let (forward, reply) = tokio::time::timeout(Duration::from_secs(30), next).await.expect("a step");
    reply.send(outcome).expect("the engine waits");
    forward
}

async fn confirmed(world: &World, wanted: i64) {
    let waited = async {
        loop {
            let facts = world.engine.store().forward_facts(CENTRE).await.expect("facts");
            if facts.is_some_and(|facts| facts.confirmed == wanted) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waited).await.expect("kept as confirmed");
}

#[tokio::test]
async fn each_step_is_told_until_it_is_confirmed_also_after_a_restart() {
    let world = World::new().await;
    let mut requests = begin(&world);
    world.engine.store().forward_begin(CENTRE).await.expect("begun");
    let alarm = world.held_alarm().await;

    let first = told(&world, &mut requests, Forwarded::Unreached).await;
    assert_eq!((first.quantity, first.severity), (Quantity::ResidualCurrent, Some(Severity::Alarm)));
    assert_eq!((first.at, first.place.as_str()), (alarm.raised_at, "荷塘农贸市场 WL1"));
    assert_eq!(told(&world, &mut requests, Forwarded::Denied).await, first, "told again");
    assert_eq!(told(&world, &mut requests, Forwarded::Confirmed).await, first);
    confirmed(&world, 1).await;

    // The next is under way when the process ends.
    drop(requests);
    let now = world.engine.now();
    let world = world.restart(now).await;
    let mut requests = begin(&world);
    let second = told(&world, &mut requests, Forwarded::Confirmed).await;
    assert_eq!((second.severity, second.at), (None, at_s(20)));
    confirmed(&world, 2).await;
    assert_eq!(world.engine.store().forward_next(CENTRE, 10).await.expect("rows"), []);
}

#[tokio::test]
async fn a_step_that_is_denied_again_and_again_does_not_hold_up_the_others() {
    let world = World::new().await;
    let mut requests = begin(&world);
    world.engine.store().forward_begin(CENTRE).await.expect("begun");
    world.held_alarm().await;
    for _ in 0..5 {
        assert_eq!(told(&world, &mut requests, Forwarded::Denied).await.severity, Some(Severity::Alarm));
    }
    assert_eq!(told(&world, &mut requests, Forwarded::Confirmed).await.severity, None);
    confirmed(&world, 1).await;
    let facts = world.engine.store().forward_facts(CENTRE).await.expect("facts").expect("begun");
    assert_eq!(facts.refused, 1);
}

#[tokio::test]
async fn what_was_before_the_centre_is_not_told() {
    let world = World::new().await;
    world.held_alarm().await;
    world.engine.store().forward_begin(CENTRE).await.expect("begun");
    assert_eq!(world.engine.store().forward_next(CENTRE, 10).await.expect("rows"), []);
    assert_eq!(world.engine.store().forward_facts("elsewhere").await.expect("facts"), None);
}
