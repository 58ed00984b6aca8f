//! The page: one file that needs nothing else.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chart;

const STYLE: &str = include_str!("../../assets/report.css");
const D3: &str = include_str!("../../assets/d3.min.js");
const MAP: &str = include_str!("../../assets/map.js");

/// A part of the page under a heading of its own.
#[derive(Debug)]
pub(super) struct Section {
    /// Where links point.
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) body: Markup,
}

/// The whole file. With a map, its data and the library that draws it come along.
pub(super) fn page(title: &str, lead: &Markup, sections: &[Section], map_data: Option<&str>) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                // Nothing is fetched, whatever else the page holds.
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ "nearfield " (env!("CARGO_PKG_VERSION")) };
                title { (title) }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) (PreEscaped(chart::rules())) }
            }
            body {
                header.top {
                    h1 { (title) }
                    (lead)
                    nav aria-label="Sections" {
                        @for section in sections { a href={ "#" (section.id) } { (section.title) } }
                    }
                }
                main {
                    @for section in sections {
                        section id=(section.id) {
                            h2 { (section.title) }
                            (section.body)
                        }
                    }
                }
                footer {
                    "Written by nearfield " (env!("CARGO_PKG_VERSION")) ". This file needs no network."
                }
                @if let Some(data) = map_data {
                    script type="application/json" id="map-data" { (PreEscaped(script_safe(data))) }
                    script { (PreEscaped(D3)) }
                    script { (PreEscaped(MAP)) }
                }
            }
        }
    };
    page.into_string()
}

/// JSON that may stand in a script element: no tag can begin or end in it.
fn script_safe(json: &str) -> String {
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_of_a_log_becomes_markup() {
        let evil = "</script><script>alert(1)</script>";
        let body = html! { p { (evil) } };
        let json = serde_json::to_string(&[evil]).unwrap();
        let sections = [Section { id: "a", title: "A", body }];
        let page = page(evil, &html! { (evil) }, &sections, Some(&json));
        assert!(!page.contains("alert(1)</script>") && !page.contains("<script>alert"), "{page}");
        assert!(page.contains("\\u003c/script>"));
    }

    #[test]
    fn vendored_code_ends_no_script_and_names_no_host_to_load_from() {
        for code in [D3, MAP] {
            assert!(!code.contains("</script") && !code.contains("<!--"));
        }
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
    }
}
