//! `GET /live`: server-sent events that go on where they stopped.

use std::collections::{HashMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use bus::StorageState;
use domain::access::{Permission, Scope};
use domain::id::DetectorId;
use futures::Stream;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Interval;
use utoipa::IntoParams;

use super::render;
use super::stage::{Missed, Rendered};
use crate::access::caller::{Caller, Ended};
use crate::http::extract::{Filters, words};
use crate::http::problem::{Code, Problem, StreamProblems};
use crate::http::time::Time;
use crate::state::Api;

/// Which events.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LiveQuery {
    /// Send `values` events of these detectors, with commas between.
    #[param(example = "12,13")]
    detector: Option<String>,
    /// `all`: send `values` events of every detector in scope.
    #[param(example = "all")]
    values: Option<String>,
    /// The last id that was seen, for readers that cannot send the header `Last-Event-ID`.
    last_event_id: Option<String>,
}

/// Whose values are wanted.
#[derive(Debug)]
enum Wanted {
    All,
    Of(HashSet<DetectorId>),
}

/// What happens, as it happens: `text/event-stream` with the events `hello`, `gap` (read everything again), `alarm`
/// (a whole alarm), `values`, `status`, `terminal`, `pending`, `changed`, `import`, `storage` and `ping`.
#[utoipa::path(
    get,
    path = "/live",
    tag = "live",
    operation_id = "live",
    params(LiveQuery, ("Last-Event-ID" = Option<String>, Header, description = "The last id that was seen")),
    responses(
        (status = 200, description = "The stream", body = String, content_type = "text/event-stream"),
        StreamProblems
    )
)]
pub(super) async fn live(
    State(api): State<Api>,
    caller: Caller,
    Filters(query): Filters<LiveQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let scope = caller.scope(Permission::View)?;
    let wanted = match query.values.as_deref() {
        Some("all") => Wanted::All,
        Some(other) => {
            return Err(Problem::field("values", "unknown_value", format!("had `{other}`, wanted all")));
        }
        None => Wanted::Of(
            words("detector", query.detector.as_deref(), |w| w.parse().ok().map(DetectorId))?
                .into_iter()
                .collect(),
        ),
    };
    let seat = Seat::take(&api.seats, caller.key(), api.config.max_streams_per_user)?;
    let last = headers.get("last-event-id").and_then(|v| v.to_str().ok()).or(query.last_event_id.as_deref());
    let ended = api.ended.subscribe();
    // Before the subscription, so that no value falls between; and for as long as it may go on from what is kept.
    let of = match &wanted {
        Wanted::All => bus::live::Wanted::All,
        Wanted::Of(detectors) => bus::live::Wanted::Of(detectors.iter().copied().collect()),
    };
    let following = api.live.follow(of, api.config.live_kept as u64);
    let (missed, newest, events) = api.stage.subscribe(last);

    let every = api.config.ping_every;
    let mut ping = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
    ping.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut reader = Reader {
        api,
        caller,
        scope,
        wanted,
        events,
        ended,
        ping,
        seen: newest,
        waiting: VecDeque::new(),
        _seat: seat,
        _following: following,
    };
    let hello =
        json!({ "boot": reader.api.stage.boot(), "seq": newest, "server_now": Time(reader.api.now()) });
    match missed {
        Missed::Events(events) => {
            // The hello carries the reader's own place, so that a line that breaks in between loses nothing.
            let place = last.map_or_else(|| reader.api.stage.id(newest), str::to_owned);
            reader.waiting.push_back(event("hello", &place, &hello.to_string()));
            for missed in events {
                reader.enqueue(&missed);
            }
        }
        Missed::TooMuch => {
            let place = reader.api.stage.id(newest);
            reader.waiting.push_back(event("hello", &place, &hello.to_string()));
            reader.waiting.push_back(event("gap", &place, &json!({ "reason": "too_old" }).to_string()));
        }
    }
    // Who comes now does not know what was told before.
    let state = reader.api.storage().state;
    if state != StorageState::Well {
        let said = render::storage(reader.api.storage().warning, state);
        let place = reader.api.stage.id(newest);
        reader.waiting.push_back(event("storage", &place, &said));
    }
    let mut response = Sse::new(into_stream(reader)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies of the nginx family hold a response back unless told not to.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

fn event(name: &str, id: &str, json: &str) -> Event {
    Event::default().event(name).id(id).data(json)
}

struct Reader {
    api: Api,
    caller: Caller,
    scope: Scope,
    wanted: Wanted,
    events: broadcast::Receiver<Arc<Rendered>>,
    ended: broadcast::Receiver<Ended>,
    ping: Interval,
    /// The newest event that was looked at, sent or not.
    seen: u64,
    waiting: VecDeque<Event>,
    _seat: Seat,
    _following: bus::live::Following,
}

impl Reader {
    fn wants(&self, event: &Rendered) -> bool {
        let values = match (event.values_of, &self.wanted) {
            (None, _) | (Some(_), Wanted::All) => true,
            (Some(detector), Wanted::Of(some)) => some.contains(&detector),
        };
        values && event.is_for(&self.scope)
    }

    fn enqueue(&mut self, rendered: &Rendered) {
        self.seen = self.seen.max(rendered.seq);
        if self.wants(rendered) {
            self.waiting.push_back(event(rendered.name, &self.api.stage.id(rendered.seq), rendered.json()));
        }
    }

    /// The next event; `None` ends the stream.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            tokio::select! {
                biased;
                () = self.api.stop.cancelled() => return None,
                ended = self.ended.recv() => match ended {
                    Ok(ended) if !self.caller.is_ended_by(&ended) => {}
                    Err(RecvError::Lagged(_)) => {
                        if !self.still_valid().await {
                            return None;
                        }
                    }
                    Ok(_) | Err(RecvError::Closed) => return None,
                },
                next = self.events.recv() => match next {
                    Ok(rendered) => self.enqueue(&rendered),
                    Err(RecvError::Lagged(_)) => {
                        // The reader is slower than what happens: it is told, and goes on with the newest.
                        self.api.counters.live_gaps.add_one();
                        let (_, newest, events) = self.api.stage.subscribe(None);
                        self.events = events;
                        self.seen = newest;
                        let place = self.api.stage.id(newest);
                        self.waiting.push_back(event("gap", &place, &json!({ "reason": "slow" }).to_string()));
                    }
                    Err(RecvError::Closed) => return None,
                },
                _ = self.ping.tick() => {
                    if !self.still_valid().await {
                        return None;
                    }
                    let now = json!({ "server_now": Time(self.api.now()) });
                    self.waiting.push_back(event("ping", &self.api.stage.id(self.seen), &now.to_string()));
                }
            }
        }
    }

    /// Looks the session up again: it may have ended, and its grants may have changed.
    async fn still_valid(&mut self) -> bool {
        match self.caller.again(&self.api).await {
            Ok(caller) => match caller.scope(Permission::View) {
                Ok(scope) => {
                    self.scope = scope;
                    self.caller = caller;
                    true
                }
                Err(_forbidden) => false,
            },
            Err(_ended) => false,
        }
    }
}

