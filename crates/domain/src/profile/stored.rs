//! What a changed profile would do to what is stored already. Readings are stored by the place of their point in the
//! profile's list, as integers of its scale: whoever moves or rescales a point changes what every stored value means.

use super::model::Profile;
use crate::place::Protocol;
use crate::quantity::{Decimals, Phase, Quantity};
use crate::reading::PointIndex;

/// A point as detectors in use store it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPoint {
    /// Its place in the list.
    pub index: PointIndex,
    /// Its code.
    pub code: String,
    /// What it measures.
    pub quantity: Quantity,
    /// On which conductor.
    pub phase: Option<Phase>,
    /// The scale of its integers.
    pub decimals: Decimals,
}

/// One way in which a changed profile breaks what is stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageBreak {
    /// The point is not there any more.
    #[error(
        "point `{code}` is gone, but detectors in use store values of it; points may only be added at the end"
    )]
    Gone {
        /// Which point.
        code: String,
    },
    /// The point stands at another place.
    #[error(
        "point `{code}` has moved from place {from} to {to}; the order of points is part of what is stored"
    )]
    Moved {
        /// Which point.
        code: String,
        /// Where it is stored, from 1.
        from: u16,
        /// Where it stands now, from 1.
        to: u16,
    },
    /// Another quantity.
    #[error("point `{code}` is stored as {}, the profile says {}", had.code(), now.code())]
    Quantity {
        /// Which point.
        code: String,
        /// As it is stored.
        had: Quantity,
        /// As the profile says.
        now: Quantity,
    },
    /// Another conductor.
    #[error(
        "point `{code}` is stored for phase {}, the profile says {}",
        had.map_or("none", Phase::code),
        now.map_or("none", Phase::code)
    )]
    Phase {
        /// Which point.
        code: String,
        /// As it is stored.
        had: Option<Phase>,
        /// As the profile says.
        now: Option<Phase>,
    },
    /// Another scale.
    #[error("point `{code}` is stored with {} decimals, the profile's scale has {}", had.0, now.0)]
    Decimals {
        /// Which point.
        code: String,
        /// As it is stored.
        had: Decimals,
        /// As the profile says.
        now: Decimals,
    },
    /// A protocol that terminals in use do not carry.
    #[error("detectors in use stand behind terminals that speak {}, which carries no {} profile", terminal.code(), profile.code())]
    Protocol {
        /// What a terminal speaks.
        terminal: Protocol,
        /// What the profile says.
        profile: Protocol,
    },
}

impl StorageBreak {
    /// The stable name of the kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Gone { .. } => "point_gone",
            Self::Moved { .. } => "point_moved",
            Self::Quantity { .. } => "quantity_changed",
            Self::Phase { .. } => "phase_changed",
            Self::Decimals { .. } => "decimals_changed",
            Self::Protocol { .. } => "protocol_changed",
        }
    }

    /// The point that it is about.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Gone { code }
            | Self::Moved { code, .. }
            | Self::Quantity { code, .. }
            | Self::Phase { code, .. }
            | Self::Decimals { code, .. } => Some(code),
            Self::Protocol { .. } => None,
        }
    }
}

/// Everything in which `profile` breaks what detectors in use store; empty when it may take the old one's place.
/// Names, addresses, keys, ranges, statuses, limits and commands are free, and so are points behind the stored ones.
#[must_use]
pub fn storage_breaks(
    stored: &[StoredPoint],
    terminals: &[Protocol],
    profile: &Profile,
) -> Vec<StorageBreak> {
    let place = |index: PointIndex| index.0.saturating_add(1);
    let mut breaks: Vec<StorageBreak> = terminals
        .iter()
        .filter(|terminal| !terminal.carries(profile.protocol))
        .map(|terminal| StorageBreak::Protocol { terminal: *terminal, profile: profile.protocol })
        .collect();
    for had in stored {
        let code = had.code.clone();
        let Some((index, now)) = profile.point_by_code(&code) else {
            breaks.push(StorageBreak::Gone { code });
            continue;
        };
        if index != had.index {
            breaks.push(StorageBreak::Moved { code: code.clone(), from: place(had.index), to: place(index) });
        }
        if now.quantity != had.quantity {
            breaks.push(StorageBreak::Quantity { code: code.clone(), had: had.quantity, now: now.quantity });
        }
        if now.phase != had.phase {
            breaks.push(StorageBreak::Phase { code: code.clone(), had: had.phase, now: now.phase });
        }
        if now.decimals != had.decimals {
            breaks.push(StorageBreak::Decimals { code, had: had.decimals, now: now.decimals });
        }
    }
    breaks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{parse, shipped};

    fn stored(profile: &Profile) -> Vec<StoredPoint> {
        profile
            .indexed_points()
            .map(|(index, point)| StoredPoint {
                index,
                code: point.code.clone(),
                quantity: point.quantity,
                phase: point.phase,
                decimals: point.decimals,
            })
            .collect()
    }

    const TWO: &str = r#"
name = "x"
maker = "y"
verified = false
source = "z"
protocol = "modbus_rtu"
interval_s = 5
[[points]]
code = "residual"
name = "剩余电流"
quantity = "residual_current"
address = 0
format = "u16"
[[points]]
code = "voltage"
name = "电压"
quantity = "voltage"
phase = "a"
address = 1
format = "u16"
scale = 0.1
"#;

    fn kinds(text: &str) -> Vec<&'static str> {
        let before = parse("x.toml", TWO).unwrap();
        let after = parse("x.toml", text).unwrap();
        storage_breaks(&stored(&before), &[Protocol::ModbusRtu], &after)
            .iter()
            .map(StorageBreak::kind)
            .collect()
    }

    #[test]
    fn a_profile_may_always_take_its_own_place() {
        for profile in shipped().unwrap() {
            let terminals =
                [Protocol::OF_TERMINALS.into_iter().find(|t| t.carries(profile.protocol)).unwrap()];
            assert_eq!(storage_breaks(&stored(&profile), &terminals, &profile), [], "{}", profile.id);
        }
    }

    #[test]
    fn what_is_stored_may_not_change_its_meaning() {
        assert_eq!(kinds(&TWO.replace("\"residual\"", "\"leakage\"")), ["point_gone"]);
        assert_eq!(kinds(&TWO.replace("scale = 0.1", "scale = 0.01")), ["decimals_changed"]);
        assert_eq!(kinds(&TWO.replace("phase = \"a\"", "phase = \"b\"")), ["phase_changed"]);
        assert_eq!(
            kinds(&TWO.replace("quantity = \"residual_current\"", "quantity = \"ambient_temperature\"")),
            ["quantity_changed"]
        );
        let (head, rest) = TWO.split_once("[[points]]").unwrap();
        let (first, second) = rest.split_once("[[points]]").unwrap();
        let swapped = format!("{head}[[points]]{second}[[points]]{first}");
        assert_eq!(kinds(&swapped), ["point_moved", "point_moved"]);
        let cloud =
            TWO.replace("modbus_rtu", "cloud_7b7b") + "[[groups]]\nsegment = \"1-1\"\nstart = 0\ncount = 2\n";
        assert_eq!(kinds(&cloud), ["protocol_changed"]);
    }

    #[test]
    fn everything_else_is_free() {
        let more = TWO.replace("address = 1", "address = 7").replace("剩余电流", "漏电")
            + "range = [0, 400]\n[[points]]\ncode = \"current\"\nname = \"电流\"\nquantity = \"current\"\naddress = 9\nformat = \"u16\"\n[limits.over_voltage]\nalarm = 270\n";
        assert_eq!(kinds(&more), [""; 0]);
    }
}
