//! The products that officers ask about: their packages on each family of systems and their releases over the year.

use std::borrow::Cow;

use report::package::{Package, Packager};

use super::system::Os;

/// Something that the grid runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Product {
    XrootdServer,
    XrootdClient,
    Voms,
    Gfal2,
    Davix,
    Condor,
    CondorCe,
    Arc,
    Dcache,
    Cvmfs,
    Apptainer,
    Certificates,
}

/// First day, version on EL without `.elN`, version on Debian and Ubuntu.
type Release = (i32, &'static str, &'static str);

/// The releases of XRootD: hosts name the one they have by its place here, because sites hold it back until they migrate.
pub(super) const XROOTD: [Release; 7] = [
    (-60, "1:5.6.4-1", "5.6.4-1"),
    (40, "1:5.6.6-1", "5.6.6-1"),
    (105, "1:5.6.9-1", "5.6.9-1"),
    (XROOTD_5_7, "1:5.7.0-1", "5.7.0-1"),
    (215, "1:5.7.1-1", "5.7.1-1"),
    (285, "1:5.7.2-1", "5.7.2-1"),
    (342, "1:5.7.3-1", "5.7.3-1"),
];

/// The day of the first release of the series that sites migrate to.
pub(super) const XROOTD_5_7: i32 = 165;

/// The newest XRootD of a day, of the series 5.7 or the one before.
pub(super) fn xrootd(day: i32, migrated: bool) -> u8 {
    let of_series = |(since, ..): &&Release| *since <= day && (migrated || *since < XROOTD_5_7);
    u8::try_from(XROOTD.iter().filter(of_series).count().saturating_sub(1)).unwrap_or_default()
}

