//! A small document out of XML text, with limits. No document type, no entities but the five of XML itself.

use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use thiserror::Error;

use super::Limits;

/// Why a text is not read as a document.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum XmlError {
    /// Not UTF-8.
    #[error("byte {at} is no utf-8")]
    NotUtf8 {
        /// The first such byte.
        at: usize,
    },
    /// Not well-formed.
    #[error("not well-formed at byte {at}: {reason}")]
    Form {
        /// Where.
        at: u64,
        /// What the parser says.
        reason: String,
    },
    /// A document type declaration, which could declare entities.
    #[error("a document type declaration, wanted none")]
    DocType,
    /// An entity that is not one of XML's own.
    #[error("entity `{had}`, wanted none but amp, lt, gt, quot, apos and characters by number")]
    Entity {
        /// Its name, cut.
        had: String,
    },
    /// Deeper than allowed.
    #[error("elements deeper than {max}")]
    Depth {
        /// The limit.
        max: usize,
    },
    /// More elements than allowed.
    #[error("more than {max} elements")]
    Elements {
        /// The limit.
        max: usize,
    },
    /// More attributes on one element than allowed.
    #[error("more than {max} attributes on one element")]
    Attributes {
        /// The limit.
        max: usize,
    },
    /// No root, or more than one.
    #[error("{had} root elements, wanted one")]
    Roots {
        /// How many.
        had: usize,
    },
}

/// Attributes that one element may have.
const MAX_ATTRIBUTES: usize = 8;
/// Characters of a name shown in an error.
const SHOWN: usize = 32;

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    /// Its text without that of its children, trimmed.
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    pub(super) fn all<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }
}

/// Reads a document.
pub(super) fn parse(bytes: &[u8], limits: &Limits) -> Result<Element, XmlError> {
    let text = std::str::from_utf8(bytes).map_err(|error| XmlError::NotUtf8 { at: error.valid_up_to() })?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{FEFF}'));
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    let mut roots = 0;
    let mut elements = 0;
    loop {
        let event = reader.read_event().map_err(|error| form(&reader, &error))?;
        match event {
            Event::Start(start) => {
                enter(&mut elements, open.len(), limits)?;
                open.push(element(&start)?);
            }
            Event::Empty(start) => {
                enter(&mut elements, open.len(), limits)?;
                close(element(&start)?, &mut open, &mut root, &mut roots);
            }
            Event::End(_) => {
                // The reader checks that ends belong to starts.
                if let Some(mut element) = open.pop() {
                    element.text = element.text.trim().to_owned();
                    close(element, &mut open, &mut root, &mut roots);
                }
            }
            Event::Text(text) => write(&mut open, &text.xml10_content()),
            Event::CData(text) => write(&mut open, &text.xml10_content()),
            Event::GeneralRef(reference) => {
                let named = match reference.as_ref() {
                    "amp" => Some('&'),
                    "lt" => Some('<'),
                    "gt" => Some('>'),
                    "quot" => Some('"'),
                    "apos" => Some('\''),
                    _ => reference.resolve_char_ref().ok().flatten(),
                };
                match named {
                    Some(character) => write(&mut open, character.encode_utf8(&mut [0; 4])),
                    None => {
                        return Err(XmlError::Entity { had: reference.chars().take(SHOWN).collect() });
                    }
                }
            }
            Event::DocType(_) => return Err(XmlError::DocType),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    if !open.is_empty() {
        let reason = format!("the document ends inside {} elements", open.len());
        return Err(XmlError::Form { at: reader.buffer_position(), reason });
    }
    match (root, roots) {
        (Some(root), 1) => Ok(root),
        (_, had) => Err(XmlError::Roots { had }),
    }
}

fn form(reader: &Reader<&[u8]>, error: &quick_xml::Error) -> XmlError {
    XmlError::Form { at: reader.error_position(), reason: error.to_string() }
}

fn enter(elements: &mut usize, depth: usize, limits: &Limits) -> Result<(), XmlError> {
    *elements += 1;
    if depth >= limits.max_depth {
        return Err(XmlError::Depth { max: limits.max_depth });
    }
    if *elements > limits.max_elements {
        return Err(XmlError::Elements { max: limits.max_elements });
    }
    Ok(())
}

fn element(start: &BytesStart<'_>) -> Result<Element, XmlError> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        if attributes.len() == MAX_ATTRIBUTES {
            return Err(XmlError::Attributes { max: MAX_ATTRIBUTES });
        }
        let attribute = attribute.map_err(|error| XmlError::Form { at: 0, reason: error.to_string() })?;
        let value = attribute
            .normalized_value(quick_xml::XmlVersion::Implicit1_0)
            .map_err(|_unknown| XmlError::Entity { had: attribute.value.chars().take(SHOWN).collect() })?;
        attributes.push((attribute.key.as_ref().to_owned(), value.trim().to_owned()));
    }
    Ok(Element { name: start.name().as_ref().to_owned(), attributes, ..Element::default() })
}

