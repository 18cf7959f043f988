//! `registry`: the sites that are known, by a registry's file or by declaration.

use wlcg_package_collector::answers;
use wlcg_package_collector::cli::{Registry, RegistryKind};
use wlcg_package_collector::registry::{self, Kind, Source};

use super::{Invocation, say};

/// Imports, lists and removes what registries say, and declares sites.
pub(crate) async fn run(call: &Invocation, command: Registry) -> anyhow::Result<()> {
    let by = call.by();
    let again = |freed: u64| match freed {
        0 => String::new(),
        freed => format!("{freed} reports that were held for want of their site wait again\n"),
    };
    match command {
        Registry::Import { file, kind } => {
            let reading = registry::read_file(&file, kind.map(registry_kind))?;
            let store = call.store().await?;
            let source = Source::Registry(reading.kind);
            let freed = store.replace_registry(source, &reading.sites, by).await?;
            let left_out: String = reading.notes.iter().map(|note| format!("left out: {note}\n")).collect();
            say(&format!("{left_out}{}: {} sites\n{}", source.as_str(), reading.sites.len(), again(freed)))
        }
        Registry::List => {
            let store = call.store().await?;
            call.show(&answers::registry::answer(&store).await?)
        }
        Registry::Declare { name, country, tier, contact, security, network } => {
            let site = registry::Site::declare(&name, (country, tier), (&contact, &security), &network)?;
            let store = call.store().await?;
            let freed = store.declare_site(&site, by).await?;
            say(&format!("declared {name}\n{}", again(freed)))
        }
        Registry::Forget { name } => {
            let store = call.store().await?;
            let forgotten = store.forget_site(&name, by).await?;
            anyhow::ensure!(forgotten, "{name:?} is not declared: `registry list` shows by whom a site is known");
            say(&format!("forgot {name}\n"))
        }
        Registry::Remove { kind } => {
            let store = call.store().await?;
            let source = Source::Registry(registry_kind(kind));
            let freed = store.replace_registry(source, &[], by).await?;
            say(&format!("removed {}\n{}", source.as_str(), again(freed)))
        }
    }
}

fn registry_kind(name: RegistryKind) -> Kind {
    match name {
        RegistryKind::Gocdb => Kind::Gocdb,
        RegistryKind::Cric => Kind::Cric,
        RegistryKind::Osg => Kind::Osg,
    }
}
