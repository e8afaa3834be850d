//! The pipeline and the services over a real database in a folder of its own, with a clock that the test sets.

mod acts;
mod alarm_life;
mod commands;
mod diagnosis;
mod durability;
mod forwarding;
mod interleavings;
mod profiles;
mod risk;
mod settings;
mod supervision;
mod telling;
mod wiring_report;
mod world;
