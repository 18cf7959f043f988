//! What is installed on a host of some role: chosen once for all clones of an image, followed through the year's versions.

use std::borrow::Cow;

use fastrand::Rng;
use report::package::Package;

use super::catalogue::Catalogue;
use super::kernel;
use super::product::Product;
use super::system::Os;

/// What a host does at its site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Worker,
    XrootdStorage,
    DcacheStorage,
    HtcondorCe,
    ArcCe,
    Ui,
}

/// The choice of sources that clones share.
pub(super) struct Image {
    role: Role,
    /// Places in the catalogue of the image's family of systems.
    sources: Vec<usize>,
}

/// A moment in an image's life: together with the image it says every package and version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    /// The day on which its hosts begin to get there.
    pub(super) day: i32,
    pub(super) os: Os,
    /// The day whose repositories it was updated from.
    pub(super) updated: i32,
    /// Which release of XRootD it has, see [`super::product::XROOTD`].
    pub(super) xrootd: u8,
    /// Numbers of the installed kernels, oldest first.
    pub(super) kernels: Vec<u8>,
}

impl Image {
    pub(super) fn invent(role: Role, os: Os, catalogue: &Catalogue, rng: &mut Rng) -> Self {
        // Some administrators install what is needed, some whatever could be.
        let richness = 0.75 + 0.5 * rng.f64();
        let sources = catalogue.sources(os).iter().enumerate();
        let chosen = sources.filter(|(_, source)| rng.f64() < role.share(source.group) * richness);
        Image { role, sources: chosen.map(|(at, _)| at).collect() }
    }

    /// Every package of a host in `state`.
    pub(super) fn packages(&self, catalogue: &Catalogue, state: &State) -> Vec<Package<'static>> {
        let all = catalogue.sources(state.os);
        let mut packages = kernel::packages(state.os, &state.kernels);
        for product in self.role.products() {
            packages.extend(product.packages(state.os, state.updated, state.xrootd));
        }
        for source in self.sources.iter().filter_map(|at| all.get(*at)) {
            let version = source.version(state.os, state.updated);
            packages.extend(source.packages.iter().map(|name| Package {
                name: Cow::Borrowed(*name),
                version: Cow::Owned(version.clone()),
                arch: Cow::Borrowed(source.arch),
                packager: state.os.packager(),
            }));
        }
        packages
    }
}

impl Role {
    /// How likely a host of this role has a source of `group`.
    fn share(self, group: &str) -> f64 {
        // Above 1 even where an administrator is sparing.
        const ALWAYS: f64 = 2.0;
        match (self, group) {
            (_, "base") => ALWAYS,
            (Role::Worker, "hep") => 0.95,
            (Role::Worker | Role::HtcondorCe | Role::ArcCe, "common") => 0.6,
            (Role::Worker, "devel" | "graphics") => 0.5,
            (Role::Worker, "grid" | "perl" | "python") => 0.3,
            (Role::Ui, "common" | "devel" | "hep" | "grid" | "perl" | "python" | "graphics") => 0.85,
            (Role::Ui, "texlive" | "desktop") => 0.7,
            (Role::DcacheStorage, "java") => ALWAYS,
            (Role::HtcondorCe | Role::ArcCe, "grid" | "perl") => 0.6,
            (Role::HtcondorCe | Role::ArcCe, "web" | "python") => 0.4,
            (Role::XrootdStorage | Role::DcacheStorage, "common") => 0.7,
            (Role::XrootdStorage | Role::DcacheStorage, "grid" | "python") => 0.15,
            _ => 0.02,
        }
    }

    fn products(self) -> &'static [Product] {
        match self {
            Role::Worker => &[
                Product::XrootdClient,
                Product::Voms,
                Product::Gfal2,
                Product::Davix,
                Product::Condor,
                Product::Cvmfs,
                Product::Apptainer,
                Product::Certificates,
            ],
            Role::XrootdStorage => {
                &[Product::XrootdServer, Product::XrootdClient, Product::Voms, Product::Certificates]
            }
            Role::DcacheStorage => &[Product::Dcache, Product::Voms, Product::Certificates],
            Role::HtcondorCe => &[Product::Condor, Product::CondorCe, Product::Voms, Product::Certificates],
            Role::ArcCe => &[Product::Arc, Product::Condor, Product::Voms, Product::Gfal2, Product::Certificates],
            Role::Ui => &[
                Product::XrootdClient,
                Product::Voms,
                Product::Gfal2,
                Product::Davix,
                Product::Cvmfs,
                Product::Certificates,
            ],
        }
    }
}
