//! What a provider of short messages reports to the real server, in the bodies that Alibaba Cloud publishes: receipts,
//! replies, and what nobody asked for.

use serde_json::{Value, json};

use crate::devices::Devices;
use crate::platform::{Place, Platform, until};
use crate::receivers::{Manner, Receiver, medium, person};

const DEVICES: usize = 4;
const OWNER: &str = "13800138000";
const ELECTRICIAN: &str = "13800138001";

async fn telephone(platform: &Platform<'_>, account: i64, number: &str) {
    let body = json!({ "phone": format!("+86{number}"), "email": null, "version": 0 }).to_string();
    let path = format!("/api/v1/accounts/{account}/contacts");
    let (status, said) = platform.ask("PUT", &path, &body).await.expect("an answer");
    assert_eq!(status, 200, "{said}");
}

/// Every delivery of the alarms' notices: who, its state, its provider's number.
async fn deliveries(platform: &Platform<'_>, alarm: i64) -> Vec<(String, String, Option<String>)> {
    let notices = platform.get(&format!("/alarms/{alarm}/notices")).await.expect("an answer");
    let text = |value: &Value, at: &str| value.pointer(at).and_then(Value::as_str).map(str::to_owned);
    let mut all = Vec::new();
    for notice in notices.get("items").and_then(Value::as_array).expect("items") {
        for delivery in notice.get("deliveries").and_then(Value::as_array).expect("deliveries") {
            let attempts = delivery.get("attempts").and_then(Value::as_array).expect("attempts");
            let reference = attempts.iter().rev().find_map(|attempt| text(attempt, "/reference"));
            let who = text(notice, "/person/name").expect("a name");
            all.push((who, text(delivery, "/state").expect("a state"), reference));
        }
    }
    all
}

