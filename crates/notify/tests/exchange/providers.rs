//! What each provider gets, and how its answers are read.

use hmac::{Hmac, KeyInit as _, Mac as _};
use notify::{Address, Outcome};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::peer::{Peer, Request};
use crate::send;

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn phone() -> Address {
    Address::Phone("+8613800138000".to_owned())
}

/// Sends to a provider that answers 200 with this body.
async fn told(answer: &str, to: Address, of: impl FnOnce(&str) -> Value) -> (Request, Outcome) {
    let peer = Peer::answering("200 OK", "content-type: application/json\r\n", answer).await;
    let outcome = send(of(&peer.url), to).await;
    (peer.request().await, outcome)
}

fn accepted(reference: Option<&str>) -> Outcome {
    Outcome::Accepted { reference: reference.map(str::to_owned) }
}

fn refused(detail: &str) -> Outcome {
    Outcome::Refused { detail: detail.to_owned() }
}

fn busy(after_ms: i64, detail: &str) -> Outcome {
    Outcome::AddressBusy { after_ms: Some(after_ms), detail: detail.to_owned() }
}

fn again(after_ms: i64, detail: &str) -> Outcome {
    Outcome::TryAgain { after_ms: Some(after_ms), detail: detail.to_owned() }
}

#[tokio::test]
async fn a_webhook_is_signed_over_time_and_body() {
    let of = |url: &str| json!({"kind": "webhook", "url": format!("{url}/fire?site=1"), "secret": "k"});
    let (request, outcome) = told("", Address::Medium, of).await;
    assert_eq!(outcome, accepted(None));
    assert_eq!(request.line, "POST /fire?site=1 HTTP/1.1");
    assert_eq!(request.headers["content-type"], "application/json; charset=utf-8");
    assert_eq!(request.headers["x-emberwatch-timestamp"], "1795590000");
    let signed = [b"1795590000.", request.body.as_slice()].concat();
    assert_eq!(request.headers["x-emberwatch-signature"], format!("v1={}", hex(&hmac(b"k", &signed))));
    assert_eq!(
        request.json(),
        json!({
            "version": 1, "sent_at_ms": 1_795_590_000_000_i64, "severity": "alarm", "language": "zh-CN",
            "group": "alarm-7", "title": "【报警】一号店 剩余电流", "body": "回路：照明*1*\n当前值：412 mA",
            "link": "https://fire.example.com/alarms/7",
            "acknowledge_link": "https://fire.example.com/a/T0ken",
            "params": {"site": "一号店", "value": "412", "unit": "mA"},
        })
    );
}

#[tokio::test]
async fn wecom_writes_markdown_and_calls_people_in_text() {
    let ok = r#"{"errcode":0,"errmsg":"ok"}"#;
    let (request, outcome) =
        told(ok, Address::Medium, |url| json!({"kind": "wecom", "key": "a b", "base_url": url})).await;
    assert_eq!(outcome, accepted(None));
    assert_eq!(request.path(), "/cgi-bin/webhook/send?key=a%20b");
    assert_eq!(
        request.json(),
        json!({"msgtype": "markdown", "markdown": {"content":
            "### 【报警】一号店 剩余电流\n回路：照明＊1＊\n当前值：412 mA\n\
             [确认收到](https://fire.example.com/a/T0ken)\n[查看详情](https://fire.example.com/alarms/7)"}})
    );

    let (request, _) = told(
        ok,
        Address::Medium,
        |url| json!({"kind": "wecom", "key": "k", "mention_phones": ["+8613800138000"], "base_url": url}),
    )
    .await;
    let body = request.json();
    assert_eq!(body["msgtype"], "text");
    assert_eq!(body["text"]["mentioned_mobile_list"], json!(["13800138000"]));
    assert!(body["text"]["content"].as_str().unwrap().ends_with("https://fire.example.com/alarms/7"));
}

