//! What a person answers to a message by telephone.

/// Answers that take an alarm, after [`plain`].
const TAKES: [&str; 10] = ["1", "收到", "已收到", "确认", "確認", "知道了", "ok", "yes", "y", "ack"];

/// Without what telephones add: spaces, the keys that end an entry, full stops, full-width digits and letters.
fn plain(text: &str) -> String {
    let narrow = |sign: char| match u32::from(sign) {
        wide @ 0xff01..=0xff5e => char::from_u32(wide - 0xfee0).unwrap_or(sign),
        _ => sign,
    };
    let kept = |sign: &char| !sign.is_whitespace() && !"#*.。!！,，'\"“”【】[]".contains(*sign);
    text.chars().map(narrow).filter(kept).flat_map(char::to_lowercase).collect()
}

/// Whether the answer takes what the message told. Everything else is a note.
#[must_use]
pub fn takes(text: &str) -> bool {
    TAKES.contains(&plain(text).as_str())
}

/// The forms in which the same telephone number may be kept: numbers of China with and without their country.
#[must_use]
pub fn forms_of_number(number: &str) -> Vec<String> {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.strip_prefix("00").unwrap_or(&digits);
    let national = digits.strip_prefix("86").filter(|rest| rest.len() == 11).unwrap_or(digits);
    if national.is_empty() {
        return Vec::new();
    }
    let mut forms = vec![national.to_owned(), format!("+{national}")];
    if national.len() == 11 && national.starts_with('1') {
        forms.extend([format!("86{national}"), format!("+86{national}"), format!("0086{national}")]);
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_and_received_take_an_alarm_and_other_words_do_not() {
        for yes in ["1", " 1\n", "１", "1#", "收到", "收到。", "【收到】", "已收到！", "OK", "確認"]
        {
            assert!(takes(yes), "{yes}");
        }
        for no in ["", "2", "11", "0", "不", "收到了吗", "我没收到", "no", "已处理，1号箱", "td", "退订"]
        {
            assert!(!takes(no), "{no}");
        }
    }

    #[test]
    fn a_number_of_china_is_one_number_however_it_is_written() {
        for written in
            ["13800138000", "+8613800138000", "8613800138000", "008613800138000", "+86 138-0013-8000"]
        {
            assert!(forms_of_number(written).contains(&"+8613800138000".to_owned()), "{written}");
            assert!(forms_of_number(written).contains(&"13800138000".to_owned()), "{written}");
        }
        assert_eq!(forms_of_number("+85251234567"), ["85251234567", "+85251234567"]);
        assert!(forms_of_number("").is_empty() && forms_of_number("anonymous").is_empty());
    }
}
