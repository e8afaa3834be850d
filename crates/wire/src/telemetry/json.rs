//! JSON, RFC 8259, read strictly: no comments, no trailing commas, no second document, no name twice in a map.

use super::tree::{MAX_NUMBER, Number, Tree, number_length};
use super::{Budget, Limits, Refused, repeated};

pub(super) fn read(payload: &[u8], limits: &Limits) -> Result<Tree, Refused> {
    let text = std::str::from_utf8(payload).map_err(|error| Refused::Syntax {
        at: error.valid_up_to(),
        had: "bytes that are no UTF-8".to_owned(),
        wanted: "JSON in UTF-8",
    })?;
    // Some devices begin with a byte order mark; RFC 8259 lets a reader ignore it.
    let bytes = text.strip_prefix('\u{feff}').unwrap_or(text).as_bytes();
    let mut reader = Reader { bytes, at: 0, budget: Budget::new(limits) };
    let tree = reader.value(1)?;
    reader.space();
    if reader.peek().is_some() {
        return Err(reader.wrong("the end of the message"));
    }
    Ok(tree)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    budget: Budget<'a>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn wrong(&self, wanted: &'static str) -> Refused {
        let had = match self.peek() {
            None => "the end of the message".to_owned(),
            Some(byte @ 0x20..=0x7E) => format!("`{}`", char::from(byte)),
            Some(byte) => format!("byte {byte:#04x}"),
        };
        Refused::Syntax { at: self.at, had, wanted }
    }

    fn take(&mut self, byte: u8, wanted: &'static str) -> Result<(), Refused> {
        if self.peek() != Some(byte) {
            return Err(self.wrong(wanted));
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Tree, Refused> {
        self.budget.node()?;
        self.space();
        match self.peek() {
            Some(b'{') => self.map(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => Ok(Tree::Text(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) | None => {
                for (word, tree) in
                    [("true", Tree::Truth(true)), ("false", Tree::Truth(false)), ("null", Tree::Nothing)]
                {
                    if self.rest().starts_with(word.as_bytes()) {
                        self.at += word.len();
                        return Ok(tree);
                    }
                }
                Err(self.wrong("a value"))
            }
        }
    }

    fn number(&mut self) -> Result<Tree, Refused> {
        let length = number_length(self.rest()).ok_or_else(|| self.wrong("a number such as -12.5"))?;
        let text = self.rest().get(..length).and_then(|text| std::str::from_utf8(text).ok());
        let number = text
            .and_then(Number::parse)
            .ok_or(Refused::TooMany { what: "characters in one number", max: MAX_NUMBER })?;
        self.at += length;
        Ok(Tree::Number(number))
    }

    fn list(&mut self, depth: usize) -> Result<Tree, Refused> {
        self.budget.depth(depth, self.at)?;
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Tree::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Tree::List(items));
                }
                Some(_) | None => return Err(self.wrong("`,` or `]`")),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Tree, Refused> {
        self.budget.depth(depth, self.at)?;
        let start = self.at;
        self.at += 1;
        let mut members = Vec::new();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Tree::Map(members));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.wrong("a name in quotes"));
            }
            let name = self.string()?;
            self.space();
            self.take(b':', "`:`")?;
            members.push((name, self.value(depth + 1)?));
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return match repeated(&members) {
                        None => Ok(Tree::Map(members)),
                        Some(name) => Err(Refused::Syntax {
                            at: start,
                            had: format!("the name {name:?} twice"),
                            wanted: "each name once in a map",
                        }),
                    };
                }
                Some(_) | None => return Err(self.wrong("`,` or `}`")),
            }
        }
    }

    fn string(&mut self) -> Result<String, Refused> {
        self.take(b'"', "`\"`")?;
        let mut text = Vec::new();
        loop {
            let plain =
                self.rest().iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1F)).count();
            self.budget.text(text.len() + plain)?;
            text.extend_from_slice(self.rest().get(..plain).unwrap_or_default());
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    // Cut at ASCII marks only, so what was UTF-8 stays it.
                    return Ok(String::from_utf8(text)
                        .unwrap_or_else(|cut| String::from_utf8_lossy(cut.as_bytes()).into_owned()));
                }
                Some(b'\\') => {
                    self.at += 1;
                    let char = self.escaped()?;
                    text.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Some(_) | None => return Err(self.wrong("the rest of a text and `\"`")),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, Refused> {
        const WANTED: &str = "one of \" \\ / b f n r t u behind a backslash";
        let char = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.escaped_unit();
            }
            Some(_) | None => return Err(self.wrong(WANTED)),
        };
        self.at += 1;
        Ok(char)
    }

    fn escaped_unit(&mut self) -> Result<char, Refused> {
        const PAIR: &str = "the second half of a character in two \\u parts";
        let first = self.four_digits()?;
        let code = match first {
            0xD800..=0xDBFF => {
                self.take(b'\\', PAIR)?;
                self.take(b'u', PAIR)?;
                let second = self.four_digits()?;
                if !(0xDC00..=0xDFFF).contains(&second) {
                    return Err(self.wrong(PAIR));
                }
                0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)
            }
            other => other,
        };
        char::from_u32(code).ok_or_else(|| self.wrong("a character, not half of one"))
    }

    fn four_digits(&mut self) -> Result<u32, Refused> {
        let digits = self.rest().first_chunk::<4>().copied();
        let code = digits.and_then(|digits| {
            digits.iter().try_fold(0, |sum, digit| Some(sum * 16 + char::from(*digit).to_digit(16)?))
        });
        let code = code.ok_or_else(|| self.wrong("four hexadecimal digits"))?;
        self.at += 4;
        Ok(code)
    }
}

