//! Messages with named values: our own form, the vendor's over MQTT, foreign JSON by path, bytes by place.

use domain::profile::{Decimal, Key, KeyValue, Profile, RawKey, Step, path_steps};
use wire::explain::{key, split_topic};
use wire::telemetry::{Form, Limits, Message, Tree};
use wire::vendor_mqtt::{Envelope, Group, Uplink};

use super::keyed::{keys, values};
use super::{Behind, TelegramField};

/// The values of one message of thousands are not all shown.
const MOST_VALUES: usize = 400;

/// A message in the way in which a profile's keys look into it.
pub(crate) enum Said<'m> {
    /// By place among the bytes.
    Bytes(&'m [u8]),
    /// By path.
    Tree(Tree),
    /// By name, one after another moment or sub-device.
    Moments(Vec<Moment>),
}

/// What was said of one moment.
pub(crate) struct Moment {
    address: Option<String>,
    values: Vec<(String, Tree)>,
}

/// Why nothing can be read, and what says that it cannot.
pub(crate) struct Unreadable {
    pub(crate) reason: String,
    pub(crate) clause: &'static str,
}

impl<'m> Said<'m> {
    /// Reads a payload as `profile` looks into it. The vendor's form is known by its topic, else by its envelope.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub(crate) fn of(profile: &Profile, topic: Option<&str>, payload: &'m [u8]) -> Result<Self, Unreadable> {
        if keys(profile).any(|key| RawKey::is_meant(&key.name)) {
            return Ok(Self::Bytes(payload));
        }
        let limits = Limits::default();
        if let Some(group) = topic.and_then(vendor_group) {
            return Self::of_vendor(group, payload, &limits);
        }
        let wrong = |reason: String| Unreadable { reason, clause: "payload" };
        let form = Form::guess(payload)
            .ok_or_else(|| wrong("neither JSON nor CBOR, wanted one of them".to_owned()))?;
        let tree =
            wire::telemetry::read_tree(form, payload, &limits).map_err(|error| wrong(error.to_string()))?;
        if keys(profile).any(|key| !key.steps.is_empty()) {
            return Ok(Self::Tree(tree));
        }
        match Message::from_tree(&tree, &limits) {
            Ok(message) => Ok(Self::of_message(message)),
            Err(_) if tree.member("method").is_some() => {
                let tried = Group::ALL.into_iter().map(|group| Self::of_vendor(group, payload, &limits));
                let mut read = tried.filter(|said| matches!(said, Ok(Self::Moments(all)) if !all.is_empty()));
                read.next().unwrap_or_else(|| {
                    let reason = "an envelope of the vendor that neither reports nor alarms".to_owned();
                    Err(Unreadable { reason, clause: VENDOR })
                })
            }
            Err(refused) => {
                Err(Unreadable { reason: refused.to_string(), clause: "docs/protocol/telemetry.md" })
            }
        }
    }

    fn of_vendor(group: Group, payload: &[u8], limits: &Limits) -> Result<Self, Unreadable> {
        let wrong = |reason: String| Unreadable { reason, clause: VENDOR };
        let envelope = Envelope::read(payload, limits).map_err(|error| wrong(error.to_string()))?;
        match Uplink::of(group, &envelope).map_err(|error| wrong(error.to_string()))? {
            Uplink::Report { message, .. } | Uplink::Alert(message) => Ok(Self::of_message(message)),
            Uplink::Login { .. } | Uplink::Time { .. } | Uplink::Answer { .. } | Uplink::Other => {
                Err(wrong(format!("method `{}` carries no values", envelope.method)))
            }
        }
    }

    fn of_message(message: Message) -> Self {
        let readings = message
            .readings
            .into_iter()
            .map(|reading| Moment { address: reading.address, values: reading.values });
        let events = message
            .events
            .into_iter()
            .map(|event| Moment { address: event.address, values: vec![(event.code, event.value)] });
        Self::Moments(readings.chain(events).collect())
    }

    /// Whether there is nothing to look into.
    pub(crate) const fn is_empty(&self) -> bool {
        match self {
            Self::Moments(all) => all.is_empty(),
            Self::Bytes(_) | Self::Tree(_) => false,
        }
    }

    /// Hands out the lookups of a detector at `address`, whose values stand below the path where it is one.
    pub(crate) fn each(
        &self,
        profile: &Profile,
        address: Option<&str>,
        is_bench: bool,
        mut take: impl FnMut(&dyn Fn(&Key) -> Option<KeyValue>),
    ) {
        match self {
            Self::Bytes(payload) => take(&|key| RawKey::parse(&key.name).ok()?.read(payload)),
            Self::Tree(tree) => {
                let path = address.filter(|address| address.starts_with('$'));
                let Some(root) = path.map_or(Some(tree), |path| at(tree, &path_steps(path)?)) else { return };
                take(&|key| {
                    value_of(if key.steps.is_empty() {
                        root.member(&key.name)?
                    } else {
                        at(root, &key.steps)?
                    })
                });
            }
            Self::Moments(all) => {
                for moment in all.iter().filter(|moment| is_bench || moment.address.as_deref() == address) {
                    take(&|key| by_name(profile, &moment.values, key));
                }
            }
        }
    }
}