#[tokio::test]
async fn wecom_refuses_with_200() {
    let of = |url: &str| json!({"kind": "wecom", "key": "k", "base_url": url});
    let (_, outcome) = told(r#"{"errcode":93000,"errmsg":"invalid webhook url"}"#, Address::Medium, of).await;
    assert_eq!(outcome, refused("errcode 93000 invalid webhook url"));
    let (_, outcome) =
        told(r#"{"errcode":45009,"errmsg":"api freq out of limit"}"#, Address::Medium, of).await;
    assert_eq!(outcome, again(60_000, "errcode 45009 api freq out of limit"));
}

#[tokio::test]
async fn dingtalk_is_signed_in_the_address() {
    let of = |url: &str| {
        json!({"kind": "dingtalk", "access_token": "tok", "secret": "SECx",
            "mention_phones": ["+8613800138000"], "base_url": url})
    };
    let (request, outcome) = told(r#"{"errcode":0,"errmsg":"ok"}"#, Address::Medium, of).await;
    assert_eq!(outcome, accepted(None));
    let signature = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(hmac(b"SECx", b"1795590000000\nSECx"))
    };
    let query: Vec<_> =
        form_urlencoded::parse(request.path().split_once('?').unwrap().1.as_bytes()).into_owned().collect();
    let expected = [("access_token", "tok"), ("timestamp", "1795590000000"), ("sign", signature.as_str())];
    assert_eq!(query, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert!(request.path().starts_with("/robot/send?"));
    let body = request.json();
    assert_eq!(body["msgtype"], "markdown");
    assert_eq!(body["at"], json!({"atMobiles": ["13800138000"], "isAtAll": false}));
    let text = body["markdown"]["text"].as_str().unwrap();
    assert!(text.contains("照明＊1＊") && text.ends_with(" @13800138000"), "{text}");

    let (_, outcome) = told(r#"{"errcode":310000,"errmsg":"sign not match"}"#, Address::Medium, of).await;
    assert_eq!(outcome, refused("errcode 310000 sign not match"));
    let (_, outcome) = told(r#"{"errcode":130101,"errmsg":"send too fast"}"#, Address::Medium, of).await;
    assert_eq!(outcome, again(600_000, "errcode 130101 send too fast"));
}

#[tokio::test]
async fn feishu_is_signed_in_the_body() {
    let of = |url: &str| json!({"kind": "feishu", "token": "hook-1", "secret": "demo", "base_url": url});
    let ok = r#"{"Extra":null,"StatusCode":0,"StatusMessage":"success","code":0,"msg":"success","data":{}}"#;
    let (request, outcome) = told(ok, Address::Medium, of).await;
    assert_eq!(outcome, accepted(None));
    assert_eq!(request.path(), "/open-apis/bot/v2/hook/hook-1");
    let body = request.json();
    let signature = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(hmac(b"1795590000\ndemo", b""))
    };
    assert_eq!(body["timestamp"], "1795590000");
    assert_eq!(body["sign"], signature);
    assert_eq!(
        body["content"]["post"]["zh_cn"]["content"],
        json!([
            [{"tag": "text", "text": "回路：照明*1*"}],
            [{"tag": "text", "text": "当前值：412 mA"}],
            [{"tag": "a", "text": "确认收到", "href": "https://fire.example.com/a/T0ken"}],
            [{"tag": "a", "text": "查看详情", "href": "https://fire.example.com/alarms/7"}],
        ])
    );

    let mismatch = r#"{"code":19021,"data":{},"msg":"sign match fail or timestamp is not within one hour"}"#;
    let (_, outcome) = told(mismatch, Address::Medium, of).await;
    assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
    let limited = r#"{"code":11232,"data":{},"msg":"frequency limited"}"#;
    let (_, outcome) = told(limited, Address::Medium, of).await;
    assert_eq!(outcome, again(60_000, "code 11232 frequency limited"));
    let (_, outcome) = told(r#"{"StatusCode":0,"StatusMessage":"success"}"#, Address::Medium, of).await;
    assert_eq!(outcome, accepted(None));
}

fn aliyun_sms(url: &str) -> Value {
    json!({"kind": "aliyun_sms", "access_key_id": "LTAI", "access_key_secret": "s3cret",
        "sign_name": "电气火灾监控", "template_code": "SMS_1",
        "params": {"site": "{site}", "value": "{value} {unit}"}, "base_url": url})
}

/// Checks an `ACS3-HMAC-SHA256` signature from what arrived alone.
fn check_acs3(request: &Request, secret: &str) {
    let (path, query) = request.path().split_once('?').unwrap();
    let authorization = &request.headers["authorization"];
    let names = authorization.split("SignedHeaders=").nth(1).unwrap().split(',').next().unwrap();
    let canonical: String =
        names.split(';').map(|name| format!("{name}:{}\n", request.headers[name])).collect();
    let body = hex(&Sha256::digest(&request.body));
    assert_eq!(request.headers["x-acs-content-sha256"], body);
    let canonical = format!("POST\n{path}\n{query}\n{canonical}\n{names}\n{body}");
    let to_sign = format!("ACS3-HMAC-SHA256\n{}", hex(&Sha256::digest(canonical)));
    let signature = hex(&hmac(secret.as_bytes(), to_sign.as_bytes()));
    assert!(authorization.ends_with(&format!("Signature={signature}")), "{authorization}");
    let mut sorted: Vec<_> = query.split('&').collect();
    sorted.sort_unstable();
    assert_eq!(sorted.join("&"), query);
}

fn query(request: &Request) -> Value {
    let query = request.path().split_once('?').unwrap().1;
    form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| (name.into_owned(), Value::from(value.into_owned())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[tokio::test]
async fn aliyun_short_messages_are_signed() {
    let ok = r#"{"Message":"OK","RequestId":"A","Code":"OK","BizId":"9006197469364984400"}"#;
    let (request, outcome) = told(ok, phone(), aliyun_sms).await;
    assert_eq!(outcome, accepted(Some("9006197469364984400")));
    check_acs3(&request, "s3cret");
    assert_eq!(request.headers["x-acs-action"], "SendSms");
    assert_eq!(request.headers["x-acs-version"], "2017-05-25");
    assert_eq!(request.headers["x-acs-date"], "2026-11-25T07:00:00Z");
    assert_eq!(
        query(&request),
        json!({"PhoneNumbers": "13800138000", "SignName": "电气火灾监控", "TemplateCode": "SMS_1",
            "TemplateParam": r#"{"site":"一号店","value":"412 mA"}"#})
    );
}

#[tokio::test]
async fn aliyun_refuses_with_200_and_says_when_to_try_again() {
    let limited = r#"{"Message":"触发分钟级流控Permits:1","Code":"isv.BUSINESS_LIMIT_CONTROL"}"#;
    let (_, outcome) = told(limited, phone(), aliyun_sms).await;
    assert_eq!(outcome, busy(60_000, "isv.BUSINESS_LIMIT_CONTROL 触发分钟级流控Permits:1"));
    let wrong = r#"{"Message":"模板不合法(不存在或被拉黑)","Code":"isv.SMS_TEMPLATE_ILLEGAL"}"#;
    let (_, outcome) = told(wrong, phone(), aliyun_sms).await;
    assert_eq!(outcome, refused("isv.SMS_TEMPLATE_ILLEGAL 模板不合法(不存在或被拉黑)"));

    for (status, code, try_again) in [
        ("404 Not Found", "InvalidAccessKeyId.NotFound", false),
        ("400 Bad Request", "Throttling.User", true),
        ("503 Service Unavailable", "ServiceUnavailable", true),
    ] {
        let peer = Peer::answering(status, "", &json!({"Code": code, "Message": "m"}).to_string()).await;
        let outcome = send(aliyun_sms(&peer.url), phone()).await;
        assert_eq!(matches!(outcome, Outcome::TryAgain { .. }), try_again, "{outcome:?}");
        peer.request().await;
    }
}

#[tokio::test]
async fn aliyun_calls_are_signed() {
    let ok = r#"{"Code":"OK","Message":"OK","CallId":"116012854210^10281427****","RequestId":"D9CB3933"}"#;
    let (request, outcome) = told(ok, phone(), |url| {
        json!({"kind": "aliyun_voice", "access_key_id": "LTAI", "access_key_secret": "s3cret",
            "called_show_number": "05710000000", "tts_code": "TTS_1", "params": {"site": "{site}"},
            "play_times": 3, "base_url": url})
    })
    .await;
    assert_eq!(outcome, accepted(Some("116012854210^10281427****")));
    check_acs3(&request, "s3cret");
    assert_eq!(request.headers["x-acs-action"], "SingleCallByTts");
    assert_eq!(
        query(&request),
        json!({"CalledNumber": "13800138000", "CalledShowNumber": "05710000000", "PlayTimes": "3",
            "TtsCode": "TTS_1", "TtsParam": r#"{"site":"一号店"}"#})
    );
}

#[tokio::test]
async fn aliyun_calls_wait_for_a_key_where_a_text_is_read_after_it() {
    let ok = r#"{"Code":"OK","Message":"OK","CallId":"116012854210^10281427****","RequestId":"D9CB3933"}"#;
    let (request, outcome) = told(ok, phone(), |url| {
        json!({"kind": "aliyun_voice", "access_key_id": "LTAI", "access_key_secret": "s3cret",
            "called_show_number": "05710000000", "tts_code": "TTS_1", "answered_code": "TTS_2",
            "params": {"site": "{site}"}, "base_url": url})
    })
    .await;
    assert_eq!(outcome, accepted(Some("116012854210^10281427****")));
    check_acs3(&request, "s3cret");
    assert_eq!(request.headers["x-acs-action"], "IvrCall");
    assert_eq!(
        query(&request),
        json!({"CalledNumber": "13800138000", "CalledShowNumber": "05710000000", "PlayTimes": "2",
            "StartCode": "TTS_1", "StartTtsParams": r#"{"site":"一号店"}"#, "MenuKeyMap.1.Key": "1",
            "MenuKeyMap.1.Code": "TTS_2", "Timeout": "10000"})
    );
}

#[tokio::test]
async fn tencent_short_messages_are_signed() {
    let of = |url: &str| {
        json!({"kind": "tencent_sms", "secret_id": "AKID", "secret_key": "key", "sdk_app_id": "1400006666",
            "sign_name": "腾讯云", "template_id": "1110", "params": ["{site}", "{value}{unit}"],
            "base_url": url})
    };
    let ok = r#"{"Response":{"SendStatusSet":[{"SerialNo":"5000:1045710669157053657849499619",
        "PhoneNumber":"+8618511122233","Fee":1,"SessionContext":"test","Code":"Ok","Message":"send success",
        "IsoCode":"CN"}],"RequestId":"a0aabda6-cf91-4f3e-a81f-9198114a2279"}}"#;
    let (request, outcome) = told(ok, phone(), of).await;
    assert_eq!(outcome, accepted(Some("5000:1045710669157053657849499619")));
    assert_eq!(request.path(), "/");
    for (name, value) in [
        ("x-tc-action", "SendSms"),
        ("x-tc-version", "2021-01-11"),
        ("x-tc-region", "ap-guangzhou"),
        ("x-tc-timestamp", "1795590000"),
    ] {
        assert_eq!(request.headers[name], value);
    }
    assert_eq!(
        request.json(),
        json!({"PhoneNumberSet": ["+8613800138000"], "SmsSdkAppId": "1400006666", "SignName": "腾讯云",
            "TemplateId": "1110", "TemplateParamSet": ["一号店", "412mA"]})
    );
    let canonical = format!(
        "POST\n/\n\ncontent-type:{}\nhost:{}\n\ncontent-type;host\n{}",
        request.headers["content-type"],
        request.headers["host"],
        hex(&Sha256::digest(&request.body))
    );
    let scope = "2026-11-25/sms/tc3_request";
    let to_sign = format!("TC3-HMAC-SHA256\n1795590000\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let key = hmac(&hmac(&hmac(b"TC3key", b"2026-11-25"), b"sms"), b"tc3_request");
    assert_eq!(
        request.headers["authorization"],
        format!(
            "TC3-HMAC-SHA256 Credential=AKID/{scope}, SignedHeaders=content-type;host, Signature={}",
            hex(&hmac(&key, to_sign.as_bytes()))
        )
    );

    let limited = r#"{"Response":{"SendStatusSet":[{"SerialNo":"","Code":
        "LimitExceeded.PhoneNumberThirtySecondLimit","Message":"too often"}],"RequestId":"a"}}"#;
    let (_, outcome) = told(limited, phone(), of).await;
    assert_eq!(outcome, busy(30_000, "LimitExceeded.PhoneNumberThirtySecondLimit too often"));
    let wrong =
        r#"{"Response":{"Error":{"Code":"AuthFailure.SignatureFailure","Message":"m"},"RequestId":"a"}}"#;
    let (_, outcome) = told(wrong, phone(), of).await;
    assert_eq!(outcome, refused("AuthFailure.SignatureFailure m"));
    let busy = r#"{"Response":{"Error":{"Code":"InternalError.Timeout","Message":"m"},"RequestId":"a"}}"#;
    let (_, outcome) = told(busy, phone(), of).await;
    assert_eq!(outcome, Outcome::TryAgain { after_ms: None, detail: "InternalError.Timeout m".to_owned() });
}

#[tokio::test]
async fn ntfy_gets_priority_and_buttons() {
    let of = |url: &str| json!({"kind": "ntfy", "topic": "fire-12", "token": "tk_1", "base_url": url});
    let (request, outcome) = told(r#"{"id":"xE73Iyuabi","event":"message"}"#, Address::Medium, of).await;
    assert_eq!(outcome, accepted(Some("xE73Iyuabi")));
    assert_eq!(request.path(), "/");
    assert_eq!(request.headers["authorization"], "Bearer tk_1");
    assert_eq!(
        request.json(),
        json!({"topic": "fire-12", "title": "【报警】一号店 剩余电流", "priority": 5,
            "message": "回路：照明*1*\n当前值：412 mA", "click": "https://fire.example.com/alarms/7", "actions": [
                {"action": "view", "label": "确认收到", "url": "https://fire.example.com/a/T0ken"},
                {"action": "view", "label": "查看详情", "url": "https://fire.example.com/alarms/7"}]})
    );
}

#[tokio::test]
async fn bark_gets_the_key_in_the_body() {
    let of = |url: &str| json!({"kind": "bark", "device_key": "dk", "base_url": format!("{url}/")});
    let (request, outcome) = told(r#"{"code":200,"message":"success"}"#, Address::Medium, of).await;
    assert_eq!(outcome, accepted(None));
    assert_eq!(request.path(), "/push");
    let body = request.json();
    assert_eq!((&body["device_key"], &body["level"]), (&json!("dk"), &json!("critical")));
    assert_eq!(body["url"], "https://fire.example.com/a/T0ken");
    let (_, outcome) = told(r#"{"code":400,"message":"no device"}"#, Address::Medium, of).await;
    assert_eq!(outcome, refused("code 400 no device"));
}
