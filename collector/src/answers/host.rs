//! Everything about one host: facts, packages, verdicts, kernels, warnings and its time line.

use std::sync::Arc;

use jiff::Timestamp;
use report::os;
use report::package::{Package, Packager};
use report::version;

use super::judge::Judge;
use super::standard::ComparedProduct;
use super::timeline::{self, Step};
use super::{AnswerError, time};
use crate::access::Scope;
use crate::history::{self, Interval};
use crate::store::{KnownHost, Store};

/// A host.
#[derive(Debug)]
pub struct HostAnswer {
    /// Its site.
    pub site: String,
    /// Its name.
    pub name: String,
    /// Its newest state.
    pub known: KnownHost,
    /// Short name of its system, if we know one.
    pub os: Option<String>,
    /// Its newest header lines by name.
    pub facts: Vec<(String, String)>,
    /// Its packages by name and version.
    pub packages: Vec<Package<'static>>,
    /// What the references say of it.
    pub products: Vec<ComparedProduct>,
    /// Its kernels.
    pub kernels: Kernels,
    /// What it was, oldest first.
    pub timeline: Vec<Step>,
}

/// The kernel that runs and the newest one that is installed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kernels {
    /// As the host reports it, such as `5.14.0-427.13.1.el9_4.x86_64`.
    pub running: String,
    /// The newest installed, where kernels come as packages.
    pub newest: Option<String>,
    /// Whether the newest one waits for a restart.
    pub restart_due: bool,
}

/// The host of that name at a site, as far as it may be seen; otherwise it is as if there were none.
///
/// # Errors
/// [`AnswerError::NoHost`] and the store's.
pub async fn answer(
    store: &Store,
    judge: &Judge,
    scope: &Scope,
    (site, name): (&str, &str),
    now: Timestamp,
    stale_after_days: u32,
) -> Result<HostAnswer, AnswerError> {
    let known = known(store, scope, (site, name)).await?;
    let ids = store.list(known.list).await?;
    let mut packages: Vec<Package<'static>> = store.packages(&ids).await?.into_values().collect();
    packages.sort();
    let facts: Vec<(String, String)> = known
        .facts
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let fact = |name: &str| facts.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str());
    let os = os::short_name(fact("system"));
    let standard = judge.standard_at(store, now).await?;
    let state = (known.list, known.facts_id);
    let judged = judge.judge(store, &standard, &[state]).await?.remove(&state).unwrap_or_default();
    let aged = |product: &Arc<ComparedProduct>| product.with_age(time(known.last_news), now, stale_after_days);
    let products = judged.packages.iter().map(aged).collect();
    Ok(HostAnswer {
        kernels: kernels(fact("kernel"), &packages),
        timeline: timeline::of(store, known.host).await?,
        site: site.to_owned(),
        name: name.to_owned(),
        known,
        os,
        facts,
        packages,
        products,
    })
}

/// The newest state of the host of that name at a site, as far as it may be seen.
///
/// # Errors
/// [`AnswerError::NoHost`] and the store's.
pub async fn known(store: &Store, scope: &Scope, (site, name): (&str, &str)) -> Result<KnownHost, AnswerError> {
    let unknown = || AnswerError::NoHost(name.to_owned());
    if !scope.holds(site) {
        return Err(unknown());
    }
    store.known_host(site, name).await?.ok_or_else(unknown)
}

/// The state of a host at a time, as far as it may be seen; its newest without one.
///
/// # Errors
/// [`AnswerError::NoHost`], [`AnswerError::TooEarly`] and the store's.
pub async fn state_at(
    store: &Store,
    scope: &Scope,
    (site, name): (&str, &str),
    at: Option<Timestamp>,
) -> Result<Interval, AnswerError> {
    let host = known(store, scope, (site, name)).await?;
    let at = at.unwrap_or(Timestamp::MAX);
    let intervals = history::intervals(store.runs(host.host).await?);
    let state = intervals.into_iter().rev().find(|interval| interval.from <= at.as_second());
    state.ok_or_else(|| AnswerError::TooEarly { name: name.to_owned(), at })
}

/// Packages whose version names a kernel that can be started: rpm's, then Debian's and Ubuntu's.
fn kernels(running: &str, packages: &[Package<'_>]) -> Kernels {
    let release = |package: &Package<'_>| match package.packager {
        Packager::Rpm if ["kernel-core", "kernel", "kernel-rt-core"].contains(&package.name.as_ref()) => {
            let version = package.version.split_once(':').map_or(&*package.version, |(_, version)| version);
            Some(format!("{version}.{}", package.arch))
        }
        Packager::Dpkg => package
            .name
            .strip_prefix("linux-image-")
            .map(|name| name.strip_prefix("unsigned-").unwrap_or(name))
            // Packages such as linux-image-amd64 only depend on the newest one.
            .filter(|name| name.starts_with(|c: char| c.is_ascii_digit()))
            .map(str::to_owned),
        Packager::Rpm => None,
    };
    let installed = packages.iter().filter_map(|package| Some((package.packager, release(package)?)));
    let newest = installed.max_by(|(packager, left), (_, right)| version::compare(*packager, left, right));
    let restart_due = newest.as_ref().is_some_and(|(packager, newest)| {
        !running.is_empty() && version::compare(*packager, running, newest) == std::cmp::Ordering::Less
    });
    Kernels { running: running.to_owned(), newest: newest.map(|(_, release)| release), restart_due }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(packager: Packager, name: &str, version: &str) -> Package<'static> {
        Package { name: name.to_owned().into(), version: version.to_owned().into(), arch: "x86_64".into(), packager }
    }

    #[test]
    fn a_newer_installed_kernel_waits_for_a_restart() {
        let rpms = [
            package(Packager::Rpm, "kernel-core", "0:5.14.0-427.9.1.el9"),
            package(Packager::Rpm, "kernel-core", "0:5.14.0-427.13.1.el9"),
            package(Packager::Rpm, "kernel-tools", "0:9-1"),
        ];
        let found = kernels("5.14.0-427.9.1.el9.x86_64", &rpms);
        assert_eq!((found.newest.as_deref(), found.restart_due), (Some("5.14.0-427.13.1.el9.x86_64"), true));
        assert!(!kernels("5.14.0-427.13.1.el9.x86_64", &rpms).restart_due);
        let debs = [
            package(Packager::Dpkg, "linux-image-amd64", "6.1.99-1"),
            package(Packager::Dpkg, "linux-image-6.1.0-22-amd64", "6.1.94-1"),
            package(Packager::Dpkg, "linux-image-6.1.0-9-amd64", "6.1.27-1"),
        ];
        let found = kernels("6.1.0-9-amd64", &debs);
        assert_eq!((found.newest.as_deref(), found.restart_due), (Some("6.1.0-22-amd64"), true));
        assert_eq!(kernels("6.1.0", &[]), Kernels { running: "6.1.0".to_owned(), ..Kernels::default() });
    }
}
