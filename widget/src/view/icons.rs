//! Icons, drawn inline so that nothing is fetched: one silhouette per health, told apart without colour. Each is a single path.

use yew::{Html, html};

use crate::face::Shape;

fn draw(class: &'static str, path: &'static str) -> Html {
    html! { <svg {class} viewBox="0 0 24 24" aria-hidden="true"><path d={path}/></svg> }
}

pub(super) fn health(shape: Shape) -> Html {
    draw(
        "icon filled",
        match shape {
            Shape::Tick => "M3 12a9 9 0 1 0 18 0 9 9 0 1 0-18 0m5 .4 2.8 2.8 5.4-5.6",
            Shape::Clock => "M5.6 3h12.8M5.6 21h12.8M7 3v3.2c0 2.6 5 4.2 5 5.8s-5 3.2-5 5.8V21h10v-3.2c0-2.6-5-4.2-5-5.8s5-3.2 5-5.8V3z",
            Shape::Pause => {
                "M8 3.5h8A4.5 4.5 0 0 1 20.5 8v8a4.5 4.5 0 0 1-4.5 4.5H8A4.5 4.5 0 0 1 3.5 16V8A4.5 4.5 0 0 1 8 3.5zM9.5 9v6m5-6v6"
            }
            Shape::Stop => "M8.3 3h7.4L21 8.3v7.4L15.7 21H8.3L3 15.7V8.3zm.9 6.2 5.6 5.6m0-5.6-5.6 5.6",
            Shape::Spanner => {
                "M14.6 6.4a1 1 0 0 0 0 1.4l1.6 1.6a1 1 0 0 0 1.4 0l3.4-3.4a5.6 5.6 0 0 1-7.4 7.4l-6.5 6.5a2 2 0 0 1-3-3l6.5-6.5A5.6 5.6 0 0 1 18 3z"
            }
            Shape::Plus => "M9 3v5M15 3v5M6.5 8h11v3.5a5.5 5.5 0 0 1-11 0zM12 17v4",
            Shape::Barred => "M3 12a9 9 0 1 0 18 0 9 9 0 1 0-18 0m2.8 6.2L18.2 5.8",
        },
    )
}

pub(super) fn verdict(tone: &str) -> Html {
    match tone {
        "ok" => health(Shape::Tick),
        "danger" => health(Shape::Stop),
        _ => warning(),
    }
}

pub(super) fn warning() -> Html {
    draw("icon", "M12 9v4.5m0 3.5v.01M10.3 4 2.6 17.4a2 2 0 0 0 1.7 3h15.4a2 2 0 0 0 1.7-3L13.7 4a2 2 0 0 0-3.4 0z")
}

pub(super) fn offline() -> Html {
    draw(
        "icon",
        "m3 3 18 18M8.5 15.6a5 5 0 0 1 7 0M5 12.2a10 10 0 0 1 4.6-2.6M19 12.2a10 10 0 0 0-4.3-2.5M12 19.5v.01M2 8.6a15 15 0 0 1 4-2.6m16 2.6A15 15 0 0 0 11.6 5",
    )
}

pub(super) fn person() -> Html {
    draw("icon", "M8 8a4 4 0 1 0 8 0 4 4 0 1 0-8 0M4.5 20.5a7.5 7.5 0 0 1 15 0")
}

pub(super) fn calendar() -> Html {
    draw(
        "icon",
        "M6 5h12a2.5 2.5 0 0 1 2.5 2.5V18a2.5 2.5 0 0 1-2.5 2.5H6A2.5 2.5 0 0 1 3.5 18V7.5A2.5 2.5 0 0 1 6 5zm-2.5 5h17M8 3v4m8-4v4",
    )
}

pub(super) fn lock() -> Html {
    draw(
        "icon",
        "M7 10.5h10a2.5 2.5 0 0 1 2.5 2.5v5a2.5 2.5 0 0 1-2.5 2.5H7A2.5 2.5 0 0 1 4.5 18v-5A2.5 2.5 0 0 1 7 10.5zm1 0v-3a4 4 0 0 1 8 0v3",
    )
}

pub(super) fn shield() -> Html {
    draw("icon", "M12 3l7.5 2.8v5.7c0 4.3-3 7.6-7.5 9.5-4.5-1.9-7.5-5.2-7.5-9.5V5.8zm-3 9 2.2 2.2 4-4.2")
}

pub(super) fn arrows() -> Html {
    draw("icon", "M20 5v5h-5M4 19v-5h5m10-4A7.5 7.5 0 0 0 5.8 7.6M5 14a7.5 7.5 0 0 0 13.2 2.4")
}

pub(super) fn copy() -> Html {
    draw(
        "icon",
        "M11 9h7.5A2.5 2.5 0 0 1 21 11.5v7a2.5 2.5 0 0 1-2.5 2.5H11a2 2 0 0 1-2-2v-8a2 2 0 0 1 2-2zm-5.5 6a2 2 0 0 1-2-2V5.5a2 2 0 0 1 2-2H13a2 2 0 0 1 2 2",
    )
}

pub(super) fn chevron() -> Html {
    draw("icon chevron", "m7 10 5 5 5-5")
}
