//! Networks of sites as registries write them, and whether an address lies outside of them.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// Whether an address is known to lie outside of a site's networks.
///
/// Nothing is known, and so nothing is outside, where the site has no networks of the address's family (most registries
/// list IPv4 only), or where `source` is no address. IPv4 addresses within IPv6 are IPv4 addresses.
#[must_use]
pub fn outside(prefixes: &[IpNet], source: &str) -> bool {
    let Ok(address) = source.parse::<IpAddr>() else { return false };
    let address = address.to_canonical();
    let mut of_family = prefixes.iter().filter(|prefix| prefix.addr().is_ipv4() == address.is_ipv4()).peekable();
    of_family.peek().is_some() && !of_family.any(|prefix| prefix.contains(&address))
}

/// Networks as text, as [`split`] reads them.
#[must_use]
pub fn join(prefixes: &[IpNet]) -> String {
    prefixes.iter().map(IpNet::to_string).collect::<Vec<_>>().join(" ")
}

/// Networks from text that [`join`] wrote; whatever is none is left out.
#[must_use]
pub fn split(text: &str) -> Vec<IpNet> {
    read_list(text).0
}

/// The networks in a text, parted by commas, semicolons or space, and what in it is none.
pub(super) fn read_list(text: &str) -> (Vec<IpNet>, Vec<String>) {
    let (mut prefixes, mut wrong) = (Vec::new(), Vec::new());
    for word in text.split([',', ';', ' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()) {
        match read(word) {
            // `0.0.0.0/255.255.255.255` is what GOCDB holds where nobody wrote a network; nothing is outside of `/0`.
            Some(prefix) if prefix.addr().is_unspecified() => {}
            Some(prefix) => prefixes.push(prefix),
            None => wrong.push(word.to_owned()),
        }
    }
    (prefixes, wrong)
}

/// `ADDRESS/LENGTH`, `ADDRESS/NETMASK`, or an address alone.
fn read(word: &str) -> Option<IpNet> {
    let (address, length) = word.split_once('/').map_or((word, None), |(address, length)| (address, Some(length)));
    let address: IpAddr = address.parse().ok()?;
    let prefix = match length {
        None => IpNet::from(address),
        Some(length) => match length.parse::<u8>() {
            Ok(length) => IpNet::new(address, length).ok()?,
            Err(_) => IpNet::with_netmask(address, length.parse().ok()?).ok()?,
        },
    };
    Some(canonical(prefix.trunc()))
}

/// A network of IPv4 addresses within IPv6 (RFC 4291, section 2.5.5.2) as one of IPv4.
fn canonical(prefix: IpNet) -> IpNet {
    match (prefix.addr().to_canonical(), prefix.prefix_len().checked_sub(96)) {
        (IpAddr::V4(address), Some(length)) if prefix.addr().is_ipv6() => {
            Ipv4Net::new(address, length).map_or(prefix, IpNet::V4)
        }
        _ => prefix,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_form_of_the_registries_is_read() {
        let text = "137.138.0.0/255.255.0.0,192.91.242.1/24;2001:1458::/32 2001:db8::/ffff:ffff:: 192.0.2.7 ::ffff:198.51.100.0/120";
        let (prefixes, wrong) = read_list(text);
        assert_eq!(
            join(&prefixes),
            "137.138.0.0/16 192.91.242.0/24 2001:1458::/32 2001:db8::/32 192.0.2.7/32 198.51.100.0/24"
        );
        assert_eq!((split(&join(&prefixes)), wrong), (prefixes, vec![]));
        let (prefixes, wrong) = read_list("0.0.0.0/255.255.255.255;0.0.0.0/0.0.0.0 ::/0 0.0.0.0");
        assert_eq!((prefixes, wrong), (vec![], vec![]), "placeholders say nothing");
        let text = "10.0.0.0/33 10.0.0.0/255.0.255.0 10.0.0/8 10.0.0.0/ /8 2001:db8::/129 a";
        assert_eq!(read_list(text).1.len(), 7);
    }

    #[test]
    fn only_what_is_known_is_outside() {
        let site = read_list("192.0.2.0/24 2001:db8:1::/48").0;
        for (source, expected) in [
            ("192.0.2.255", false),
            ("192.0.3.0", true),
            ("::ffff:192.0.2.7", false),
            ("::ffff:192.0.3.7", true),
            ("2001:db8:1:ffff::1", false),
            ("2001:db8:2::1", true),
            ("local socket", false),
            ("", false),
        ] {
            assert_eq!(outside(&site, source), expected, "{source}");
        }
        let only_ipv4 = read_list("192.0.2.0/24").0;
        assert!(!outside(&only_ipv4, "2001:db8:2::1"), "no IPv6 network is listed: nothing is known");
        assert!(outside(&only_ipv4, "::ffff:192.0.3.7"));
        assert!(!outside(&[], "192.0.2.1"));
    }

    proptest! {
        #[test]
        fn outside_is_what_the_bits_say(base: u128, address: u128, length in 1_u8..=128) {
            let mask = u128::MAX << (128 - u32::from(length));
            let prefix = read_list(&format!("{}/{length}", Ipv6Addr::from(base))).0;
            let source = Ipv6Addr::from(address);
            // What canonical forms make of the one family's addresses is told by the examples above.
            prop_assume!(!prefix.is_empty() && IpAddr::from(source).to_canonical().is_ipv6() && !prefix[0].addr().is_ipv4());
            prop_assert_eq!(outside(&prefix, &source.to_string()), base & mask != address & mask);
        }

        #[test]
        fn mapped_addresses_are_their_ipv4(base: u32, address: u32, length in 1_u8..=32) {
            let mask = u32::MAX << (32 - u32::from(length));
            let prefix = read_list(&format!("{}/{length}", Ipv4Addr::from(base))).0;
            prop_assume!(!prefix.is_empty());
            let source = Ipv4Addr::from(address);
            let expected = base & mask != address & mask;
            prop_assert_eq!(outside(&prefix, &source.to_string()), expected);
            prop_assert_eq!(outside(&prefix, &source.to_ipv6_mapped().to_string()), expected);
        }

        #[test]
        fn no_text_breaks_the_reader(text in "[0-9a-f:./, ]{0,40}") {
            let (prefixes, _) = read_list(&text);
            prop_assert_eq!(split(&join(&prefixes)), prefixes);
        }
    }
}
