//! The screens, packed into the binary. What has a hash in its name is kept by browsers for ever; everything
//! else is asked for again with its ETag. An address that is no file is a place inside the application. The build has
//! compressed the files as far as it goes (`name.br`): whoever takes brotli gets those.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
struct Files;

/// Serves the file at the request's path, or the application's first page.
pub async fn serve(request: Request) -> Response {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")]).into_response();
    }
    let path = request.uri().path().trim_start_matches('/');
    let wanted = if path.is_empty() { "index.html" } else { path };
    match Files::get(wanted) {
        Some(file) => answer(wanted, &file, request.headers()),
        // A missing script or picture is missing; only addresses of pages fall back to the application.
        None if wanted.starts_with("assets/") || has_extension(wanted) => {
            StatusCode::NOT_FOUND.into_response()
        }
        None => match Files::get("index.html") {
            Some(file) => answer("index.html", &file, request.headers()),
            None => StatusCode::NOT_FOUND.into_response(),
        },
    }
}

fn has_extension(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.contains('.'))
}

fn answer(path: &str, file: &EmbeddedFile, asked: &HeaderMap) -> Response {
    let etag = etag(&file.metadata.sha256_hash());
    if is_known(asked, &etag) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response();
    }
    let packed = if takes_brotli(asked) { Files::get(&format!("{path}.br")) } else { None };
    let sent = packed.as_ref().unwrap_or(file);
    let mut response = Response::new(Body::from(sent.data.clone().into_owned()));
    let headers = response.headers_mut();
    if packed.is_some() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    let kind = HeaderValue::from_str(file.metadata.mimetype())
        .unwrap_or_else(|_ill| HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_TYPE, with_charset(kind));
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}

fn with_charset(kind: HeaderValue) -> HeaderValue {
    match kind.as_bytes() {
        b"text/html" => HeaderValue::from_static("text/html; charset=utf-8"),
        b"text/css" => HeaderValue::from_static("text/css; charset=utf-8"),
        b"text/javascript" | b"application/javascript" => {
            HeaderValue::from_static("text/javascript; charset=utf-8")
        }
        _ => kind,
    }
}

/// Whether the caller takes brotli; `br;q=0` says no.
fn takes_brotli(asked: &HeaderMap) -> bool {
    asked
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|list| list.split(','))
        .any(|one| {
            let mut parts = one.split(';').map(str::trim);
            parts.next() == Some("br")
                && parts.all(|part| {
                    part.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).is_none_or(|q| q > 0.0)
                })
        })
}

/// The ETag of content with this hash. Weak, because the same content also goes out compressed.
#[must_use]
pub fn etag(hash: &[u8]) -> String {
    let hex: String = hash.iter().take(8).map(|b| format!("{b:02x}")).collect();
    format!("W/\"{hex}\"")
}

/// Whether the caller says that it has this content already.
#[must_use]
pub fn is_known(asked: &HeaderMap, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    asked
        .get(header::IF_NONE_MATCH)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|list| list.split(',').any(|tag| tag.trim() == "*" || opaque(tag) == opaque(etag)))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(path: &str) -> Response {
        serve(Request::builder().uri(path).body(Body::empty()).unwrap()).await
    }

    #[tokio::test]
    async fn pages_fall_back_to_the_application_and_files_do_not() {
        let response = get("/alarms/17").await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
        assert_eq!(response.headers()["cache-control"], "no-cache");
        assert_eq!(get("/assets/none-1234.js").await.status(), StatusCode::NOT_FOUND);
        assert_eq!(get("/none.png").await.status(), StatusCode::NOT_FOUND);
        assert_eq!(get("/../Cargo.toml").await.status(), StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn what_is_known_is_not_sent_again() {
        let tag = get("/").await.headers()["etag"].clone();
        let request = Request::builder().uri("/").header("if-none-match", tag).body(Body::empty()).unwrap();
        assert_eq!(serve(request).await.status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn brotli_is_sent_to_those_who_take_it() {
        let takes = |said: &'static str| {
            takes_brotli(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(said))]))
        };
        assert!(takes("gzip, deflate, br, zstd"));
        assert!(takes("br;q=0.5"));
        assert!(!takes("gzip, deflate"));
        assert!(!takes("gzip, br;q=0"));
        assert!(!takes_brotli(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn nothing_is_written_to_files() {
        let request = Request::builder().method("POST").uri("/").body(Body::empty()).unwrap();
        assert_eq!(serve(request).await.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
}
