//! Who may do what, and on which part of the world (invariant 8).

use serde::{Deserialize, Serialize};

use crate::place::{AreaCode, OrganisationPath};

/// What a person is to the platform; the persons of the product's description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Administrator 平台管理员.
    Administrator,
    /// Safety manager 安全管理人.
    SafetyManager,
    /// Duty operator 值班员.
    Operator,
    /// Electrician 运维电工.
    Electrician,
    /// Owner or manager of premises 用电单位.
    Owner,
    /// Regulator 监管人员.
    Regulator,
}

/// One thing that a role may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Permission {
    /// See sites, detectors, values, alarms.
    #[serde(rename = "view")]
    View,
    /// Acknowledge alarms.
    #[serde(rename = "alarm.acknowledge")]
    AlarmAcknowledge,
    /// Reset latched alarms.
    #[serde(rename = "alarm.reset")]
    AlarmReset,
    /// Comment on alarms.
    #[serde(rename = "alarm.comment")]
    AlarmComment,
    /// Put alarms on the shelf and bring them back.
    #[serde(rename = "alarm.shelve")]
    AlarmShelve,
    /// Make and end maintenance windows.
    #[serde(rename = "alarm.suppress")]
    AlarmSuppress,
    /// Admit or refuse pending terminals.
    #[serde(rename = "device.admit")]
    DeviceAdmit,
    /// Change sites, panels, circuits, detectors.
    #[serde(rename = "device.configure")]
    DeviceConfigure,
    /// Change limits and supervision.
    #[serde(rename = "settings.edit")]
    SettingsEdit,
    /// Write detector profiles and try them.
    #[serde(rename = "profile.edit")]
    ProfileEdit,
    /// Accounts, roles, organisations.
    #[serde(rename = "people.manage")]
    PeopleManage,
    /// Read the audit log.
    #[serde(rename = "audit.view")]
    AuditView,
    /// Read raw telegrams.
    #[serde(rename = "telegram.view")]
    TelegramView,
    /// Make and revoke API tokens.
    #[serde(rename = "token.manage")]
    TokenManage,
    /// Let a detector test itself, mute it.
    #[serde(rename = "command.send")]
    CommandSend,
    /// Change what a detector keeps: set-points, reporting period, clock.
    #[serde(rename = "command.set")]
    CommandSet,
    /// Trip and close breakers.
    #[serde(rename = "command.switch")]
    CommandSwitch,
    /// Be the second person of a switching command.
    #[serde(rename = "command.approve")]
    CommandApprove,
    /// Read registers as they are.
    #[serde(rename = "command.raw")]
    CommandRaw,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 6] = [
        Self::Administrator,
        Self::SafetyManager,
        Self::Operator,
        Self::Electrician,
        Self::Owner,
        Self::Regulator,
    ];

    /// The stable name used in the API and the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::SafetyManager => "safety_manager",
            Self::Operator => "operator",
            Self::Electrician => "electrician",
            Self::Owner => "owner",
            Self::Regulator => "regulator",
        }
    }

    /// The role with this [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.code() == code)
    }

    /// What the role may do, inside its grant's scope.
    #[must_use]
    pub const fn permissions(self) -> &'static [Permission] {
        use Permission as P;
        match self {
            Self::Administrator => &[
                P::View,
                P::AlarmAcknowledge,
                P::AlarmReset,
                P::AlarmComment,
                P::AlarmShelve,
                P::AlarmSuppress,
                P::DeviceAdmit,
                P::DeviceConfigure,
                P::SettingsEdit,
                P::ProfileEdit,
                P::PeopleManage,
                P::AuditView,
                P::TelegramView,
                P::TokenManage,
                P::CommandSend,
                P::CommandSet,
                P::CommandSwitch,
                P::CommandApprove,
                P::CommandRaw,
            ],
            Self::SafetyManager => &[
                P::View,
                P::AlarmAcknowledge,
                P::AlarmReset,
                P::AlarmComment,
                P::AlarmShelve,
                P::AlarmSuppress,
                P::DeviceAdmit,
                P::DeviceConfigure,
                P::SettingsEdit,
                P::ProfileEdit,
                P::TelegramView,
                P::CommandSend,
                P::CommandSet,
                P::CommandSwitch,
                P::CommandApprove,
            ],
            Self::Operator => &[
                P::View,
                P::AlarmAcknowledge,
                P::AlarmReset,
                P::AlarmComment,
                P::AlarmShelve,
                P::AlarmSuppress,
                P::TelegramView,
                P::CommandSend,
            ],
            Self::Electrician => &[
                P::View,
                P::AlarmAcknowledge,
                P::AlarmReset,
                P::AlarmComment,
                P::AlarmShelve,
                P::AlarmSuppress,
                P::DeviceAdmit,
                P::DeviceConfigure,
                P::TelegramView,
                P::CommandSend,
                P::CommandSet,
                P::CommandSwitch,
            ],
            Self::Owner => &[P::View, P::AlarmAcknowledge, P::AlarmComment, P::CommandSend],
            Self::Regulator => &[P::View, P::AlarmComment],
        }
    }
}

