//! How a consent ends.
