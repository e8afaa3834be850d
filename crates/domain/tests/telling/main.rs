//! Who is told, when and by what.

mod duty;
mod gathering;
mod ladders;
mod properties;
mod world;