const VENDOR: &str = "docs/protocol/mqtt.md, the vendor's form";

/// The vendor's group that a topic of four levels names.
fn vendor_group(topic: &str) -> Option<Group> {
    match topic.split('/').collect::<Vec<_>>().as_slice() {
        [first, way, _product, _serial] => Group::of_up(first, way),
        _ => None,
    }
}

fn at<'t>(tree: &'t Tree, steps: &[Step]) -> Option<&'t Tree> {
    tree.at(steps.iter().map(|step| match step {
        Step::Name(name) => wire::telemetry::Step::Name(name),
        Step::Item(item) => wire::telemetry::Step::Item(*item),
    }))
}

/// Under the key, or under the code of the point or status.
fn by_name(profile: &Profile, values: &[(String, Tree)], key: &Key) -> Option<KeyValue> {
    let point = profile
        .points
        .iter()
        .find(|point| matches!(&point.source, domain::profile::Source::Key(own) if own == key));
    let status = profile.keyed_statuses.iter().find(|status| status.key == *key);
    let code = point.map(|point| point.code.as_str()).or_else(|| status.map(|status| status.code.as_str()));
    let named = |wanted: &str| values.iter().find(|(name, _)| name == wanted).map(|(_, tree)| tree);
    value_of(named(&key.name).or_else(|| named(code?))?)
}

fn value_of(tree: &Tree) -> Option<KeyValue> {
    match tree {
        Tree::Nothing => Some(KeyValue::Nothing),
        Tree::Truth(truth) => Some(KeyValue::Truth(*truth)),
        Tree::Number(number) => Some(number.decimal().map_or(KeyValue::Nothing, |decimal| {
            KeyValue::Number(Decimal { digits: decimal.digits, exponent: decimal.exponent })
        })),
        Tree::Text(text) => Some(KeyValue::Text(text.clone())),
        Tree::Bytes(_) | Tree::List(_) | Tree::Map(_) => None,
    }
}

/// Gives a message the values that the detectors behind its terminal read from it. Bytes by place are parted.
pub(super) fn name(behind: &[Behind], bytes: &[u8], fields: &mut [TelegramField]) {
    let (topic, payload) = split_topic(bytes);
    let mut found = Vec::new();
    for one in behind {
        let Ok(said) = Said::of(&one.profile, topic, payload) else { continue };
        // A terminal with one detector is that detector, whatever the message calls it.
        let is_only = behind.len() == 1 && one.address().is_none();
        said.each(&one.profile, one.address(), one.entry.is_none() || is_only, |find| {
            found.extend(values(one, find));
        });
    }
    found.truncate(MOST_VALUES);
    if let Some(field) = fields.iter_mut().find(|field| field.name == key::MESSAGE) {
        field.values = found;
    }
}