fn write(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn close(element: Element, open: &mut [Element], root: &mut Option<Element>, roots: &mut usize) {
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None => {
            *roots += 1;
            *root = Some(element);
        }
    }
}

/// `text` with the characters that XML does not allow in text or attributes written as entities.
pub(super) fn escaped(text: &str) -> std::borrow::Cow<'_, str> {
    quick_xml::escape::escape(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Element, XmlError> {
        parse(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn elements_attributes_and_text() {
        let root = read(
            "\u{FEFF}<?xml version=\"1.0\"?><!-- c --><r>\n <a x=\"1 &lt; 2\">  t&amp;&#65;<![CDATA[<>]]> </a><b/></r>",
        )
        .unwrap();
        assert_eq!(root.text_of("a"), Some("t&A<>"));
        assert_eq!(root.child("a").unwrap().attribute("x"), Some("1 < 2"));
        assert_eq!(root.child("b"), Some(&Element { name: "b".into(), ..Element::default() }));
    }

    #[test]
    fn bombs_are_refused_before_they_grow() {
        let laughs = "<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;\">]><r>&lol2;</r>";
        assert_eq!(read(laughs), Err(XmlError::DocType));
        assert_eq!(
            read("<!DOCTYPE r SYSTEM \"file:///etc/passwd\"><r/>"),
            Err(XmlError::DocType),
            "no file is opened"
        );
        assert_eq!(read("<r>&xxe;</r>"), Err(XmlError::Entity { had: "xxe".into() }));
        assert!(matches!(read("<r a=\"&xxe;\"/>"), Err(XmlError::Entity { .. })));
        assert_eq!(read(&"<a>".repeat(100_000)), Err(XmlError::Depth { max: 8 }));
        let many = format!("<r>{}</r>", "<a/>".repeat(20_000));
        assert_eq!(read(&many), Err(XmlError::Elements { max: 20_000 }));
        let wide = format!("<r {}/>", (0..9).map(|n| format!("a{n}=\"\" ")).collect::<String>());
        assert_eq!(read(&wide), Err(XmlError::Attributes { max: 8 }));
    }

    #[test]
    fn what_is_no_document_is_refused_with_its_place() {
        assert_eq!(parse(b"<r>\xFF</r>", &Limits::default()), Err(XmlError::NotUtf8 { at: 3 }));
        assert_eq!(read(""), Err(XmlError::Roots { had: 0 }));
        assert_eq!(read("<a/><b/>"), Err(XmlError::Roots { had: 2 }));
        for wrong in ["<a>", "<a></b>", "<a", "</a>", "<a x=1/>", "<a x='1' x='2'/>"] {
            assert!(matches!(read(wrong), Err(XmlError::Form { .. })), "{wrong}: {:?}", read(wrong));
        }
    }
}
