//! CBOR, RFC 8949, into the same tree: integers, decimal fractions (tag 4), binary fractions, texts, bytes, lists,
//! maps with texts or integers for names, definite and indefinite lengths. Tag 0 and 1 are times; tag 1 counts
//! seconds, so that it is read as milliseconds like every other time. Other tags are refused.
//!
//! Read by hand: the tree must know whether a fraction had 32 or 64 bits, and nothing may be allocated on the word
//! of a length that has not been compared with what is there.

use super::tree::{Number, Tree};
use super::{Budget, Limits, Refused, repeated};

const TIME_TEXT: u64 = 0;
const TIME_NUMBER: u64 = 1;
const DECIMAL_FRACTION: u64 = 4;
const SELF_DESCRIBED: u64 = 55_799;
const BREAK: u8 = 0xFF;

pub(super) fn read(payload: &[u8], limits: &Limits) -> Result<Tree, Refused> {
    let mut reader = Reader { bytes: payload, at: 0, budget: Budget::new(limits) };
    let tree = reader.value(1)?;
    if reader.at < payload.len() {
        return Err(reader.wrong(reader.at, format!("{} bytes more", payload.len() - reader.at), "the end"));
    }
    Ok(tree)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    budget: Budget<'a>,
}

/// The first byte of an item, and the number that goes with it.
struct Head {
    at: usize,
    major: u8,
    /// The low five bits; 31 is "without a length".
    low: u8,
    number: u64,
}

