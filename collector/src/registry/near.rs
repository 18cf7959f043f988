//! Names near to one that nobody knows: advice for people, never a decision.

/// So many are shown.
const SHOWN: usize = 3;

/// The known names nearest to `name`, nearest first; `known` gives each with the other names it goes by.
pub(super) fn near<'a>(name: &str, known: impl Iterator<Item = (&'a str, &'a [String])>) -> Vec<&'a str> {
    let wanted = folded(name);
    let mut found: Vec<(usize, &str)> = known
        .filter_map(|(known, aliases)| {
            let distances = std::iter::once(known).chain(aliases.iter().map(String::as_str));
            let nearest = distances.filter_map(|other| distance(&wanted, &folded(other))).min()?;
            Some((nearest, known))
        })
        .collect();
    found.sort();
    found.into_iter().take(SHOWN).map(|(_, known)| known).collect()
}

/// How far apart two names are; `None` when nobody would take one for the other.
fn distance(wanted: &str, known: &str) -> Option<usize> {
    let shorter = wanted.len().min(known.len());
    // "CERN" for "CERN-PROD", "IZOLA-GRID-T2" for "IZOLA-GRID".
    if shorter >= 3 && wanted != known && (wanted.starts_with(known) || known.starts_with(wanted)) {
        return Some(1);
    }
    let distance = strsim::osa_distance(wanted, known);
    (distance <= (shorter / 3).max(1)).then_some(distance)
}

/// Names differ by case and by which sign parts their words, and people mix these up.
fn folded(name: &str) -> String {
    name.chars().map(|c| if "_. ".contains(c) { '-' } else { c.to_ascii_lowercase() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_hand_lead_to_the_name() {
        let names = ["CERN-PROD", "IZOLA-GRID", "UKI-NORTHGRID-MAN-HEP", "UKI-NORTHGRID-LIV-HEP", "ru-PNPI", "MWT2"];
        let izola = ["T2_SI_Izola".to_owned()];
        let near = |name: &str| {
            near(name, names.iter().map(|name| (*name, if *name == "IZOLA-GRID" { &izola[..] } else { &[] })))
        };
        for (name, expected) in [
            ("CERN-PRDO", vec!["CERN-PROD"]),
            ("CERN", vec!["CERN-PROD"]),
            ("cern_prod", vec!["CERN-PROD"]),
            ("T2_SI_IZOLA", vec!["IZOLA-GRID"]),
            ("UKI-NORTHGRID-MAN-HEP2", vec!["UKI-NORTHGRID-MAN-HEP", "UKI-NORTHGRID-LIV-HEP"]),
            ("RU-PNPI", vec!["ru-PNPI"]),
            ("MWT3", vec!["MWT2"]),
            ("SOMETHING-ELSE", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(near(name), expected, "{name}");
        }
    }
}
