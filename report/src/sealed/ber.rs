//! Just enough BER to see where a CMS structure ends and what type it says it is, and to put one together (X.690, section 8.1).

/// Deepest nesting of indefinite lengths that is followed; OpenSSL writes three.
const MAX_DEPTH: usize = 16;

/// The length in bytes of the first element of `bytes`, header included; `None` when it is cut short or malformed.
pub(super) fn element_length(bytes: &[u8]) -> Option<usize> {
    length_at_depth(bytes, 0)
}

/// The content octets of the object identifier that begins a CMS ContentInfo (RFC 5652, section 3).
pub(super) fn content_type(bytes: &[u8]) -> Option<&[u8]> {
    let outer = header(bytes)?;
    let inside = bytes.get(outer.size..)?;
    let oid = header(inside)?;
    let length = oid.length?;
    (outer.tag == SEQUENCE && oid.tag == OBJECT_IDENTIFIER)
        .then(|| inside.get(oid.size..oid.size.checked_add(length)?))
        .flatten()
}

/// The elements inside the first element of `bytes`, headers included; `None` when one is cut short or its length indefinite.
pub(super) fn children(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = content(bytes)?;
    let mut children = Vec::new();
    while !rest.is_empty() {
        let (child, behind) = rest.split_at_checked(element_length(rest)?)?;
        children.push(child);
        rest = behind;
    }
    Some(children)
}

/// The content octets of the first element of `bytes`; `None` when it is cut short or its length indefinite.
pub(super) fn content(bytes: &[u8]) -> Option<&[u8]> {
    let ElementHeader { size, length, .. } = header(bytes)?;
    bytes.get(size..size.checked_add(length?)?)
}

/// An element with a definite length.
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let digits = content.len().to_be_bytes();
    let significant: Vec<u8> = digits.into_iter().skip_while(|digit| *digit == 0).collect();
    let head = match (significant.as_slice(), u8::try_from(significant.len())) {
        ([], _) => vec![tag, 0],
        ([length @ 0..0x80], _) => vec![tag, *length],
        (digits, octets) => [&[tag, 0x80 | octets.unwrap_or_default()], digits].concat(),
    };
    [head, content].concat()
}

pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
/// `[0]`, constructed.
pub(super) const CONTEXT_0: u8 = 0xA0;
/// `[1]`, constructed.
pub(super) const CONTEXT_1: u8 = 0xA1;
/// `[2]`, constructed.
pub(super) const CONTEXT_2: u8 = 0xA2;

struct ElementHeader {
    tag: u8,
    size: usize,
    /// `None` is the indefinite form.
    length: Option<usize>,
}

fn length_at_depth(bytes: &[u8], depth: usize) -> Option<usize> {
    let ElementHeader { size, length, .. } = header(bytes)?;
    if let Some(length) = length {
        let end = size.checked_add(length)?;
        return (end <= bytes.len()).then_some(end);
    }
    if depth == MAX_DEPTH {
        return None;
    }
    let mut end = size;
    loop {
        let rest = bytes.get(end..)?;
        if rest.starts_with(&[0, 0]) {
            return end.checked_add(2);
        }
        end = end.checked_add(length_at_depth(rest, depth + 1)?)?;
    }
}

fn header(bytes: &[u8]) -> Option<ElementHeader> {
    let tag = *bytes.first()?;
    // Tags of more than one byte occur nowhere in CMS.
    if tag & 0x1F == 0x1F {
        return None;
    }
    let first = *bytes.get(1)?;
    match first {
        0..0x80 => Some(ElementHeader { tag, size: 2, length: Some(usize::from(first)) }),
        0x80 => (tag & 0x20 != 0).then_some(ElementHeader { tag, size: 2, length: None }),
        _ => {
            let octets = usize::from(first & 0x7F);
            let digits = bytes.get(2..2_usize.checked_add(octets)?)?;
            if octets > 8 {
                return None;
            }
            let length = digits.iter().fold(0_u64, |sum, digit| (sum << 8) | u64::from(*digit));
            Some(ElementHeader { tag, size: 2 + octets, length: Some(usize::try_from(length).ok()?) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_definite_and_not() {
        assert_eq!(element_length(&[0x30, 2, 5, 0, 9]), Some(4));
        assert_eq!(element_length(&[0x30, 0x81, 1, 7]), Some(4));
        assert_eq!(element_length(&[0x30, 0x80, 0x05, 0, 0, 0, 9]), Some(6));
        assert_eq!(element_length(&[0x30, 0x80, 0x30, 0x80, 0, 0, 0, 0]), Some(8));
        for cut in [&[][..], &[0x30], &[0x30, 3, 5, 0], &[0x30, 0x80, 5, 0], &[0x30, 0x82, 1]] {
            assert_eq!(element_length(cut), None, "{cut:?}");
        }
        assert_eq!(element_length(&[0x30, 0x88, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]), None);
        assert_eq!(element_length(&[0x30, 0x80].repeat(1000)), None);
    }
}
