//! Identities. A number that the store gave out; never reused.

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

id! {
    /// An organisation (单位) in the tree of organisations.
    OrganisationId,
    /// A premises (场所) that hangs on one organisation and one area.
    SiteId,
    /// A distribution box (配电箱).
    PanelId,
    /// A circuit (回路) that leaves a panel.
    CircuitId,
    /// What dials in (传输终端): a detector with a modem of its own, or a DTU with detectors behind it.
    TerminalId,
    /// What measures (探测器).
    DetectorId,
    /// One measured quantity of one detector (测点).
    ChannelId,
    /// An alarm, from raised to closed.
    AlarmId,
    /// One step of an alarm's life.
    TransitionId,
    /// A person's account.
    UserId,
    /// An API token.
    TokenId,
    /// A terminal's proof of who it is.
    CredentialId,
    /// A command to a device (命令).
    CommandId,
    /// Commands to many detectors that were asked for at once.
    CommandBatchId,
    /// A maintenance window (检修窗口).
    WindowId,
    /// A trial of limits against the past (试算).
    WhatIfId,
    /// A way to reach people (通知渠道).
    MediumId,
    /// From alarms to a ladder (通知路由).
    RouteId,
    /// Who is told after how long (升级阶梯).
    LadderId,
    /// A duty calendar (值班表).
    RosterId,
    /// That somebody is to be told of something (通知).
    NoticeId,
    /// What one person is told at once about one site (汇总).
    DigestId,
    /// One digest on its way by one medium to one address (投递).
    DeliveryId,
}