pub(super) fn write(tree: &Tree) -> Vec<u8> {
    let mut out = String::new();
    put(tree, &mut out);
    out.into_bytes()
}

fn put(tree: &Tree, out: &mut String) {
    match tree {
        Tree::Nothing => out.push_str("null"),
        Tree::Truth(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Tree::Number(number) => out.push_str(number.text()),
        Tree::Text(text) => put_text(text, out),
        Tree::Bytes(bytes) => {
            put_text(&bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), out)
        }
        Tree::List(items) => {
            out.push('[');
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    out.push(',');
                }
                put(item, out);
            }
            out.push(']');
        }
        Tree::Map(members) => {
            out.push('{');
            for (number, (name, value)) in members.iter().enumerate() {
                if number > 0 {
                    out.push(',');
                }
                put_text(name, out);
                out.push(':');
                put(value, out);
            }
            out.push('}');
        }
    }
}

fn put_text(text: &str, out: &mut String) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' => out.push_str(&format!("\\u{:04x}", u32::from(char))),
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        read(text.as_bytes(), &Limits::default()).unwrap_err().to_string()
    }

    #[test]
    fn refusals_say_where_what_was_had_and_what_was_wanted() {
        for (text, wanted) in [
            ("", "byte 0: had the end of the message, want a value"),
            ("{\"a\":1,}", "byte 7: had `}`, want a name in quotes"),
            ("{\"a\" 1}", "byte 5: had `1`, want `:`"),
            ("[1 2]", "byte 3: had `2`, want `,` or `]`"),
            ("01", "byte 0: had `0`, want a number such as -12.5"),
            ("{} {}", "byte 3: had `{`, want the end of the message"),
            ("\"\\x\"", "byte 2: had `x`, want one of \" \\ / b f n r t u behind a backslash"),
            ("\"\\ud800\"", "byte 7: had `\"`, want the second half of a character in two \\u parts"),
            ("{\"a\":1,\"a\":2}", "byte 0: had the name \"a\" twice, want each name once in a map"),
            ("nul", "byte 0: had `n`, want a value"),
            ("\"a\u{1}\"", "byte 2: had byte 0x01, want the rest of a text and `\"`"),
        ] {
            assert_eq!(refused(text), wanted, "{text}");
        }
        assert!(read(b"\"\xFF\"", &Limits::default()).unwrap_err().to_string().contains("no UTF-8"));
    }

    #[test]
    fn depth_count_and_length_are_limited() {
        assert!(refused(&"[".repeat(100_000)).contains("deeper than 8"));
        assert!(refused(&format!("[{}1]", "1,".repeat(50_000))).contains("more than 40000"));
        assert!(refused(&format!("\"{}\"", "x".repeat(1_025))).contains("more than 1024 bytes in one text"));
        assert!(refused(&"1".repeat(60)).contains("more than 48 characters"));
    }

    #[test]
    fn texts_come_out_as_they_went_in() {
        let text = "漏电 \"\\\n\t\u{1} 😀 /";
        let written = write(&Tree::Text(text.to_owned()));
        assert_eq!(read(&written, &Limits::default()), Ok(Tree::Text(text.to_owned())));
        let escaped = r#""\u6f0f\u7535 \ud83d\ude00\/""#;
        assert_eq!(read(escaped.as_bytes(), &Limits::default()), Ok(Tree::Text("漏电 😀/".to_owned())));
    }
}
