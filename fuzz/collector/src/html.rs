//! A page is made of the templates' own elements and attributes alone: anything else has broken out of its place.

/// What the templates and charts are made of.
const ELEMENTS: &str = "a article body button caption circle code dd desc details div dl dt fieldset figcaption figure footer form \
    h1 h2 h3 head header html input label legend li line link main meta nav option p polygon polyline pre progress section select \
    small span strong summary svg table tbody td text textarea th thead time title tr ul";
const ATTRIBUTES: &str = "action aria-current aria-describedby aria-hidden aria-invalid aria-label aria-labelledby autocomplete \
    charset checked class colspan content cx cy datetime download dy for formnovalidate href id lang max maxlength method name open \
    placeholder points r rel required role scope selected size spellcheck tabindex text-anchor type value viewbox x x1 x2 y y1 y2";

/// Panics where a page holds a tag that no template has.
pub fn check(page: &str) {
    let mut rest =
        page.strip_prefix("<!doctype html>").or_else(|| page.strip_prefix("<!DOCTYPE html>")).expect("a page");
    while let Some(at) = rest.find('<') {
        let tag = &rest[at + 1..];
        let is_name = |c: char| c.is_ascii_alphanumeric();
        let closing = tag.strip_prefix('/');
        let opened = closing.unwrap_or(tag);
        let (name, mut inside) = opened.split_at(opened.find(|c| !is_name(c)).unwrap_or(opened.len()));
        assert!(known(ELEMENTS, name), "an element of nobody: {:?}", start(&rest[at..]));
        loop {
            inside = inside.trim_ascii_start();
            if let Some(after) = inside.strip_prefix("/>").or_else(|| inside.strip_prefix('>')) {
                rest = after;
                break;
            }
            let end = inside.find(|c: char| !(is_name(c) || c == '-')).unwrap_or(inside.len());
            let (name, after) = inside.split_at(end);
            assert!(closing.is_none() && known(ATTRIBUTES, name), "an attribute of nobody: {:?}", start(inside));
            inside = match after.strip_prefix("=\"") {
                Some(value) => value.split_once('"').expect("the end of an attribute").1,
                None => after,
            };
        }
    }
}

fn known(names: &str, name: &str) -> bool {
    names.split_ascii_whitespace().any(|known| known.eq_ignore_ascii_case(name))
}

fn start(text: &str) -> String {
    text.chars().take(200).collect()
}
