//! What a message says: made at the moment of sending, so that it tells how things stand then.

use domain::access::Scope;
use domain::hazard::Severity;
use domain::time::UnixMs;
use jiff::tz::TimeZone;
use notify::Message;
use notify::template::{Occasion, Template, default_template};
use store::StoreError;
use store::alarms::AlarmRow;
use store::telling::DueDelivery;

use super::Links;
use super::words::{hazard, pick, severity};

/// Alarms that a message names by their hazard.
const NAMED: u32 = 20;

/// The message of a delivery; `None` when nothing in it has to be told any more.
pub(super) async fn message(
    links: &Links,
    delivery: &DueDelivery,
    language: &str,
    token: Option<&str>,
) -> Result<Option<Message>, StoreError> {
    let telling = links.store.telling();
    let (ids, about) = telling.digest_waits(delivery.digest_id, NAMED).await?;
    let base = links.config.public_url.as_deref();
    let Some(worst) = ids.first() else {
        return match about.first() {
            Some(about) => Ok(Some(platform(links, about, language, base).await?)),
            None => Ok(None),
        };
    };
    let (_, count) = telling.digest_alarms(delivery.digest_id, 0, 1).await?;
    let alarm = links.store.alarms().get(&Scope::platform(), *worst).await?;
    let (step, round) = telling.digest_height(delivery.digest_id).await?;
    let occasion = match (count, step, round) {
        (2.., ..) => Occasion::Digest,
        (_, 1.., _) => Occasion::Reminder,
        (_, _, 2..) => Occasion::Worse,
        _ => Occasion::Alarm,
    };
    let zone = match links.store.sites().get(&Scope::platform(), alarm.site_id).await {
        Ok(site) => TimeZone::get(&site.zone).unwrap_or(TimeZone::UTC),
        Err(StoreError::NotFound { .. }) => TimeZone::UTC,
        Err(error) => return Err(error),
    };
    let page = base.map(|base| match count {
        0 | 1 => format!("{base}/alarms/{}", alarm.id),
        _ => format!("{base}/alarms?site={}", alarm.site_id),
    });
    let params = params(&alarm, count, language, &zone, page.as_deref());
    let template = default_template(occasion, language);
    let render =
        |text: &str| Template::parse(text).map_or_else(|_| text.to_owned(), |t| t.render_params(&params));
    Ok(Some(Message {
        title: render(template.title),
        body: render(template.body),
        link: page,
        acknowledge_link: base.zip(token).map(|(base, token)| format!("{base}/a/{token}")),
        severity: alarm.severity,
        language: language.to_owned(),
        group: format!("site-{}", alarm.site_id),
        params,
    }))
}

fn params(
    alarm: &AlarmRow,
    count: i64,
    language: &str,
    zone: &TimeZone,
    page: Option<&str>,
) -> Vec<(String, String)> {
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), plain);
    [
        ("severity", severity(alarm.severity, language).to_owned()),
        ("hazard", hazard(alarm.hazard, language).to_owned()),
        ("site", alarm.site_name.clone()),
        ("circuit", alarm.circuit_name.clone().unwrap_or_else(|| "–".to_owned())),
        ("channel", format!("{} {}", alarm.detector_name, alarm.channel_name).trim().to_owned()),
        ("value", number(alarm.current_value)),
        ("unit", alarm.hazard.own_unit().unwrap_or(alarm.quantity.unit()).to_owned()),
        ("limit", number(alarm.limit_value)),
        ("since", local(alarm.raised_at, zone)),
        ("count", count.to_string()),
        ("link", page.unwrap_or_default().to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// A number without zeros that say nothing.
fn plain(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A moment by the clock on the wall of the site.
pub(super) fn local(at: UnixMs, zone: &TimeZone) -> String {
    jiff::Timestamp::from_millisecond(at.0)
        .map(|at| zone.to_datetime(at).strftime("%Y-%m-%d %H:%M:%S").to_string())
        .unwrap_or_default()
}

/// The message that a medium is down.
async fn platform(
    links: &Links,
    about: &str,
    language: &str,
    base: Option<&str>,
) -> Result<Message, StoreError> {
    let medium = about.split(':').nth(1).and_then(|id| id.parse::<i64>().ok()).unwrap_or(0);
    let row = links.store.telling().get(&Scope::platform(), store::telling::SetKind::Medium, medium).await;
    let name = match row {
        Ok(row) => row.name,
        Err(StoreError::NotFound { .. }) => medium.to_string(),
        Err(error) => return Err(error),
    };
    let title = pick(
        language,
        ["【故障】通知渠道中断：", "【故障】通知管道中斷：", "[Fault] A way to reach people is down: "],
    );
    let body = pick(
        language,
        [
            "该渠道连续多次发送失败，消息改由其他渠道发送。恢复后自动继续使用。请检查渠道设置。",
            "該管道連續多次傳送失敗，訊息改由其他管道傳送。恢復後自動繼續使用。請檢查管道設定。",
            "Several messages in a row could not be sent by it; they go by other ways. It is used again by itself when \
             it works. Please check how it is set up.",
        ],
    );
    Ok(Message {
        title: format!("{title}{name}"),
        body: body.to_owned(),
        link: base.map(|base| format!("{base}/system")),
        acknowledge_link: None,
        severity: Severity::Fault,
        language: language.to_owned(),
        group: format!("medium-{medium}"),
        params: Vec::new(),
    })
}

/// The message of a test button.
pub(crate) fn test_message(language: &str, base: Option<&str>, now: UnixMs) -> Message {
    let title = pick(language, ["【测试】Emberwatch 通知", "【測試】Emberwatch 通知", "[Test] Emberwatch"]);
    let body = pick(
        language,
        [
            "这是一条测试消息。收到即说明该渠道可用。",
            "這是一則測試訊息。收到即說明該管道可用。",
            "This is a test. That you read it says that this way works.",
        ],
    );
    let word = |words| pick(language, words).to_owned();
    let test = word(["测试", "測試", "test"]);
    let params = [
        ("severity", test.clone()),
        ("hazard", test.clone()),
        ("site", test.clone()),
        ("circuit", test.clone()),
        ("channel", test),
        ("value", "0".to_owned()),
        ("unit", String::new()),
        ("limit", "0".to_owned()),
        ("since", local(now, &TimeZone::UTC)),
        ("count", "1".to_owned()),
        ("link", base.unwrap_or_default().to_owned()),
    ];
    Message {
        title: title.to_owned(),
        body: body.to_owned(),
        link: base.map(str::to_owned),
        acknowledge_link: None,
        severity: Severity::Fault,
        language: language.to_owned(),
        group: "test".to_owned(),
        params: params.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    }
}
