//! docs/benchmarks.md and its table on standard output: each part replaces its own section and leaves the others.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::section::{Row, Section};

const FRONT: &str = "# Benchmarks

Written by `make bench` (`make bench PART=agent` measures one part anew). Figures in three are min / median / max of the
runs. Ours and its peer run in turn, and ratios are taken pair by pair, so that whatever else the machine does hits both;
CPU is user and system time of the whole process. A target is held against the median.

";

/// Prints a part's section and puts it into the page.
pub(crate) fn put(part: &str, section: &Section, parts: &[&str]) {
    let text = markdown(section);
    println!("{text}");
    let file = file();
    let old = std::fs::read_to_string(&file).unwrap_or_default();
    let mut page = FRONT.to_owned();
    for name in parts {
        let kept = kept(&old, name);
        if let Some(text) = if *name == part { Some(text.as_str()) } else { kept } {
            let _ = writeln!(page, "{}{text}{}", begin(name), end(name));
        }
    }
    std::fs::write(&file, page).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/benchmarks.md")
}

/// What the page says of a part already.
fn kept<'a>(page: &'a str, part: &str) -> Option<&'a str> {
    let (_, rest) = page.split_once(&begin(part))?;
    Some(rest.split_once(&end(part))?.0)
}

fn begin(part: &str) -> String {
    format!("<!-- part {part} -->\n")
}

fn end(part: &str) -> String {
    format!("<!-- end of {part} -->\n")
}

fn markdown(section: &Section) -> String {
    let Section { title, method, rows, remarks, charts } = section;
    let mut text = format!("## {title}\n\n{}\n\n{}\n\n", machine(), method.trim());
    text += &table(rows);
    for (file, words) in charts {
        let _ = write!(text, "\n![{words}](images/{file})\n");
    }
    if !remarks.trim().is_empty() {
        let _ = write!(text, "\n{}\n", remarks.trim());
    }
    text
}

fn table(rows: &[Row]) -> String {
    let mut cells: Vec<[String; 6]> =
        vec![["what", "ours", "peer or limit", "ratio", "target", "met"].map(str::to_owned)];
    cells.extend(rows.iter().map(|row| {
        let ratio = row.ratio.map(|ratio| ratio.to_string()).unwrap_or_default();
        let met = row.met.map(|met| if met { "yes" } else { "**no**" }).unwrap_or_default();
        [row.what.clone(), row.ours.clone(), row.peer.clone(), ratio, row.target.clone(), met.to_owned()]
    }));
    let widths: [usize; 6] =
        std::array::from_fn(|column| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or_default());
    let line = |row: &[String; 6]| {
        let padded = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("| {} |\n", padded.collect::<Vec<_>>().join(" | "))
    };
    let rule = format!("|{}\n", widths.map(|width| "-".repeat(width + 2) + "|").concat());
    line(&cells[0]) + &rule + &cells[1..].iter().map(line).collect::<String>()
}

/// What it ran on and when.
fn machine() -> String {
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "{}, {cores} cores, Linux {}, {}; {}; load before it was written {}.",
        model.map_or("unknown processor", |(_, model)| model),
        said("uname", &["-r"]),
        said("openssl", &["version"]),
        said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        load.split(' ').next().unwrap_or_default(),
    )
}
