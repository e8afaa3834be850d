//! Our own form, version 1: what a device is told to do.
//!
//! ```json
//! { "v": 1, "commands": [ { "id": 17, "address": "3_1", "name": "set", "value": { "residual_alarm_ma": 300 } } ] }
//! ```

use super::message::{VERSION, form, had, items, map, member, only};
use super::tree::{Number, Tree};
use super::{Form, Limits, Refused, read_tree, write_tree};

/// Commands in the order in which they are to be done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Commands(pub Vec<Command>);

/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Its number; the device repeats it in its answer.
    pub id: u64,
    /// The sub-device; `None` is the device itself.
    pub address: Option<String>,
    /// What to do: `self_test`, `mute`, `reset`, `trip`, `close`, `set`, `period`, `get`.
    pub name: String,
    /// Its parameters.
    pub value: Tree,
}

impl Command {
    /// A command whose parameters are given as JSON text.
    ///
    /// # Errors
    /// [`Refused`] when `json` is no JSON.
    pub fn new(id: u64, address: Option<String>, name: String, json: &str) -> Result<Self, Refused> {
        let value = match json.trim() {
            "" => Tree::Nothing,
            text => read_tree(Form::Json, text.as_bytes(), &Limits::default())?,
        };
        Ok(Self { id, address, name, value })
    }
}

impl Commands {
    /// Writes them down.
    #[must_use]
    pub fn write(&self, form: Form) -> Vec<u8> {
        let commands = self.0.iter().map(|command| {
            let mut members = vec![member("id", Tree::Number(Number::whole(command.id.into())))];
            if let Some(address) = &command.address {
                members.push(member("address", Tree::Text(address.clone())));
            }
            members.push(member("name", Tree::Text(command.name.clone())));
            if command.value != Tree::Nothing {
                members.push(member("value", command.value.clone()));
            }
            Tree::Map(members)
        });
        let commands = Tree::List(commands.collect());
        let version = member("v", Tree::Number(Number::whole(VERSION.into())));
        write_tree(form, &Tree::Map(vec![version, member("commands", commands)]))
    }

    /// Reads them, as a device does.
    ///
    /// # Errors
    /// [`Refused`] with the place, what was had and what was wanted.
    pub fn read(written: Form, payload: &[u8], limits: &Limits) -> Result<Self, Refused> {
        let tree = read_tree(written, payload, limits)?;
        only(map(&tree, "message")?, "message", &["v", "commands"], "v or commands")?;
        match tree.member("v") {
            Some(Tree::Number(number)) if number.as_whole() == Some(VERSION) => {}
            other => return Err(form("v", had(other), "1, the version of the form")),
        }
        let Some(listed) = items(&tree, "commands", limits)? else {
            return Err(form("commands", "nothing", "a list of commands"));
        };
        let mut commands = Vec::with_capacity(listed.len());
        for (number, item) in listed.iter().enumerate() {
            let place = format!("commands[{number}]");
            only(
                map(item, &place)?,
                &place,
                &["id", "address", "name", "value"],
                "id, address, name or value",
            )?;
            let id = item.member("id");
            let id = id
                .and_then(Tree::text_or_number)
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| form(&format!("{place}.id"), had(id), "the command's number"))?;
            let name = item.member("name");
            let name = name
                .and_then(Tree::text)
                .ok_or_else(|| form(&format!("{place}.name"), had(name), "what to do, as a text"))?;
            commands.push(Command {
                id,
                address: item.member("address").and_then(Tree::text).map(str::to_owned),
                name: name.to_owned(),
                value: item.member("value").cloned().unwrap_or(Tree::Nothing),
            });
        }
        Ok(Self(commands))
    }
}
