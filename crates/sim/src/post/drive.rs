//! A terminal without a line: says what it has to say, then asks what there is to do.

use domain::time::UnixMs;
use rand::Rng as _;
use rand::rngs::SmallRng;

use super::{Answered, Post};
use crate::device::LineState;
use crate::line::Endpoint;
use crate::reporter::Reporter;

/// The first pause after an exchange that came to nothing, ms; each further one is twice as long.
const FIRST_PAUSE_MS: u64 = 500;

/// Lets `reporter` speak until it is stopped.
pub(crate) async fn drive_posts(
    post: Post,
    mut reporter: Reporter,
    endpoint: Endpoint,
    mut jitter: SmallRng,
) {
    let run = async {
        let clock = endpoint.clock;
        let mut pause_ms = FIRST_PAUSE_MS;
        let mut not_before = endpoint.first_dial;
        loop {
            let now = clock.now();
            reporter.due(now);
            let silent_until = match reporter.line(now) {
                LineState::Silent { until, .. } => until,
                LineState::Up => now,
            };
            let may_speak_at = not_before.max(silent_until);
            if may_speak_at <= now {
                if exchange(&post, &mut reporter).await {
                    pause_ms = FIRST_PAUSE_MS;
                } else {
                    // Half of it is chance: a city that lost its server must not come back in one second.
                    let chosen = jitter.random_range(pause_ms / 2..=pause_ms);
                    not_before = clock.now().plus_ms(i64::try_from(chosen).unwrap_or(i64::MAX));
                    pause_ms = (pause_ms * 2).min(endpoint.back_off_max_ms.max(FIRST_PAUSE_MS));
                }
            }
            let has_more = reporter.front().is_some();
            let wake = if has_more { may_speak_at.max(not_before) } else { UnixMs(i64::MAX) };
            clock.sleep_until(wake.min(reporter.next_upload())).await;
        }
    };
    tokio::select! {
        () = endpoint.stop.cancelled() => {}
        () = run => {}
    }
}

/// Says all there is to say and does what there is to do; whether the platform answered.
async fn exchange(post: &Post, reporter: &mut Reporter) -> bool {
    let form = reporter.form();
    let mut has_asked = false;
    loop {
        while let Some(front) = reporter.front() {
            let is_again = front.tries > 0;
            front.tries += 1;
            let answered = post.say(form, &front.payload, &front.key).await;
            reporter.counters().sent(is_again);
            match answered {
                Answered::Confirmed => reporter.confirmed(),
                Answered::Later => {
                    tracing::debug!(serial = post.serial, "nothing was confirmed, it is said again later");
                    return false;
                }
                Answered::Refused(reason) => {
                    tracing::warn!(serial = post.serial, reason, "a message was refused");
                    reporter.refused();
                }
            }
        }
        if has_asked {
            return true;
        }
        has_asked = true;
        let Some(commands) = post.commands().await else { return false };
        reporter.obey(&commands);
    }
}
