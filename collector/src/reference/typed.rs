//! One reference as people type it into a form, and what is wrong with it, field by field.

use serde::Deserialize;

use super::{Reference, date};

/// The fields of a reference as text; `blocked` holds versions separated by spaces.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Typed {
    /// The product.
    pub product: String,
    /// The package.
    pub package: String,
    /// The system; empty for every one.
    pub os: String,
    /// The oldest version that is good.
    pub minimum: String,
    /// Versions that are not good.
    pub blocked: String,
    /// The day from which this is asked.
    pub since: String,
    /// The day by which sites should be there.
    pub deadline: String,
    /// Where people read more.
    pub url: String,
}

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Its name, as in the CSV form.
    pub field: &'static str,
    /// What is wrong, after the field's name.
    pub what: &'static str,
}

impl Typed {
    /// What a person would type to get this reference.
    #[must_use]
    pub fn of(reference: &Reference) -> Self {
        let [product, package, os, minimum, blocked, since, deadline, url] =
            reference.columns().map(|(_, value)| value);
        Typed { product, package, os, minimum, blocked, since, deadline, url }
    }

    /// The reference, if nothing is wrong with it; space around a value is a slip of the hand.
    ///
    /// # Errors
    /// Every [`Fault`], in the order of the fields.
    pub fn read(&self) -> Result<Reference, Vec<Fault>> {
        let given = |text: &str| Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned);
        let mut dates = Vec::new();
        let mut day = |field, text: &str| {
            let day = given(text).map(|text| date::parse(&text));
            if day == Some(None) {
                dates.push(Fault { field, what: "is no date: expected YEAR-MONTH-DAY" });
            }
            day.flatten()
        };
        let (since, deadline) = (day("since", &self.since), day("deadline", &self.deadline));
        let reference = Reference {
            product: self.product.trim().to_owned(),
            package: self.package.trim().to_owned(),
            os: given(&self.os),
            minimum: given(&self.minimum),
            blocked: self.blocked.split_whitespace().map(str::to_owned).collect(),
            since,
            deadline,
            url: given(&self.url),
        };
        let mut faults = reference.faults();
        faults.extend(dates);
        if faults.is_empty() { Ok(reference) } else { Err(faults) }
    }
}

/// Puts a reference in the place of another one, or at the end.
///
/// # Errors
/// A [`Fault`] when the list would ask for the same package twice; nothing has changed then.
pub fn put(
    references: &mut Vec<Reference>,
    in_place_of: Option<(&str, &str, Option<&str>)>,
    reference: Reference,
) -> Result<(), Fault> {
    let place = in_place_of.and_then(|key| references.iter().position(|other| other.key() == key));
    let same = references.iter().position(|other| other.key() == reference.key());
    if same.is_some_and(|same| Some(same) != place) {
        return Err(Fault { field: "package", what: "is in the list already, for this product and system" });
    }
    match place.and_then(|place| references.get_mut(place)) {
        Some(other) => *other = reference,
        None => references.push(reference),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(product: &str, package: &str, minimum: &str) -> Typed {
        Typed {
            product: product.to_owned(),
            package: package.to_owned(),
            minimum: minimum.to_owned(),
            ..Typed::default()
        }
    }

    #[test]
    fn a_reference_reads_back_from_its_fields() {
        let written = Typed {
            os: " el9".to_owned(),
            blocked: " 1:5.6.5  1:5.6.6 ".to_owned(),
            since: "2026-01-15".to_owned(),
            url: "https://example.org/".to_owned(),
            ..typed(" xrootd ", "xrootd-server", "1:5.6.4")
        };
        let reference = written.read().unwrap();
        assert_eq!((reference.os.as_deref(), reference.blocked.len()), (Some("el9"), 2));
        assert_eq!(Typed::of(&reference).read().unwrap(), reference);
    }

    #[test]
    fn every_wrong_field_is_named() {
        let fields = |typed: &Typed| typed.read().unwrap_err().iter().map(|fault| fault.field).collect::<Vec<_>>();
        assert_eq!(fields(&Typed::default()), ["product", "package", "minimum"]);
        let wrong = Typed {
            os: "el 9".to_owned(),
            blocked: "1\u{200b}".to_owned(),
            since: "soon".to_owned(),
            deadline: "2026-02-30".to_owned(),
            url: "a\u{202e}b".to_owned(),
            ..typed("a\u{7}", "b\nc", "1 2")
        };
        let all = ["product", "package", "os", "minimum", "blocked", "url", "since", "deadline"];
        assert_eq!(fields(&wrong), all);
    }

    #[test]
    fn no_package_is_asked_for_twice() {
        let reference = |package: &str, minimum: &str| typed("p", package, minimum).read().unwrap();
        let mut list = vec![reference("a", "1"), reference("b", "1")];
        assert_eq!(put(&mut list, None, reference("a", "2")).unwrap_err().field, "package");
        let key = ("p", "a", None);
        assert!(put(&mut list, Some(key), reference("b", "2")).is_err());
        put(&mut list, Some(key), reference("a", "2")).unwrap();
        put(&mut list, Some(key), reference("c", "3")).unwrap();
        // Whoever changes what somebody else removed meanwhile adds it.
        put(&mut list, Some(key), reference("d", "4")).unwrap();
        assert_eq!(list, [reference("c", "3"), reference("b", "1"), reference("d", "4")]);
    }
}
