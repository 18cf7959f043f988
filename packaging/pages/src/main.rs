//! Writes man pages and shell completions of both programs: `wlcg-package-pages FOLDER`.

use std::path::Path;

use anyhow::Context as _;
use clap::{Command, CommandFactory as _};
use clap_complete::Shell;

fn main() -> anyhow::Result<()> {
    let folder = std::env::args_os().nth(1).context("usage: wlcg-package-pages FOLDER")?;
    for command in [wlcg_package_reporter::cli::Cli::command(), wlcg_package_collector::cli::Cli::command()] {
        let folder = Path::new(&folder).join(command.get_name());
        write(command, &folder).with_context(|| format!("writing to {}", folder.display()))?;
    }
    Ok(())
}

/// One page for the program and one for each of its commands; completions under the name that each shell looks for.
fn write(mut command: Command, folder: &Path) -> anyhow::Result<()> {
    let name = command.get_name().to_owned();
    for (shell, place) in [(Shell::Bash, "bash"), (Shell::Zsh, "zsh"), (Shell::Fish, "fish")] {
        let file = match shell {
            Shell::Zsh => format!("_{name}"),
            Shell::Fish => format!("{name}.fish"),
            _ => name.clone(),
        };
        let place = folder.join(place);
        std::fs::create_dir_all(&place)?;
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut command, &name, &mut text);
        std::fs::write(place.join(file), text)?;
    }
    let pages = folder.join("man");
    std::fs::create_dir_all(&pages)?;
    clap_mangen::generate_to(command, &pages)?;
    for page in std::fs::read_dir(&pages)? {
        let page = page?.path();
        // `help` explains itself.
        if page.to_string_lossy().contains("-help") {
            std::fs::remove_file(page)?;
        }
    }
    Ok(())
}
