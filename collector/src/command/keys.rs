//! `keys`: recipient key pairs and their certificates.

use report::sealed::KeyKind;
use wlcg_package_collector::cli::{KeyKindName, Keys};
use wlcg_package_collector::keys;
use wlcg_package_collector::table::{Cell, Table};

use super::{Invocation, say};

/// Makes a key pair, or lists those that are configured.
pub(crate) fn run(call: &Invocation, command: Keys) -> anyhow::Result<()> {
    match command {
        Keys::New { name, kind, days, folder } => {
            let folder = folder.map_or_else(|| call.keys_folder(), Ok)?;
            let kind = match kind {
                KeyKindName::Rsa2048 => KeyKind::Rsa(2048),
                KeyKindName::Rsa3072 => KeyKind::Rsa(3072),
                KeyKindName::Rsa4096 => KeyKind::Rsa(4096),
                KeyKindName::EcP256 => KeyKind::EcP256,
            };
            let (secret, public) = keys::new(&folder, &name, kind, call.now, days, call.passphrase()?.as_ref())?;
            say(&format!(
                "private key and certificate (secret, stays here): {}\ncertificate (for the hosts): {}\n",
                secret.display(),
                public.display()
            ))
        }
        Keys::List => {
            let mut rows = Vec::new();
            for file in call.key_files()? {
                let recipient = file.key.recipient();
                let end = recipient.not_after()?;
                rows.push(vec![
                    Cell::Text(file.file.display().to_string()),
                    Cell::Text(recipient.subject()),
                    Cell::Time(Some(end)),
                    Cell::Number((end.as_second() - call.now.as_second()).div_euclid(86_400)),
                    Cell::Text(recipient.fingerprint()?.to_string()),
                ]);
            }
            let columns = vec!["file", "subject", "not_after", "days_left", "sha256"];
            call.show(&Table { columns, rows })
        }
    }
}
