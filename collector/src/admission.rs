//! Who may hand in reports now: bounds on how often an address or a site comes, and on how much lies unopened.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{NotUntil, Quota, RateLimiter};
use ipnet::IpNet;

use crate::registry::Directory;
use crate::store::{Store, StoreError, unless_silent};

/// How often the inbox is counted and what is known of quiet addresses is forgotten.
const REFRESH: Duration = Duration::from_secs(5);

/// How long the database may say nothing to that.
const SILENCE: Duration = Duration::from_secs(60);

/// Whoever is turned away is told a time within so many seconds after the earliest one: a farm behind one address, or a grid
/// after an outage, comes back spread out.
const SPREAD_SECONDS: u64 = 300;

/// How long the inbox is given to be emptied.
const FULL_SECONDS: u64 = 300;

/// How long a database that is away is given.
pub const AWAY_SECONDS: u64 = 30;

/// What is admitted, by a clock that cannot leap; clones share it.
#[derive(Clone)]
pub struct Admission<C: Clock = DefaultClock> {
    shared: Arc<Shared<C>>,
}

struct Shared<C: Clock> {
    bounds: Bounds,
    clock: C,
    addresses: Limiter<IpAddr, C>,
    sites: Limiter<String, C>,
    networks: RwLock<Vec<(IpNet, String)>>,
    full: AtomicBool,
}

type Limiter<K, C> = RateLimiter<K, DefaultKeyedStateStore<K>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// How much is admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Reports from one address (IPv6: one /64) in a minute, all of them at once if need be.
    pub per_minute_per_address: NonZeroU32,
    /// Reports from the networks of one site in a minute, all of them at once if need be.
    pub per_minute_per_site: NonZeroU32,
    /// Reports in the inbox that are not opened, give or take those of a few seconds.
    pub unopened: u32,
}

/// Why a report is not taken now, and in how many seconds to come back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Turned {
    /// Too many from one address.
    #[error("more than {bound} reports a minute from your address: this one will be taken later")]
    Address {
        /// The bound.
        bound: NonZeroU32,
        /// When to come back.
        seconds: u64,
    },
    /// Too many from one site.
    #[error("more than {bound} reports a minute from the networks of {site}: this one will be taken later")]
    Site {
        /// The site.
        site: String,
        /// The bound.
        bound: NonZeroU32,
        /// When to come back.
        seconds: u64,
    },
    /// Too many are unopened.
    #[error("the inbox is full: its reports have to be opened or decided first")]
    Full {
        /// When to come back.
        seconds: u64,
    },
    /// Too many are on their way at once.
    #[error("more reports are on their way than there is memory for: this one will be taken later")]
    Crowded {
        /// When to come back.
        seconds: u64,
    },
}

impl Turned {
    /// Others take all the room now.
    #[must_use]
    pub fn crowded() -> Self {
        Turned::Crowded { seconds: spread(AWAY_SECONDS) }
    }

    /// When to come back.
    #[must_use]
    pub fn seconds(&self) -> u64 {
        match self {
            Turned::Address { seconds, .. }
            | Turned::Site { seconds, .. }
            | Turned::Full { seconds }
            | Turned::Crowded { seconds } => *seconds,
        }
    }
}

impl Admission {
    /// Admits within these bounds, once [`Admission::refresh`] has seen the database.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Admission::by_clock(bounds, DefaultClock::default())
    }
}

impl<C: Clock + Clone> Admission<C> {
    /// The same by another clock, such as that of a simulation.
    #[must_use]
    pub fn by_clock(bounds: Bounds, clock: C) -> Self {
        let shared = Shared {
            bounds,
            addresses: limiter(bounds.per_minute_per_address, &clock),
            sites: limiter(bounds.per_minute_per_site, &clock),
            clock,
            networks: RwLock::default(),
            full: AtomicBool::new(false),
        };
        Admission { shared: Arc::new(shared) }
    }

    /// Whether a report from `source` may be read. An address of this machine is a proxy's that does not say whom it speaks
    /// for: it counts as nobody's, or one bound would hold for the whole grid.
    ///
    /// # Errors
    /// [`Turned`]; nothing of the report is kept.
    pub fn check(&self, source: &str) -> Result<(), Turned> {
        let Shared { bounds, clock, addresses, sites, networks, full } = &*self.shared;
        if full.load(Ordering::Relaxed) {
            return Err(Turned::Full { seconds: spread(FULL_SECONDS) });
        }
        let address = source.parse::<IpAddr>().map(|address| address.to_canonical());
        let Some(address) = address.ok().filter(|address| !address.is_loopback()) else { return Ok(()) };
        let seconds = |until: NotUntil<C::Instant>| spread(until.wait_time_from(clock.now()).as_secs());
        addresses
            .check_key(&of_one_owner(address))
            .map_err(|until| Turned::Address { bound: bounds.per_minute_per_address, seconds: seconds(until) })?;
        let networks = networks.read().unwrap_or_else(PoisonError::into_inner);
        let nearest = networks.iter().filter(|(network, _)| network.contains(&address));
        let Some((_, site)) = nearest.max_by_key(|(network, _)| network.prefix_len()) else { return Ok(()) };
        sites.check_key(site).map_err(|until| Turned::Site {
            site: site.clone(),
            bound: bounds.per_minute_per_site,
            seconds: seconds(until),
        })
    }

