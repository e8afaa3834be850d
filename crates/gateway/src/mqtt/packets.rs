//! The packets of both versions of MQTT as one: what a session hears, and what it says.
//!
//! MQTT 3.1.1 (OASIS, ISO/IEC 20922) and MQTT 5.0 (OASIS) differ in what can be refused and with which words; who
//! reads this file need not.

use mqtt_protocol_core::mqtt::connection::{Event, GenericEvent};
use mqtt_protocol_core::mqtt::packet::{
    MessageExpiryInterval, Packet, Property, Qos, ReceiveMaximum, SessionExpiryInterval, SubEntry, SubOpts,
    v3_1_1, v5_0,
};
use mqtt_protocol_core::mqtt::result_code::{
    ConnectReasonCode, ConnectReturnCode, DisconnectReasonCode, PubackReasonCode, PubrecReasonCode,
    SubackReasonCode, SubackReturnCode, UnsubackReasonCode,
};
use mqtt_protocol_core::mqtt::{Connection, Version, role};

use super::config::ClientConfig;

pub(crate) type Server = Connection<role::Server>;

/// How a client introduces itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Connect {
    pub(crate) client_id: String,
    /// Nothing is kept of an earlier session.
    pub(crate) clean: bool,
    pub(crate) keep_alive_s: u16,
    pub(crate) user_name: Option<String>,
    pub(crate) password: Option<Vec<u8>>,
    /// Topic and payload to be told when the line is lost.
    pub(crate) will: Option<(String, Vec<u8>)>,
    /// How long the session is kept after the line closed, s; `None`: as long as the server likes (3.1.1).
    pub(crate) expiry_s: Option<u32>,
}

/// A message from a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Publish {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) ack: Option<Ack>,
    pub(crate) content_type: Option<String>,
}

/// A message as the telegram log keeps it: the topic, a line end, the payload (see [`wire::explain::split_topic`]).
pub(crate) fn telegram(topic: &str, payload: &[u8]) -> Vec<u8> {
    [topic.as_bytes(), b"\n", payload].concat()
}

/// What a message is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ack {
    /// PUBACK.
    Once(u16),
    /// PUBREC.
    Exactly(u16),
}

/// What a client said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Received {
    Connect(Connect),
    Publish(Publish),
    Release(u16),
    /// It has our message.
    Taken,
    Subscribe {
        id: u16,
        filters: Vec<(String, Qos)>,
    },
    Unsubscribe {
        id: u16,
        filters: Vec<String>,
    },
    Disconnect {
        with_will: bool,
        expiry_s: Option<u32>,
    },
    /// Nothing that a session acts on (PINGREQ, AUTH, ...).
    Other,
}

fn properties(props: &[Property]) -> (Option<u32>, Option<String>) {
    let mut expiry_s = None;
    let mut content_type = None;
    for property in props {
        match property {
            Property::SessionExpiryInterval(value) => expiry_s = Some(value.val()),
            Property::ContentType(value) => content_type = Some(value.val().to_owned()),
            _ => {}
        }
    }
    (expiry_s, content_type)
}

fn ack(qos: Qos, id: Option<u16>) -> Option<Ack> {
    match (qos, id) {
        (Qos::AtLeastOnce, Some(id)) => Some(Ack::Once(id)),
        (Qos::ExactlyOnce, Some(id)) => Some(Ack::Exactly(id)),
        (Qos::AtMostOnce, _) | (_, None) => None,
    }
}

fn filters(entries: &[SubEntry]) -> Vec<(String, Qos)> {
    entries.iter().map(|entry| (entry.topic_filter().to_owned(), entry.sub_opts().qos())).collect()
}

