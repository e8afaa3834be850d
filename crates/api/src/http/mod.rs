//! What every endpoint shares: problem documents, extractors, pages, CSV, time-outs and headers.

pub mod csv;
pub mod extract;
pub mod layers;
pub mod page;
pub mod problem;
pub mod time;
