//! Line charts as small SVG files in docs/images, both axes logarithmic: cost against hosts or days.

use std::fmt::Write as _;
use std::path::Path;

/// A line with its points: what is counted, and what it costs.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// Colours that people with any kind of sight tell apart (Okabe and Ito), each with dashes of its own.
const STYLES: [(&str, &str); 6] = [
    ("#0072b2", ""),
    ("#d55e00", "6 3"),
    ("#009e73", "2 3"),
    ("#cc79a7", "9 3 2 3"),
    ("#8a6d00", "12 4"),
    ("#333", "1 4"),
];

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
/// Space for the axes' words, and for the lines' names.
const LEFT: f64 = 70.0;
const RIGHT: f64 = 230.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;

/// Writes a chart and gives its file name. What costs nothing has no place on a logarithmic axis, and is left out.
pub(crate) fn write(file: &str, title: &str, (x, y): (&str, &str), lines: &[Line]) -> String {
    let shown = |line: &Line| {
        let points = line.points.iter().copied().filter(|(_, y)| *y > 0.0).collect();
        Line { name: line.name.clone(), points }
    };
    let lines: Vec<Line> = lines.iter().map(shown).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/images").join(file);
    std::fs::write(&path, svg(title, (x, y), &lines)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    file.to_owned()
}

fn svg(title: &str, (x_words, y_words): (&str, &str), lines: &[Line]) -> String {
    let points = || lines.iter().flat_map(|line| &line.points);
    let (x_from, x_to) = decades(points().map(|(x, _)| *x));
    let (y_from, y_to) = decades(points().map(|(_, y)| *y));
    let x = |value: f64| LEFT + (value.log10() - x_from) / (x_to - x_from) * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| HEIGHT - BOTTOM - (value.log10() - y_from) / (y_to - y_from) * (HEIGHT - TOP - BOTTOM);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\" role=\"img\">\n<title>{title}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"15\" font-weight=\"bold\">{title}</text>\n\
         <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{x_words}</text>\n\
         <text transform=\"rotate(-90)\" x=\"{}\" y=\"16\" text-anchor=\"middle\">{y_words}</text>\n",
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 12.0,
        -(TOP + HEIGHT - BOTTOM) / 2.0,
    );
    for decade in x_from as i32..=x_to as i32 {
        let at = x(10_f64.powi(decade));
        grid_line(&mut svg, (at, TOP), (at, HEIGHT - BOTTOM));
        let _ = writeln!(
            svg,
            "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            HEIGHT - BOTTOM + 18.0,
            power(decade)
        );
    }
    for decade in y_from as i32..=y_to as i32 {
        let at = y(10_f64.powi(decade));
        grid_line(&mut svg, (LEFT, at), (WIDTH - RIGHT, at));
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            at + 4.0,
            power(decade)
        );
    }
    for (number, line) in lines.iter().enumerate() {
        let (colour, dashes) = STYLES[number % STYLES.len()];
        let path: Vec<String> =
            line.points.iter().map(|(across, up)| format!("{:.1},{:.1}", x(*across), y(*up))).collect();
        let style = format!("fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dashes}\"");
        let _ = writeln!(svg, "<polyline points=\"{}\" {style}/>", path.join(" "));
        for (across, up) in &line.points {
            let _ = writeln!(svg, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>", x(*across), y(*up));
        }
        let (at, across) = (TOP + 14.0 + 20.0 * number as f64, WIDTH - RIGHT + 14.0);
        let _ = writeln!(svg, "<polyline points=\"{across},{at} {},{at}\" {style}/>", across + 30.0);
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{}\">{}</text>", across + 38.0, at + 4.0, line.name);
    }
    svg + "</svg>\n"
}

fn grid_line(svg: &mut String, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
    let _ = writeln!(svg, "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"#ccc\"/>");
}

/// The powers of ten that hold all values, at least one apart.
fn decades(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (least, most) = values.fold((f64::MAX, f64::MIN), |(least, most), value| (least.min(value), most.max(value)));
    let from = least.log10().floor();
    (from, most.log10().ceil().max(from + 1.0))
}

fn power(decade: i32) -> String {
    if decade >= 0 {
        let digits = 10_i64.pow(u32::try_from(decade).unwrap()).to_string();
        let groups: Vec<&str> =
            digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
        groups.join(",")
    } else {
        format!("0.{}1", "0".repeat(usize::try_from(-decade - 1).unwrap()))
    }
}
