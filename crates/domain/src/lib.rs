//! Vocabulary and rules of Emberwatch: what a reading is, when it is a hazard, how an alarm lives.
//!
//! Nothing here does IO or asks for the time: facts and time come in as arguments, decisions go out.
//! The modules stand in the order in which data flows.

pub mod id;
pub mod kept_answer;
pub mod time;

pub mod quantity;
pub mod reading;

pub mod place;
pub mod profile;
pub mod telegram;

pub mod alarm;
pub mod binding;
pub mod condition;
pub mod guidance;
pub mod hazard;
pub mod in_force;
pub mod incident;
pub mod maintenance;
pub mod settings;
pub mod status;
pub mod telling;

pub mod command;

pub mod access;

pub mod wiring;

pub mod diagnosis;
pub mod risk;
pub mod walk;
