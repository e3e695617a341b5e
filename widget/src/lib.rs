//! `<evergrant-status>`: the health of a customer's connection inside the operator's own portal, and the way to repair it.
//!
//! ```text
//! js/element.js   the element: shadow root, skeleton, live regions, token, window, timers, fetch; carries effects out
//!       │ ▲
//!  tell │ │ effects          card.rs      the only place where the two languages meet
//!       ▼ │
//! model           where the card stands and what it does next: pure, tested natively
//! face, goal      which words, shape, colour and buttons belong to which status: pure, tested natively
//! view            the face drawn with Yew
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`words`] | what is said, before it is put into a language |
//! | [`trouble`] | why a request failed |
//! | [`face`] | a status as words, shape, colour and buttons |
//! | [`goal`] | what a consent is to come to: repair, a backup, another way to read |
//! | [`model`] | messages in, effects out |
//! | [`body`] | answers into the API's types, without texts of errors |
//! | [`moment`] | points in time |
//! | [`shell`] | the element as Rust sees it |
//! | [`card`] | the Yew component that joins model, view and element |
//! | [`view`] | markup |
//!
//! Deliberately absent: `serde_json` (the browser parses), an i18n library (the browser's `Intl` formats), `<style>` and `style=`
//! (a strict content security policy forbids them), and every way to panic.
//!
//! To add a sentence: a row in `js/messages.js` and `Line::of` where it is said. To add a state: `face`, a sample in `samples/`, a
//! screenshot in `tests/browser`.

pub mod body;
pub mod card;
pub mod face;
pub mod goal;
pub mod model;
pub mod moment;
pub mod shell;
pub mod trouble;
pub mod view;
pub mod words;

#[cfg(test)]
mod samples;
