//! Mail addresses out of registries, of a form that cannot become anything else in a message's header.

/// Longest address, in bytes (RFC 5321, section 4.5.3.1.3).
const LONGEST: usize = 254;

/// The addresses in a text, parted by commas, semicolons or space, and what in it is none.
#[must_use]
pub fn split(text: &str) -> (Vec<String>, Vec<String>) {
    let words = text.split([',', ';', ' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()).map(str::to_owned);
    words.partition(|word| is_address(word))
}

/// RFC 5322's dot-atom on both sides, as GOCDB itself asks for: no quotes, no comments, no control characters.
fn is_address(word: &str) -> bool {
    let Some((local, domain)) = word.split_once('@') else { return false };
    let atom = |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte);
    let label = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    word.len() <= LONGEST
        && !local.is_empty()
        && local.bytes().all(atom)
        && domain.contains('.')
        && domain.bytes().all(label)
        && domain.split('.').all(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_parted_and_what_is_no_address_is_told() {
        let (mails, wrong) = split("grid@example.org;ops+x@a.example.org,  x@y, \"a b\"@z.org <c@d.e>\nq@d..e é@a.org");
        assert_eq!(mails, ["grid@example.org", "ops+x@a.example.org"]);
        assert_eq!(wrong, ["x@y", "\"a", "b\"@z.org", "<c@d.e>", "q@d..e", "é@a.org"]);
        assert_eq!(split(&format!("{}@a.org", "x".repeat(300))).0, [] as [&str; 0]);
        assert_eq!(split(""), (vec![], vec![]));
    }
}
