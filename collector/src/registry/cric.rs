//! CRIC's sites: the answer to `/api/core/rcsite/query/?json`, an object by site name.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::RegistryProblem;
use super::reading::{Gathering, Site};

/// A site, with what we ask of it. Null, an empty text and a missing value are the same in CRIC.
#[derive(Deserialize)]
struct RcSite {
    /// Only sites have it: federations and services, which CRIC answers in the same form, do not.
    rc_tier_level: Value,
    #[serde(default)]
    country: Value,
    #[serde(default)]
    country_code: Value,
    #[serde(default)]
    admin_email: Value,
    #[serde(default)]
    security_email: Value,
    #[serde(default)]
    state: Value,
    /// Routes by name, each with `networks`: `{"ipv4": [...], "ipv6": [...]}`.
    #[serde(default)]
    netroutes: Value,
    /// What the experiments call it: names, or objects with a `name`.
    #[serde(default)]
    sites: Value,
}

pub(super) fn read(text: &[u8], gathering: &mut Gathering) -> Result<(), RegistryProblem> {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    let sites: BTreeMap<String, RcSite> = serde_json::from_slice(text)?;
    for (name, site) in sites {
        let state = word(&site.state);
        if state.eq_ignore_ascii_case("disabled") || state.eq_ignore_ascii_case("closed") {
            gathering.closed();
            continue;
        }
        let networks: Vec<&str> = members(&site.netroutes)
            .flat_map(|route| members(route.get("networks").unwrap_or(&Value::Null)))
            .flat_map(members)
            .filter_map(Value::as_str)
            .collect();
        let (code, country) = (word(&site.country_code), word(&site.country));
        let contact = gathering.mails(&name, &word(&site.admin_email));
        let security = gathering.mails(&name, &word(&site.security_email));
        let prefixes = gathering.prefixes(&name, &networks.join(" "));
        let mut aliases: Vec<String> = members(&site.sites)
            .map(|site| word(site.get("name").unwrap_or(site)))
            .filter(|alias| *alias != name && report::site::check(alias).is_ok())
            .collect();
        aliases.sort();
        aliases.dedup();
        let country = if code.is_empty() { country } else { code };
        gathering.add(Site { name, country, tier: word(&site.rc_tier_level), contact, security, prefixes, aliases });
    }
    Ok(())
}

/// The members of a list, or the values of an object.
fn members(value: &Value) -> impl Iterator<Item = &Value> {
    let of_list = value.as_array().into_iter().flatten();
    of_list.chain(value.as_object().into_iter().flat_map(serde_json::Map::values))
}

/// A text or a number as text.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, join_prefixes, read};

    /// The shape of CRIC's answer, with invented sites.
    const SITES: &str = r#"{
      "IZOLA-GRID": {"name": "IZOLA-GRID", "country": "Slovenia", "country_code": "SI", "rc_tier_level": 2, "cores": 1200,
        "admin_email": "grid@izola.example.org", "security_email": "", "state": "ACTIVE", "federations": ["SI-IZOLA"],
        "netroutes": {
          "IZOLA-LHCONE": {"asn": 64496, "netsite": "IZOLA", "netsite_spare": "", "networks": {"ipv4": ["192.0.2.0/24"], "ipv6": ["2001:db8:14::/48"]}},
          "IZOLA-2": {"asn": 64497, "networks": {"ipv4": ["198.51.100.0/24", "192.0.2.0/24", "192.0.2/24"], "ipv6": []}}},
        "sites": [{"name": "T2_SI_Izola", "vo_name": "cms"}, {"name": "IZOLA-GRID", "vo_name": "atlas"}, "LCG.Izola.si"]},
      "BARE-GRID": {"rc_tier_level": null, "netroutes": {}, "sites": [], "admin_email": null},
      "OLD-GRID": {"rc_tier_level": 3, "state": "DISABLED"}
    }"#;

    #[test]
    fn networks_contacts_and_other_names_are_read() {
        let reading = read(SITES.as_bytes(), None).unwrap();
        assert_eq!(reading.kind, Kind::Cric);
        let [bare, izola] = &reading.sites[..] else { panic!("{:?}", reading.sites) };
        assert_eq!((izola.country.as_str(), izola.tier.as_str()), ("SI", "2"));
        assert_eq!(izola.contact, ["grid@izola.example.org"]);
        assert_eq!(join_prefixes(&izola.prefixes), "198.51.100.0/24 192.0.2.0/24 2001:db8:14::/48");
        assert_eq!(izola.aliases, ["LCG.Izola.si", "T2_SI_Izola"]);
        assert_eq!((bare.country.as_str(), bare.tier.as_str(), bare.contact.len()), ("", "", 0));
        assert_eq!(reading.notes, ["IZOLA-GRID: network \"192.0.2/24\"", "1 closed sites"]);
    }

    #[test]
    fn another_answer_and_half_a_file_are_refused_with_their_place() {
        let federations = r#"{"SI-IZOLA": {"name": "SI-IZOLA", "rcsites": ["IZOLA-GRID"], "country": "Slovenia"}}"#;
        let error = read(federations.as_bytes(), None).unwrap_err().to_string();
        assert!(error.contains("rc_tier_level") && error.contains("line 1"), "{error}");
        for end in 1..SITES.len() {
            let half = read(&SITES.as_bytes()[..end], None).unwrap_err().to_string();
            assert!(half.contains("line ") && half.contains("fetch it again"), "{half}");
        }
        let deep = format!("{{\"A\": {{\"rc_tier_level\": {}", "[".repeat(100_000));
        assert!(read(deep.as_bytes(), None).unwrap_err().to_string().contains("recursion"));
    }
}
