//! `GET /exchange/template.xlsx`: the file to fill in, in the reader's language.

use axum::extract::State;
use axum::response::Response;
use domain::access::Permission;
use serde::Deserialize;
use utoipa::IntoParams;

use super::vocabulary::Vocabulary;
use super::workbook::{rows, stream};
use crate::access::caller::{Caller, Who};
use crate::http::extract::Filters;
use crate::http::problem::{ListProblems, Problem};
use crate::state::Api;
use crate::vocabulary::Language;

/// In which language.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LanguageQuery {
    /// The language of the file; the account's own when nothing is said.
    pub(super) lang: Option<Language>,
}

/// The language that is asked for, else the account's.
pub(crate) fn language_of(caller: &Caller, asked: Option<Language>) -> Language {
    asked.unwrap_or_else(|| match caller.who() {
        Who::Person { account, .. } => Language::of_tag(&account.account.language),
        Who::Program(_) => Language::ZhCn,
    })
}

/// An empty file to fill in, with drop-downs for what is known and a sheet that explains every column.
#[utoipa::path(
    get,
    path = "/exchange/template.xlsx",
    tag = "exchange",
    operation_id = "get_exchange_template",
    params(LanguageQuery),
    responses(
        (status = 200, description = "A workbook", body = String,
            content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ListProblems
    )
)]
pub(super) async fn get_template(
    State(api): State<Api>,
    caller: Caller,
    Filters(query): Filters<LanguageQuery>,
) -> Result<Response, Problem> {
    let scope = caller.scope(Permission::View)?;
    let vocabulary = Vocabulary::read(&api, &scope, language_of(&caller, query.lang)).await?;
    let (_no_rows, receiver) = rows();
    drop(_no_rows);
    Ok(stream("emberwatch-template.xlsx", vocabulary, receiver))
}
