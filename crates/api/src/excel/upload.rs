//! Taking a file that comes with a form.

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request};
use axum::http::header;
use sha2::{Digest as _, Sha256};
use store::exchange::apply::FileNote;
use utoipa::ToSchema;

use crate::http::problem::{Code, Problem};

/// The largest workbook, bytes.
pub(super) const MOST_BYTES: usize = 5 * 1024 * 1024;

/// A form with a workbook.
#[derive(Debug, ToSchema)]
#[schema(as = WorkbookUpload)]
#[expect(dead_code, reason = "only its description is used; the form is read part by part")]
pub(super) struct WorkbookUpload {
    /// The workbook, at most 5 MiB.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// The limit for addresses that take files: the file and the form around it.
pub(super) fn body_limit() -> DefaultBodyLimit {
    DefaultBodyLimit::max(MOST_BYTES + 16 * 1024)
}

/// A file that came.
pub(super) struct Upload {
    pub(super) note: FileNote,
    pub(super) bytes: Bytes,
}

/// Reads the part called `file`.
///
/// # Errors
/// 415 for no form, 413 for too large a file, 422 for a form without a file.
pub(super) async fn file(request: Request) -> Result<Upload, Problem> {
    let form = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("multipart/form-data"));
    if !form {
        return Err(Problem::new(
            Code::UnsupportedMediaType,
            "wanted the header Content-Type: multipart/form-data",
        ));
    }
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|error| Problem::field("", "unreadable", error.to_string()))?;
    let refused = |error: axum::extract::multipart::MultipartError| {
        if error.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
            Problem::new(Code::TooLarge, format!("the file is larger than {MOST_BYTES} bytes"))
        } else {
            Problem::field("", "unreadable", error.body_text())
        }
    };
    while let Some(part) = form.next_field().await.map_err(refused)? {
        if part.name() != Some("file") {
            continue;
        }
        let name: String = part.file_name().unwrap_or_default().chars().take(200).collect();
        let bytes = part.bytes().await.map_err(refused)?;
        if bytes.len() > MOST_BYTES {
            return Err(Problem::new(Code::TooLarge, format!("the file is larger than {MOST_BYTES} bytes")));
        }
        let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        return Ok(Upload { note: FileNote { name, sha256 }, bytes });
    }
    Err(Problem::field("file", "missing", "had a form without a part `file`, wanted a workbook in it"))
}
