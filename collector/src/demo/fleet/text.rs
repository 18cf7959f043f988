//! What an invented host reports: header lines of its own, package lines that it shares with its clones.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use report::report::{Header, Report};
use report::text::{self, TextError};

use super::DAY;
use super::farm::Farm;
use super::grid::{Arrival, Grid};
use super::host::{Host, Moment};
use super::odd::Odd;

/// Package lines that are kept for the clones that report next; farms report one after the other.
const KEPT: usize = 512;

/// Writes the reports of a grid.
pub(super) struct Writer {
    grid: Arc<Grid>,
    /// By farm and state.
    sections: Mutex<HashMap<(usize, usize), Arc<str>>>,
}

impl Writer {
    pub(super) fn new(grid: Arc<Grid>) -> Self {
        Writer { grid, sections: Mutex::default() }
    }

    /// The text of a report.
    ///
    /// # Errors
    /// [`TextError`], which would be a fault of the invention.
    pub(super) fn text(&self, host: &Host, moment: &Moment, arrival: Arrival) -> Result<String, TextError> {
        let Some(farm) = self.grid.farms.get(host.farm) else { return Ok(String::new()) };
        let report = Report { header: self.header(host, farm, moment, arrival), packages: Vec::new() };
        let text = text::write(&report)?;
        // Without packages two separators follow each other: the packages belong between them.
        let head = text.strip_suffix("#\n").unwrap_or(&text);
        Ok(match arrival.odd {
            Some(Odd::NoPackages) => text,
            Some(Odd::Truncated) => {
                let section = self.section(host.farm, farm, moment)?;
                let lines: String = section.split_inclusive('\n').take(100).collect();
                [head, &lines].concat()
            }
            _ => [head, &self.section(host.farm, farm, moment)?].concat(),
        })
    }

    fn header(&self, host: &Host, farm: &Farm, moment: &Moment, arrival: Arrival) -> Header<'_> {
        let mut facts: BTreeMap<Cow<'_, str>, Cow<'_, str>> = BTreeMap::new();
        let mut fact = |name: &'static str, value: Cow<'static, str>| drop(facts.insert(name.into(), value));
        let site = self.grid.sites.get(farm.site);
        let state = farm.states.get(moment.state);
        let legacy = site.is_some_and(|site| site.legacy);
        fact("arch", "x86_64".into());
        fact("cpu", farm.cpu.into());
        fact("kernel", moment.kernel(farm).into());
        fact("tag", "MWR".into());
        if let (Some(site), Some(state)) = (site, state) {
            fact("system", state.os.system(site.flavour, state.updated).into());
        }
        if !legacy {
            fact("reporter", concat!("wlcg-package-reporter ", env!("CARGO_PKG_VERSION")).into());
        }
        if let Some(warning) = host.warning {
            fact("reporter-warning", warning.into());
        }
        let collected = match arrival.odd {
            None => self.grid.at(moment.day, moment.second) + host.clock_ahead,
            // Ahead of today as well, however long ago it came.
            Some(Odd::ClockAhead) => arrival.received + 400 * DAY,
            Some(_) => arrival.received,
        };
        let site = match arrival.odd {
            Some(Odd::NoSite) => None,
            Some(Odd::Placeholder) => Some(Cow::Borrowed("MY-SITE")),
            Some(Odd::Moved) => self.grid.neighbour(farm.site).map(|site| Cow::Borrowed(site.naming.site.as_str())),
            Some(Odd::UnknownSite) => site.map(|site| Cow::Owned(format!("{}-X", site.naming.site))),
            _ => site.map(|site| Cow::Borrowed(site.naming.site.as_str())),
        };
        Header {
            host: Cow::Owned(host.name.clone()),
            site,
            packager: state.map_or(report::package::Packager::Rpm, |state| state.os.packager()),
            collected: Timestamp::from_second(collected).ok().filter(|_| !legacy),
            facts,
        }
    }

    /// Package lines and the separator that closes them.
    fn section(&self, at: usize, farm: &Farm, moment: &Moment) -> Result<Arc<str>, TextError> {
        let key = (at, moment.state);
        let sections = || self.sections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(section) = sections().get(&key) {
            return Ok(Arc::clone(section));
        }
        let Some(state) = farm.states.get(moment.state) else { return Ok("#\n".into()) };
        let packages = farm.image.packages(&self.grid.catalogue, state);
        let header = Header {
            host: "clone".into(),
            site: None,
            packager: state.os.packager(),
            collected: None,
            facts: BTreeMap::new(),
        };
        let text = text::write(&Report { header, packages })?;
        let section: Arc<str> = text.split_once("\n#\n").map_or("#\n", |(_, section)| section).into();
        let mut sections = sections();
        if sections.len() >= KEPT {
            sections.clear();
        }
        sections.insert(key, Arc::clone(&section));
        Ok(section)
    }
}
