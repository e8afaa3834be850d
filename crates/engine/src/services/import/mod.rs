//! Taking a spreadsheet in: the lines are checked against what is known and against each other ([`plan`], pure), every
//! mistake is named by its line and column, and the plan is put in by short transactions, so that readings are confirmed
//! meanwhile.

pub mod line;
pub mod plan;

use std::collections::{HashMap, HashSet};

use bus::LiveKind;
use domain::access::Scope;
use domain::settings::{ScopeKind, ScopeRef};
use store::Actor;
use store::exchange::apply::{FileNote, Progress};

use crate::error::EngineError;
use crate::pipeline::Engine;
use line::Lines;
use plan::{Checked, World};

/// Taking spreadsheets in.
#[derive(Debug, Clone, Copy)]
pub struct Import<'e>(&'e Engine);

impl Engine {
    /// Taking spreadsheets in.
    #[must_use]
    pub const fn import(&self) -> Import<'_> {
        Import(self)
    }
}

impl Import<'_> {
    /// What a file would do, and every mistake in it. Nothing is written.
    ///
    /// # Errors
    /// [`EngineError::Store`] when what is known cannot be read.
    pub async fn check(&self, scope: &Scope, lines: &Lines) -> Result<Checked, EngineError> {
        Ok(plan::plan(&self.world(scope, lines).await?, lines))
    }

    /// Puts in what [`check`](Self::check) made of a file, slice by slice, and tells the live stream how far it is; every
    /// slice holds for readings as soon as it is in. Where something changed since the check it ends there: the same file
    /// again goes on, as what is in already is known by its name.
    ///
    /// # Errors
    /// [`EngineError::Store`] when something changed since the check, or with what the store refuses.
    pub async fn apply(
        &self,
        scope: &Scope,
        actor: &Actor,
        file: &FileNote,
        checked: &Checked,
    ) -> Result<(), EngineError> {
        let total = checked.plan.steps();
        let mut progress = Progress::default();
        let taken = loop {
            let taken = self.slice(scope, actor, file, checked, &mut progress).await;
            let (done, failed) = (progress.done(), taken.is_err());
            let kind = LiveKind::Import { file: file.sha256.clone(), done, total, failed };
            self.0.live().publish(None, None, kind);
            if failed || done >= total {
                break taken;
            }
        };
        self.0.live().publish(None, None, LiveKind::Pending);
        self.0.live().publish(None, None, LiveKind::Changed { what: "sites" });
        if let Err(error) = &taken {
            tracing::warn!(%error, done = progress.done(), total, "a spreadsheet was not taken in to its end");
        }
        taken
    }

    /// Puts in the next slice and lets the pipeline and the doors know what it brought.
    async fn slice(
        &self,
        scope: &Scope,
        actor: &Actor,
        file: &FileNote,
        checked: &Checked,
        progress: &mut Progress,
    ) -> Result<(), EngineError> {
        let exchange = self.0.store().exchange();
        let applied = exchange.apply_slice(scope, actor, self.0.now(), file, &checked.plan, progress).await?;
        let mut affected: HashSet<_> = applied.detectors.iter().copied().collect();
        for site in &applied.sites {
            let target = ScopeRef { kind: ScopeKind::Site, id: site.to_string() };
            affected.extend(self.0.store().settings().affected(&target).await?);
        }
        let affected: Vec<_> = affected.into_iter().collect();
        self.0.reload(&affected).await?;
        for terminal in &applied.terminals {
            self.0.admission().begin_anew(*terminal, "admitted").await?;
        }
        Ok(())
    }

    async fn world(&self, scope: &Scope, lines: &Lines) -> Result<World, EngineError> {
        let exchange = self.0.store().exchange();
        let names: Vec<String> = lines.site_names().into_iter().map(str::to_owned).collect();
        let sites = exchange.sites_named(scope, &names).await?;
        let ids: Vec<_> = sites.iter().map(|site| site.id).collect();
        let panels = exchange.panels_of(scope, &ids).await?;
        let circuits = exchange.circuits_of(scope, &ids).await?;
        let serials: HashSet<&str> = lines.detectors.iter().map(|line| line.serial.as_str()).collect();
        let serials: Vec<String> = serials.into_iter().filter(|s| !s.is_empty()).map(str::to_owned).collect();
        let terminals = exchange.terminals_named(&serials).await?;
        let ids: Vec<_> = terminals.iter().map(|terminal| terminal.id).collect();
        let detectors = exchange.detectors_behind(scope, &ids).await?;
        let profiles: HashMap<_, _> =
            self.0.directory().profiles().into_iter().map(|profile| (profile.id.clone(), profile)).collect();
        Ok(World { sites, panels, circuits, terminals, detectors, profiles })
    }
}
