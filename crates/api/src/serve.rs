//! The shell around the router: a listener, and a stop that waits for requests under way but not for ever.

use std::net::SocketAddr;
use std::time::Duration;

use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;

use crate::router::router;
use crate::state::Api;

/// How long requests under way may take after the stop was asked for.
const LAST_REQUESTS: Duration = Duration::from_secs(8);

/// Serves people and programs on `listener` until `api.stop`; live streams end at once, requests under way may
/// finish.
///
/// # Errors
/// When the listener breaks.
pub async fn serve(listener: TcpListener, api: Api) -> std::io::Result<()> {
    let stop = api.stop.clone();
    // Live events are small: they must not wait for more to come.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection is gone already");
        }
    });
    let service = router(api).into_make_service_with_connect_info::<SocketAddr>();
    let asked = stop.clone();
    let serving =
        axum::serve(listener, service).with_graceful_shutdown(async move { asked.cancelled().await });
    let too_long = async {
        stop.cancelled().await;
        tokio::time::sleep(LAST_REQUESTS).await;
    };
    tokio::select! {
        served = serving => served,
        () = too_long => {
            tracing::warn!(after_s = LAST_REQUESTS.as_secs(), "requests were still under way and are cut off");
            Ok(())
        }
    }
}