impl From<Packet> for Received {
    fn from(packet: Packet) -> Self {
        match packet {
            Packet::V3_1_1Connect(p) => Self::Connect(Connect {
                client_id: p.client_id().to_owned(),
                clean: p.clean_session(),
                keep_alive_s: p.keep_alive(),
                user_name: p.user_name().map(str::to_owned),
                password: p.password().map(<[u8]>::to_vec),
                will: p
                    .will_topic()
                    .map(|topic| (topic.to_owned(), p.will_payload().unwrap_or_default().to_vec())),
                expiry_s: p.clean_session().then_some(0),
            }),
            Packet::V5_0Connect(p) => Self::Connect(Connect {
                client_id: p.client_id().to_owned(),
                clean: p.clean_start(),
                keep_alive_s: p.keep_alive(),
                user_name: p.user_name().map(str::to_owned),
                password: p.password().map(<[u8]>::to_vec),
                will: p
                    .will_topic()
                    .map(|topic| (topic.to_owned(), p.will_payload().unwrap_or_default().to_vec())),
                expiry_s: Some(properties(p.props()).0.unwrap_or(0)),
            }),
            Packet::V3_1_1Publish(p) => Self::Publish(Publish {
                topic: p.topic_name().to_owned(),
                payload: p.payload().as_slice().to_vec(),
                ack: ack(p.qos(), p.packet_id()),
                content_type: None,
            }),
            Packet::V5_0Publish(p) => Self::Publish(Publish {
                topic: p.topic_name().to_owned(),
                payload: p.payload().as_slice().to_vec(),
                ack: ack(p.qos(), p.packet_id()),
                content_type: properties(p.props()).1,
            }),
            Packet::V3_1_1Pubrel(p) => Self::Release(p.packet_id()),
            Packet::V5_0Pubrel(p) => Self::Release(p.packet_id()),
            Packet::V3_1_1Puback(_) | Packet::V5_0Puback(_) => Self::Taken,
            Packet::V3_1_1Subscribe(p) => {
                Self::Subscribe { id: p.packet_id(), filters: filters(p.entries()) }
            }
            Packet::V5_0Subscribe(p) => Self::Subscribe { id: p.packet_id(), filters: filters(p.entries()) },
            Packet::V3_1_1Unsubscribe(p) => Self::Unsubscribe {
                id: p.packet_id(),
                filters: p.entries().iter().map(|entry| entry.as_str().to_owned()).collect(),
            },
            Packet::V5_0Unsubscribe(p) => Self::Unsubscribe {
                id: p.packet_id(),
                filters: p.entries().iter().map(|entry| entry.as_str().to_owned()).collect(),
            },
            Packet::V3_1_1Disconnect(_) => Self::Disconnect { with_will: false, expiry_s: None },
            Packet::V5_0Disconnect(p) => Self::Disconnect {
                with_will: p
                    .reason_code()
                    .is_some_and(|code| code != DisconnectReasonCode::NormalDisconnection),
                expiry_s: p.props().as_ref().and_then(|props| properties(props).0),
            },
            _ => Self::Other,
        }
    }
}

/// Why a client is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotIn {
    /// Wrong user name, password or certificate.
    Credentials,
    /// Nobody has admitted it, or it has no proof to show.
    NotAuthorized,
    /// It tried too often.
    TooFast,
    /// A session without a name cannot be kept.
    ClientId,
}

/// What a message is refused for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// Not its topic.
    NotAuthorized,
    /// Not what the topic holds.
    Payload,
}

/// Why the server closes a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closing {
    NotAuthorized,
    ShuttingDown,
    TakenOver,
    Quota,
    Administrative,
    KeepAlive,
    Payload,
}

/// Says `packet`, as events of the core. A packet that cannot be built says nothing, which closes the line in the end.
fn say<R: role::RoleType, P: Into<Packet>, E>(core: &mut Connection<R>, packet: Result<P, E>) -> Vec<Event> {
    match packet {
        Ok(packet) => core.send(packet.into()),
        Err(_cannot_be) => vec![GenericEvent::RequestClose],
    }
}

pub(crate) fn welcome(
    core: &mut Server,
    session_present: bool,
    assigned: Option<&str>,
    expiry_s: Option<u32>,
    keep_alive_s: Option<u16>,
    max_in_flight: u16,
) -> Vec<Event> {
    match core.get_protocol_version() {
        Version::V5_0 => {
            use mqtt_protocol_core::mqtt::packet::{
                AssignedClientIdentifier, ServerKeepAlive, SharedSubscriptionAvailable,
            };
            let mut props: Vec<Property> = Vec::new();
            props.extend(ReceiveMaximum::new(max_in_flight).ok().map(Property::ReceiveMaximum));
            let shared = SharedSubscriptionAvailable::new(0);
            props.extend(shared.ok().map(Property::SharedSubscriptionAvailable));
            let assigned = assigned.and_then(|id| AssignedClientIdentifier::new(id).ok());
            props.extend(assigned.map(Property::AssignedClientIdentifier));
            let expiry = expiry_s.and_then(|s| SessionExpiryInterval::new(s).ok());
            props.extend(expiry.map(Property::SessionExpiryInterval));
            let keep_alive = keep_alive_s.and_then(|s| ServerKeepAlive::new(s).ok());
            props.extend(keep_alive.map(Property::ServerKeepAlive));
            let packet = v5_0::Connack::builder()
                .session_present(session_present)
                .reason_code(ConnectReasonCode::Success)
                .props(props)
                .build();
            say(core, packet)
        }
        Version::V3_1_1 | Version::Undetermined => {
            let packet = v3_1_1::Connack::builder()
                .session_present(session_present)
                .return_code(ConnectReturnCode::Accepted)
                .build();
            say(core, packet)
        }
    }
}

