//! `/a/{token}`: what a link in a message opens. A page without scripts and without a session: what is wrong, where,
//! since when, and a button. Opening it changes nothing, since programs that look at mails open links; only the button
//! acknowledges, once, as the person to whom the link was sent.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use engine::services::{LinkPage, LinkUse};
use engine::telling::{hazard_words, severity_words};
use jiff::tz::TimeZone;
use serde::Deserialize;
use store::alarms::AlarmRow;

use crate::access::caller::Remote;
use crate::state::Api;

/// Alarms on one page.
const ROWS: u32 = 50;
/// Longer than any token.
const LONGEST: usize = 64;

/// From which alarm on.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(super) struct Skipping {
    #[serde(default)]
    skip: u32,
}

struct Words {
    lang: &'static str,
    title: &'static str,
    button: &'static str,
    explain: &'static str,
    done: &'static str,
    spent: &'static str,
    taken: &'static str,
    unknown: &'static str,
    more: &'static str,
    open: &'static str,
    wait: &'static str,
    failed: &'static str,
}

const fn words(language: &str) -> Words {
    match language.as_bytes() {
        b"zh-CN" => Words {
            lang: "zh-CN",
            title: "报警确认",
            button: "确认，我来处理",
            explain: "点击后，以您的名义确认以下报警，通知不再升级。",
            done: "已确认。通知不再升级。",
            spent: "此链接已使用或已过期。请登录平台查看。",
            taken: "以下报警都已有人确认或已结束。",
            unknown: "没有这个链接。",
            more: "更多",
            open: "登录平台",
            wait: "请求过多，请稍后再试。",
            failed: "现在无法写入，请稍后再试。",
        },
        b"zh-TW" => Words {
            lang: "zh-TW",
            title: "警報確認",
            button: "確認，我來處理",
            explain: "點擊後，以您的名義確認以下警報，通知不再升級。",
            done: "已確認。通知不再升級。",
            spent: "此連結已使用或已過期。請登入平台檢視。",
            taken: "以下警報都已有人確認或已結束。",
            unknown: "沒有這個連結。",
            more: "更多",
            open: "登入平台",
            wait: "請求過多，請稍後再試。",
            failed: "現在無法寫入，請稍後再試。",
        },
        _ => Words {
            lang: "en",
            title: "Acknowledge alarms",
            button: "Acknowledge, I take care of it",
            explain: "The button acknowledges these alarms in your name; nobody else is woken for them.",
            done: "Acknowledged. Nobody else is woken for it.",
            spent: "This link was used already or has run out. Please sign in.",
            taken: "Somebody has acknowledged all of these, or they are over.",
            unknown: "There is no such link.",
            more: "More",
            open: "Sign in",
            wait: "Too many requests. Please try again in a minute.",
            failed: "It could not be written just now. Please try again.",
        },
    }
}