impl Reader<'_> {
    fn wrong(&self, at: usize, had: impl Into<String>, wanted: &'static str) -> Refused {
        Refused::Syntax { at, had: had.into(), wanted }
    }

    fn take(&mut self, count: u64) -> Result<&[u8], Refused> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let piece = usize::try_from(count).ok().and_then(|count| rest.get(..count));
        match piece {
            Some(piece) => {
                self.at += piece.len();
                Ok(piece)
            }
            None => {
                let had = format!("{} bytes left of {count}", rest.len());
                Err(Refused::Syntax { at: self.at, had, wanted: "the whole item" })
            }
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Refused> {
        let at = self.at;
        let array = self.take(N as u64)?.first_chunk::<N>().copied();
        array.ok_or_else(|| self.wrong(at, "too few bytes", "the whole item"))
    }

    fn head(&mut self) -> Result<Head, Refused> {
        let at = self.at;
        let [first] = self.array::<1>()?;
        let low = first & 0x1F;
        let number = match low {
            0..=23 => u64::from(low),
            24 => u64::from(u8::from_be_bytes(self.array()?)),
            25 => u64::from(u16::from_be_bytes(self.array()?)),
            26 => u64::from(u32::from_be_bytes(self.array()?)),
            27 => u64::from_be_bytes(self.array()?),
            31 => 0,
            _ => return Err(self.wrong(at, format!("byte {first:#04x}"), "an item of RFC 8949")),
        };
        Ok(Head { at, major: first >> 5, low, number })
    }

    fn value(&mut self, depth: usize) -> Result<Tree, Refused> {
        self.budget.node()?;
        let head = self.head()?;
        self.item(&head, depth)
    }

    fn item(&mut self, head: &Head, depth: usize) -> Result<Tree, Refused> {
        let Head { at, major, low, number } = *head;
        match major {
            0 | 1 if low == 31 => Err(self.wrong(at, "an integer without a length", "an integer")),
            0 => Ok(Tree::Number(Number::whole(number.into()))),
            1 => Ok(Tree::Number(Number::whole(-1 - i128::from(number)))),
            2 => Ok(Tree::Bytes(self.string(head)?)),
            3 => Ok(Tree::Text(self.text(head)?)),
            4 => self.list(head, depth),
            5 => self.map(head, depth),
            6 => self.tagged(head, depth),
            _ => self.simple(head),
        }
    }

    fn string(&mut self, head: &Head) -> Result<Vec<u8>, Refused> {
        if head.low != 31 {
            self.budget.text(usize::try_from(head.number).unwrap_or(usize::MAX))?;
            return Ok(self.take(head.number)?.to_vec());
        }
        let mut all = Vec::new();
        while !self.take_break() {
            // Pieces of no length cost a node each, so that they cannot go on for ever.
            self.budget.node()?;
            let piece = self.head()?;
            if piece.major != head.major || piece.low == 31 {
                return Err(self.wrong(piece.at, "another kind of item", "the next piece of a string"));
            }
            let total = usize::try_from(piece.number).unwrap_or(usize::MAX).saturating_add(all.len());
            self.budget.text(total)?;
            all.extend_from_slice(self.take(piece.number)?);
        }
        Ok(all)
    }

    fn text(&mut self, head: &Head) -> Result<String, Refused> {
        let bytes = self.string(head)?;
        String::from_utf8(bytes)
            .map_err(|_not_utf8| self.wrong(head.at, "a text that is no UTF-8", "text in UTF-8"))
    }

    /// Whether the "no more" of an item without a length comes next; it is taken.
    fn take_break(&mut self) -> bool {
        let is_break = self.bytes.get(self.at) == Some(&BREAK);
        self.at += usize::from(is_break);
        is_break
    }

    /// Whether the list or map of `head` goes on behind `count` entries.
    fn goes_on(&mut self, head: &Head, count: u64) -> bool {
        if head.low == 31 { !self.take_break() } else { count < head.number }
    }

    fn list(&mut self, head: &Head, depth: usize) -> Result<Tree, Refused> {
        self.budget.depth(depth, head.at)?;
        let mut items = Vec::new();
        while self.goes_on(head, items.len() as u64) {
            items.push(self.value(depth + 1)?);
        }
        Ok(Tree::List(items))
    }

    fn map(&mut self, head: &Head, depth: usize) -> Result<Tree, Refused> {
        self.budget.depth(depth, head.at)?;
        let mut members = Vec::new();
        while self.goes_on(head, members.len() as u64) {
            let name = self.head()?;
            let name = match name.major {
                3 => self.text(&name)?,
                0 | 1 => match self.item(&name, depth)? {
                    Tree::Number(number) => number.text().to_owned(),
                    other => return Err(self.wrong(name.at, other.kind(), "a name")),
                },
                _ => return Err(self.wrong(name.at, "another kind of item", "a text or integer as a name")),
            };
            members.push((name, self.value(depth + 1)?));
        }
        match repeated(&members) {
            None => Ok(Tree::Map(members)),
            Some(name) => {
                let had = format!("the name {name:?} twice");
                Err(self.wrong(head.at, had, "each name once in a map"))
            }
        }
    }

    fn tagged(&mut self, head: &Head, depth: usize) -> Result<Tree, Refused> {
        const KNOWN: &str = "tag 0, 1, 4 or 55799";
        // Tags may stand before tags; each counts as a level.
        self.budget.depth(depth, head.at)?;
        if head.low == 31 {
            return Err(self.wrong(head.at, "a tag without a number", KNOWN));
        }
        let at = self.at;
        match head.number {
            SELF_DESCRIBED => self.value(depth + 1),
            TIME_TEXT => match self.value(depth + 1)? {
                Tree::Text(text) => Ok(Tree::Text(text)),
                other => Err(self.wrong(at, other.kind(), "the text of a time behind tag 0")),
            },
            TIME_NUMBER => {
                let value = self.value(depth + 1)?;
                match &value {
                    Tree::Number(seconds) => seconds.times_ten_to(3).map(Tree::Number),
                    Tree::Nothing
                    | Tree::Truth(_)
                    | Tree::Text(_)
                    | Tree::Bytes(_)
                    | Tree::List(_)
                    | Tree::Map(_) => None,
                }
                .ok_or_else(|| self.wrong(at, value.kind(), "seconds behind tag 1"))
            }
            DECIMAL_FRACTION => {
                let value = self.value(depth + 1)?;
                decimal_fraction(&value)
                    .ok_or_else(|| self.wrong(at, value.kind(), "[exponent, mantissa] behind tag 4"))
            }
            other => Err(self.wrong(head.at, format!("tag {other}"), KNOWN)),
        }
    }

    fn simple(&mut self, head: &Head) -> Result<Tree, Refused> {
        let fraction = |number: Option<Number>| number.map_or(Tree::Nothing, Tree::Number);
        match head.low {
            20 => Ok(Tree::Truth(false)),
            21 => Ok(Tree::Truth(true)),
            22 | 23 => Ok(Tree::Nothing),
            25 => Ok(fraction(Number::from_f32(half(u16::try_from(head.number).unwrap_or(0))))),
            26 => {
                let bits = u32::try_from(head.number).unwrap_or(0);
                Ok(fraction(Number::from_f32(f32::from_bits(bits))))
            }
            27 => Ok(fraction(Number::from_f64(f64::from_bits(head.number)))),
            _ => {
                Err(self.wrong(head.at, "a simple value without a meaning", "true, false, null or a number"))
            }
        }
    }
}

