//! What differs between two versions of a reference list, and the same change made to a third.

use std::collections::{HashMap, HashSet};

use super::Reference;

/// What one version has that another has not; the order of the references does not count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Only in the later version.
    pub added: Vec<Reference>,
    /// Only in the earlier version.
    pub removed: Vec<Reference>,
    /// In both, asking for something else.
    pub changed: Vec<Change>,
}

/// A reference that asks for something else than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// As it was.
    pub before: Reference,
    /// As it is.
    pub after: Reference,
}

/// A list with a change made to it that was meant for another version of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The references.
    pub references: Vec<Reference>,
    /// Where both versions say different things of the same package: the change has won.
    pub clashes: Vec<Clash>,
}

/// A reference that two people have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// As it stands in the other version; `None` when it was removed there.
    pub theirs: Option<Reference>,
    /// As the change has it; `None` when the change removes it.
    pub ours: Option<Reference>,
}

impl Difference {
    /// What has changed from `before` to `after`.
    #[must_use]
    pub fn between(before: &[Reference], after: &[Reference]) -> Self {
        let earlier: HashMap<_, _> = before.iter().map(|reference| (reference.key(), reference)).collect();
        let later: HashSet<_> = after.iter().map(Reference::key).collect();
        let mut difference = Difference::default();
        for reference in after {
            match earlier.get(&reference.key()) {
                None => difference.added.push(reference.clone()),
                Some(before) if *before == reference => {}
                Some(before) => {
                    difference.changed.push(Change { before: (*before).clone(), after: reference.clone() });
                }
            }
        }
        let gone = before.iter().filter(|reference| !later.contains(&reference.key()));
        difference.removed = gone.cloned().collect();
        difference
    }

    /// Whether both versions ask for the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }

    /// The same change made to another version of the list.
    #[must_use]
    pub fn applied_to(&self, list: &[Reference]) -> Merged {
        let mut merged = Merged { references: list.to_vec(), clashes: Vec::new() };
        for gone in &self.removed {
            merged.put(gone, Some(gone), None);
        }
        for Change { before, after } in &self.changed {
            merged.put(after, Some(before), Some(after));
        }
        for new in &self.added {
            merged.put(new, None, Some(new));
        }
        merged
    }

    /// Numbers for people: `1 added, 2 changed`.
    #[must_use]
    pub fn summary(&self) -> String {
        let numbers = [(self.added.len(), "added"), (self.changed.len(), "changed"), (self.removed.len(), "removed")];
        let told: Vec<String> = numbers
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, what)| format!("{number} {what}"))
            .collect();
        if told.is_empty() { "no change".to_owned() } else { told.join(", ") }
    }
}

impl Merged {
    /// Turns the reference of `key`'s package, thought to be `expected`, into `ours`.
    fn put(&mut self, key: &Reference, expected: Option<&Reference>, ours: Option<&Reference>) {
        let at = self.references.iter().position(|reference| reference.key() == key.key());
        let theirs = at.and_then(|at| self.references.get(at)).cloned();
        if theirs.as_ref() != expected && theirs.as_ref() != ours {
            self.clashes.push(Clash { theirs, ours: ours.cloned() });
        }
        match (at, ours) {
            (Some(at), Some(ours)) => {
                if let Some(place) = self.references.get_mut(at) {
                    *place = ours.clone();
                }
            }
            (Some(at), None) => {
                self.references.remove(at);
            }
            (None, Some(ours)) => self.references.push(ours.clone()),
            (None, None) => {}
        }
    }
}

