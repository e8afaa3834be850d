//! Texts with placeholders, as people write them: `{site}: {hazard}, {value} {unit}`. `{{` and `}}` stand for the
//! braces themselves.

use std::fmt::Write as _;

use thiserror::Error;

mod defaults;

pub use defaults::{MessageTemplate, Occasion, default_template};

/// What a text can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Placeholder {
    /// How bad it is, in words.
    Severity,
    /// What it is, in words.
    Hazard,
    /// The site's name.
    Site,
    /// The circuit's name.
    Circuit,
    /// The measuring channel's name.
    Channel,
    /// What was measured, without its unit.
    Value,
    /// The unit of value and limit.
    Unit,
    /// The limit that was passed, without its unit.
    Limit,
    /// Since when, local time of the site.
    Since,
    /// How many alarms the message tells of.
    Count,
    /// The page that shows it.
    Link,
}

impl Placeholder {
    /// All of them, in the order in which a form offers them.
    pub const ALL: [Self; 11] = [
        Self::Severity,
        Self::Hazard,
        Self::Site,
        Self::Circuit,
        Self::Channel,
        Self::Value,
        Self::Unit,
        Self::Limit,
        Self::Since,
        Self::Count,
        Self::Link,
    ];

    /// The name between the braces.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Severity => "severity",
            Self::Hazard => "hazard",
            Self::Site => "site",
            Self::Circuit => "circuit",
            Self::Channel => "channel",
            Self::Value => "value",
            Self::Unit => "unit",
            Self::Limit => "limit",
            Self::Since => "since",
            Self::Count => "count",
            Self::Link => "link",
        }
    }

    /// The placeholder with this [`name`](Self::name).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|placeholder| placeholder.name() == name)
    }
}

/// Why a text is not a template. `at` counts characters from 0.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// Braces around something that is no placeholder.
    #[error("unknown placeholder {{{name}}} at character {at}")]
    Unknown {
        /// What stood between the braces.
        name: String,
        /// Where its brace opens.
        at: usize,
    },
    /// A brace that opens and never closes.
    #[error("the brace at character {at} is not closed; a brace itself is written {{{{")]
    NotClosed {
        /// Where it opens.
        at: usize,
    },
    /// A brace that closes what was never opened.
    #[error("the brace at character {at} closes nothing; a brace itself is written }}}}")]
    NotOpened {
        /// Where it stands.
        at: usize,
    },
}

impl TemplateError {
    /// Where the mistake is, in characters from 0.
    #[must_use]
    pub const fn at(&self) -> usize {
        match self {
            Self::Unknown { at, .. } | Self::NotClosed { at } | Self::NotOpened { at } => *at,
        }
    }

    /// The stable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "unknown_placeholder",
            Self::NotClosed { .. } => "brace_not_closed",
            Self::NotOpened { .. } => "brace_not_opened",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Value(Placeholder),
}

/// A text whose placeholders are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

impl Template {
    /// # Errors
    /// The first mistake from the left.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text.chars().enumerate().peekable();
        while let Some((at, c)) = rest.next() {
            let doubled = rest.next_if(|(_, next)| (c == '{' || c == '}') && *next == c).is_some();
            match c {
                '{' if !doubled => {
                    let mut name = String::new();
                    loop {
                        match rest.next() {
                            Some((_, '}')) => break,
                            None | Some((_, '{')) => return Err(TemplateError::NotClosed { at }),
                            Some((_, c)) => name.push(c),
                        }
                    }
                    let Some(placeholder) = Placeholder::from_name(name.trim()) else {
                        return Err(TemplateError::Unknown { name, at });
                    };
                    if !plain.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut plain)));
                    }
                    parts.push(Part::Value(placeholder));
                }
                '}' if !doubled => return Err(TemplateError::NotOpened { at }),
                c => plain.push(c),
            }
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self(parts))
    }

    /// The placeholders in the order of the text.
    pub fn placeholders(&self) -> impl Iterator<Item = Placeholder> + '_ {
        self.0.iter().filter_map(|part| match part {
            Part::Value(placeholder) => Some(*placeholder),
            Part::Text(_) => None,
        })
    }

    /// The text with `value_of` in the place of the placeholders. What is not known leaves nothing behind.
    ///
    /// Values are put in as they are: whoever sends the text escapes the whole for its medium.
    pub fn render(&self, mut value_of: impl FnMut(Placeholder) -> Option<String>) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Value(placeholder) => text.push_str(&value_of(*placeholder).unwrap_or_default()),
            }
        }
        text
    }

    /// [`render`](Self::render) with values by the names of the placeholders, as
    /// [`Message::params`](crate::Message::params) has them.
    #[must_use]
    pub fn render_params(&self, params: &[(String, String)]) -> String {
        self.render(|placeholder| {
            params.iter().find(|(name, _)| name == placeholder.name()).map(|(_, value)| value.clone())
        })
    }
}

impl std::fmt::Display for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for part in &self.0 {
            match part {
                Part::Text(plain) => {
                    for c in plain.chars() {
                        f.write_char(c)?;
                        if c == '{' || c == '}' {
                            f.write_char(c)?;
                        }
                    }
                }
                Part::Value(placeholder) => write!(f, "{{{}}}", placeholder.name())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn params(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn placeholders_are_replaced_and_doubled_braces_stay() {
        let template = Template::parse("{site}：{hazard} {{{value} {unit}}}").unwrap();
        let text = template.render_params(&params(&[
            ("site", "一号店{hazard}"),
            ("hazard", "剩余电流"),
            ("value", "412"),
            ("unit", "mA"),
        ]));
        assert_eq!(text, "一号店{hazard}：剩余电流 {412 mA}", "a value is never read as a template");
    }

    #[test]
    fn what_is_not_known_leaves_nothing_behind() {
        assert_eq!(Template::parse("[{circuit}]").unwrap().render_params(&[]), "[]");
    }

    #[test]
    fn mistakes_are_named_with_their_place_in_characters() {
        let mistake = Template::parse("报警 {sight}").unwrap_err();
        assert_eq!(mistake, TemplateError::Unknown { name: "sight".to_owned(), at: 3 });
        assert_eq!(mistake.to_string(), "unknown placeholder {sight} at character 3");
        assert_eq!(Template::parse("一{site").unwrap_err(), TemplateError::NotClosed { at: 1 });
        assert_eq!(Template::parse("{site{unit}").unwrap_err(), TemplateError::NotClosed { at: 0 });
        assert_eq!(Template::parse("a}").unwrap_err(), TemplateError::NotOpened { at: 1 });
        assert_eq!(Template::parse("{}").unwrap_err(), TemplateError::Unknown { name: String::new(), at: 0 });
    }

    proptest! {
        #[test]
        fn any_text_is_a_template_or_a_mistake_within_it(text in "[{}a-z火 ]{0,40}") {
            match Template::parse(&text) {
                Ok(template) => {
                    prop_assert_eq!(&Template::parse(&template.to_string()).unwrap(), &template);
                }
                Err(mistake) => prop_assert!(mistake.at() < text.chars().count()),
            }
        }
    }
}
