//! The product's stories, told through its public door. Each has a world of its own.

mod first;