fn decimal_fraction(value: &Tree) -> Option<Tree> {
    let Tree::List(parts) = value else { return None };
    let [Tree::Number(exponent), Tree::Number(mantissa)] = parts.as_slice() else { return None };
    Number::from_parts(mantissa.as_whole()?, exponent.as_whole()?).map(Tree::Number)
}

/// A fraction of 16 bits; every one of them is also one of 32 bits.
fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let mantissa = f32::from(bits & 0x03FF);
    match (bits >> 10) & 0x1F {
        0 => sign * mantissa * 2f32.powi(-24),
        31 if mantissa == 0.0 => sign * f32::INFINITY,
        31 => f32::NAN,
        exponent => sign * (1.0 + mantissa / 1_024.0) * 2f32.powi(i32::from(exponent) - 15),
    }
}

pub(super) fn write(tree: &Tree) -> Vec<u8> {
    let mut out = Vec::new();
    put(tree, &mut out);
    out
}

fn put(tree: &Tree, out: &mut Vec<u8>) {
    match tree {
        Tree::Nothing => out.push(0xF6),
        Tree::Truth(truth) => out.push(if *truth { 0xF5 } else { 0xF4 }),
        Tree::Number(number) => put_number(number, out),
        Tree::Text(text) => {
            put_head(3, text.len() as u64, out);
            out.extend_from_slice(text.as_bytes());
        }
        Tree::Bytes(bytes) => {
            put_head(2, bytes.len() as u64, out);
            out.extend_from_slice(bytes);
        }
        Tree::List(items) => {
            put_head(4, items.len() as u64, out);
            items.iter().for_each(|item| put(item, out));
        }
        Tree::Map(members) => {
            put_head(5, members.len() as u64, out);
            for (name, value) in members {
                put_head(3, name.len() as u64, out);
                out.extend_from_slice(name.as_bytes());
                put(value, out);
            }
        }
    }
}

/// Whole numbers as integers, others as decimal fractions: exact either way.
fn put_number(number: &Number, out: &mut Vec<u8>) {
    // The integers of CBOR have 64 bits and a sign.
    let written = number.text().parse::<i128>().ok();
    if let Some(whole) = written.or_else(|| number.as_whole().map(i128::from))
        && put_whole(whole, out)
    {
        return;
    }
    match number.decimal() {
        Some(decimal) => {
            put_head(6, DECIMAL_FRACTION, out);
            put_head(4, 2, out);
            let _exponent_fits = put_whole(decimal.exponent.into(), out);
            let _digits_fit = put_whole(decimal.digits.into(), out);
        }
        // Beyond every measured value; the text keeps it.
        None => {
            put_head(3, number.text().len() as u64, out);
            out.extend_from_slice(number.text().as_bytes());
        }
    }
}

/// Says whether the number fits; one that does not is not written.
fn put_whole(number: i128, out: &mut Vec<u8>) -> bool {
    let (major, magnitude) = if number < 0 { (1, -1 - number) } else { (0, number) };
    match u64::try_from(magnitude) {
        Ok(magnitude) => {
            put_head(major, magnitude, out);
            true
        }
        Err(_too_big) => false,
    }
}

