//! Pushes as the platforms send them: fictional devices, the platforms' member names.

use wire::telemetry::Limits;

use super::*;

const KEY: &str = "0123456789abcdef";

fn carrier(token: &str) -> CarrierConfig {
    CarrierConfig { key: KEY.into(), token: token.into(), identity: Vec::new(), decode_texts: true }
}

fn text(pushed: &Pushed) -> &str {
    std::str::from_utf8(&pushed.bytes).unwrap()
}

#[test]
fn ctwing_carries_bytes_or_values() {
    let body =
        br#"{"upPacketSN":-1,"topic":"v1/up/ad","timestamp":1767294245000,"tenantId":"1","serviceId":"",
        "protocol":"lwm2m","productId":"2","payload":{"APPdata":"AQIDBA=="},"messageType":"dataReport",
        "deviceId":"d1","IMSI":"undefined","IMEI":"860000000000001"}"#;
    let pushed = ctwing(body, &carrier(""), &Limits::default()).unwrap();
    let [one] = pushed.as_slice() else { panic!("{pushed:?}") };
    assert_eq!((one.serial.as_str(), one.at), ("860000000000001", Some(UnixMs(1_767_294_245_000))));
    assert_eq!((one.bytes.as_slice(), one.form), (&[1, 2, 3, 4][..], None));

    let body = br#"[{"payload":{"serviceId":"n","serviceData":{"residual":12.50}},"messageType":"dataReport",
        "deviceId":"d2","IMEI":"undefined"},
        {"messageType":"deviceOnlineOfflineReport","eventType":1,"deviceId":"d2"},
        {"messageType":"commandResponse","deviceId":"d2","result":{}}]"#;
    let pushed = ctwing(body, &carrier(""), &Limits::default()).unwrap();
    let [one] = pushed.as_slice() else { panic!("{pushed:?}") };
    assert_eq!((one.serial.as_str(), text(one)), ("d2", r#"{"residual":12.50}"#));

    let nobody = br#"{"payload":{},"messageType":"dataReport"}"#;
    let refused = ctwing(nobody, &carrier(""), &Limits::default()).unwrap_err();
    assert_eq!(refused.to_string(), "no member \"IMEI or deviceId\" in the message");
}

/// base64(MD5("token" + "abcdefgh" + msg)), computed with Python's hashlib.
#[test]
fn onenet_is_believed_with_the_right_signature_only() {
    let msg = r#"{"type":1,"dev_id":2016617,"ds_id":"residual","at":1466133706841,"value":42}"#;
    let signature = signed("token", "abcdefgh", msg);
    assert_eq!(signature, "jRkNoexL6wFh7Qaw2guscg==");
    let body = format!(r#"{{"msg":{msg},"msg_signature":"{signature}","nonce":"abcdefgh"}}"#);
    let pushed = onenet(body.as_bytes(), &carrier("token"), &Limits::default()).unwrap();
    assert_eq!((pushed[0].serial.as_str(), text(&pushed[0])), ("2016617", r#"{"residual":42}"#));
    assert_eq!(pushed[0].at, Some(UnixMs(1_466_133_706_841)));
    let refused = onenet(body.as_bytes(), &carrier("other"), &Limits::default()).unwrap_err();
    assert_eq!(refused, PushRefused::Signature);
    // Without a token nobody asks; the key of the path is all there is.
    assert!(onenet(body.as_bytes(), &carrier(""), &Limits::default()).is_ok());
    let unsigned = format!(r#"{{"msg":{msg},"nonce":"abcdefgh"}}"#);
    assert_eq!(
        onenet(unsigned.as_bytes(), &carrier("token"), &Limits::default()),
        Err(PushRefused::Signature)
    );
}

fn signed(token: &str, nonce: &str, msg: &str) -> String {
    let mut hash = Md5::new();
    hash.update(format!("{token}{nonce}{msg}").as_bytes());
    STANDARD.encode(hash.finalize())
}

#[test]
fn onenet_wraps_texts_lists_and_property_reports() {
    let limits = Limits::default();
    let msg = r#"{\"type\":1,\"imei\":\"86\",\"ds_id\":\"3200_0_5750\",\"at\":1,\"value\":\"01ff\"}"#;
    let body = format!(r#"{{"msg":"{msg}","nonce":"n"}}"#);
    let pushed = onenet(body.as_bytes(), &carrier(""), &limits).unwrap();
    assert_eq!((pushed[0].serial.as_str(), pushed[0].bytes.as_slice()), ("86", &[1, 0xFF][..]));

    let body = br#"{"time":7,"msg":{"messageType":"notify","notifyType":"property","deviceName":"dev",
        "data":{"id":"1","params":{"residual":{"value":12.5,"time":5}}}}}"#;
    let pushed = onenet(body, &carrier(""), &limits).unwrap();
    assert_eq!(text(&pushed[0]), r#"{"residual":{"value":12.5,"time":5}}"#);
    assert_eq!((pushed[0].serial.as_str(), pushed[0].at), ("dev", Some(UnixMs(7))));

    let body = br#"{"msg":[{"type":2,"dev_id":1,"status":1},{"type":7,"dev_id":1}]}"#;
    assert_eq!(onenet(body, &carrier(""), &limits), Ok(Vec::new()));
    let body = br#"{"enc_msg":"abc","nonce":"n"}"#;
    assert_eq!(onenet(body, &carrier(""), &limits), Err(PushRefused::Encrypted));
}

#[test]
fn the_challenge_is_echoed_where_its_signature_fits() {
    let signature = signed("token", "n1", "hello");
    let spoilt = signature.replace('+', " ");
    let answer = onenet_challenge(&carrier("token"), "hello", "n1", Some(spoilt.trim_end_matches('=')));
    assert_eq!(answer.as_deref(), Ok("hello"));
    assert!(onenet_challenge(&carrier("token"), "hello", "n2", Some(&signature)).is_err());
}

#[test]
fn a_carrier_without_a_key_is_closed() {
    assert!(carrier("").opens_with(KEY));
    assert!(!carrier("").opens_with("0123456789abcdeX"));
    assert!(!CarrierConfig::default().opens_with(""));
    let short = CarrierConfig { key: "short".into(), ..CarrierConfig::default() };
    assert!(!short.opens_with("short"), "a key that can be guessed opens nothing");
}
