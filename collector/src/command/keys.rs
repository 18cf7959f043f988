//! `keys`: recipient key pairs and their certificates.

use std::sync::Arc;

use anyhow::Context as _;
use report::sealed::{KeyKind, Recipient};
use wlcg_package_collector::cli::{KeyKindName, Keys};
use wlcg_package_collector::reseal::Resealing;
use wlcg_package_collector::table::{Cell, Table};
use wlcg_package_collector::{keys, recipient_bundle};

use super::{Invocation, say};

/// Makes a key pair, lists those that are configured, retires one, publishes those in use, or frees what is kept of the
/// retired ones.
pub(crate) async fn run(call: &Invocation, command: Keys) -> anyhow::Result<()> {
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
                    Cell::Text(file.place()),
                    Cell::Text(recipient.subject()),
                    Cell::Time(Some(end)),
                    Cell::Number((end.as_second() - call.now.as_second()).div_euclid(86_400)),
                    Cell::Text(recipient.fingerprint()?.to_string()),
                    Cell::Text(if file.retired { "retired" } else { "in use" }.to_owned()),
                ]);
            }
            let columns = vec!["file", "subject", "not_after", "days_left", "sha256", "state"];
            call.show(&Table { columns, rows })
        }
        Keys::Retire { name } => {
            let marks = keys::retire(&name, &call.key_files()?, call.now)?;
            let marks: Vec<_> = marks.iter().map(|mark| mark.display().to_string()).collect();
            say(&format!(
                "{name} is retired, says {}: it still opens, and the next `keys publish` leaves it out\n",
                marks.join(" and ")
            ))
        }
        Keys::Reseal { dry_run } => {
            let resealing = Resealing::new(call.opening_keys()?, keys::recipients(&call.config.recipients)?)?;
            let (from, to) = (resealing.from(), resealing.to());
            let store = call.store().await?;
            let done = Arc::new(resealing).run(&store, (!dry_run).then(|| call.by())).await?;
            let verb = if dry_run { "would be" } else { "are" };
            say(&format!(
                "{} of {} reports were sealed for {from}, and {verb} sealed anew for {to}\n",
                done.anew, done.reports
            ))
        }
        Keys::Publish { file } => {
            let file = file.or_else(|| call.config.recipient_bundle_file.clone());
            let file = file.context("where to? give --file FILE, or `recipient_bundle_file` in the configuration")?;
            let others = keys::recipients(&call.config.recipients)?;
            let keys = call.key_files()?;
            let bundle = recipient_bundle::issue(&file, &keys, others, call.now)?;
            let subjects = |recipients: Vec<String>| recipients.join(" and ");
            say(&format!(
                "recipient bundle {}: {}\nhosts seal for: {}\nsigned by: {}\n",
                bundle.serial,
                file.display(),
                subjects(bundle.recipients.iter().map(Recipient::subject).collect()),
                subjects(keys.iter().map(|file| file.key.recipient().subject()).collect()),
            ))
        }
    }
}
