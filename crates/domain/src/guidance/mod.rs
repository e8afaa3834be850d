//! Guidance (H6): what to do about a hazard, in plain words for the owner of the premises and as a check list for the
//! electrician. The texts of the program are data, one file per language; organisations write their own over them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::hazard::Hazard;

/// A language that there are texts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Language {
    /// 简体中文.
    #[serde(rename = "zh-CN")]
    ZhCn,
    /// 繁體中文.
    #[serde(rename = "zh-TW")]
    ZhTw,
    /// English.
    #[serde(rename = "en")]
    En,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 3] = [Self::ZhCn, Self::ZhTw, Self::En];

    /// The tag, as stored.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::ZhCn => "zh-CN",
            Self::ZhTw => "zh-TW",
            Self::En => "en",
        }
    }

    /// The language with this [`tag`](Self::tag).
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }

    const fn file(self) -> &'static str {
        match self {
            Self::ZhCn => include_str!("zh-CN.toml"),
            Self::ZhTw => include_str!("zh-TW.toml"),
            Self::En => include_str!("en.toml"),
        }
    }
}

/// What to do about one hazard, in one language.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guidance {
    /// For the owner, in order.
    pub owner: Vec<String>,
    /// For the electrician, each line one check, in order.
    pub electrician: Vec<String>,
}

/// The most lines for each reader.
pub const MOST_LINES: usize = 20;
/// The longest line, characters.
pub const LONGEST: usize = 300;
/// What a line may hold in braces, filled in when it is shown with an alarm.
pub const PLACEHOLDERS: [&str; 6] = ["site", "address", "circuit", "detector", "contact", "phone"];

type Book = BTreeMap<String, Guidance>;

/// The tests hold that each file is read and whole, so an unreadable one cannot be shipped.
static BOOKS: LazyLock<BTreeMap<Language, Book>> = LazyLock::new(|| {
    let read = |language: Language| toml::from_str(language.file()).unwrap_or_default();
    Language::ALL.into_iter().map(|language| (language, read(language))).collect()
});

/// The program's own text.
#[must_use]
pub fn built_in(hazard: Hazard, language: Language) -> Guidance {
    let book = BOOKS.get(&language);
    book.and_then(|book| book.get(hazard.code())).cloned().unwrap_or_default()
}

/// What is wrong with a line, or with a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// `owner`, `electrician[2]` ...
    pub field: String,
    /// `required`, `too_many`, `too_long` or `unknown_placeholder`.
    pub code: &'static str,
    /// What was had and what was wanted.
    pub message: String,
}

/// Checks what an organisation wrote.
#[must_use]
pub fn mistakes(guidance: &Guidance) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for (name, lines) in [("owner", &guidance.owner), ("electrician", &guidance.electrician)] {
        let mut add = |field: String, code: &'static str, message: String| {
            mistakes.push(Mistake { field, code, message });
        };
        if lines.is_empty() {
            add(name.to_owned(), "required", "had no line, wanted at least one".to_owned());
        }
        if lines.len() > MOST_LINES {
            let message = format!("had {} lines, wanted at most {MOST_LINES}", lines.len());
            add(name.to_owned(), "too_many", message);
        }
        for (at, line) in lines.iter().take(MOST_LINES).enumerate() {
            let field = format!("{name}[{at}]");
            let length = line.trim().chars().count();
            if length == 0 {
                add(field, "required", "had no words".to_owned());
            } else if length > LONGEST {
                add(field, "too_long", format!("had {length} characters, wanted at most {LONGEST}"));
            } else if let Some(had) = unknown(line) {
                let message = format!("had {{{had}}}, wanted one of {}", PLACEHOLDERS.join(", "));
                add(field, "unknown_placeholder", message);
            }
        }
    }
    mistakes
}

/// The first thing in braces that nothing is known to fill; a brace without its other one too.
fn unknown(line: &str) -> Option<&str> {
    let mut rest = line;
    while let Some(at) = rest.find(['{', '}']) {
        let (_, from) = rest.split_at(at);
        let Some(inner) = from.strip_prefix('{') else { return Some("") };
        let Some((name, after)) = inner.split_once('}') else { return Some(inner) };
        if !PLACEHOLDERS.contains(&name) {
            return Some(name);
        }
        rest = after;
    }
    None
}

/// A line with its placeholders filled in; what has no value is left out with its braces.
#[must_use]
pub fn filled(line: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, from)) = rest.split_once('{') {
        let Some((name, after)) = from.split_once('}') else { break };
        text.push_str(before);
        text.push_str(&value(name).unwrap_or_default());
        rest = after;
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hazard_has_words_for_both_in_every_language() {
        for language in Language::ALL {
            let book: Book = toml::from_str(language.file()).unwrap();
            assert_eq!(book.len(), Hazard::ALL.len(), "{}", language.tag());
            for hazard in Hazard::ALL {
                let text = built_in(hazard, language);
                assert_eq!(mistakes(&text), [], "{} {}", hazard.code(), language.tag());
                let first = built_in(hazard, Language::ZhCn);
                let lines = (text.owner.len(), text.electrician.len());
                assert_eq!(lines, (first.owner.len(), first.electrician.len()), "{}", hazard.code());
                let chinese =
                    |line: &String| line.chars().any(|char| ('\u{4e00}'..='\u{9fff}').contains(&char));
                let all = text.owner.iter().chain(&text.electrician);
                assert!(all.map(chinese).all(|had| had == (language != Language::En)), "{}", hazard.code());
            }
        }
    }

    #[test]
    fn what_cannot_be_shown_is_refused_by_line() {
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let text = Guidance {
            owner: lines(&["请打 {phone} 找 {contact}", " ", "{nobody}", "open {", "shut }", "{site"]),
            electrician: Vec::new(),
        };
        let found = mistakes(&text);
        let said: Vec<_> = found.iter().map(|one| (one.field.as_str(), one.code)).collect();
        assert_eq!(
            said,
            [
                ("owner[1]", "required"),
                ("owner[2]", "unknown_placeholder"),
                ("owner[3]", "unknown_placeholder"),
                ("owner[4]", "unknown_placeholder"),
                ("owner[5]", "unknown_placeholder"),
                ("electrician", "required"),
            ]
        );
        let many = Guidance { owner: vec!["字".repeat(301)], electrician: vec!["x".to_owned(); 21] };
        let codes: Vec<_> = mistakes(&many).iter().map(|one| one.code).collect();
        assert_eq!(codes, ["too_long", "too_many"]);
    }

    #[test]
    fn placeholders_are_filled_when_they_are_shown() {
        let value = |name: &str| (name == "phone").then(|| "119".to_owned());
        assert_eq!(filled("打 {phone}，找 {contact}。", value), "打 119，找 。");
        assert_eq!(filled("no braces", value), "no braces");
    }
}