impl Change {
    /// What is asked for otherwise: column, before, after.
    pub fn columns(&self) -> impl Iterator<Item = (&'static str, String, String)> {
        let pairs = self.before.columns().into_iter().zip(self.after.columns());
        pairs.filter(|(before, after)| before != after).map(|((column, before), (_, after))| (column, before, after))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reference(package: &str, minimum: &str) -> Reference {
        Reference {
            product: "xrootd".to_owned(),
            package: package.to_owned(),
            os: None,
            minimum: Some(minimum.to_owned()),
            blocked: Vec::new(),
            since: None,
            deadline: None,
            url: None,
        }
    }

    fn list(of: &[(&str, &str)]) -> Vec<Reference> {
        of.iter().map(|(package, minimum)| reference(package, minimum)).collect()
    }

    #[test]
    fn what_was_added_removed_and_changed_is_told() {
        let before = list(&[("a", "1"), ("b", "1"), ("c", "1")]);
        let mut after = list(&[("d", "1"), ("c", "2"), ("a", "1")]);
        let difference = Difference::between(&before, &after);
        assert_eq!((&difference.added, &difference.removed), (&list(&[("d", "1")]), &list(&[("b", "1")])));
        let columns: Vec<_> = difference.changed.iter().flat_map(Change::columns).collect();
        assert_eq!(columns, [("minimum", "1".to_owned(), "2".to_owned())]);
        assert_eq!(difference.summary(), "1 added, 1 changed, 1 removed");
        // The same package on another system is another reference.
        after.push(Reference { os: Some("el9".to_owned()), ..reference("a", "1") });
        assert_eq!(Difference::between(&before, &after).added.len(), 2);
        assert_eq!(Difference::between(&before, &before).summary(), "no change");
    }

    #[test]
    fn changes_of_two_people_meet() {
        let base = list(&[("a", "1"), ("b", "1"), ("c", "1")]);
        let theirs = list(&[("a", "1"), ("b", "2"), ("d", "1")]);
        let merged = |ours: &[(&str, &str)]| Difference::between(&base, &list(ours)).applied_to(&theirs);

        let apart = merged(&[("a", "9"), ("b", "1"), ("c", "1"), ("e", "1")]);
        assert_eq!(apart.references, list(&[("a", "9"), ("b", "2"), ("d", "1"), ("e", "1")]));
        assert_eq!(apart.clashes, []);
        let same = merged(&[("a", "1"), ("b", "2"), ("d", "1")]);
        assert_eq!((same.references, same.clashes), (theirs.clone(), Vec::new()));

        let clash = |theirs: Option<(&str, &str)>, ours: Option<(&str, &str)>| Clash {
            theirs: theirs.map(|(package, minimum)| reference(package, minimum)),
            ours: ours.map(|(package, minimum)| reference(package, minimum)),
        };
        let both = merged(&[("a", "1"), ("b", "3"), ("c", "2"), ("d", "5")]);
        assert_eq!(both.references, list(&[("a", "1"), ("b", "3"), ("d", "5"), ("c", "2")]));
        let expected = [
            clash(Some(("b", "2")), Some(("b", "3"))),
            clash(None, Some(("c", "2"))),
            clash(Some(("d", "1")), Some(("d", "5"))),
        ];
        assert_eq!(both.clashes, expected);
        let gone = merged(&[("a", "1"), ("c", "1")]);
        assert_eq!(gone.references, list(&[("a", "1"), ("d", "1")]));
        assert_eq!(gone.clashes, [clash(Some(("b", "2")), None)]);
    }

    fn lists() -> impl Strategy<Value = Vec<Reference>> {
        proptest::collection::btree_map("[a-e]", "[1-3]", 0..5)
            .prop_map(|rows| rows.iter().map(|(package, minimum)| reference(package, minimum)).collect())
    }

    fn sorted(mut references: Vec<Reference>) -> Vec<Reference> {
        references.sort_by(|left, right| left.key().cmp(&right.key()));
        references
    }

    proptest! {
        #[test]
        fn a_difference_leads_from_one_version_to_the_other(before in lists(), after in lists()) {
            let there = Difference::between(&before, &after);
            let back = Difference::between(&after, &before);
            prop_assert_eq!(there.is_empty(), before == after);
            prop_assert_eq!((&there.added, there.changed.len()), (&back.removed, back.changed.len()));
            let merged = there.applied_to(&before);
            prop_assert_eq!(merged.clashes, Vec::new());
            prop_assert_eq!(sorted(merged.references), after);
        }

        #[test]
        fn nothing_of_either_is_lost_without_a_word(base in lists(), ours in lists(), theirs in lists()) {
            let merged = Difference::between(&base, &ours).applied_to(&theirs);
            let clashed = |reference: &Reference| merged.clashes.iter().any(|clash| {
                clash.theirs.iter().chain(&clash.ours).any(|other| other.key() == reference.key())
            });
            let theirs_change = Difference::between(&base, &theirs);
            let kept = |reference: &Reference| merged.references.contains(reference) || clashed(reference);
            prop_assert!(theirs_change.added.iter().all(kept));
            prop_assert!(theirs_change.changed.iter().all(|change| kept(&change.after)));
        }
    }
}
