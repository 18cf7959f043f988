//! Names of invented sites, in the shapes that GOCDB and OSG Topology hold; no place of these names exists.

use fastrand::Rng;

/// What a site is called and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Naming {
    /// As in the registry.
    pub(super) site: String,
    /// ISO 3166-1, two letters.
    pub(super) country: &'static str,
    /// Below `example`, which nobody can own (RFC 2606).
    pub(super) domain: String,
    /// Whether it is registered in OSG Topology; otherwise in GOCDB.
    pub(super) osg: bool,
}

/// The name of the site numbered `number`: 0 is the Tier-0; no two numbers below 182 share one.
pub(super) fn name(number: usize, rng: &mut Rng) -> Naming {
    let place = place(number);
    let domain = format!("{}.example", place.to_lowercase());
    if number == 0 {
        return Naming { site: "DEMO-T0-PROD".to_owned(), country: "CH", domain, osg: false };
    }
    let draw = rng.u32(0..COUNTRIES.iter().map(|(_, weight, _)| weight).sum());
    let mut sum = 0;
    let drawn = COUNTRIES.iter().find(|(_, weight, _)| {
        sum += weight;
        draw < sum
    });
    let (country, _, shapes) = drawn.copied().unwrap_or(("CH", 0, &["{P}-LCG2"]));
    let shape = shapes.get(rng.usize(0..shapes.len())).copied().unwrap_or("{P}-LCG2");
    let site = shape
        .replace("{P}", &place.to_uppercase())
        .replace("{p}", &place.to_lowercase())
        .replace("{n}", &format!("{:02}", number % 100));
    Naming { site, country, domain, osg: country == "US" }
}

fn place(number: usize) -> String {
    // The two lengths have no common divisor: every pair comes before one comes again.
    let beginning = BEGINNINGS.get(number % BEGINNINGS.len()).copied().unwrap_or_default();
    let ending = ENDINGS.get(number % ENDINGS.len()).copied().unwrap_or_default();
    format!("{beginning}{ending}")
}

const BEGINNINGS: [&str; 14] =
    ["Arv", "Brel", "Corv", "Drom", "Elv", "Fenn", "Galt", "Hesk", "Ilm", "Jorv", "Kest", "Morv", "Nelt", "Oss"];

const ENDINGS: [&str; 13] =
    ["avik", "oria", "ennes", "ingen", "eth", "anto", "isk", "ana", "umbra", "elow", "usco", "onde", "yra"];

/// Country, how many of 170 sites are there, shapes of their names.
const COUNTRIES: [(&str, u32, &[&str]); 30] = [
    ("US", 26, &["{P}_CMS_T2", "{P}-ATLAS", "{P}_OSG", "T2_{P}"]),
    ("GB", 18, &["UKI-NORTHDEMO-{P}-HEP", "UKI-SOUTHDEMO-{P}-HEP", "UKI-SCOTDEMO-{P}"]),
    ("IT", 16, &["DEMO-INFN-{P}"]),
    ("DE", 15, &["{P}-LCG2", "{P}-HEP", "{p}prod"]),
    ("FR", 11, &["DEMO-IN2P3-{P}", "{P}-GRIF"]),
    ("ES", 8, &["{p}-lcg2", "{P}-TIER2"]),
    ("RU", 7, &["ru-{P}-LCG2", "RU-{P}"]),
    ("PL", 5, &["{P}-LCG2", "{P}-CYFRO"]),
    ("JP", 4, &["{P}-LCG2", "JP-{P}"]),
    ("CA", 5, &["CA-{P}-T2"]),
    ("NL", 3, &["{P}-ELPROD", "{P}-MATRIX"]),
    ("CH", 3, &["CH-{P}-LCG2", "T2_CH_{P}"]),
    ("CZ", 3, &["{p}lcg2"]),
    ("SE", 3, &["SE-{P}-T2", "ndgf-{p}"]),
    ("NO", 2, &["NO-{P}-T2"]),
    ("DK", 2, &["DK-{P}"]),
    ("FI", 2, &["FI_{P}_T2"]),
    ("PT", 3, &["{P}-LNCA-LCG2"]),
    ("GR", 3, &["GR-{n}-{P}"]),
    ("RO", 5, &["RO-{n}-{P}"]),
    ("TR", 2, &["TR-{n}-{P}"]),
    ("IL", 3, &["IL-TAU-{P}"]),
    ("BR", 3, &["BR-{P}-HEPGRID"]),
    ("CN", 4, &["{P}-LCG2"]),
    ("TW", 3, &["TW-{P}"]),
    ("KR", 3, &["KR-{P}-DEMO"]),
    ("IN", 3, &["IN-DAE-{P}-LCG2"]),
    ("AU", 2, &["Australia-{P}"]),
    ("HU", 2, &["{P}-LCG2"]),
    ("AT", 3, &["AT-{P}-LCG2"]),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const MOST: usize = BEGINNINGS.len() * ENDINGS.len();

    #[test]
    fn every_site_has_a_name_of_its_own_that_a_registry_could_hold() {
        for seed in 0..20 {
            let mut rng = Rng::with_seed(seed);
            let names: Vec<Naming> = (0..MOST).map(|number| name(number, &mut rng)).collect();
            for naming in &names {
                assert_eq!(report::site::check(&naming.site), Ok(()));
            }
            assert_eq!(names.iter().map(|naming| &naming.site).collect::<BTreeSet<_>>().len(), MOST);
            assert_eq!(names.iter().map(|naming| &naming.domain).collect::<BTreeSet<_>>().len(), MOST);
        }
    }
}
