//! Certificates that a key signs for itself (RFC 5280), and the names in certificates.

use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::{BigNum, MsbOption};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, SubjectKeyIdentifier};
use openssl::x509::{X509, X509Extension, X509NameBuilder, X509Ref};

/// A certificate for `common_name` with one key usage, valid from the first time to the second (unix seconds).
pub(super) fn self_signed(
    private: &PKey<Private>,
    common_name: &str,
    usage: X509Extension,
    (not_before, not_after): (i64, i64),
) -> Result<X509, ErrorStack> {
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_nid(Nid::COMMONNAME, common_name)?;
    let name = name.build();
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(&*Asn1Integer::from_bn(&serial)?)?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(&name)?;
    builder.set_pubkey(private)?;
    builder.set_not_before(&*Asn1Time::from_unix(not_before)?)?;
    builder.set_not_after(&*Asn1Time::from_unix(not_after)?)?;
    builder.append_extension(BasicConstraints::new().critical().build()?)?;
    builder.append_extension(usage)?;
    let identifier = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None))?;
    builder.append_extension(identifier)?;
    builder.sign(private, MessageDigest::sha256())?;
    Ok(builder.build())
}

/// The subject as `CN=...` parts joined by commas.
pub(super) fn subject(certificate: &X509Ref) -> String {
    let parts = certificate.subject_name().entries().map(|entry| {
        let name = entry.object().nid().short_name().unwrap_or("?");
        let value = entry.data().to_string().unwrap_or_default();
        format!("{name}={value}")
    });
    parts.collect::<Vec<_>>().join(",")
}
