//! Which topics a device has. Nobody can name another device's: the serial number stands in every topic, and it is
//! the one that the connection proved.
//!
//! ```text
//! own form      emberwatch/1/{serial}/telemetry   up    wire::telemetry, JSON or CBOR
//!               emberwatch/1/{serial}/answer      up    the same form, answers only
//!               emberwatch/1/{serial}/command     down
//!               emberwatch/1/{serial}/shadow      down, retained: the settings that the device shall have
//! vendor form   {sys|indicate|notify}/dev/{pk}/{serial}, data/up/{pk}/{serial}           up
//!               {sys|indicate|notify}/server/{pk}/{serial}, data/down/{pk}/{serial}      down
//! foreign       patterns of the settings with a `{serial}` level, e.g. v1/devices/{serial}/telemetry    up
//! ```

use wire::vendor_mqtt::Group;

/// The first two levels of our own topics.
const OWN: [&str; 2] = ["emberwatch", "1"];

/// What a topic of a device is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Up<'t> {
    /// Our own form.
    Telemetry,
    /// Answers to commands in our own form.
    Answer,
    /// The vendor's form.
    Vendor {
        /// Which group of methods.
        group: Group,
        /// The product key that the device has in its topics.
        product: &'t str,
    },
    /// Somebody else's JSON.
    Foreign,
}

/// A pattern of the settings: levels, one of them `{serial}`; `+` stands for any one level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    levels: Vec<String>,
    serial: usize,
}

const SERIAL: &str = "{serial}";

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let levels: Vec<String> = text.split('/').map(str::to_owned).collect();
        let mut serials = levels.iter().enumerate().filter(|(_, level)| *level == SERIAL).map(|(at, _)| at);
        let (Some(serial), None) = (serials.next(), serials.next()) else {
            return Err(format!("topic pattern {text:?}, wanted exactly one level {SERIAL}"));
        };
        let is_odd = |level: &String| {
            level.contains('#') || (level.contains('+') && level != "+") || level.contains('\0')
        };
        if levels.iter().any(is_odd) {
            return Err(format!("topic pattern {text:?}, wanted `+` alone on its level and no `#`"));
        }
        Ok(Self { levels, serial })
    }

    /// The serial number in `topic`, where the pattern fits.
    pub(crate) fn serial<'t>(&self, topic: &'t str) -> Option<&'t str> {
        let mut serial = None;
        let mut wanted = self.levels.iter().enumerate();
        for level in topic.split('/') {
            let (at, wanted) = wanted.next()?;
            if at == self.serial {
                serial = Some(level);
            } else if wanted != "+" && wanted != level {
                return None;
            }
        }
        if wanted.next().is_some() { None } else { serial.filter(|serial| !serial.is_empty()) }
    }

    /// The topic filter that catches every device's.
    pub(crate) fn filter(&self) -> String {
        let levels: Vec<&str> =
            self.levels.iter().map(|level| if level == SERIAL { "+" } else { level }).collect();
        levels.join("/")
    }
}

/// What `topic` is, and whose, where it is one that a device may publish on.
pub(crate) fn up<'t>(topic: &'t str, foreign: &[Pattern]) -> Option<(Up<'t>, &'t str)> {
    let levels: Vec<&str> = topic.split('/').take(6).collect();
    match levels.as_slice() {
        [first, version, serial, "telemetry"] if [*first, *version] == OWN => {
            return Some((Up::Telemetry, serial));
        }
        [first, version, serial, "answer"] if [*first, *version] == OWN => return Some((Up::Answer, serial)),
        [group, way, product, serial] => {
            if let Some(group) = Group::of_up(group, way) {
                return Some((Up::Vendor { group, product }, serial));
            }
        }
        _ => {}
    }
    foreign.iter().find_map(|pattern| pattern.serial(topic)).map(|serial| (Up::Foreign, serial))
}

/// Where the device hears commands in our own form.
pub(crate) fn command(serial: &str) -> String {
    format!("emberwatch/1/{serial}/command")
}

/// Where the device reads what it shall be set to.
pub(crate) fn shadow(serial: &str) -> String {
    format!("emberwatch/1/{serial}/shadow")
}

/// Whether the device with `serial` may subscribe to `filter`: what lies under its own serial number, and topics of
/// patterns that carry it. Nothing of others' ever goes to it; this only keeps a wrong filter from being taken for
/// a right one.
pub(crate) fn may_subscribe(filter: &str, serial: &str) -> bool {
    let levels: Vec<&str> = filter.split('/').take(8).collect();
    match levels.as_slice() {
        [first, version, whose, rest @ ..] if [*first, *version] == OWN => {
            *whose == serial && matches!(rest, ["command" | "shadow" | "+" | "#"])
        }
        [group, way, product, whose] => {
            Group::of_down(group, way).is_some() && *whose == serial && !product.contains('#')
        }
        _ => false,
    }
}

/// Whether `filter` catches `topic` (MQTT 5.0, 4.7).
pub(crate) fn catches(filter: &str, topic: &str) -> bool {
    let mut topic = topic.split('/');
    for wanted in filter.split('/') {
        match (wanted, topic.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (wanted, Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
    topic.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_says_what_it_is_and_whose() {
        let foreign = [Pattern::parse("v1/devices/{serial}/telemetry").unwrap()];
        assert_eq!(up("emberwatch/1/E7/telemetry", &foreign), Some((Up::Telemetry, "E7")));
        assert_eq!(up("emberwatch/1/E7/answer", &foreign), Some((Up::Answer, "E7")));
        assert_eq!(up("emberwatch/2/E7/telemetry", &foreign), None);
        assert_eq!(up("v1/devices/E7/telemetry", &foreign), Some((Up::Foreign, "E7")));
        assert_eq!(up("v1/devices//telemetry", &foreign), None);
        assert_eq!(up("v1/devices/E7/telemetry/more", &foreign), None);
        let vendor = up("data/up/pk1/E7", &foreign);
        assert_eq!(vendor, Some((Up::Vendor { group: Group::Data, product: "pk1" }, "E7")));
        assert_eq!(up("data/down/pk1/E7", &foreign), None, "devices do not send down");
    }

    #[test]
    fn a_pattern_without_its_serial_is_refused() {
        for wrong in ["v1/devices/telemetry", "{serial}/{serial}", "v1/{serial}/#", "v1/a+/{serial}"] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Pattern::parse("a/+/{serial}/x").unwrap().filter(), "a/+/+/x");
    }

    #[test]
    fn a_device_may_subscribe_to_its_own_only() {
        for own in [
            "emberwatch/1/E7/command",
            "emberwatch/1/E7/shadow",
            "emberwatch/1/E7/#",
            "sys/server/pk/E7",
            "data/down/+/E7",
        ] {
            assert!(may_subscribe(own, "E7"), "{own}");
        }
        for other in [
            "#",
            "+/+/+/+",
            "emberwatch/1/E8/command",
            "emberwatch/1/+/command",
            "emberwatch/#",
            "sys/server/pk/+",
            "sys/dev/pk/E7",
            "$SYS/#",
        ] {
            assert!(!may_subscribe(other, "E7"), "{other}");
        }
    }

    #[test]
    fn filters_catch_as_the_standard_says() {
        assert!(catches("a/+/c", "a/b/c") && catches("a/#", "a/b/c") && catches("a/#", "a"));
        assert!(!catches("a/+", "a/b/c") && !catches("a/b/c", "a/b") && !catches("a", "a/b"));
    }
}