pub(crate) fn turn_away(core: &mut Server, why: NotIn) -> Vec<Event> {
    match core.get_protocol_version() {
        Version::V5_0 => {
            let code = match why {
                NotIn::Credentials => ConnectReasonCode::BadUserNameOrPassword,
                NotIn::NotAuthorized => ConnectReasonCode::NotAuthorized,
                NotIn::TooFast => ConnectReasonCode::ConnectionRateExceeded,
                NotIn::ClientId => ConnectReasonCode::ClientIdentifierNotValid,
            };
            let packet = v5_0::Connack::builder().session_present(false).reason_code(code).build();
            say(core, packet)
        }
        Version::V3_1_1 | Version::Undetermined => {
            let code = match why {
                NotIn::Credentials => ConnectReturnCode::BadUserNameOrPassword,
                NotIn::NotAuthorized => ConnectReturnCode::NotAuthorized,
                NotIn::TooFast => ConnectReturnCode::ServerUnavailable,
                NotIn::ClientId => ConnectReturnCode::IdentifierRejected,
            };
            let packet = v3_1_1::Connack::builder().session_present(false).return_code(code).build();
            say(core, packet)
        }
    }
}

/// Answers a message: it was taken, or, where the version has words for it, why not.
pub(crate) fn answer<R: role::RoleType>(
    core: &mut Connection<R>,
    ack: Ack,
    refused: Option<NotTaken>,
) -> Vec<Event> {
    match (core.get_protocol_version(), ack) {
        (Version::V5_0, Ack::Once(id)) => {
            let code = match refused {
                None => PubackReasonCode::Success,
                Some(NotTaken::NotAuthorized) => PubackReasonCode::NotAuthorized,
                Some(NotTaken::Payload) => PubackReasonCode::PayloadFormatInvalid,
            };
            let packet = v5_0::Puback::builder().packet_id(id).reason_code(code).build();
            say(core, packet)
        }
        (Version::V5_0, Ack::Exactly(id)) => {
            let code = match refused {
                None => PubrecReasonCode::Success,
                Some(NotTaken::NotAuthorized) => PubrecReasonCode::NotAuthorized,
                Some(NotTaken::Payload) => PubrecReasonCode::PayloadFormatInvalid,
            };
            let packet = v5_0::Pubrec::builder().packet_id(id).reason_code(code).build();
            say(core, packet)
        }
        (Version::V3_1_1 | Version::Undetermined, Ack::Once(id)) => {
            let packet = v3_1_1::Puback::builder().packet_id(id).build();
            say(core, packet)
        }
        (Version::V3_1_1 | Version::Undetermined, Ack::Exactly(id)) => {
            let packet = v3_1_1::Pubrec::builder().packet_id(id).build();
            say(core, packet)
        }
    }
}

/// The last step of exactly once.
pub(crate) fn complete(core: &mut Server, id: u16) -> Vec<Event> {
    match core.get_protocol_version() {
        Version::V5_0 => {
            let packet = v5_0::Pubcomp::builder().packet_id(id).build();
            say(core, packet)
        }
        Version::V3_1_1 | Version::Undetermined => {
            let packet = v3_1_1::Pubcomp::builder().packet_id(id).build();
            say(core, packet)
        }
    }
}

/// Answers a subscription, filter by filter: the service level granted, or `None` for refused.
pub(crate) fn subscribed(core: &mut Server, id: u16, granted: &[Option<Qos>]) -> Vec<Event> {
    match core.get_protocol_version() {
        Version::V5_0 => {
            let codes = granted.iter().map(|granted| match granted {
                Some(Qos::AtMostOnce) => SubackReasonCode::GrantedQos0,
                Some(Qos::AtLeastOnce) => SubackReasonCode::GrantedQos1,
                Some(Qos::ExactlyOnce) => SubackReasonCode::GrantedQos2,
                None => SubackReasonCode::NotAuthorized,
            });
            let packet = v5_0::Suback::builder().packet_id(id).reason_codes(codes.collect()).build();
            say(core, packet)
        }
        Version::V3_1_1 | Version::Undetermined => {
            let codes = granted.iter().map(|granted| match granted {
                Some(Qos::AtMostOnce) => SubackReturnCode::SuccessMaximumQos0,
                Some(Qos::AtLeastOnce) => SubackReturnCode::SuccessMaximumQos1,
                Some(Qos::ExactlyOnce) => SubackReturnCode::SuccessMaximumQos2,
                None => SubackReturnCode::Failure,
            });
            let packet = v3_1_1::Suback::builder().packet_id(id).return_codes(codes.collect()).build();
            say(core, packet)
        }
    }
}

