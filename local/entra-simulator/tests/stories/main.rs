//! Stories through the simulator's public door, in process and without sockets.

mod assertion;
mod browser;
mod control;
mod delta;
mod directory;
mod faults;
mod photos;
mod properties;
mod saved;
mod support;
mod token;
