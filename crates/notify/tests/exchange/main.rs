//! Each medium over a real socket against a server of the test that checks what came: method, path, headers, signature,
//! body; and providers that answer badly, late, endlessly or not at all.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod bad_providers;
mod lines;
mod peer;
mod providers;
mod push;

use domain::hazard::Severity;
use domain::time::UnixMs;
use notify::{Address, Medium, Message, Options, Outcome, Sender};
use serde_json::Value;

/// 2026-11-25T07:00:00Z.
const NOW: UnixMs = UnixMs(1_795_590_000_000);

fn message() -> Message {
    Message {
        title: "【报警】一号店 剩余电流".to_owned(),
        body: "回路：照明*1*\n当前值：412 mA".to_owned(),
        link: Some("https://fire.example.com/alarms/7".to_owned()),
        acknowledge_link: Some("https://fire.example.com/a/T0ken".to_owned()),
        severity: Severity::Alarm,
        language: "zh-CN".to_owned(),
        group: "alarm-7".to_owned(),
        params: vec![
            ("site".to_owned(), "一号店".to_owned()),
            ("value".to_owned(), "412".to_owned()),
            ("unit".to_owned(), "mA".to_owned()),
        ],
    }
}

fn sender() -> Sender {
    let time_limit = std::time::Duration::from_millis(3000);
    Sender::with(Options { local_addresses: true, time_limit }).unwrap()
}

fn medium(of: Value) -> Medium {
    let medium: Medium = serde_json::from_value(of).unwrap();
    assert_eq!(medium.validate(), []);
    medium
}

async fn send(of: Value, to: Address) -> Outcome {
    sender().send(&medium(of), &to, &message(), NOW).await
}