/// Plain text as it may stand in a page.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:40rem;padding:1rem;\
    color:#1b1d20;background:#fff}h1{font-size:1.25rem}li{margin:.5rem 0}ul{padding-left:1.2rem}\
    button{font:inherit;font-weight:600;width:100%;padding:.9rem;border:0;border-radius:.5rem;color:#fff;background:#b3261e}\
    .note{padding:.8rem;border-radius:.5rem;background:#eef1f5}.when{color:#5b6068}\
    a{color:#0b57d0}@media(prefers-color-scheme:dark){body{color:#e6e7e9;background:#16181b}.note{background:#262a30}\
    .when{color:#a3a8b0}a{color:#8ab4f8}}";

fn page(status: StatusCode, words: &Words, body: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><title>{}</title><style>{STYLE}</style></head>\
         <body><h1>{}</h1>{body}<p><a href=\"/alarms\">{}</a></p></body></html>",
        words.lang, words.title, words.title, words.open
    );
    let mut response = (status, Html(html)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn note(status: StatusCode, words: &Words, text: &str) -> Response {
    page(status, words, &format!("<p class=\"note\" role=\"status\">{text}</p>"))
}

fn row(alarm: &AlarmRow, language: &str, zone: &TimeZone) -> String {
    let since = jiff::Timestamp::from_millisecond(alarm.raised_at.0)
        .map(|at| zone.to_datetime(at).strftime("%Y-%m-%d %H:%M").to_string())
        .unwrap_or_default();
    format!(
        "<li><strong>{} · {}</strong><br>{} · {}<br><span class=\"when\">{since}</span></li>",
        severity_words(alarm.severity, language),
        hazard_words(alarm.hazard, language),
        escaped(&alarm.site_name),
        escaped(alarm.circuit_name.as_deref().unwrap_or(&alarm.detector_name)),
    )
}

fn shown(api: &Api, found: &LinkPage, skip: u32) -> Response {
    let words = words(&found.language);
    let zone = TimeZone::get(&api.config.zone).unwrap_or(TimeZone::UTC);
    let rows: String = found.alarms.iter().map(|alarm| row(alarm, &found.language, &zone)).collect();
    let spent = found.link.used_at.is_some() || found.link.expires_at <= api.now();
    let act = if spent {
        format!("<p class=\"note\" role=\"status\">{}</p>", words.spent)
    } else if found.waiting == 0 && skip == 0 && i64::from(ROWS) >= found.count {
        format!("<p class=\"note\" role=\"status\">{}</p>", words.taken)
    } else {
        format!(
            "<p>{}</p><form method=\"post\"><button type=\"submit\">{}</button></form>",
            words.explain, words.button
        )
    };
    let next = skip.saturating_add(ROWS);
    let more = if i64::from(next) < found.count {
        format!("<p><a href=\"?skip={next}\">{} ({}/{})</a></p>", words.more, next, found.count)
    } else {
        String::new()
    };
    page(StatusCode::OK, &words, &format!("{act}<ul>{rows}</ul>{more}"))
}

/// Whether an address asks too often.
fn too_often(api: &Api, remote: &str) -> Option<Response> {
    api.links.one_more(remote, api.now())?;
    let words = words("");
    Some(note(StatusCode::TOO_MANY_REQUESTS, &words, words.wait))
}

fn unknown() -> Response {
    // Nobody knows whose language it would be.
    let text = ["zh-CN", "en"].map(|language| words(language).unknown).join(" ");
    note(StatusCode::NOT_FOUND, &words(""), &text)
}

fn is_token(token: &str) -> bool {
    token.len() <= LONGEST && token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Shows what a link is about.
pub(super) async fn show(
    State(api): State<Api>,
    Remote(remote): Remote,
    Path(token): Path<String>,
    Query(from): Query<Skipping>,
) -> Response {
    if let Some(refused) = too_often(&api, &remote) {
        return plainly(refused);
    }
    let skip = from.skip.min(1_000_000);
    let found = if is_token(&token) { api.engine.telling().link(&token, skip, ROWS).await } else { Ok(None) };
    plainly(match found {
        Ok(Some(found)) => shown(&api, &found, skip),
        Ok(None) => unknown(),
        Err(error) => broken(&error),
    })
}

/// Acknowledges what a link is about.
pub(super) async fn acknowledge(
    State(api): State<Api>,
    Remote(remote): Remote,
    Path(token): Path<String>,
) -> Response {
    if let Some(refused) = too_often(&api, &remote) {
        return plainly(refused);
    }
    if !is_token(&token) {
        return plainly(unknown());
    }
    let language = match api.engine.telling().link(&token, 0, 1).await {
        Ok(Some(found)) => found.language,
        Ok(None) => return plainly(unknown()),
        Err(error) => return plainly(broken(&error)),
    };
    let words = words(&language);
    plainly(match api.engine.telling().use_link(&token, &remote).await {
        Ok(LinkUse::Acknowledged(0)) => note(StatusCode::OK, &words, words.taken),
        Ok(LinkUse::Acknowledged(_)) => note(StatusCode::OK, &words, words.done),
        Ok(LinkUse::Spent) => note(StatusCode::GONE, &words, words.spent),
        Ok(LinkUse::Unknown) => unknown(),
        Err(error) => broken(&error),
    })
}

fn broken(error: &engine::EngineError) -> Response {
    tracing::warn!(%error, "a link could not be served");
    let words = words("");
    note(StatusCode::SERVICE_UNAVAILABLE, &words, words.failed)
}

fn plainly(response: Response) -> Response {
    crate::http::layers::said_plainly(response)
}
