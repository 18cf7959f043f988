//! `reference from-repository`: minimum versions from repository metadata on disk.

use std::io::Write as _;

use wlcg_package_collector::answers;
use wlcg_package_collector::cli::FromRepository;
use wlcg_package_collector::reference::ReferenceList;
use wlcg_package_collector::reference::difference::Difference;
use wlcg_package_collector::reference::repository::{self, Doubt};
use wlcg_package_collector::store::{Added, NewVersion, Store};
use wlcg_package_collector::table;

use super::{Invocation, say};

/// Prints the list with the repository's newest versions as its minimums, or stores it.
pub(crate) async fn run(call: &Invocation, store: &Store, asked: FromRepository) -> anyhow::Result<()> {
    let FromRepository { file, name, product, package, os, import, note } = asked;
    let newest = repository::read_path(&file, &package)?;
    let (based_on, before) = match store.newest_reference_version(&name).await? {
        Some(stored) => (stored.version.number, ReferenceList::from_toml(&stored.content)?),
        None => (0, ReferenceList { name, references: Vec::new() }),
    };
    let (list, doubts) = before.with_minimums(&newest, &product, os.as_deref())?;
    for Doubt { package, newest, why } in doubts {
        writeln!(std::io::stderr(), "{}", table::visible(&format!("look at {package} {newest}: {why}")))?;
    }
    if !import {
        return say(&list.to_toml()?);
    }
    let difference = Difference::between(&before.references, &list.references);
    if difference == Difference::default() {
        return say("nothing to import: the list asks for these versions already\n");
    }
    let (content, size) = (list.to_toml()?, i64::try_from(list.references.len()).unwrap_or(i64::MAX));
    let version = NewVersion { name: &list.name, by: call.by(), note: &note, content: &content, size };
    let mut writing = store.begin().await?;
    let Added::Stored(number) = writing.add_reference_list(&version, based_on).await? else {
        anyhow::bail!("\"{}\" was changed by somebody else meanwhile: run the command again", list.name);
    };
    writing.commit().await?;
    call.show(&answers::references::difference_table(&difference))?;
    say(&format!("imported \"{}\" as version {number}: {size} references\n", list.name))
}
