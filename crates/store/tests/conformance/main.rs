//! One suite over every backend of the store: whatever holds the data, these hold.

mod world;

mod admission;
mod audit;
mod desk;
mod history;
mod intake;
mod limits;
mod people;
mod scope;