impl Product {
    /// The packages of the product on a host that was updated on `day` and has XRootD number `xrootd`.
    pub(super) fn packages(self, os: Os, day: i32, xrootd: u8) -> Vec<Package<'static>> {
        let release = match self {
            Product::XrootdServer | Product::XrootdClient => XROOTD.get(usize::from(xrootd)),
            _ => {
                let released = |(since, ..): &&Release| *since <= day.max(0);
                self.releases().iter().rev().find(released)
            }
        };
        let Some((_, el, debian)) = release else { return Vec::new() };
        let dist = match os {
            Os::El8 => ".el8",
            Os::El9 => ".el9",
            Os::Debian12 | Os::Ubuntu2404 => "",
        };
        let package = |(name, of_any_arch): (&'static str, bool)| {
            let (version, arch) = match os.packager() {
                // What is built elsewhere and for every release carries no mark of one.
                Packager::Rpm if self.is_for_every_release() => (Cow::Borrowed(*el), "noarch"),
                Packager::Rpm => (Cow::Owned(format!("{el}{dist}")), if of_any_arch { "noarch" } else { "x86_64" }),
                Packager::Dpkg => (Cow::Borrowed(*debian), if of_any_arch { "all" } else { "amd64" }),
            };
            Package { name: name.into(), version, arch: arch.into(), packager: os.packager() }
        };
        self.names(os.packager()).iter().copied().map(package).collect()
    }

    fn is_for_every_release(self) -> bool {
        matches!(self, Product::Dcache | Product::Certificates)
    }

    /// Names, and whether each is of any architecture.
    fn names(self, packager: Packager) -> &'static [(&'static str, bool)] {
        match (self, packager) {
            (Product::XrootdServer, Packager::Rpm) => &[
                ("xrootd", false),
                ("xrootd-server", false),
                ("xrootd-server-libs", false),
                ("xrootd-selinux", true),
                ("xrootd-voms", false),
                ("xrootd-scitokens", false),
            ],
            (Product::XrootdServer, Packager::Dpkg) => {
                &[("xrootd-server", false), ("xrootd-server-plugins", false), ("xrootd-voms-plugins", false)]
            }
            (Product::XrootdClient, Packager::Rpm) => &[
                ("xrootd-client", false),
                ("xrootd-client-libs", false),
                ("xrootd-libs", false),
                ("python3-xrootd", false),
            ],
            (Product::XrootdClient, Packager::Dpkg) => {
                &[("xrootd-client", false), ("xrootd-client-plugins", false), ("python3-xrootd", false)]
            }
            (Product::Voms, Packager::Rpm) => &[("voms", false), ("voms-clients-cpp", false)],
            (Product::Voms, Packager::Dpkg) => &[("libvomsapi1v5", false), ("voms-clients", false)],
            (Product::Gfal2, Packager::Rpm) => &[
                ("gfal2", false),
                ("gfal2-plugin-file", false),
                ("gfal2-plugin-http", false),
                ("gfal2-plugin-xrootd", false),
            ],
            (Product::Gfal2, Packager::Dpkg) => {
                &[("libgfal2-2", false), ("gfal2-plugin-http", false), ("gfal2-plugin-xrootd", false)]
            }
            (Product::Davix, Packager::Rpm) => &[("davix", false), ("davix-libs", false)],
            (Product::Davix, Packager::Dpkg) => &[("davix", false), ("libdavix0v5", false)],
            (Product::Condor, Packager::Rpm) => &[("condor", false), ("python3-condor", false)],
            (Product::Condor, Packager::Dpkg) => &[("condor", false), ("python3-htcondor", false)],
            (Product::CondorCe, _) => {
                &[("htcondor-ce", true), ("htcondor-ce-bdii", true), ("htcondor-ce-condor", true)]
            }
            (Product::Arc, Packager::Rpm) => {
                &[("nordugrid-arc", false), ("nordugrid-arc-arex", false), ("nordugrid-arc-plugins-globus", false)]
            }
            (Product::Arc, Packager::Dpkg) => {
                &[("nordugrid-arc-arex", false), ("libarccommon3", false), ("nordugrid-arc-plugins-globus", false)]
            }
            (Product::Dcache, _) => &[("dcache", true)],
            (Product::Cvmfs, Packager::Rpm) => {
                &[("cvmfs", false), ("cvmfs-libs", false), ("cvmfs-config-default", true)]
            }
            (Product::Cvmfs, Packager::Dpkg) => &[("cvmfs", false), ("cvmfs-config-default", true)],
            (Product::Apptainer, _) => &[("apptainer", false)],
            (Product::Certificates, _) => &[("ca-policy-egi-core", true), ("fetch-crl", true)],
        }
    }

    /// Oldest first; the first was there before the year began.
    fn releases(self) -> &'static [Release] {
        match self {
            Product::XrootdServer | Product::XrootdClient => &XROOTD,
            Product::Voms => &[(0, "0:2.1.0-1", "2.1.0-2"), (190, "0:2.1.2-1", "2.1.2-1")],
            Product::Gfal2 => {
                &[(0, "0:2.22.1-1", "2.22.1-1"), (80, "0:2.22.2-1", "2.22.2-1"), (250, "0:2.23.0-1", "2.23.0-1")]
            }
            Product::Davix => {
                &[(0, "0:0.8.5-1", "0.8.5-1"), (60, "0:0.8.7-1", "0.8.7-1"), (230, "0:0.8.10-1", "0.8.10-1")]
            }
            Product::Condor => &[
                (0, "0:23.0.3-1", "23.0.3-1"),
                (55, "0:23.0.12-1", "23.0.12-1"),
                (140, "0:23.0.17-1", "23.0.17-1"),
                (260, "0:24.0.4-1", "24.0.4-1"),
                (330, "0:24.0.7-1", "24.0.7-1"),
            ],
            Product::CondorCe => &[(0, "0:23.0.8-1", "23.0.8-1"), (265, "0:24.0.2-1", "24.0.2-1")],
            Product::Arc => &[
                (0, "0:6.18.0-1", "6.18.0-1"),
                (120, "0:6.19.0-1", "6.19.0-1"),
                (245, "0:6.20.1-1", "6.20.1-1"),
                (335, "0:7.0.0-1", "7.0.0-1"),
            ],
            Product::Dcache => &[
                (0, "0:9.2.17-1", "9.2.17-1"),
                (75, "0:9.2.21-1", "9.2.21-1"),
                (160, "0:9.2.27-1", "9.2.27-1"),
                (290, "0:9.2.33-1", "9.2.33-1"),
            ],
            Product::Cvmfs => {
                &[(0, "0:2.11.2-1", "2.11.2-1"), (95, "0:2.11.5-1", "2.11.5-1"), (270, "0:2.12.6-1", "2.12.6-1")]
            }
            Product::Apptainer => &[
                (0, "0:1.3.0-1", "1.3.0-1"),
                (70, "0:1.3.3-1", "1.3.3-1"),
                (180, "0:1.3.6-1", "1.3.6-1"),
                (320, "0:1.4.0-1", "1.4.0-1"),
            ],
            Product::Certificates => &[
                (0, "0:1.128-1", "1.128-1"),
                (85, "0:1.129-1", "1.129-1"),
                (175, "0:1.131-1", "1.131-1"),
                (280, "0:1.133-1", "1.133-1"),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xrootd_is_held_back_until_the_site_migrates() {
        let version = |day, migrated| XROOTD[usize::from(xrootd(day, migrated))].1;
        assert_eq!(version(0, false), "1:5.6.4-1");
        assert_eq!(version(365, false), "1:5.6.9-1");
        assert_eq!(version(100, true), "1:5.6.6-1");
        assert_eq!(version(365, true), "1:5.7.3-1");
        let server = Product::XrootdServer.packages(Os::El9, 365, xrootd(365, true));
        assert!(server.iter().any(|package| package.name == "xrootd-server" && package.version == "1:5.7.3-1.el9"));
    }
}