/// Answers the end of subscriptions: whether each existed.
pub(crate) fn unsubscribed(core: &mut Server, id: u16, existed: &[bool]) -> Vec<Event> {
    match core.get_protocol_version() {
        Version::V5_0 => {
            let codes = existed.iter().map(|existed| {
                if *existed { UnsubackReasonCode::Success } else { UnsubackReasonCode::NoSubscriptionExisted }
            });
            let packet = v5_0::Unsuback::builder().packet_id(id).reason_codes(codes.collect()).build();
            say(core, packet)
        }
        Version::V3_1_1 | Version::Undetermined => {
            let packet = v3_1_1::Unsuback::builder().packet_id(id).build();
            say(core, packet)
        }
    }
}

/// Sends a message down. `None`: the client has as many unanswered ones as it takes, or it is too long for it.
pub(crate) fn publish<R: role::RoleType>(
    core: &mut Connection<R>,
    topic: &str,
    payload: &[u8],
    qos: Qos,
    retain: bool,
    expiry_s: Option<u32>,
) -> Option<Vec<Event>> {
    let id = match qos {
        Qos::AtMostOnce => None,
        Qos::AtLeastOnce | Qos::ExactlyOnce => {
            if core.get_receive_maximum_vacancy_for_send() == Some(0) {
                return None;
            }
            Some(core.acquire_packet_id().ok()?)
        }
    };
    let qos = if qos == Qos::ExactlyOnce { Qos::AtLeastOnce } else { qos };
    let payload = payload.to_vec();
    let packet: Option<Packet> = match core.get_protocol_version() {
        Version::V5_0 => {
            let expiry = expiry_s.and_then(|s| MessageExpiryInterval::new(s).ok());
            let props: Vec<_> = expiry.map(Property::MessageExpiryInterval).into_iter().collect();
            let builder =
                v5_0::Publish::builder().topic_name(topic).ok()?.qos(qos).retain(retain).props(props);
            let builder = match id {
                Some(id) => builder.packet_id(id),
                None => builder,
            };
            builder.payload(payload).build().ok().map(Into::into)
        }
        Version::V3_1_1 | Version::Undetermined => {
            let builder = v3_1_1::Publish::builder().topic_name(topic).ok()?.qos(qos).retain(retain);
            let builder = match id {
                Some(id) => builder.packet_id(id),
                None => builder,
            };
            builder.payload(payload).build().ok().map(Into::into)
        }
    };
    let events = core.send(packet?);
    let is_refused = events.iter().any(|event| matches!(event, GenericEvent::NotifyError(_)));
    if is_refused {
        return None;
    }
    Some(events)
}

/// Says why the line is closed, where the version has words for it.
pub(crate) fn goodbye(core: &mut Server, why: Closing) -> Vec<Event> {
    match core.get_protocol_version() {
        Version::V5_0 => {
            let code = match why {
                Closing::NotAuthorized => DisconnectReasonCode::NotAuthorized,
                Closing::ShuttingDown => DisconnectReasonCode::ServerShuttingDown,
                Closing::TakenOver => DisconnectReasonCode::SessionTakenOver,
                Closing::Quota => DisconnectReasonCode::QuotaExceeded,
                Closing::Administrative => DisconnectReasonCode::AdministrativeAction,
                Closing::KeepAlive => DisconnectReasonCode::KeepAliveTimeout,
                Closing::Payload => DisconnectReasonCode::PayloadFormatInvalid,
            };
            let packet = v5_0::Disconnect::builder().reason_code(code).build();
            say(core, packet)
        }
        Version::V3_1_1 | Version::Undetermined => Vec::new(),
    }
}

/// Whether `packet` is an answer that the core gives by itself to a repeated message of exactly once.
pub(crate) fn repeated_receipt(packet: &Packet) -> Option<u16> {
    match packet {
        Packet::V3_1_1Pubrec(p) => Some(p.packet_id()),
        Packet::V5_0Pubrec(p) => Some(p.packet_id()),
        _ => None,
    }
}

