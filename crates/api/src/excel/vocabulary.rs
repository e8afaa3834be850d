//! What the drop-downs offer, and the way from what stands in a cell back to what it means. A cell may say it in any
//! language, as the drop-down has it or as a bare code.

use std::collections::HashMap;

use domain::access::Scope;
use domain::id::OrganisationId;
use domain::place::{AreaCode, Protocol};

use super::columns::List;
use super::words::{LOADS, PREMISES, Said, protocol, say};
use crate::http::problem::Problem;
use crate::state::Api;
use crate::vocabulary::Language;

/// The most lines of one drop-down list; who has more writes the code.
const MOST: usize = 5_000;

/// An organisation with the names above it, as the drop-down has it.
#[derive(Debug, Clone)]
struct Organisation {
    id: OrganisationId,
    name: String,
    label: String,
}

/// What the drop-downs offer.
#[derive(Debug, Clone)]
pub(super) struct Vocabulary {
    language: Language,
    areas: Vec<(AreaCode, String)>,
    organisations: Vec<Organisation>,
    profiles: Vec<(String, String)>,
}

impl Vocabulary {
    /// Reads it for a caller of `scope`.
    pub(super) async fn read(api: &Api, scope: &Scope, language: Language) -> Result<Self, Problem> {
        let areas = api.store.areas().await?.into_iter().map(|area| (area.code, area.name)).collect();
        let rows = api.store.organisations().tree(scope).await?;
        let mut labels: HashMap<OrganisationId, String> = HashMap::new();
        let mut organisations = Vec::with_capacity(rows.len());
        for row in rows {
            let above = row.parent_id.and_then(|parent| labels.get(&parent));
            let label = above.map_or_else(|| row.name.clone(), |above| format!("{above} / {}", row.name));
            labels.insert(row.id, label.clone());
            organisations.push(Organisation { id: row.id, name: row.name, label });
        }
        let mut profiles: Vec<_> =
            api.directory.profiles().into_iter().map(|p| (p.id.clone(), p.name.clone())).collect();
        profiles.sort();
        Ok(Self { language, areas, organisations, profiles })
    }

    pub(super) const fn language(&self) -> Language {
        self.language
    }

    /// What a drop-down offers; nothing for one that offers another sheet's names.
    pub(super) fn offers(&self, list: List) -> Vec<String> {
        let said = |words: &[(&str, Said)]| -> Vec<String> {
            words.iter().map(|(_, said)| say(self.language, *said).to_owned()).collect()
        };
        let mut offers = match list {
            List::Areas => self.areas.iter().map(|(code, name)| format!("{} {name}", code.0)).collect(),
            List::Organisations => self.organisations.iter().map(|one| one.label.clone()).collect(),
            List::Premises => said(&PREMISES),
            List::Loads => said(&LOADS),
            List::Phases => vec!["1".to_owned(), "3".to_owned()],
            List::Protocols => {
                Protocol::OF_TERMINALS.iter().map(|p| say(self.language, protocol(*p)).to_owned()).collect()
            }
            List::Profiles => self.profiles.iter().map(|(id, name)| format!("{id} {name}")).collect(),
            List::Names(_) => Vec::new(),
        };
        offers.truncate(MOST);
        offers
    }

    pub(super) fn area_label(&self, code: &AreaCode, name: &str) -> String {
        format!("{} {name}", code.0)
    }

    pub(super) fn organisation_label(&self, id: OrganisationId, name: &str) -> String {
        self.organisations
            .iter()
            .find(|one| one.id == id)
            .map_or_else(|| name.to_owned(), |o| o.label.clone())
    }

    pub(super) fn premises_label(&self, code: &str) -> String {
        label(self.language, &PREMISES, code)
    }

    pub(super) fn load_label(&self, code: &str) -> String {
        label(self.language, &LOADS, code)
    }

    pub(super) fn protocol_label(&self, of: Protocol) -> String {
        say(self.language, protocol(of)).to_owned()
    }

    pub(super) fn profile_label(&self, id: &str) -> String {
        let name = self.profiles.iter().find(|(known, _)| known == id).map_or("", |(_, name)| name);
        format!("{id} {name}").trim().to_owned()
    }

    /// The area of a cell: its code, its name where only one has it, or both.
    pub(super) fn area(&self, cell: &str) -> Option<AreaCode> {
        let first = cell.split_whitespace().next().unwrap_or_default();
        if let Some((code, _)) = self.areas.iter().find(|(code, _)| code.0 == first) {
            return Some(code.clone());
        }
        only(self.areas.iter().filter(|(_, name)| name == cell)).map(|(code, _)| code.clone())
    }

    /// The organisation of a cell: as the drop-down has it, or its own name where only one has it.
    pub(super) fn organisation(&self, cell: &str) -> Option<OrganisationId> {
        let labelled = only(self.organisations.iter().filter(|one| one.label == cell));
        labelled.or_else(|| only(self.organisations.iter().filter(|one| one.name == cell))).map(|one| one.id)
    }

    pub(super) fn protocol(&self, cell: &str) -> Option<Protocol> {
        Protocol::OF_TERMINALS
            .into_iter()
            .find(|known| known.code() == cell || protocol(*known).contains(&cell))
    }

    /// The profile of a cell: its id, its name where only one has it, or both.
    pub(super) fn profile(&self, cell: &str) -> String {
        let first = cell.split_whitespace().next().unwrap_or_default();
        let known = self.profiles.iter().find(|(id, _)| id == first);
        let named = known.or_else(|| only(self.profiles.iter().filter(|(_, name)| name == cell)));
        // One that is not known is refused by its name further on.
        named.map_or_else(|| cell.to_owned(), |(id, _)| id.clone())
    }

    pub(super) fn premises(cell: &str) -> String {
        code(&PREMISES, cell)
    }

    pub(super) fn load(cell: &str) -> String {
        code(&LOADS, cell)
    }
}

fn only<T>(mut fitting: impl Iterator<Item = T>) -> Option<T> {
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Some(one),
        (None | Some(_), _) => None,
    }
}

fn label(language: Language, words: &[(&str, Said)], code: &str) -> String {
    words
        .iter()
        .find(|(known, _)| *known == code)
        .map_or_else(|| code.to_owned(), |(_, said)| say(language, *said).to_owned())
}

/// The code of a word in any language; a word of the operator's own stays as it is.
fn code(words: &[(&str, Said)], cell: &str) -> String {
    words
        .iter()
        .find(|(code, said)| *code == cell || said.iter().any(|word| word.eq_ignore_ascii_case(cell)))
        .map_or_else(|| cell.to_owned(), |(code, _)| (*code).to_owned())
}