async fn untaken(platform: &Platform<'_>) -> Vec<i64> {
    let page = platform.get("/alarms?state=unacknowledged&hazard=residual_current&limit=100").await;
    let page = page.expect("an answer");
    let items = page.get("items").and_then(Value::as_array).expect("items");
    items.iter().filter_map(|alarm| alarm.get("id")?.as_i64()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_send_on_what_did_not_arrive_and_a_reply_takes_the_alarm() {
    let place = Place::commission(DEVICES).await;
    let mut settings = place.tells().to_vec();
    settings.push("telling.gather_s=2".to_owned());
    let mut platform = place.serve(&settings);
    platform.readiness(200).await;
    let (sms, beside) = (Receiver::open(Manner::Takes).await, Receiver::open(Manner::Takes).await);
    let owner = person(&platform, "owner", "owner").await;
    let electrician = person(&platform, "electrician", "electrician").await;
    telephone(&platform, owner, OWNER).await;
    telephone(&platform, electrician, ELECTRICIAN).await;
    medium(&platform, electrician, &beside, 1).await;
    let config = json!({ "kind": "aliyun_sms", "access_key_id": "LTAI", "access_key_secret": "secret", "sign_name": "消防",
        "template_code": "SMS_1", "params": { "site": "{site}" }, "base_url": sms.url.trim_end_matches('/') });
    let (status, made) =
        platform.post("/media", &json!({ "name": "短信", "rank": 0, "config": config })).await;
    assert_eq!(status, 201, "{made}");
    let id = made.get("id").and_then(Value::as_i64).expect("an id");
    let url = made.get("callback_url").and_then(Value::as_str).expect("an address").to_owned();
    let callback = format!("/callback{}", url.split_once("/callback").expect("the provider's address").1);

    let mut devices = Devices::dial(&place, DEVICES, DEVICES as f64 * 10.0, 4);
    devices.wait_for(DEVICES * 40, &mut platform).await;
    devices.hang_up().await;
    until("both to be told by short message", async || {
        platform.assert_runs();
        (sms.taken().len() >= 2).then_some(())
    })
    .await;
    assert!(sms.taken().iter().any(|came| came.path.contains(OWNER)));
    let alarms = untaken(&platform).await;
    let alarm = *alarms.first().expect("an alarm");
    let told = until("the provider's numbers to be kept", async || {
        let all = deliveries(&platform, alarm).await;
        (all.len() == 2 && all.iter().all(|(_, state, number)| state == "accepted" && number.is_some()))
            .then_some(all)
    })
    .await;
    let number = |who: &str| {
        told.iter().find(|(name, ..)| name == who).and_then(|(.., n)| n.clone()).expect("a number")
    };

    // Receipts, in one call, twice: the second changes nothing.
    let report = |number: &str, phone: &str, success: bool, code: &str| {
        json!({ "phone_number": phone, "send_time": "2026-11-25 10:00:00", "report_time": "2026-11-25 10:00:03",
            "success": success, "err_code": code, "err_msg": code, "sms_size": "1", "biz_id": number, "out_id": "" })
    };
    let receipts = json!([
        report(&number("owner"), OWNER, true, "DELIVERED"),
        report(&number("electrician"), ELECTRICIAN, false, "MOBILE_NOT_ON_SERVICE"),
        report("1^0", OWNER, false, "OF_ANOTHER_SYSTEM"),
    ])
    .to_string();
    for _ in 0..2 {
        let (status, said) = platform.ask("POST", &callback, &receipts).await.expect("an answer");
        assert_eq!((status, said.as_str()), (200, r#"{"code":0,"msg":"OK"}"#));
    }
    until("the electrician to be told by the next medium", async || {
        (!beside.taken().is_empty()).then_some(())
    })
    .await;
    let states = until("the last delivery to be kept", async || {
        let mut all: Vec<_> =
            deliveries(&platform, alarm).await.into_iter().map(|(who, state, _)| (who, state)).collect();
        all.sort();
        all.iter().all(|(_, state)| state != "waiting" && state != "sending").then_some(all)
    })
    .await;
    let expected = [("electrician", "accepted"), ("electrician", "undelivered"), ("owner", "delivered")];
    assert_eq!(states, expected.map(|(who, state)| (who.to_owned(), state.to_owned())));
    assert_eq!(beside.taken().len(), 1, "told once");

    // Replies: of nobody's number, other words, and the one that takes it.
    let reply = |phone: &str, text: &str, sequence: &str| {
        json!([{ "phone_number": phone, "content": text, "send_time": "2026-11-25 10:01:00", "dest_code": "1234",
            "sequence_id": sequence }])
        .to_string()
    };
    for (phone, text, sequence) in
        [("13900139000", "1", "1"), (OWNER, "我二十分钟后到", "3"), (OWNER, "2", "4")]
    {
        let (status, said) =
            platform.ask("POST", &callback, &reply(phone, text, sequence)).await.expect("an answer");
        assert_eq!(status, 200, "{said}");
    }
    assert_eq!(untaken(&platform).await.len(), alarms.len(), "none of these takes anything");
    for _ in 0..2 {
        let (status, _) =
            platform.ask("POST", &callback, &reply(OWNER, "收到。", "5")).await.expect("an answer");
        assert_eq!(status, 200);
    }
    assert_eq!(untaken(&platform).await, [0_i64; 0]);
    let taken = platform.get(&format!("/alarms/{alarm}")).await.expect("an answer");
    assert_eq!(taken.get("acknowledged_by").and_then(Value::as_str), Some("owner"));
    let audit = platform.get("/audit?action=alarm.acknowledge").await.expect("an answer").to_string();
    assert!(audit.contains("by reply"), "{audit}");
    let log = platform.get(&format!("/media/{id}/replies")).await.expect("an answer");
    let log: Vec<_> = log
        .get("items")
        .and_then(Value::as_array)
        .expect("items")
        .iter()
        .map(|row| row.get("outcome").and_then(Value::as_str).unwrap().to_owned())
        .collect();
    assert_eq!(log, ["acknowledged", "noted", "noted", "unknown_number"], "each once, the newest first");

    // Whoever does not know the address, or says something else.
    for (path, body, wanted) in [
        (format!("/callback/{id}/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), receipts.as_str(), 404),
        ("/callback/999/x".to_owned(), "[]", 404),
        (callback.clone(), "hello", 400),
        (callback.clone(), "[]", 200),
    ] {
        let (status, said) = platform.ask("POST", &path, body).await.expect("an answer");
        assert_eq!(status, wanted, "{path}: {said}");
    }
    platform.stop().await;
}
