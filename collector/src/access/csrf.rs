//! Proof that a form was filled in on a page of ours, for whoever the browser signs in by itself: by cookie, by
//! certificate or through a proxy.

use hmac::{Hmac, KeyInit as _, Mac as _};
use report::hash::Hash;
use sha2::Sha256;

use super::secret::{self, NoRandom};

/// The key of all proofs; every process of a collector shares it through the database.
#[derive(Clone)]
pub struct CsrfKey([u8; 32]);

impl CsrfKey {
    /// A new one.
    ///
    /// # Errors
    /// [`NoRandom`].
    pub fn new() -> Result<Self, NoRandom> {
        Ok(CsrfKey(secret::random()?))
    }

    /// The proof for a person or session, on the pages of a day (UTC, since 1970-01-01).
    #[must_use]
    pub fn proof(&self, of: &str, day: i64) -> String {
        Hash::from(<[u8; 32]>::from(self.mac(of, day).finalize().into_bytes())).to_string()
    }

    /// Whether a proof is that of a page made today or yesterday; takes as long for a wrong one.
    #[must_use]
    pub fn holds(&self, of: &str, today: i64, proof: &str) -> bool {
        let Ok(shown) = proof.parse::<Hash>() else { return false };
        [today, today - 1].into_iter().any(|day| self.mac(of, day).verify_slice(shown.as_bytes()).is_ok())
    }

    fn mac(&self, of: &str, day: i64) -> Hmac<Sha256> {
        // A key of the block's length, padded as RFC 2104 does it.
        let mut block = [0; 64];
        block.iter_mut().zip(self.0).for_each(|(place, byte)| *place = byte);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(&day.to_be_bytes());
        mac.update(of.as_bytes());
        mac
    }

    /// As kept in the database.
    #[must_use]
    pub fn to_hex(&self) -> String {
        Hash::from(self.0).to_string()
    }

    /// As read from the database.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        text.parse::<Hash>().ok().map(|bytes| CsrfKey(*bytes.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_for_one_person_one_key_and_two_days() {
        let key = CsrfKey::new().unwrap();
        let proof = key.proof("a", 100);
        assert!(key.holds("a", 100, &proof) && key.holds("a", 101, &proof));
        assert!(!key.holds("a", 99, &proof) && !key.holds("a", 102, &proof));
        assert!(!key.holds("b", 100, &proof) && !CsrfKey::new().unwrap().holds("a", 100, &proof));
        assert!(["", "x", &proof.to_uppercase(), &proof[1..]].iter().all(|wrong| !key.holds("a", 100, wrong)));
        assert!(CsrfKey::from_hex(&key.to_hex()).unwrap().holds("a", 100, &proof));
    }
}
