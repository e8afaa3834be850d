//! Cutting and disarming of texts, and the few words that are ours.

use crate::Message;

const CUT: char = '…';

/// At most `most` characters, the last of them `…` where something was cut.
pub(crate) fn cut_chars(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(most.saturating_sub(1)).collect();
    cut.push(CUT);
    cut
}

/// At most `most` bytes of UTF-8, cut between two characters, with `…` at the end where something was cut and there
/// is room for it.
pub(crate) fn cut_bytes(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub(CUT.len_utf8());
    let mut cut = text.get(..text.floor_char_boundary(room)).unwrap_or_default().to_owned();
    if most >= CUT.len_utf8() {
        cut.push(CUT);
    }
    cut
}

/// The text without what Markdown of chat robots would read as more than text. Their Markdown knows no way to
/// escape a character, so the wide form of it is taken.
pub(crate) fn without_markdown(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '*' => '＊',
            '_' => '＿',
            '`' => '｀',
            '[' => '［',
            ']' => '］',
            '<' => '＜',
            '>' => '＞',
            '#' => '＃',
            '!' => '！',
            '@' => '＠',
            '\\' => '＼',
            '|' => '｜',
            '~' => '～',
            c => c,
        })
        .collect()
}

/// An address that can stand between the brackets of a Markdown link.
pub(crate) fn in_markdown_link(url: &str) -> String {
    url.replace('(', "%28").replace(')', "%29").replace(' ', "%20").replace('<', "%3C").replace('>', "%3E")
}

/// On one line.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A page with what pressing it does, in the reader's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link<'a> {
    pub(crate) label: &'static str,
    pub(crate) url: &'a str,
}

/// The pages that a message leads to: the one that takes the alarm first.
pub(crate) fn links(message: &Message) -> Vec<Link<'_>> {
    let (acknowledge, open) = match message.language.as_str() {
        "zh-CN" => ("确认收到", "查看详情"),
        "zh-TW" => ("確認收到", "查看詳情"),
        _ => ("Acknowledge", "Open"),
    };
    let acknowledge = message.acknowledge_link.as_deref().map(|url| Link { label: acknowledge, url });
    let open = message.link.as_deref().map(|url| Link { label: open, url });
    acknowledge.into_iter().chain(open).collect()
}

/// The whole message as plain text of at most `most` bytes. Links are never cut: of a long message the body is.
pub(crate) fn plain(message: &Message, most: usize) -> String {
    let links: Vec<_> = links(message).iter().map(|link| format!("{}: {}", link.label, link.url)).collect();
    assemble(&[&one_line(&message.title)], &message.body, &links, "\n", most)
}

/// Head, body and foot, each line parted by `line`; the body gives way where it would be longer than `most` bytes.
pub(crate) fn assemble(head: &[&str], body: &str, foot: &[String], line: &str, most: usize) -> String {
    let fixed: usize = head.iter().map(|part| part.len() + line.len()).sum::<usize>()
        + foot.iter().map(|part| part.len() + line.len()).sum::<usize>();
    let body = cut_bytes(&body.lines().collect::<Vec<_>>().join(line), most.saturating_sub(fixed));
    let parts = head.iter().copied().chain([body.as_str()]).chain(foot.iter().map(String::as_str));
    let whole = parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(line);
    // Only where head and foot alone are too long.
    cut_bytes(&whole, most)
}

/// A telephone number in E.164 form; numbers without a country are taken to be of China.
pub(crate) fn e164(phone: &str) -> String {
    if phone.starts_with('+') { phone.to_owned() } else { format!("+86{phone}") }
}

#[cfg(test)]
pub(crate) mod tests {
    use domain::hazard::Severity;
    use proptest::prelude::*;

    use super::*;

    /// A message as it comes from an alarm.
    pub(crate) fn message() -> Message {
        Message {
            title: "【报警】一号店 剩余电流".to_owned(),
            body: "回路：照明*1*\n当前值：412 mA".to_owned(),
            link: Some("https://fire.example.com/alarms/7".to_owned()),
            acknowledge_link: Some("https://fire.example.com/a/T0ken".to_owned()),
            severity: Severity::Alarm,
            language: "zh-CN".to_owned(),
            group: "alarm-7".to_owned(),
            params: vec![
                ("site".to_owned(), "一号店".to_owned()),
                ("value".to_owned(), "412".to_owned()),
                ("unit".to_owned(), "mA".to_owned()),
            ],
        }
    }

    proptest! {
        #[test]
        fn cut_is_short_enough_and_a_beginning(text in "[a火🔥]{0,30}", most in 0_usize..40) {
            for (cut, size) in [
                (cut_bytes(&text, most), cut_bytes(&text, most).len()),
                (cut_chars(&text, most.max(1)), cut_chars(&text, most.max(1)).chars().count()),
            ] {
                prop_assert!(size <= most.max(1));
                prop_assert!(text.starts_with(cut.trim_end_matches(CUT)));
            }
        }

        #[test]
        fn a_long_body_gives_way_and_links_stay(body in "[a火\n]{0,2000}") {
            let message = Message { body, ..message() };
            let text = plain(&message, 600);
            prop_assert!(text.len() <= 600);
            prop_assert!(text.ends_with("查看详情: https://fire.example.com/alarms/7"));
            prop_assert!(text.starts_with("【报警】一号店 剩余电流\n"));
        }
    }

    #[test]
    fn nothing_of_a_name_is_read_as_markdown() {
        assert_eq!(without_markdown("<@all> [a](b) **x** #1"), "＜＠all＞ ［a］(b) ＊＊x＊＊ ＃1");
        assert_eq!(in_markdown_link("https://a/(b) c"), "https://a/%28b%29%20c");
    }
}
