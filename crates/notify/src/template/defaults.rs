//! The texts that are used where nobody wrote others.

/// What a message tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Occasion {
    /// A new alarm.
    Alarm,
    /// An alarm that is worse than when it was told.
    Worse,
    /// Several alarms in one message.
    Digest,
    /// Nobody took the alarm, so the next one is told.
    Reminder,
    /// The alarm is over.
    Closed,
}

impl Occasion {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Alarm, Self::Worse, Self::Digest, Self::Reminder, Self::Closed];

    /// The stable name used in the API and the database.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Alarm => "alarm",
            Self::Worse => "worse",
            Self::Digest => "digest",
            Self::Reminder => "reminder",
            Self::Closed => "closed",
        }
    }

    /// The occasion with this [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|occasion| occasion.code() == code)
    }
}

/// A heading and a text, both with placeholders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageTemplate {
    /// One line.
    pub title: &'static str,
    /// A few lines.
    pub body: &'static str,
}

const fn of(title: &'static str, body: &'static str) -> MessageTemplate {
    MessageTemplate { title, body }
}

/// The text for an occasion in `zh-CN`, `zh-TW` or, for any other tag, English.
#[must_use]
pub fn default_template(occasion: Occasion, language: &str) -> MessageTemplate {
    match language {
        "zh-CN" => simplified(occasion),
        "zh-TW" => traditional(occasion),
        _ => english(occasion),
    }
}

const fn simplified(occasion: Occasion) -> MessageTemplate {
    match occasion {
        Occasion::Alarm => of(
            "【{severity}】{site} {hazard}",
            "回路：{circuit}\n测点：{channel}\n当前值：{value} {unit}（限值 {limit} {unit}）\n发生时间：{since}",
        ),
        Occasion::Worse => of(
            "【升级为{severity}】{site} {hazard}",
            "情况加重，请立即查看。\n回路：{circuit}\n测点：{channel}\n当前值：{value} {unit}（限值 {limit} {unit}）\n发生时间：{since}",
        ),
        Occasion::Digest => of(
            "【{severity}】{site} 共 {count} 条报警",
            "自 {since} 起共有 {count} 条报警，其中最严重的是：{hazard}。请打开链接查看全部。",
        ),
        Occasion::Reminder => of(
            "【无人处理】{site} {hazard}",
            "该{severity}尚无人确认，现通知您。\n回路：{circuit}\n测点：{channel}\n当前值：{value} {unit}（限值 {limit} {unit}）\n发生时间：{since}",
        ),
        Occasion::Closed => of(
            "【已恢复】{site} {hazard}",
            "报警已解除。\n回路：{circuit}\n测点：{channel}\n当前值：{value} {unit}\n发生时间：{since}",
        ),
    }
}

const fn traditional(occasion: Occasion) -> MessageTemplate {
    match occasion {
        Occasion::Alarm => of(
            "【{severity}】{site} {hazard}",
            "迴路：{circuit}\n測點：{channel}\n目前值：{value} {unit}（限值 {limit} {unit}）\n發生時間：{since}",
        ),
        Occasion::Worse => of(
            "【升級為{severity}】{site} {hazard}",
            "情況加重，請立即查看。\n迴路：{circuit}\n測點：{channel}\n目前值：{value} {unit}（限值 {limit} {unit}）\n發生時間：{since}",
        ),
        Occasion::Digest => of(
            "【{severity}】{site} 共 {count} 則警報",
            "自 {since} 起共有 {count} 則警報，其中最嚴重的是：{hazard}。請開啟連結查看全部。",
        ),
        Occasion::Reminder => of(
            "【無人處理】{site} {hazard}",
            "該{severity}尚無人確認，現通知您。\n迴路：{circuit}\n測點：{channel}\n目前值：{value} {unit}（限值 {limit} {unit}）\n發生時間：{since}",
        ),
        Occasion::Closed => of(
            "【已恢復】{site} {hazard}",
            "警報已解除。\n迴路：{circuit}\n測點：{channel}\n目前值：{value} {unit}\n發生時間：{since}",
        ),
    }
}

const fn english(occasion: Occasion) -> MessageTemplate {
    match occasion {
        Occasion::Alarm => of(
            "[{severity}] {site}: {hazard}",
            "Circuit: {circuit}\nChannel: {channel}\nNow: {value} {unit} (limit {limit} {unit})\nSince: {since}",
        ),
        Occasion::Worse => of(
            "[Now {severity}] {site}: {hazard}",
            "It got worse. Please look at once.\nCircuit: {circuit}\nChannel: {channel}\nNow: {value} {unit} (limit {limit} {unit})\nSince: {since}",
        ),
        Occasion::Digest => of(
            "[{severity}] {site}: {count} alarms",
            "{count} alarms since {since}, the worst of them: {hazard}. Open the link to see them all.",
        ),
        Occasion::Reminder => of(
            "[Not taken] {site}: {hazard}",
            "Nobody has acknowledged this yet ({severity}), so you are told now.\nCircuit: {circuit}\nChannel: {channel}\nNow: {value} {unit} (limit {limit} {unit})\nSince: {since}",
        ),
        Occasion::Closed => of(
            "[Over] {site}: {hazard}",
            "The alarm is over.\nCircuit: {circuit}\nChannel: {channel}\nNow: {value} {unit}\nSince: {since}",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::template::Template;

    #[test]
    fn all_languages_say_the_same_things() {
        for occasion in Occasion::ALL {
            assert_eq!(Occasion::from_code(occasion.code()), Some(occasion));
            let said = |language| {
                let template = default_template(occasion, language);
                [template.title, template.body]
                    .map(|text| Template::parse(text).unwrap().placeholders().collect::<BTreeSet<_>>())
            };
            assert_eq!(said("zh-CN"), said("en"), "{occasion:?}");
            assert_eq!(said("zh-TW"), said("en"), "{occasion:?}");
            assert_eq!(said("fr"), said("en"), "{occasion:?}");
        }
    }
}
