//! A reference list with the minimum versions that a repository holds.

use report::version;

use super::Newest;
use crate::reference::{Reference, ReferenceError, ReferenceList};

/// A new minimum that a person should look at before it is asked of anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The package.
    pub package: String,
    /// Its newest version in the repository.
    pub newest: String,
    /// What is strange about it.
    pub why: &'static str,
}

impl ReferenceList {
    /// This list with the newest versions as minimum of a product's packages on a system; everything else stays.
    ///
    /// # Errors
    /// [`ReferenceError`] when a name or version in the repository cannot stand in a list.
    pub fn with_minimums(
        &self,
        newest: &Newest,
        product: &str,
        os: Option<&str>,
    ) -> Result<(Self, Vec<Doubt>), ReferenceError> {
        let mut list = self.clone();
        let mut doubts = Vec::new();
        for (package, version) in newest.versions() {
            let key = (product, package.as_str(), os);
            let Some(known) = list.references.iter_mut().find(|reference| reference.key() == key) else {
                list.references.push(asking(key, version));
                continue;
            };
            if let Some(why) = doubt(known, newest, version) {
                doubts.push(Doubt { package: package.clone(), newest: version.clone(), why });
            }
            known.minimum = Some(version.clone());
        }
        // Names and versions in a repository are not ours to believe.
        Ok((ReferenceList::from_toml(&list.to_toml()?)?, doubts))
    }
}

fn asking((product, package, os): (&str, &str, Option<&str>), minimum: &str) -> Reference {
    Reference {
        product: product.to_owned(),
        package: package.to_owned(),
        os: os.map(str::to_owned),
        minimum: Some(minimum.to_owned()),
        blocked: Vec::new(),
        since: None,
        deadline: None,
        url: None,
    }
}

fn doubt(known: &Reference, newest: &Newest, now: &str) -> Option<&'static str> {
    let packager = newest.packager();
    if known.blocked.iter().any(|blocked| version::compare_with_query(packager, now, blocked).is_eq()) {
        return Some("the list blocks it");
    }
    let before = known.minimum.as_ref()?;
    version::compare(packager, now, before).is_lt().then_some("older than the minimum that the list had")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minimums_are_raised_added_and_doubted_and_the_rest_stays() {
        let list = ReferenceList::from_toml(
            "name = \"L\"\n[[reference]]\nproduct = \"x\"\npackage = \"a\"\nos = \"el9\"\nminimum = \"0:1-1\"\nblocked = [\"0:1.5-1\"]\nurl = \"https://x\"\n\
             [[reference]]\nproduct = \"x\"\npackage = \"a\"\nminimum = \"0:1-1\"\n[[reference]]\nproduct = \"y\"\npackage = \"a\"\nos = \"el9\"\nminimum = \"0:1-1\"\n",
        )
        .unwrap();
        let with = |version: &str| {
            let mut newest = Newest::of(&["*".to_owned()]).unwrap();
            newest.offer("a", version).unwrap();
            newest.offer("b", "0:7-1").unwrap();
            list.with_minimums(&newest, "x", Some("el9")).unwrap()
        };
        let (updated, doubts) = with("0:2-1");
        assert_eq!(updated.references.len(), 4);
        assert_eq!(updated.references[0].minimum.as_deref(), Some("0:2-1"));
        assert_eq!(
            (&updated.references[0].blocked, &updated.references[0].url),
            (&list.references[0].blocked, &list.references[0].url)
        );
        assert_eq!(updated.references[1..3], list.references[1..3]);
        assert_eq!((updated.references[3].package.as_str(), updated.references[3].os.as_deref()), ("b", Some("el9")));
        assert_eq!(doubts, []);
        assert_eq!(with("0:0.9-1").1[0].why, "older than the minimum that the list had");
        assert_eq!(with("0:1.5-1").1[0].why, "the list blocks it");
        assert_eq!(with("0:1-1"), (with("0:1-1").0, vec![]));
        let mut newest = Newest::of(&["*".to_owned()]).unwrap();
        newest.offer("a", "1 2").unwrap();
        assert!(list.with_minimums(&newest, "x", None).is_err(), "nothing gets into a list that cannot stand there");
    }
}