/// How we introduce ourselves to a broker whose session with us it keeps for `kept_s`.
///
/// # Errors
/// What cannot be said.
pub(crate) fn introduce(
    core: &mut Connection<role::Client>,
    config: &ClientConfig,
    kept_s: u32,
    max_in_flight: u16,
) -> Result<Vec<Event>, String> {
    let wrong = |error| format!("CONNECT: {error:?}");
    let is_named = !config.user_name.is_empty();
    let password = config.password.as_bytes().to_vec();
    let packet: Packet = if config.is_v5 {
        let props = vec![
            Property::SessionExpiryInterval(SessionExpiryInterval::new(kept_s).map_err(wrong)?),
            Property::ReceiveMaximum(ReceiveMaximum::new(max_in_flight).map_err(wrong)?),
        ];
        let mut builder = v5_0::Connect::builder().client_id(&config.client_id).map_err(wrong)?;
        builder = builder.clean_start(false).keep_alive(config.keep_alive_s).props(props);
        if is_named {
            builder =
                builder.user_name(&config.user_name).map_err(wrong)?.password(password).map_err(wrong)?;
        }
        builder.build().map_err(wrong)?.into()
    } else {
        let mut builder = v3_1_1::Connect::builder().client_id(&config.client_id).map_err(wrong)?;
        builder = builder.clean_session(false).keep_alive(config.keep_alive_s);
        if is_named {
            builder =
                builder.user_name(&config.user_name).map_err(wrong)?.password(password).map_err(wrong)?;
        }
        builder.build().map_err(wrong)?.into()
    };
    Ok(core.send(packet))
}

/// Subscribes to `filters`, each with QoS 1.
///
/// # Errors
/// What cannot be said.
pub(crate) fn subscribe(
    core: &mut Connection<role::Client>,
    filters: Vec<String>,
) -> Result<Vec<Event>, String> {
    let wrong = |error| format!("SUBSCRIBE: {error:?}");
    let entries = filters
        .into_iter()
        .map(|filter| SubEntry::new(filter, SubOpts::new().set_qos(Qos::AtLeastOnce)).map_err(wrong))
        .collect::<Result<Vec<_>, _>>()?;
    let id = core.acquire_packet_id().map_err(wrong)?;
    let packet: Packet = match core.get_protocol_version() {
        Version::V5_0 => {
            v5_0::Subscribe::builder().packet_id(id).entries(entries).build().map_err(wrong)?.into()
        }
        Version::V3_1_1 | Version::Undetermined => {
            v3_1_1::Subscribe::builder().packet_id(id).entries(entries).build().map_err(wrong)?.into()
        }
    };
    Ok(core.send(packet))
}

/// Takes leave of a broker.
///
/// # Errors
/// What cannot be said.
pub(crate) fn leave(core: &mut Connection<role::Client>) -> Result<Vec<Event>, String> {
    let wrong = |error| format!("DISCONNECT: {error:?}");
    let packet: Packet = match core.get_protocol_version() {
        Version::V5_0 => v5_0::Disconnect::builder().build().map_err(wrong)?.into(),
        Version::V3_1_1 | Version::Undetermined => {
            v3_1_1::Disconnect::builder().build().map_err(wrong)?.into()
        }
    };
    Ok(core.send(packet))
}

/// What a broker says to our introduction, where the packet is its answer to that.
pub(crate) fn welcomed(packet: &Packet) -> Option<Result<(), String>> {
    match packet {
        Packet::V3_1_1Connack(p) => Some(match p.return_code() {
            ConnectReturnCode::Accepted => Ok(()),
            code => Err(format!("{code:?}")),
        }),
        Packet::V5_0Connack(p) => Some(match p.reason_code() {
            ConnectReasonCode::Success => Ok(()),
            code => Err(format!("{code:?}")),
        }),
        _ => None,
    }
}

/// Whether the packet says no to one of our subscriptions.
pub(crate) fn refuses_subscription(packet: &Packet) -> bool {
    match packet {
        Packet::V3_1_1Suback(p) => p.return_codes().contains(&SubackReturnCode::Failure),
        Packet::V5_0Suback(p) => p.reason_codes().iter().any(|code| {
            !matches!(
                code,
                SubackReasonCode::GrantedQos0 | SubackReasonCode::GrantedQos1 | SubackReasonCode::GrantedQos2
            )
        }),
        _ => false,
    }
}