fn put_head(major: u8, number: u64, out: &mut Vec<u8>) {
    let first = major << 5;
    if let Ok(byte) = u8::try_from(number) {
        if byte < 24 {
            out.push(first | byte);
        } else {
            out.extend_from_slice(&[first | 24, byte]);
        }
    } else if let Ok(word) = u16::try_from(number) {
        out.push(first | 25);
        out.extend_from_slice(&word.to_be_bytes());
    } else if let Ok(double) = u32::try_from(number) {
        out.push(first | 26);
        out.extend_from_slice(&double.to_be_bytes());
    } else {
        out.push(first | 27);
        out.extend_from_slice(&number.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Result<Tree, String> {
        read(bytes, &Limits::default()).map_err(|refused| refused.to_string())
    }

    fn number(bytes: &[u8]) -> String {
        match of(bytes) {
            Ok(Tree::Number(number)) => number.text().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_examples_of_rfc_8949_appendix_a() {
        for (bytes, text) in [
            (&[0x18, 0x64][..], "100"),
            (&[0x1B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], "18446744073709551615"),
            (&[0x3B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], "-18446744073709551616"),
            (&[0x38, 0x63], "-100"),
            (&[0xF9, 0x3E, 0x00], "1.5"),
            (&[0xF9, 0x00, 0x01], "5.9604645e-8"),
            (&[0xF9, 0xC4, 0x00], "-4"),
            (&[0xFA, 0x47, 0xC3, 0x50, 0x00], "100000"),
            (&[0xFB, 0x3F, 0xF1, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9A], "1.1"),
            (&[0xFA, 0x3D, 0xCC, 0xCC, 0xCD], "0.1"),
            // Section 3.4.4: 273.15 as a decimal fraction.
            (&[0xC4, 0x82, 0x21, 0x19, 0x6A, 0xB3], "273.15"),
            (&[0xC1, 0x1A, 0x51, 0x4B, 0x67, 0xB0], "1363896240e3"),
        ] {
            assert_eq!(number(bytes), text);
        }
        for nothing in [&[0xF6][..], &[0xF7], &[0xF9, 0x7E, 0x00], &[0xF9, 0xFC, 0x00]] {
            assert_eq!(of(nothing), Ok(Tree::Nothing));
        }
        let streamed = [0x7F, 0x65, 0x73, 0x74, 0x72, 0x65, 0x61, 0x64, 0x6D, 0x69, 0x6E, 0x67, 0xFF];
        assert_eq!(of(&streamed), Ok(Tree::Text("streaming".to_owned())));
        let map = [0xBF, 0x61, 0x61, 0x01, 0x61, 0x62, 0x9F, 0x02, 0x03, 0xFF, 0xFF];
        let whole = |n| Tree::Number(Number::whole(n));
        let wanted =
            Tree::Map(vec![("a".into(), whole(1)), ("b".into(), Tree::List(vec![whole(2), whole(3)]))]);
        assert_eq!(of(&map), Ok(wanted));
    }

    #[test]
    fn lengths_that_lie_are_refused_before_they_cost_memory() {
        for lie in [
            &[0x5B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF][..],
            &[0x9B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
            &[0xBB, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
            &[0x7A, 0x7F, 0xFF, 0xFF, 0xFF],
            &[0x9F],
            &[0xC4],
            &[],
        ] {
            assert!(of(lie).is_err(), "{lie:02x?}");
        }
        assert!(of(&[0x81; 100_000]).unwrap_err().contains("deeper than 8"));
        assert!(of(&[0xC0; 100]).unwrap_err().contains("deeper than 8"));
    }

    #[test]
    fn what_has_no_meaning_here_is_refused() {
        assert!(of(&[0xC2, 0x41, 0x01]).unwrap_err().contains("tag 2, want tag 0, 1, 4 or 55799"));
        assert!(of(&[0xA1, 0xF6, 0x01]).unwrap_err().contains("a text or integer as a name"));
        assert!(of(&[0xA2, 0x01, 0x01, 0x01, 0x01]).unwrap_err().contains("twice"));
        assert!(of(&[0x01, 0x01]).unwrap_err().contains("1 bytes more"));
        assert!(of(&[0x1C]).is_err());
        assert!(of(&[0xFF]).is_err());
        assert!(of(&[0x61, 0xFF]).unwrap_err().contains("no UTF-8"));
    }
}
