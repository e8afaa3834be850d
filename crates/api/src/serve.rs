//! HTTP over a socket, until the process stops.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::router::router;
use crate::state::Api;

/// How long requests under way may take once the process stops.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Serves `api` on `listener` until its `stop` is cancelled, then lets requests under way finish.
///
/// # Errors
/// The listener's, when it cannot accept any more.
pub async fn serve(listener: TcpListener, api: Api) -> std::io::Result<()> {
    let stop = api.stop.clone();
    let app = router(api).into_make_service_with_connect_info::<SocketAddr>();
    let soft = stop.clone();
    let serving = axum::serve(listener, app).with_graceful_shutdown(async move { soft.cancelled().await });
    let deadline = async move {
        stop.cancelled().await;
        tokio::time::sleep(STOP_WITHIN).await;
    };
    tokio::select! {
        ended = async move { serving.await } => ended,
        () = deadline => Ok(()),
    }
}
