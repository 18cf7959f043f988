//! A chart of numbers over days: drawn on the server as SVG, told in words, and shown as a table beneath.

use std::collections::BTreeSet;

use askama::Template;
use jiff::civil::Date;

use super::filters;
use crate::days::date;

/// Where the lines are in a drawing of 640 by 260: the rest is for the numbers beside and the days beneath.
const LEFT: f64 = 52.0;
const RIGHT: f64 = 620.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 226.0;

/// Looks that the style sheet tells apart, by colour and by dashes; later series repeat them.
const LOOKS: usize = 8;

/// Numbers beside the drawing, at most, without the zero.
const STEPS_UP: i64 = 5;

/// Days beneath the drawing, at most.
const STEPS_ALONG: i64 = 5;

/// Numbers of something over days; in a template `{{ chart|safe }}`.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "chart.html")]
pub struct Chart {
    /// A word that no other chart of the page has, of letters and hyphens.
    pub id: &'static str,
    /// What it shows.
    pub title: String,
    /// What is counted, such as "hosts".
    pub unit: &'static str,
    /// The lines, in the order of their looks.
    pub series: Vec<Series>,
    /// Days that mean something.
    pub marks: Vec<Mark>,
}

/// One line of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// What it tells of.
    pub name: String,
    /// Days (UTC, since 1970-01-01) and numbers, in order of time; straight lines are drawn between them.
    pub points: Vec<(i64, i64)>,
    /// Whether the area beneath is filled.
    pub filled: bool,
}

/// A day that means something, drawn from top to bottom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// UTC, since 1970-01-01.
    pub day: i64,
    /// What it means.
    pub name: String,
}

/// What the drawing spans.
struct Plot {
    first: i64,
    last: i64,
    /// From one number beside the drawing to the next.
    step: i64,
    /// How many steps up.
    up: i64,
}

impl Plot {
    fn x(&self, day: i64) -> f64 {
        if self.first == self.last {
            return f64::midpoint(LEFT, RIGHT);
        }
        LEFT + (RIGHT - LEFT) * (day - self.first) as f64 / (self.last - self.first) as f64
    }

    fn y(&self, number: i64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * number.max(0) as f64 / self.step.saturating_mul(self.up).max(1) as f64
    }
}

/// A line across or a number beneath, with its place.
struct Tick {
    at: String,
    text: String,
}

impl Chart {
    fn is_empty(&self) -> bool {
        self.series.iter().all(|series| series.points.is_empty())
    }

    fn look(index: &usize) -> usize {
        index % LOOKS
    }

    fn points(&self) -> impl Iterator<Item = (i64, i64)> {
        self.series.iter().flat_map(|series| series.points.iter().copied())
    }

    fn plot(&self) -> Plot {
        let days = || self.points().map(|(day, _)| day).chain(self.marks.iter().map(|mark| mark.day));
        let (first, last) = (days().min().unwrap_or_default(), days().max().unwrap_or_default());
        let most = self.points().map(|(_, number)| number).max().unwrap_or_default().max(1);
        let step = steps([1, 2, 5], 10).find(|step| most.div_euclid(*step) < STEPS_UP).unwrap_or(most);
        let up = most.div_euclid(step) + i64::from(most.rem_euclid(step) > 0);
        Plot { first, last, step, up }
    }

    fn line(&self, series: &Series) -> String {
        let plot = self.plot();
        let point = |(day, number): &(i64, i64)| format!("{:.1},{:.1}", plot.x(*day), plot.y(*number));
        series.points.iter().map(point).collect::<Vec<_>>().join(" ")
    }

    fn area(&self, series: &Series) -> String {
        let (Some((first, _)), Some((last, _))) = (series.points.first(), series.points.last()) else {
            return String::new();
        };
        let plot = self.plot();
        format!("{:.1},{BOTTOM} {} {:.1},{BOTTOM}", plot.x(*first), self.line(series), plot.x(*last))
    }

    /// Where a line ends: a dot there shows a line of one point as well.
    fn end(&self, series: &Series) -> Option<(String, String)> {
        let plot = self.plot();
        let (day, number) = series.points.last()?;
        Some((format!("{:.1}", plot.x(*day)), format!("{:.1}", plot.y(*number))))
    }

    fn across(&self) -> Vec<Tick> {
        let plot = self.plot();
        let tick = |number: i64| Tick { at: format!("{:.1}", plot.y(number)), text: number.to_string() };
        (0..=plot.up).map(|at| tick(at * plot.step)).collect()
    }

