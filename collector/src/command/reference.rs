//! `reference`: lists by file, their versions and what differs between them.

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use wlcg_package_collector::answers;
use wlcg_package_collector::cli::{FormatName, Reference};
use wlcg_package_collector::reference::ReferenceList;
use wlcg_package_collector::store::NewVersion;
use wlcg_package_collector::table::Format;

use super::{Invocation, repository, say};

/// Imports, lists, compares and exports lists.
pub(crate) async fn run(call: &Invocation, command: Reference) -> anyhow::Result<()> {
    let store = call.store().await?;
    match command {
        Reference::Import { file, name, note } => {
            let list = read_list(&file, name)?;
            let (content, size) = (list.to_toml()?, i64::try_from(list.references.len()).unwrap_or(i64::MAX));
            let version = NewVersion { name: &list.name, by: call.by(), note: &note, content: &content, size };
            let number = store.import_reference_list(&version).await?;
            say(&format!("imported \"{}\" as version {number}: {size} references\n", list.name))
        }
        Reference::FromRepository(asked) => repository::run(call, &store, asked).await,
        Reference::Diff { name, from, to } => {
            let difference = answers::references::difference(&store, &name, from, to).await?;
            call.show(&answers::references::difference_table(&difference))
        }
        Reference::List => call.show(&answers::references::versions(&store).await?),
        Reference::Export { name } => {
            let lists = answers::references::export(&store, call.now, name.as_deref()).await?;
            match call.options.format {
                FormatName::Json => say(&answers::references::table(&lists).render(Format::Json)),
                FormatName::Csv => lists.iter().try_for_each(|list| say(&list.to_csv()?)),
                FormatName::Table => lists.iter().try_for_each(|list| say(&list.to_toml()?)),
            }
        }
    }
}

fn read_list(file: &Path, name: Option<String>) -> anyhow::Result<ReferenceList> {
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).context("reading a reference list from standard input")?;
    } else {
        text = std::fs::read_to_string(file).with_context(|| format!("reading reference list {}", file.display()))?;
    }
    let list = if file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv")) {
        let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        ReferenceList::from_csv(&text, &name.or(stem).unwrap_or_default())
    } else {
        ReferenceList::from_toml(&text)
    };
    list.with_context(|| file.display().to_string())
}