fn into_stream(reader: Reader) -> impl Stream<Item = Result<Event, Infallible>> {
    futures::stream::unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        Some((Ok(event), reader))
    })
}

/// How many streams each caller holds open.
pub type Seats = Arc<Mutex<HashMap<String, u32>>>;

/// One open stream; leaving gives the seat back.
#[derive(Debug)]
struct Seat {
    seats: Seats,
    key: String,
}

impl Seat {
    fn take(seats: &Seats, key: String, most: u32) -> Result<Self, Problem> {
        let mut held = seats.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(key.clone()).or_insert(0);
        if *count >= most {
            let mut problem = Problem::wait(Code::RateLimited, 10);
            problem.detail = format!("had {count} open streams, wanted at most {most}");
            return Err(problem);
        }
        *count += 1;
        drop(held);
        Ok(Self { seats: Arc::clone(seats), key })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut held = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                held.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_counted_per_caller_and_given_back() {
        let seats = Seats::default();
        let one = Seat::take(&seats, "u1".to_owned(), 2).unwrap();
        let _two = Seat::take(&seats, "u1".to_owned(), 2).unwrap();
        assert_eq!(Seat::take(&seats, "u1".to_owned(), 2).unwrap_err().code, Code::RateLimited);
        assert!(Seat::take(&seats, "u2".to_owned(), 2).is_ok());
        drop(one);
        assert!(Seat::take(&seats, "u1".to_owned(), 2).is_ok());
    }
}