/// A role held over a part of the organisation tree and a part of the area tree (both must fit).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The role.
    pub role: Role,
    /// The subtree of organisations; `None` is the whole tree.
    pub organisation: Option<OrganisationPath>,
    /// The subtree of areas; `None` is every area.
    pub area: Option<AreaCode>,
}

/// The part of the world that one call may touch, made from the caller's grants for one permission.
/// Repositories take it by reference; there is no way to ask without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    parts: Vec<ScopePart>,
}

/// One rectangle of the world: a subtree of organisations crossed with a subtree of areas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopePart {
    /// The subtree of organisations; `None` is the whole tree.
    pub organisation: Option<OrganisationPath>,
    /// The subtree of areas; `None` is every area.
    pub area: Option<AreaCode>,
}

impl Scope {
    /// What `grants` allow for `permission`; nothing when no grant has it.
    #[must_use]
    pub fn of(grants: &[Grant], permission: Permission) -> Self {
        let parts = grants
            .iter()
            .filter(|grant| grant.role.permissions().contains(&permission))
            .map(|grant| ScopePart { organisation: grant.organisation.clone(), area: grant.area.clone() })
            .collect();
        Self { parts }
    }

    /// The platform's own work: pipeline, retention, supervision. Never made from a request.
    #[must_use]
    pub fn platform() -> Self {
        Self { parts: vec![ScopePart { organisation: None, area: None }] }
    }

    /// The parts; a thing is inside when any part holds it.
    #[must_use]
    pub fn parts(&self) -> &[ScopePart] {
        &self.parts
    }

    /// Whether nothing at all is inside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Whether everything is inside.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.parts.iter().any(|part| part.organisation.is_none() && part.area.is_none())
    }

    /// Whether all that a grant over this part would reach is inside; `None` reaches everywhere.
    #[must_use]
    pub fn holds_part(&self, organisation: Option<&OrganisationPath>, area: Option<&AreaCode>) -> bool {
        self.parts.iter().any(|part| {
            let organisation_fits = part
                .organisation
                .as_ref()
                .is_none_or(|root| organisation.is_some_and(|path| path.0.starts_with(&root.0)));
            let area_fits = part.area.as_ref().is_none_or(|root| area.is_some_and(|area| root.covers(area)));
            organisation_fits && area_fits
        })
    }

    /// Whether every part of `other` is inside.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.parts.iter().all(|part| self.holds_part(part.organisation.as_ref(), part.area.as_ref()))
    }

    /// Whether a thing of this organisation and area is inside.
    #[must_use]
    pub fn holds(&self, organisation: &OrganisationPath, area: &AreaCode) -> bool {
        self.parts.iter().any(|part| {
            part.organisation.as_ref().is_none_or(|root| organisation.0.starts_with(&root.0))
                && part.area.as_ref().is_none_or(|root| root.covers(area))
        })
    }
}
