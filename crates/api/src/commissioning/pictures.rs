//! `/sites/{id}/pictures` and `/pictures/{id}`.

use axum::Json;
use axum::body::Body;
use axum::extract::multipart::MultipartError;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use domain::access::Permission;
use domain::id::{DetectorId, SiteId};
use store::pictures::{PictureDraft, PictureRow};

use super::bytes::{sniff, without_notes};
use super::shape::{PageQuery, Picture, PictureKind, PictureUpload};
use crate::access::caller::Caller;
use crate::http::extract::{Filters, Id, check_max, checked};
use crate::http::page::{self, Page};
use crate::http::problem::{Code, ItemProblems, Problem, WriteProblems};
use crate::state::Api;

/// The largest picture, bytes; the screens make them smaller before they send them.
const MOST_BYTES: usize = 6 * 1024 * 1024;

/// The limit of the address that takes pictures: the picture and the form around it.
pub(super) fn body_limit() -> DefaultBodyLimit {
    DefaultBodyLimit::max(MOST_BYTES + 16 * 1024)
}

impl From<PictureRow> for Picture {
    fn from(row: PictureRow) -> Self {
        Self {
            id: row.id,
            site_id: row.site_id.0,
            detector_id: row.detector_id.map(|id| id.0),
            kind: PictureKind::of_code(&row.kind),
            note: row.note,
            media_type: row.media_type,
            bytes: row.bytes,
            sha256: row.sha256,
            created_at: row.created_at.into(),
            created_by: row.created_by,
        }
    }
}

/// The pictures of a site, newest first.
#[utoipa::path(
    get,
    path = "/sites/{id}/pictures",
    tag = "commissioning",
    operation_id = "list_pictures",
    params(("id" = i64, Path, description = "The site", minimum = 1), PageQuery),
    responses((status = 200, description = "One page", body = Page<Picture>), ItemProblems)
)]
pub(super) async fn list_pictures(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Filters(query): Filters<PageQuery>,
) -> Result<Json<Page<Picture>>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let page = page::asked(query.limit, query.cursor.as_deref())?;
    let rows = api.store.pictures().of_site(&scope, SiteId(id), &page).await?;
    Ok(Json(Page::of(rows, Picture::from)))
}

/// Adds a picture to a site. What a camera writes beside the picture (place, time, serial number) is taken out unless
/// `keep_notes` is `true`.
#[utoipa::path(
    post,
    path = "/sites/{id}/pictures",
    tag = "commissioning",
    operation_id = "add_picture",
    params(("id" = i64, Path, description = "The site", minimum = 1)),
    request_body(content = PictureUpload, content_type = "multipart/form-data"),
    responses((status = 201, description = "The picture", body = Picture), WriteProblems)
)]
pub(super) async fn add_picture(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    request: Request,
) -> Result<(StatusCode, Json<Picture>), Problem> {
    let scope = caller.scope(Permission::DeviceConfigure)?;
    // Nobody sends megabytes to a site that is not theirs.
    api.store.sites().get(&scope, SiteId(id)).await?;
    let draft = read(request).await?;
    let row = api.store.pictures().keep(&scope, &caller.actor(), api.now(), SiteId(id), &draft).await?;
    api.changed("pictures");
    Ok((StatusCode::CREATED, Json(row.into())))
}

fn refused(error: &MultipartError) -> Problem {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::new(Code::TooLarge, format!("the picture is larger than {MOST_BYTES} bytes"))
    } else {
        Problem::field("", "unreadable", error.body_text())
    }
}

/// The form: the picture and what is said about it.
async fn read(request: Request) -> Result<PictureDraft, Problem> {
    let form = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("multipart/form-data"));
    if !form {
        let words = "wanted the header Content-Type: multipart/form-data";
        return Err(Problem::new(Code::UnsupportedMediaType, words));
    }
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|error| Problem::field("", "unreadable", error.to_string()))?;
    let mut file = None;
    let (mut kind, mut note, mut detector, mut keep_notes) = (PictureKind::Other, String::new(), None, false);
    while let Some(part) = form.next_field().await.map_err(|error| refused(&error))? {
        let name = part.name().unwrap_or_default().to_owned();
        if name == "file" {
            file = Some(part.bytes().await.map_err(|error| refused(&error))?);
            continue;
        }
        let text = part.text().await.map_err(|error| refused(&error))?;
        match name.as_str() {
            "kind" => {
                kind = PictureKind::read(&text).ok_or_else(|| {
                    Problem::field("kind", "unknown_value", "wanted panel, label, wiring or other")
                })?;
            }
            "note" => note = text.trim().to_owned(),
            "detector_id" => {
                let id = text.parse().ok().filter(|id| *id >= 1);
                let words = "wanted the id of a detector";
                detector = Some(id.ok_or_else(|| Problem::field("detector_id", "invalid", words))?);
            }
            "keep_notes" => keep_notes = text == "true",
            _ => {}
        }
    }
    let mut errors = Vec::new();
    check_max(&mut errors, "note", &note, 300);
    checked(errors)?;
    let file =
        file.ok_or_else(|| Problem::field("file", "missing", "wanted a picture in the part `file`"))?;
    if file.len() > MOST_BYTES {
        return Err(Problem::new(Code::TooLarge, format!("the picture is larger than {MOST_BYTES} bytes")));
    }
    let wanted = "wanted a JPEG, PNG or WebP picture";
    let known = sniff(&file).ok_or_else(|| Problem::field("file", "not_a_picture", wanted))?;
    let clean = without_notes(known, &file).ok_or_else(|| Problem::field("file", "not_a_picture", wanted))?;
    Ok(PictureDraft {
        detector: detector.map(DetectorId),
        kind: kind.code(),
        note,
        media_type: known.media_type(),
        bytes: if keep_notes { file.to_vec() } else { clean },
    })
}

/// A picture itself.
#[utoipa::path(
    get,
    path = "/pictures/{id}",
    tag = "commissioning",
    operation_id = "get_picture",
    params(("id" = i64, Path, description = "The picture", minimum = 1)),
    responses(
        (status = 200, description = "JPEG, PNG or WebP", body = String, content_type = "image/*"),
        ItemProblems
    )
)]
pub(super) async fn get_picture(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Response, Problem> {
    let scope = caller.scope(Permission::View)?;
    let (row, bytes) = api.store.pictures().bytes(&scope, id).await?;
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    let media_type = HeaderValue::from_str(&row.media_type);
    headers.insert(
        header::CONTENT_TYPE,
        media_type.unwrap_or(HeaderValue::from_static("application/octet-stream")),
    );
    // What has an id never changes; but only this reader may keep it.
    let caching = HeaderValue::from_static("private, max-age=86400, immutable");
    headers.insert(header::CACHE_CONTROL, caching);
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("inline"));
    Ok(response)
}

/// Takes a picture away.
#[utoipa::path(
    delete,
    path = "/pictures/{id}",
    tag = "commissioning",
    operation_id = "delete_picture",
    params(("id" = i64, Path, description = "The picture", minimum = 1)),
    responses((status = 204, description = "Gone"), WriteProblems)
)]
pub(super) async fn delete_picture(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let scope = caller.scope(Permission::DeviceConfigure)?;
    api.store.pictures().delete(&scope, &caller.actor(), api.now(), id).await?;
    api.changed("pictures");
    Ok(StatusCode::NO_CONTENT)
}