    fn along(&self) -> Vec<Tick> {
        let plot = self.plot();
        let days = plot.last - plot.first;
        let step = steps([1, 2, 7], 4).find(|step| days.div_euclid(*step) < STEPS_ALONG).unwrap_or(days);
        let tick = |day: i64| Tick { at: format!("{:.1}", plot.x(day)), text: date(day).to_string() };
        (0..STEPS_ALONG).map(|at| plot.first + at * step).filter(|day| *day <= plot.last).map(tick).collect()
    }

    fn marked(&self) -> Vec<Tick> {
        let plot = self.plot();
        let tick = |mark: &Mark| Tick { at: format!("{:.1}", plot.x(mark.day)), text: mark.name.clone() };
        self.marks.iter().map(tick).collect()
    }

    /// The drawing in words.
    fn told(&self) -> String {
        let Plot { first, last, .. } = self.plot();
        let mut told = format!("{} per day from {} to {}.", self.unit, date(first), date(last));
        for series in &self.series {
            if let (Some((_, from)), Some((_, to))) = (series.points.first(), series.points.last()) {
                told += &format!(" {}: {from} at first, {to} at last.", crate::table::cut(&series.name, 60));
            }
        }
        for mark in &self.marks {
            told += &format!(" {}: {}.", mark.name, date(mark.day));
        }
        told
    }

    /// The table: each day that any line has a number for, and the numbers.
    fn rows(&self) -> Vec<(Date, Vec<String>)> {
        let days: BTreeSet<i64> = self.points().map(|(day, _)| day).collect();
        let number = |series: &Series, day: i64| {
            let at = series.points.binary_search_by_key(&day, |(day, _)| *day).ok();
            at.and_then(|at| series.points.get(at)).map(|(_, number)| number.to_string()).unwrap_or_default()
        };
        let row = |day: i64| (date(day), self.series.iter().map(|series| number(series, day)).collect());
        days.into_iter().map(row).collect()
    }
}

/// `steps` and their multiples by powers of `by`, from the smallest.
fn steps(steps: [i64; 3], by: i64) -> impl Iterator<Item = i64> {
    let powers = std::iter::successors(Some(1_i64), move |power| power.checked_mul(by));
    powers.flat_map(move |power| steps.into_iter().filter_map(move |step| step.checked_mul(power)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chart(series: Vec<Series>) -> Chart {
        Chart { id: "test", title: "Left to do".to_owned(), unit: "hosts", series, marks: Vec::new() }
    }

    fn line(name: &str, points: &[(i64, i64)]) -> Series {
        Series { name: name.to_owned(), points: points.to_vec(), filled: true }
    }

    #[test]
    fn a_burn_down_is_drawn_told_and_shown_as_numbers() {
        let mut chart = chart(vec![line("left", &[(0, 10), (1, 4), (3, 0)]), line("ideal", &[(0, 10), (4, 0)])]);
        chart.marks.push(Mark { day: 4, name: "deadline".to_owned() });
        let html = chart.render().unwrap();
        assert!(html.contains(r#"points="52.0,14.0 194.0,141.2 478.0,226.0""#), "{html}");
        assert!(
            html.contains("left: 10 at first, 0 at last. ideal: 10 at first, 0 at last. deadline: 1970-01-05."),
            "{html}"
        );
        let rows = chart.rows();
        assert_eq!(rows[1], (Date::constant(1970, 1, 2), vec!["4".to_owned(), String::new()]));
        assert_eq!(rows.len(), 4);
        assert!(html.contains(r#"aria-labelledby="test-title test-told""#) && html.contains("<details>"), "{html}");
    }

    #[test]
    fn names_from_hosts_stay_text() {
        let html =
            chart(vec![line("<script>\u{202E}", &[(0, 1)]), line(&"x".repeat(10_000), &[(0, 1)])]).render().unwrap();
        assert!(!html.contains("<script") && !html.contains('\u{202E}') && html.len() < 6_000, "{}", html.len());
    }

    #[test]
    fn without_numbers_it_says_so() {
        assert!(chart(vec![line("left", &[])]).render().unwrap().contains("No numbers yet"));
    }

    proptest! {
        #[test]
        fn every_line_stays_inside_and_the_ticks_are_few(
            mut points in proptest::collection::vec((0_i64..40_000, 0_i64..200_000), 1..40),
        ) {
            points.sort_unstable();
            points.dedup_by_key(|(day, _)| *day);
            let chart = chart(vec![line("x", &points)]);
            for (day, number) in &points {
                prop_assert!((LEFT - 0.1..=RIGHT + 0.1).contains(&chart.plot().x(*day)));
                prop_assert!((TOP - 0.1..=BOTTOM + 0.1).contains(&chart.plot().y(*number)));
            }
            let (across, along) = (chart.across(), chart.along());
            prop_assert!((2..=6).contains(&across.len()), "{}", across.len());
            prop_assert!((1..=5).contains(&along.len()), "{}", along.len());
        }
    }
}
