//! What is known about the line behind a connection, and what it is asked next.

use std::collections::VecDeque;
use std::sync::Arc;

use bus::Directory;
use domain::id::{DetectorId, TerminalId};
use domain::place::{Protocol, TerminalEntry};
use wire::line::LineMaster;
use wire::modbus::{Request, tcp};

use super::DIALLED;
use crate::line_ask::LineAsk;
use crate::poll_plan::{Poll, PollPlan, PollRequest};
use crate::session::Moment;

#[derive(Debug)]
pub(super) struct Line {
    pub(super) serial: String,
    /// [`Protocol::ModbusRtu`] for transparent lines, or [`Protocol::ModbusTcp`].
    pub(super) protocol: Protocol,
    /// Whether we dialled, so that whom we no longer want is let go.
    pub(super) is_dialled: bool,
    /// The last transaction of Modbus TCP.
    pub(super) transaction: u16,
    pub(super) admission: Admitted,
    pub(super) master: LineMaster<LineAsk>,
    pub(super) plan: PollPlan,
    /// What the line was asked last.
    pub(super) asked: Asked,
    /// A command that waits for its turn.
    pub(super) next_command: Option<Request>,
    /// The detectors whose readings wait for their outcome, oldest first.
    pub(super) in_flight: VecDeque<DetectorId>,
    /// When to look into the directory again without being spoken to, ms.
    pub(super) look_at_ms: u64,
}

#[derive(Debug)]
pub(super) enum Admitted {
    /// Not yet, or no longer; the terminal's id where the directory knows it.
    No(Option<TerminalId>),
    Yes(Arc<TerminalEntry>),
}

#[derive(Debug)]
pub(super) enum Asked {
    Nothing,
    Poll(Poll),
    Command,
}

impl Line {
    /// Its terminal, as the directory has it: whichever of the two protocols it was registered under.
    pub(super) fn known(&self, directory: &Directory) -> Option<Arc<TerminalEntry>> {
        let find = |protocol| directory.terminal(protocol, &self.serial);
        if self.is_dialled {
            return find(Protocol::ModbusTcp);
        }
        // What is `tcp://…` is dialled and never dials in.
        find(Protocol::ModbusRtu)
            .or_else(|| find(Protocol::ModbusTcp).filter(|entry| !entry.serial.starts_with(DIALLED)))
    }

    /// A Modbus request as this line carries it.
    pub(super) fn modbus(&mut self, request: Request) -> LineAsk {
        if self.protocol != Protocol::ModbusTcp {
            return LineAsk::Rtu(request);
        }
        self.transaction = self.transaction.wrapping_add(1);
        LineAsk::Tcp(tcp::Request { transaction: self.transaction, request })
    }

    pub(super) fn ask(&mut self, now: Moment) {
        if let Some(request) = self.next_command.take() {
            self.asked = Asked::Command;
            let request = self.modbus(request);
            // `can_submit` was true, so the line takes it.
            let _taken = self.master.submit(request);
            return;
        }
        let Some(poll) = self.plan.next(now.mono_ms) else {
            return;
        };
        match poll.request() {
            Some(Ok(request)) => {
                let request = match request {
                    PollRequest::Modbus(request) => self.modbus(request),
                    PollRequest::Meter(request) => LineAsk::Meter(request),
                };
                let _taken = self.master.submit(request);
                self.asked = Asked::Poll(poll);
            }
            // Profiles are checked when they are read; one that is wrong all the same must not stop the others.
            Some(Err(_)) | None => self.plan.misread(&poll, now.mono_ms),
        }
    }
}
