//! Operating systems of the invented grid: their releases over the year, in the words in which hosts report them.

use report::package::Packager;

/// A system that hosts run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Os {
    El8,
    El9,
    Debian12,
    Ubuntu2404,
}

impl Os {
    #[cfg(test)]
    pub(super) const ALL: [Os; 4] = [Os::El8, Os::El9, Os::Debian12, Os::Ubuntu2404];

    /// The name in reference lists.
    pub(super) fn short_name(self) -> &'static str {
        match self {
            Os::El8 => "el8",
            Os::El9 => "el9",
            Os::Debian12 => "debian12",
            Os::Ubuntu2404 => "ubuntu24.04",
        }
    }

    pub(super) fn packager(self) -> Packager {
        match self {
            Os::El8 | Os::El9 => Packager::Rpm,
            Os::Debian12 | Os::Ubuntu2404 => Packager::Dpkg,
        }
    }

    /// The minor release of EL that is current on a day.
    pub(super) fn minor(self, day: i32) -> u32 {
        match self {
            Os::El8 => 10,
            Os::El9 if day < 130 => 4,
            Os::El9 if day < 310 => 5,
            Os::El9 => 6,
            Os::Debian12 | Os::Ubuntu2404 => 0,
        }
    }

    /// The day on which the minor release of `day` came out; what was there before the year counts from its beginning.
    pub(super) fn minor_since(self, day: i32) -> i32 {
        match self.minor(day) {
            5 => 130,
            6 => 310,
            _ => 0,
        }
    }

    /// The `system:` line of a host that was updated on a day.
    pub(super) fn system(self, flavour: Flavour, day: i32) -> String {
        let minor = self.minor(day);
        match self {
            Os::El8 => format!("{} release 8.{minor} ({})", flavour.name(), flavour.code_name(8, minor)),
            Os::El9 => format!("{} release 9.{minor} ({})", flavour.name(), flavour.code_name(9, minor)),
            Os::Debian12 => "Debian GNU/Linux 12 (bookworm)".to_owned(),
            Os::Ubuntu2404 => format!("Ubuntu 24.04.{} LTS", if day < 200 { 1 } else { 2 }),
        }
    }
}

/// Which rebuild of Red Hat Enterprise Linux a site has chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    Alma,
    Rocky,
    RedHat,
}

impl Flavour {
    fn name(self) -> &'static str {
        match self {
            Flavour::Alma => "AlmaLinux",
            Flavour::Rocky => "Rocky Linux",
            Flavour::RedHat => "Red Hat Enterprise Linux",
        }
    }

    fn code_name(self, major: u32, minor: u32) -> &'static str {
        match (self, major, minor) {
            (Flavour::Alma, 8, _) => "Cerulean Leopard",
            (Flavour::Alma, _, 4) => "Seafoam Ocelot",
            (Flavour::Alma, _, 5) => "Teal Serval",
            (Flavour::Alma, _, _) => "Sage Margay",
            (Flavour::Rocky, 8, _) => "Green Obsidian",
            (Flavour::Rocky, _, _) => "Blue Onyx",
            (Flavour::RedHat, 8, _) => "Ootpa",
            (Flavour::RedHat, _, _) => "Plow",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_system_line_gives_the_name_that_references_use() {
        for os in Os::ALL {
            for flavour in [Flavour::Alma, Flavour::Rocky, Flavour::RedHat] {
                for day in [-30, 0, 140, 365] {
                    let system = os.system(flavour, day);
                    assert_eq!(report::os::short_name(&system).as_deref(), Some(os.short_name()), "{system}");
                }
            }
        }
    }
}
