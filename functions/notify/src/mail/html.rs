//! A letter as a page of HTML that mail programs show: one column, no tables, no scripts, nothing loaded from anywhere.
//!
//! Light colours stand inline, because many programs drop style sheets; dark ones in a style sheet, for those that follow the reader's
//! scheme. Programs that turn colours around by themselves find no picture and no border that would vanish.
//! Source: <https://www.caniemail.com/features/css-at-media-prefers-color-scheme/>

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::letter::{Letter, Link, List, Tone};

const FONT: &str = "font-family:'Segoe UI',system-ui,-apple-system,Roboto,Helvetica,Arial,sans-serif";
const BODY: &str = "margin:0;padding:0;background:#f3f4f7;color:#1b1f27";
const SHEET: &str = "box-sizing:border-box;max-width:600px;margin:0 auto;padding:24px 16px";
// A name or a host that is wider than the screen breaks.
const CARD: &str =
    "overflow-wrap:anywhere;box-sizing:border-box;padding:24px;background:#ffffff;border:1px solid #dfe2e8;border-radius:12px";
const SENDER: &str = "margin:0 0 16px;font-size:14px;line-height:1.4;color:#555c69";
const HEADLINE: &str = "margin:0 0 16px;font-size:22px;line-height:1.3;font-weight:600;color:#1b1f27";
const PARAGRAPH: &str = "margin:0 0 16px;font-size:16px;line-height:1.5;color:#1b1f27";
const HEADING: &str = "margin:24px 0 8px;font-size:16px;line-height:1.4;font-weight:600;color:#1b1f27";
const LIST: &str = "margin:0 0 16px;padding:0 0 0 24px;font-size:16px;line-height:1.5;color:#1b1f27";
const LINE: &str = "margin:0 0 8px";
const FACTS: &str = "margin:0 0 16px;padding:12px 16px;background:#f3f4f7;border-radius:8px;font-size:14px;line-height:1.5";
const FACT_NAME: &str = "margin:0;color:#555c69";
const FACT_VALUE: &str = "margin:0 0 8px;color:#1b1f27";
const BUTTON: &str = "display:inline-block;box-sizing:border-box;max-width:100%;padding:12px 24px;background:#1f5fc4;color:#ffffff;\
                      border-radius:8px;font-size:16px;line-height:1.4;font-weight:600;text-decoration:none;text-align:center";
const SMALL: &str = "margin:16px 0 0;font-size:14px;line-height:1.5;color:#555c69";
const FOOT: &str = "overflow-wrap:anywhere;margin:16px 8px 0;font-size:13px;line-height:1.5;color:#555c69";
const LINK: &str = "color:#1f5fc4;text-decoration:underline";

/// Colours of a dark scheme. They must win over those inline.
const DARK: &str = ":root{color-scheme:light dark;supported-color-schemes:light dark}\
    @media (prefers-color-scheme:dark){\
    .page{background:#14161a!important;color:#e8eaee!important}\
    .card{background:#1e2126!important;border-color:#3a3f49!important}\
    .ink{color:#e8eaee!important}\
    .soft{color:#b3bac6!important}\
    .facts{background:#272b32!important}\
    .button{background:#8ab4ff!important;color:#10131a!important}\
    .link{color:#8ab4ff!important}\
    .grave{color:#ffb3ab!important}.warning{color:#f5cf7a!important}.good{color:#8fdcab!important}}";

/// Renders a letter.
pub(super) fn render(letter: &Letter) -> String {
    html! {
        (DOCTYPE)
        html lang=(letter.language) dir="ltr" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="supported-color-schemes" content="light dark";
                // Else some programs make links of what looks like a date or a number.
                meta name="format-detection" content="telephone=no, date=no, address=no, email=no";
                title { (letter.subject) }
                style { (PreEscaped(DARK)) }
            }
            body class="page" style={ (BODY) ";" (FONT) } {
                main style=(SHEET) {
                    div class="card" style=(CARD) { (card(letter)) }
                    (foot(letter))
                }
            }
        }
    }
    .into_string()
}

fn card(letter: &Letter) -> Markup {
    let (class, mark, colour) = match letter.tone {
        Tone::Grave => ("grave", "●", "#a8200d"),
        Tone::Warning => ("warning", "▲", "#7a4d00"),
        Tone::Good => ("good", "✓", "#12693a"),
    };
    html! {
        p class="soft" style=(SENDER) {
            span class=(class) style={ "color:" (colour) } aria-hidden="true" { (mark) }
            " " (letter.sender)
        }
        h1 class="ink" style=(HEADLINE) { (letter.headline) }
        @for paragraph in &letter.paragraphs {
            p class="ink" style=(PARAGRAPH) { (paragraph) }
        }
        @if !letter.facts.is_empty() {
            dl class="facts" style=(FACTS) {
                @for (name, value) in &letter.facts {
                    dt class="soft" style=(FACT_NAME) { (name) }
                    dd class="ink" style=(FACT_VALUE) { (value) }
                }
            }
        }
        @if let Some(list) = &letter.list {
            h2 class="ink" style=(HEADING) { (list.heading) }
            ul class="ink" style=(LIST) { (lines(list)) }
        }
        @if let Some(list) = &letter.steps {
            h2 class="ink" style=(HEADING) { (list.heading) }
            ol class="ink" style=(LIST) { (lines(list)) }
        }
        p style="margin:24px 0 0" {
            a class="button" style=(BUTTON) href=(letter.button.url) { (letter.button.label) }
        }
        @if let Some(sentence) = &letter.forward {
            p class="soft" style=(SMALL) { (sentence) }
        }
        @if let Some(more) = &letter.more {
            p class="soft" style=(SMALL) { (link(more)) }
        }
    }
}

fn lines(list: &List) -> Markup {
    html! {
        @for line in &list.lines {
            li style=(LINE) { (line) }
        }
    }
}

fn foot(letter: &Letter) -> Markup {
    html! {
        p class="soft" style=(FOOT) { (letter.why) }
        @if let Some(decline) = &letter.decline {
            p class="soft" style=(FOOT) { (link(decline)) }
        }
    }
}

fn link(link: &Link) -> Markup {
    html! { a class="link" style=(LINK) href=(link.url) { (link.label) } }
}