    /// Looks into the database once.
    ///
    /// # Errors
    /// [`StoreError`]; what was known before still holds.
    pub async fn refresh(&self, store: &Store) -> Result<(), StoreError> {
        let figures = store.inbox_figures().await?;
        let unopened = figures.waiting + figures.set_aside.iter().map(|(_, _, number)| number).sum::<i64>();
        let full = unopened >= i64::from(self.shared.bounds.unopened);
        if full != self.shared.full.swap(full, Ordering::Relaxed) {
            let bound = self.shared.bounds.unopened;
            if full {
                tracing::error!(
                    unopened,
                    bound,
                    "the inbox is full: hosts keep their reports until some are opened or decided"
                );
            } else {
                tracing::info!(unopened, bound, "the inbox takes reports again");
            }
        }
        let networks = networks(&store.directory().await?);
        *self.shared.networks.write().unwrap_or_else(PoisonError::into_inner) = networks;
        self.shared.addresses.retain_recent();
        self.shared.sites.retain_recent();
        Ok(())
    }
}

/// Keeps looking into the database, until `stopped`.
pub async fn keep_refreshing(admission: Admission, store: Store, mut stopped: tokio::sync::watch::Receiver<bool>) {
    loop {
        if let Err(error) = unless_silent(SILENCE, admission.refresh(&store)).await {
            tracing::warn!(%error, "the bounds of the inbox could not be looked at");
        }
        tokio::select! {
            () = tokio::time::sleep(REFRESH) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

fn networks(directory: &Directory) -> Vec<(IpNet, String)> {
    let of = |site: &crate::registry::Site| site.prefixes.iter().map(|network| (*network, site.name.clone())).collect();
    directory.iter().flat_map(|entry| -> Vec<_> { of(&entry.site) }).collect()
}

/// Addresses that one host can have as many of as it likes are one (RFC 4291, section 2.5.4).
fn of_one_owner(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

fn limiter<K: std::hash::Hash + Eq + Clone, C: Clock + Clone>(per_minute: NonZeroU32, clock: &C) -> Limiter<K, C> {
    RateLimiter::new(Quota::per_minute(per_minute), DefaultKeyedStateStore::default(), clock.clone())
}

/// A time to come back, at least so many seconds from now and another one for everybody.
#[must_use]
pub fn spread(seconds: u64) -> u64 {
    seconds + 1 + fastrand::u64(0..SPREAD_SECONDS)
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn bounds(address: u32, site: u32) -> Bounds {
        let bound = |number| NonZeroU32::new(number).unwrap();
        Bounds { per_minute_per_address: bound(address), per_minute_per_site: bound(site), unopened: 10 }
    }

    fn admission(address: u32, site: u32) -> Admission {
        Admission::new(bounds(address, site))
    }

    #[test]
    fn whoever_is_turned_away_is_let_in_when_told() {
        let clock = FakeRelativeClock::default();
        let admission = Admission::by_clock(bounds(60, 1_000), clock.clone());
        let taken = || (0..1_000).take_while(|_| admission.check("192.0.2.1").is_ok()).count();
        assert_eq!(taken(), 60, "a minute's worth at once");
        let seconds = admission.check("192.0.2.1").unwrap_err().seconds();
        clock.advance(Duration::from_secs(seconds));
        assert_eq!(taken(), usize::try_from(seconds.min(60)).unwrap(), "after {seconds} seconds");
    }

    #[test]
    fn each_address_has_its_own_bound_and_64_bits_of_ipv6_are_one() {
        let admission = admission(2, 1000);
        for source in ["192.0.2.1", "192.0.2.2", "2001:db8::1"] {
            assert!(admission.check(source).is_ok() && admission.check(source).is_ok(), "{source}");
            let turned = admission.check(source).unwrap_err();
            assert!(
                matches!(turned, Turned::Address { .. }) && (1..=60 + 301).contains(&turned.seconds()),
                "{turned:?}"
            );
        }
        assert!(admission.check("::ffff:192.0.2.1").is_err() && admission.check("2001:db8::ffff:0:0:2").is_err());
        assert!(admission.check("2001:db8:0:1::1").is_ok());
        for _ in 0..10 {
            assert!(["127.0.0.1", "::1", "local", ""].iter().all(|source| admission.check(source).is_ok()));
        }
    }

    #[test]
    fn the_addresses_of_a_site_share_its_bound() {
        let admission = admission(1000, 2);
        let network = |text: &str, site: &str| (text.parse::<IpNet>().unwrap(), site.to_owned());
        *admission.shared.networks.write().unwrap() =
            vec![network("192.0.2.0/24", "WHOLE"), network("192.0.2.64/26", "PART"), network("192.0.0.0/8", "ALL")];
        assert!(admission.check("192.0.2.1").is_ok() && admission.check("192.0.2.2").is_ok());
        let turned = admission.check("192.0.2.3").unwrap_err();
        assert!(matches!(&turned, Turned::Site { site, .. } if site == "WHOLE"), "{turned:?}");
        assert!(admission.check("192.0.2.65").is_ok() && admission.check("198.51.100.1").is_ok());
    }
}
