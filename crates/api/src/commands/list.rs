//! `GET /commands`: what was asked of devices; and one with its history.

use axum::Json;
use axum::extract::State;
use domain::access::Permission;
use domain::id::{CommandBatchId, CommandId, DetectorId, SiteId};
use serde::Deserialize;
use store::commands::CommandFilter;
use utoipa::IntoParams;

use super::shape::{Command, CommandDetail};
use crate::access::caller::Caller;
use crate::http::extract::{Filters, Id, words};
use crate::http::page::{self, Page};
use crate::http::problem::{ItemProblems, ListProblems, Problem};
use crate::state::Api;

/// Which commands.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CommandQuery {
    /// Only of this detector.
    #[param(minimum = 1)]
    detector: Option<i64>,
    /// Only of this site.
    #[param(minimum = 1)]
    site: Option<i64>,
    /// Only of this batch.
    #[param(minimum = 1)]
    batch: Option<i64>,
    /// `open`, `over`, or any of the states with commas between.
    #[param(example = "open")]
    state: Option<String>,
    /// Any of these kinds, with commas between.
    #[param(max_length = 300, example = "trip,close")]
    kind: Option<String>,
    /// Rows on a page.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// Where the page begins.
    #[param(max_length = 2000)]
    cursor: Option<String>,
}

impl CommandQuery {
    fn filter(&self) -> Result<CommandFilter, Problem> {
        let mut filter = CommandFilter {
            detector: self.detector.map(DetectorId),
            site: self.site.map(SiteId),
            batch: self.batch.map(CommandBatchId),
            kinds: words("kind", self.kind.as_deref(), domain::command::CommandKind::from_code)?,
            ..CommandFilter::default()
        };
        match self.state.as_deref() {
            None => {}
            Some("open") => filter.open = Some(true),
            Some("over") => filter.open = Some(false),
            Some(list) => {
                let known = |word: &str| domain::command::State::CODES.into_iter().find(|code| *code == word);
                filter.states = words("state", Some(list), known)?;
            }
        }
        Ok(filter)
    }
}

/// Commands, page by page, newest first.
#[utoipa::path(
    get,
    path = "/commands",
    tag = "commands",
    operation_id = "list_commands",
    params(CommandQuery),
    responses((status = 200, description = "One page", body = Page<Command>), ListProblems)
)]
pub(super) async fn list_commands(
    State(api): State<Api>,
    caller: Caller,
    Filters(query): Filters<CommandQuery>,
) -> Result<Json<Page<Command>>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let page = page::asked(query.limit, query.cursor.as_deref())?;
    let rows = api.store.commands().list(&scope, &query.filter()?, &page).await?;
    Ok(Json(Page::of(rows, Command::from)))
}

/// One command with every step of its life.
#[utoipa::path(
    get,
    path = "/commands/{id}",
    tag = "commands",
    operation_id = "get_command",
    params(("id" = i64, Path, description = "The command", minimum = 1)),
    responses((status = 200, description = "The command", body = CommandDetail), ItemProblems)
)]
pub(super) async fn get_command(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<CommandDetail>, Problem> {
    let scope = caller.scope(Permission::View)?;
    let command = api.store.commands().get(&scope, CommandId(id)).await?.into();
    let steps = api.store.commands().transitions(&scope, CommandId(id)).await?;
    Ok(Json(CommandDetail { command, transitions: steps.into_iter().map(Into::into).collect() }))
}
