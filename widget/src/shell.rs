//! The element as Rust sees it: objects of `js/` with exactly these members.
#![expect(missing_docs, reason = "wasm-bindgen's macro writes items of its own")]

use wasm_bindgen::prelude::*;

use crate::moment::Moment;
use crate::words::{Line, Slot};

#[wasm_bindgen]
extern "C" {
    /// One element that a card is bound to.
    #[derive(Clone)]
    pub type Shell;

    /// The page's time, corrected by the server's, in milliseconds.
    #[wasm_bindgen(method)]
    pub fn now(this: &Shell) -> f64;
    /// Sends a request; the answer comes through `answer` or `refuse`.
    #[wasm_bindgen(method)]
    pub fn send(this: &Shell, id: u32, method: &str, path: &str);
    /// Begins a consent attempt; the element knows the return address.
    #[wasm_bindgen(method)]
    pub fn begin(this: &Shell, id: u32, connection: &str, in_tab: bool, goal: &str);
    /// Decides about a wave of deletions.
    #[wasm_bindgen(method)]
    pub fn decide(this: &Shell, id: u32, connection: &str, round: u32, verdict: &str);
    /// Starts a timer by name.
    #[wasm_bindgen(method)]
    pub fn wait(this: &Shell, timer: &str, milliseconds: f64);
    /// Stops a timer by name.
    #[wasm_bindgen(method)]
    pub fn stop(this: &Shell, timer: &str);
    /// Opens the sign-in window; to be called in the click itself.
    #[wasm_bindgen(method)]
    pub fn open(this: &Shell, goal: &str) -> u8;
    /// Opens the window again at this address; to be called in the click itself.
    #[wasm_bindgen(method)]
    pub fn reopen(this: &Shell, url: &str);
    /// Leads the open window to this address.
    #[wasm_bindgen(method)]
    pub fn steer(this: &Shell, url: &str);
    /// Closes the window.
    #[wasm_bindgen(method, js_name = closeWindow)]
    pub fn close_window(this: &Shell);
    /// Leads this tab to this address.
    #[wasm_bindgen(method)]
    pub fn leave(this: &Shell, url: &str);
    /// Keeps an attempt's id, and what it is for, over a reload.
    #[wasm_bindgen(method)]
    pub fn remember(this: &Shell, attempt: &str, goal: &str);
    /// Drops the kept attempt.
    #[wasm_bindgen(method)]
    pub fn forget(this: &Shell);
    /// Speaks to a screen reader.
    #[wasm_bindgen(method)]
    pub fn announce(this: &Shell, text: &str, is_urgent: bool);
    /// Writes a row of the message table.
    #[wasm_bindgen(method)]
    pub fn say(this: &Shell, key: &str, slots: Vec<JsValue>) -> String;
    /// Writes a time in a style: `moment`, `distance`, `iso`.
    #[wasm_bindgen(method)]
    pub fn time(this: &Shell, milliseconds: f64, style: &str) -> String;
    /// Makes a connection's status the element's.
    #[wasm_bindgen(method)]
    pub fn publish(this: &Shell, connection: &str, previous: Option<String>, current: &str, cause: &str);
    /// Tells the host how much waits for the portal's user; `days_left` is negative when nothing is known.
    #[wasm_bindgen(method)]
    pub fn demand(this: &Shell, total: u32, blocking: u32, days_left: f64);
    /// Tells the host that a consent succeeded.
    #[wasm_bindgen(method)]
    pub fn reconnected(this: &Shell, attempt: &str);
    /// Tells the host that a consent ended without success.
    #[wasm_bindgen(method)]
    pub fn exited(this: &Shell, attempt: Option<String>, reason: &str);
    /// Tells the host that something failed.
    #[wasm_bindgen(method)]
    pub fn failed(this: &Shell, report: Vec<JsValue>);
    /// Lets a token be fetched again after failures.
    #[wasm_bindgen(method)]
    pub fn forgive(this: &Shell);
    /// Puts a text into the clipboard.
    #[wasm_bindgen(method)]
    pub fn copy(this: &Shell, text: &str);
    /// Gives something that is drawn the focus, if the focus is ours or nobody's.
    #[wasm_bindgen(method)]
    pub fn focus(this: &Shell, id: &str);
    /// Shows or takes away the skeleton.
    #[wasm_bindgen(method)]
    pub fn skeleton(this: &Shell, is_shown: bool);
    /// The state in one word.
    #[wasm_bindgen(method)]
    pub fn state(this: &Shell, word: &str);

    /// The element's attributes, read.
    pub type Attributes;
    #[wasm_bindgen(method, getter)]
    pub fn connection(this: &Attributes) -> Option<String>;
    #[wasm_bindgen(method, getter, js_name = canReconnect)]
    pub fn can_reconnect(this: &Attributes) -> bool;
    #[wasm_bindgen(method, getter, js_name = canSync)]
    pub fn can_sync(this: &Attributes) -> bool;
    #[wasm_bindgen(method, getter, js_name = canDecide)]
    pub fn can_decide(this: &Attributes) -> bool;
    #[wasm_bindgen(method, getter, js_name = refreshInterval)]
    pub fn refresh_interval(this: &Attributes) -> f64;
    #[wasm_bindgen(method, getter, js_name = headingLevel)]
    pub fn heading_level(this: &Attributes) -> u8;

    /// A failed request, as `js/client.js` throws it.
    pub type Refusal;
    #[wasm_bindgen(method, getter)]
    pub fn code(this: &Refusal) -> String;
    #[wasm_bindgen(method, getter)]
    pub fn detail(this: &Refusal) -> Option<String>;
    #[wasm_bindgen(method, getter, js_name = requestId)]
    pub fn request_id(this: &Refusal) -> Option<String>;
    #[wasm_bindgen(method, getter, js_name = retryAfter)]
    pub fn retry_after(this: &Refusal) -> Option<f64>;

    /// Who is told when this code panics.
    pub type Witness;
    #[wasm_bindgen(method)]
    pub fn crashed(this: &Witness, message: &str);
}

impl Shell {
    /// The server's time, as far as it is known.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment::from_milliseconds(self.now())
    }

    /// Puts a line into the reader's language.
    #[must_use]
    pub fn read(&self, line: &Line) -> String {
        let (key, slots) = match line {
            Line::Plain(text) => return text.clone(),
            Line::Message { key, slots } => (key, slots),
        };
        let mut flat = Vec::with_capacity(slots.len() * 3);
        for (name, slot) in slots {
            let (kind, value) = match slot {
                Slot::Text(text) => ("text", JsValue::from_str(text)),
                Slot::Number(count) => ("number", number(*count).into()),
                Slot::Day(at) => ("day", at.milliseconds().into()),
                Slot::Moment(at) => ("moment", at.milliseconds().into()),
                Slot::Clock(at) => ("clock", at.milliseconds().into()),
                Slot::Distance(at) => ("distance", at.milliseconds().into()),
            };
            flat.extend([JsValue::from_str(name), JsValue::from_str(kind), value]);
        }
        self.say(key, flat)
    }
}

/// A count as JavaScript counts: exact up to 2^53.
#[must_use]
pub fn number(whole: u64) -> f64 {
    whole as f64
}
