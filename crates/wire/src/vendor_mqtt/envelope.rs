//! The envelope: `msgid`, `method`, `sn`, `timestamp` in seconds, `payload`; an answer has `res` and, where it is 0,
//! `errcode`.

use crate::telemetry::{Form, Limits, Number, Refused, Tree, read_tree, write_tree};

/// Why bytes are no envelope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// They are no JSON that can be taken.
    #[error(transparent)]
    Json(#[from] Refused),
    /// A member is missing or wrong.
    #[error("`{member}`: had {had}, wanted {wanted}")]
    Form {
        /// Which.
        member: String,
        /// What stood there.
        had: String,
        /// What should.
        wanted: &'static str,
    },
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Unique per device; a number or a text, kept as it was written, because numbers exceed 2^53.
    pub msgid: Tree,
    /// What it is about.
    pub method: String,
    /// The serial number, where it is named.
    pub sn: Option<String>,
    /// The sender's clock, s.
    pub timestamp_s: Option<i64>,
    /// What belongs to the method; [`Tree::Nothing`] where there is none.
    pub payload: Tree,
    /// Whether an answer says that it was done; `None` where it is no answer.
    pub is_done: Option<bool>,
    /// Why it was not done.
    pub errcode: Option<String>,
}

pub(super) fn form(member: &str, had: Option<&Tree>, wanted: &'static str) -> EnvelopeError {
    let had = had.map_or_else(|| "nothing".to_owned(), Tree::kind);
    EnvelopeError::Form { member: member.to_owned(), had, wanted }
}

impl Envelope {
    /// Reads one.
    ///
    /// # Errors
    /// [`EnvelopeError`] with the member that is wrong.
    pub fn read(bytes: &[u8], limits: &Limits) -> Result<Self, EnvelopeError> {
        let tree = read_tree(Form::Json, bytes, limits)?;
        let Tree::Map(_) = &tree else { return Err(form("message", Some(&tree), "a map")) };
        let msgid = tree.member("msgid").filter(|id| id.text_or_number().is_some());
        let msgid = msgid.ok_or_else(|| form("msgid", tree.member("msgid"), "a text or a number"))?.clone();
        let method = tree.member("method").and_then(Tree::text).filter(|method| !method.is_empty());
        let method = method.ok_or_else(|| form("method", tree.member("method"), "a text"))?.to_owned();
        let text = |name| tree.member(name).and_then(Tree::text_or_number).map(str::to_owned);
        let is_done = tree.member("res").and_then(Tree::text_or_number).map(|res| res == "1");
        Ok(Self {
            timestamp_s: tree.member("timestamp").and_then(whole),
            sn: text("sn"),
            errcode: text("errcode"),
            payload: tree.member("payload").cloned().unwrap_or(Tree::Nothing),
            msgid,
            method,
            is_done,
        })
    }

    /// The id as text.
    #[must_use]
    pub fn msgid_text(&self) -> &str {
        self.msgid.text_or_number().unwrap_or_default()
    }

    /// The answer to it: the same id and method, `res`, and `payload` where there is something to say.
    #[must_use]
    pub fn answer(&self, is_done: bool, payload: Tree, now_ms: i64) -> Vec<u8> {
        let res = member("res", Tree::Number(Number::whole(is_done.into())));
        written(self.msgid.clone(), &self.method, self.sn.as_deref(), Some(res), payload, now_ms)
    }

    /// The answer that refuses it with an error code.
    #[must_use]
    pub fn refusal(&self, errcode: &str, now_ms: i64) -> Vec<u8> {
        let mut members = head(self.msgid.clone(), &self.method, self.sn.as_deref(), now_ms);
        members.push(member("res", Tree::Number(Number::whole(0))));
        members.push(member("errcode", Tree::Text(errcode.to_owned())));
        write_tree(Form::Json, &Tree::Map(members))
    }
}

/// A command to a device, with the id that its answer will repeat.
#[must_use]
pub fn command(id: u64, method: &str, serial: &str, payload: Tree, now_ms: i64) -> Vec<u8> {
    written(Tree::Text(id.to_string()), method, Some(serial), None, payload, now_ms)
}

fn written(
    msgid: Tree,
    method: &str,
    sn: Option<&str>,
    res: Option<(String, Tree)>,
    payload: Tree,
    now_ms: i64,
) -> Vec<u8> {
    let mut members = head(msgid, method, sn, now_ms);
    members.extend(res);
    if payload != Tree::Nothing {
        members.push(member("payload", payload));
    }
    write_tree(Form::Json, &Tree::Map(members))
}

fn head(msgid: Tree, method: &str, sn: Option<&str>, now_ms: i64) -> Vec<(String, Tree)> {
    let mut members = vec![member("msgid", msgid), member("method", Tree::Text(method.to_owned()))];
    if let Some(sn) = sn {
        members.push(member("sn", Tree::Text(sn.to_owned())));
    }
    members.push(member("timestamp", Tree::Number(Number::whole(now_ms.div_euclid(1_000).into()))));
    members
}

fn member(name: &str, value: Tree) -> (String, Tree) {
    (name.to_owned(), value)
}

/// A whole number, also one in quotation marks.
pub(super) fn whole(tree: &Tree) -> Option<i64> {
    tree.text_or_number().and_then(Number::parse).and_then(|number| number.as_whole())
}

/// Seconds or milliseconds since 1970 as ms: numbers above 10^11 are ms (10^11 s is the year 5138).
pub(super) fn moment_ms(tree: &Tree) -> Option<i64> {
    let number = whole(tree)?;
    match number {
        0..=99_999_999_999 => number.checked_mul(1_000),
        100_000_000_000..=253_402_300_799_999 => Some(number),
        _ => None,
    }
}
