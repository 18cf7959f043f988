//! wlcg-package-collector: receives sealed reports, opens them, keeps their history, answers who is behind.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Parser as _;
use jiff::Timestamp;
use report::sealed::{KeyKind, OpeningKey};
use wlcg_package_collector::access::deed::By;
use wlcg_package_collector::access::{Role, Scope, Viewer, operator, people, sign_in, token};
use wlcg_package_collector::answers::campaign::Reading;
use wlcg_package_collector::answers::{self, diff::Sides, judge::Judge};
use wlcg_package_collector::cli::{
    Campaign, Cli, Command, FormatName, FromRepository, Inbox, KeyKindName, Keys, Options, Reference, Registry,
    RegistryKind, RoleName, Serve, Token,
};
use wlcg_package_collector::config::{self, Config};
use wlcg_package_collector::demo::fleet::{self, Fleet};
use wlcg_package_collector::demo::{self, Demo};
use wlcg_package_collector::inbox_decision;
use wlcg_package_collector::opener::Opener;
use wlcg_package_collector::query::{self, PackageQuery};
use wlcg_package_collector::reference::ReferenceList;
use wlcg_package_collector::reference::difference::Difference;
use wlcg_package_collector::reference::repository::{self, Doubt};
use wlcg_package_collector::registry::{self, Kind, Source};
use wlcg_package_collector::sending::Courier;
use wlcg_package_collector::store::{Added, AuditFilter, InboxState, NewVersion, Store};
use wlcg_package_collector::table::{self, Cell, Format, Table};
use wlcg_package_collector::{clock, keys, serve, systemd};

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr();
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")
        .and_then(|runtime| runtime.block_on(run(cli)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "wlcg-package-collector: {}", told(&error));
            ExitCode::FAILURE
        }
    }
}

/// The story: what was asked, with what is configured, answered on standard output.
async fn run(cli: Cli) -> anyhow::Result<()> {
    let now = clock::now();
    let options = cli.options;
    let config = Config::load(options.config.as_deref())?;
    match cli.command {
        Command::Serve(roles) => run_serve(&options, config, roles).await,
        Command::Open { once } => open(&options, &config, once).await,
        Command::Keys(command) => run_keys(&options, &config, command, now),
        Command::Demo { once, fleet, folder, reporter } => {
            let stale_after_days = config.stale_after_days;
            let mut out = std::io::stdout();
            match fleet {
                Some(hosts) => {
                    // The configured database is somebody's real one: only one that is named here is filled.
                    let fleet = Fleet { hosts, folder, database: options.database, once, stale_after_days };
                    Ok(fleet::run(&fleet, now, &mut out).await?)
                }
                None => {
                    let temporary = tempfile::tempdir().context("making a folder for the demo")?;
                    let folder = folder.unwrap_or_else(|| temporary.path().to_owned());
                    Ok(demo::run(&Demo { folder, reporter, once, stale_after_days }, now, &mut out).await?)
                }
            }
        }
        Command::Check => check(&options, &config).await,
        Command::Migrate => {
            open_store(&options, &config).await?.close().await;
            say("the schema is up to date\n")
        }
        Command::Reference(command) => run_reference(&options, &config, command, now).await,
        Command::Registry(command) => run_registry(&options, &config, command, now).await,
        Command::Inbox { action } => run_inbox(&options, &config, action, now).await,
        Command::Mail { once } => mail(&options, &config, once).await,
        Command::SignIn { name, role, site } => {
            let viewer = people::with_role(name, role_named(role), site)?;
            let store = open_store(&options, &config).await?;
            say(&format!("{}\n", sign_in_link(&store, &config, &viewer, &address(&config)?, now).await?))
        }
        Command::Token(command) => run_token(&options, &config, command, now).await,
        question => {
            let store = open_store(&options, &config).await?;
            let answer = answer(&store, &config, question, now).await?;
            say(&answer.render(format(&options)))
        }
    }
}

async fn answer(store: &Store, config: &Config, question: Command, now: Timestamp) -> anyhow::Result<Table> {
    let date = |at: Option<String>| at.map_or(Ok(now), |at| query::parse_date(&at));
    Ok(match question {
        Command::Audit { person, action, since, limit } => {
            let since = since.map(|since| query::parse_since(&since)).transpose()?;
            let wanted = AuditFilter {
                person: person.as_deref().unwrap_or_default(),
                action: action.as_deref().unwrap_or_default(),
                since: since.map_or(i64::MIN, Timestamp::as_second),
                before: i64::MAX,
                limit: i64::from(limit),
            };
            answers::audit::table(answers::audit::entries(store, wanted).await?)
        }
        Command::Campaign(wanted) => {
            let (judge, reading) = (Judge::default(), Reading { now, stale_after_days: config.stale_after_days });
            match wanted {
                Campaign::List => answers::campaign::list(store, &judge, &Scope::All, reading).await?,
                Campaign::Show { name } => answers::campaign::show(store, &judge, &Scope::All, &name, reading).await?,
            }
        }
        Command::Hosts { site, at } => answers::hosts::answer(store, &Scope::All, date(at)?, site.as_deref()).await?,
        Command::History(host) => {
            answers::history::answer(store, &Scope::All, &host.host, host.site.as_deref()).await?
        }
        Command::Diff { host, other, from, to, site } => {
            let from = from.map(|from| query::parse_date(&from)).transpose()?;
            let sides = Sides { host: &host, other: other.as_deref(), from, to: date(to)?, site: site.as_deref() };
            answers::diff::answer(store, &Scope::All, sides).await?
        }
        Command::Who { question, at, site } => {
            let question = PackageQuery::parse(&question)?;
            answers::who::answer(store, &Scope::All, &question, date(at)?, site.as_deref()).await?
        }
        Command::Compare { site, product, at, list_of } => {
            let lists_of = match list_of.as_deref() {
                Some("now") => Some(now),
                Some(day) => Some(query::parse_date(day)?),
                None => None,
            };
            let (judge, days) = (Judge::default(), config.stale_after_days);
            let compared = answers::compare::at(store, &judge, &Scope::All, date(at)?, lists_of, days).await?;
            compared.table(site.as_deref(), product.as_deref())
        }
        other => anyhow::bail!("{other:?} is no question"),
    })
}

async fn run_serve(options: &Options, mut config: Config, roles: Serve) -> anyhow::Result<()> {
    config.receive &= !roles.no_receive;
    config.open &= !roles.no_open;
    config.desk &= !roles.no_desk;
    if let Some(listen) = roles.listen {
        config.listen = listen;
    }
    let keys = if config.open { load_keys(options, &config)? } else { Vec::new() };
    let store = open_store(options, &config).await?;
    let stop = serve::asked_to_end()?;
    let (listening, serve::Address(address)) = serve::bind(&config.listen).await?;
    let mut told = format!("listening on {address}\n");
    if let Some(url) = serve::embedded(&listening, &config) {
        let url = config.public_url.as_ref().unwrap_or(&url);
        let viewer = people::with_role("operator".to_owned(), Role::Officer, [])?;
        let link = sign_in_link(&store, &config, &viewer, url, clock::now()).await?;
        told += &format!("sign in, once and within {} minutes: {link}\n", config.sign_in_link_minutes);
    }
    say(&told)?;
    systemd::ready(&format!("listening on {address}"));
    Ok(serve::serve(store, &config, keys, listening, stop).await?)
}

async fn open(options: &Options, config: &Config, once: bool) -> anyhow::Result<()> {
    let keys = load_keys(options, config)?;
    anyhow::ensure!(!keys.is_empty(), "opening needs a key: give --key FILE or make one with `keys new`");
    let opener = Opener::new(open_store(options, config).await?, keys).with_policy(config.policy());
    if once {
        let done = opener.open_waiting().await?;
        return say(&format!("opened {}, set aside {}\n", done.opened, done.set_aside));
    }
    let stop = serve::asked_to_end()?;
    serve::open_until(opener, stop).await;
    Ok(())
}

async fn mail(options: &Options, config: &Config, once: bool) -> anyhow::Result<()> {
    let courier = Courier::configured(open_store(options, config).await?, config)?;
    anyhow::ensure!(courier.has_a_way(), "nothing can be sent: write [mail] or [webhook] into the configuration");
    if once {
        let round = courier.send_waiting().await?;
        return say(&format!("sent {}, later {}, failed {}\n", round.sent, round.later, round.failed));
    }
    let watch = serve::Watch { sending: config.sending(), judge: Arc::default(), days: config.stale_after_days };
    let stop = serve::asked_to_end()?;
    serve::send_until(courier, watch, stop).await;
    Ok(())
}

fn run_keys(options: &Options, config: &Config, command: Keys, now: Timestamp) -> anyhow::Result<()> {
    match command {
        Keys::New { name, kind, days, folder } => {
            let folder = folder.map_or_else(|| keys_folder(config), Ok)?;
            let kind = match kind {
                KeyKindName::Rsa2048 => KeyKind::Rsa(2048),
                KeyKindName::Rsa3072 => KeyKind::Rsa(3072),
                KeyKindName::Rsa4096 => KeyKind::Rsa(4096),
                KeyKindName::EcP256 => KeyKind::EcP256,
            };
            let (secret, public) = keys::new(&folder, &name, kind, now, days)?;
            say(&format!(
                "private key and certificate (secret, stays here): {}\ncertificate (for the hosts): {}\n",
                secret.display(),
                public.display()
            ))
        }
        Keys::List => {
            let mut rows = Vec::new();
            for file in keys::load(&named_keys(options, config), &keys_folder(config)?)? {
                let recipient = file.key.recipient();
                let end = recipient.not_after()?;
                rows.push(vec![
                    Cell::Text(file.file.display().to_string()),
                    Cell::Text(recipient.subject()),
                    Cell::Time(Some(end)),
                    Cell::Number((end.as_second() - now.as_second()).div_euclid(86_400)),
                    Cell::Text(recipient.fingerprint()?.to_string()),
                ]);
            }
            let columns = vec!["file", "subject", "not_after", "days_left", "sha256"];
            say(&Table { columns, rows }.render(format(options)))
        }
    }
}

async fn run_token(options: &Options, config: &Config, command: Token, now: Timestamp) -> anyhow::Result<()> {
    let store = open_store(options, config).await?;
    let operator = operator::name();
    let by = By::operator(&operator, now.as_second());
    match command {
        Token::New { name, role, site, days } => {
            let viewer = people::with_role(name, role_named(role), site)?;
            say(&format!("{}\n", token::new(&store, &viewer, days, by).await?.reveal()))
        }
        Token::List => say(&token::list(&store, now.as_second()).await?.render(format(options))),
        Token::Revoke { id } => {
            token::revoke(&store, id, by).await?;
            say(&format!("token {id} is revoked\n"))
        }
    }
}

async fn sign_in_link(
    store: &Store,
    config: &Config,
    viewer: &Viewer,
    url: &str,
    now: Timestamp,
) -> anyhow::Result<String> {
    let operator = operator::name();
    let by = By::operator(&operator, now.as_second());
    sign_in::link(store, viewer, url, config.sign_in_link_minutes, by).await.context("making a sign-in link")
}

/// Where people reach the desk, as far as the configuration tells.
fn address(config: &Config) -> anyhow::Result<String> {
    if let Some(url) = &config.public_url {
        return Ok(url.clone());
    }
    anyhow::ensure!(
        !config.listen.starts_with("unix:"),
        "the desk is behind a proxy on {}: set `public_url` to the address where people reach it",
        config.listen
    );
    Ok(format!("http://{}", config.listen))
}

fn role_named(name: RoleName) -> Role {
    match name {
        RoleName::Officer => Role::Officer,
        RoleName::Reader => Role::Reader,
        RoleName::Site => Role::Site,
    }
}

async fn run_reference(options: &Options, config: &Config, command: Reference, now: Timestamp) -> anyhow::Result<()> {
    let store = open_store(options, config).await?;
    match command {
        Reference::Import { file, name, note } => {
            let list = read_list(&file, name)?;
            let author = operator::name();
            let content = list.to_toml()?;
            let size = i64::try_from(list.references.len()).unwrap_or(i64::MAX);
            let version = NewVersion {
                name: &list.name,
                by: By::operator(&author, now.as_second()),
                note: &note,
                content: &content,
                size,
            };
            let number = store.import_reference_list(&version).await?;
            say(&format!("imported \"{}\" as version {number}: {size} references\n", list.name))
        }
        Reference::FromRepository(asked) => from_repository(&store, options, asked, now).await,
        Reference::Diff { name, from, to } => {
            let difference = answers::references::difference(&store, &name, from, to).await?;
            say(&answers::references::difference_table(&difference).render(format(options)))
        }
        Reference::List => say(&answers::references::versions(&store).await?.render(format(options))),
        Reference::Export { name } => {
            let lists = answers::references::export(&store, now, name.as_deref()).await?;
            match options.format {
                FormatName::Json => say(&answers::references::table(&lists).render(Format::Json)),
                FormatName::Csv => lists.iter().try_for_each(|list| say(&list.to_csv()?)),
                FormatName::Table => lists.iter().try_for_each(|list| say(&list.to_toml()?)),
            }
        }
    }
}

async fn from_repository(
    store: &Store,
    options: &Options,
    asked: FromRepository,
    now: Timestamp,
) -> anyhow::Result<()> {
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
    let (author, content) = (operator::name(), list.to_toml()?);
    let size = i64::try_from(list.references.len()).unwrap_or(i64::MAX);
    let version = NewVersion {
        name: &list.name,
        by: By::operator(&author, now.as_second()),
        note: &note,
        content: &content,
        size,
    };
    let mut writing = store.begin().await?;
    let Added::Stored(number) = writing.add_reference_list(&version, based_on).await? else {
        anyhow::bail!("\"{}\" was changed by somebody else meanwhile: run the command again", list.name);
    };
    writing.commit().await?;
    say(&answers::references::difference_table(&difference).render(format(options)))?;
    say(&format!("imported \"{}\" as version {number}: {size} references\n", list.name))
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

async fn run_registry(options: &Options, config: &Config, command: Registry, now: Timestamp) -> anyhow::Result<()> {
    let operator = operator::name();
    let by = By::operator(&operator, now.as_second());
    let again = |freed: u64| match freed {
        0 => String::new(),
        freed => format!("{freed} reports that were held for want of their site wait again\n"),
    };
    match command {
        Registry::Import { file, kind } => {
            let reading = registry::read_file(&file, kind.map(registry_kind))?;
            let store = open_store(options, config).await?;
            let source = Source::Registry(reading.kind);
            let freed = store.replace_registry(source, &reading.sites, by).await?;
            let left_out: String = reading.notes.iter().map(|note| format!("left out: {note}\n")).collect();
            say(&format!("{left_out}{}: {} sites\n{}", source.as_str(), reading.sites.len(), again(freed)))
        }
        Registry::List => {
            let store = open_store(options, config).await?;
            say(&answers::registry::answer(&store).await?.render(format(options)))
        }
        Registry::Declare { name, country, tier, contact, security, network } => {
            let site = registry::Site::declare(&name, (country, tier), (&contact, &security), &network)?;
            let store = open_store(options, config).await?;
            let freed = store.declare_site(&site, by).await?;
            say(&format!("declared {name}\n{}", again(freed)))
        }
        Registry::Forget { name } => {
            let store = open_store(options, config).await?;
            let forgotten = store.forget_site(&name, by).await?;
            anyhow::ensure!(forgotten, "{name:?} is not declared: `registry list` shows by whom a site is known");
            say(&format!("forgot {name}\n"))
        }
        Registry::Remove { kind } => {
            let store = open_store(options, config).await?;
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

async fn run_inbox(options: &Options, config: &Config, action: Option<Inbox>, now: Timestamp) -> anyhow::Result<()> {
    let store = open_store(options, config).await?;
    let operator = operator::name();
    let by = By::operator(&operator, now.as_second());
    match action.unwrap_or(Inbox::List { state: None, limit: 1000 }) {
        Inbox::List { state, limit } => {
            let state = state
                .map(|word| {
                    InboxState::ALL.into_iter().find(|state| state.as_str() == word).with_context(|| {
                        format!("inbox state {word:?}: expected waiting, opened, held, unreadable or rejected")
                    })
                })
                .transpose()?;
            say(&answers::inbox::answer(&store, &Scope::All, state, limit).await?.render(format(options)))
        }
        Inbox::Show { report } => {
            let (_, body) = store
                .inbox_report(report.parse()?)
                .await?
                .with_context(|| format!("no report {report} in the inbox: `inbox list` shows those there are"))?;
            Ok(std::io::stdout().write_all(&body)?)
        }
        Inbox::Approve { report } => {
            let approved = inbox_decision::approve(&store, report.parse()?, by).await?;
            let done = table::visible(&approved.described());
            say(&format!("{done}; {} reports wait again\n", approved.waiting()))
        }
        Inbox::Reject { report, reason } => {
            let rejected = inbox_decision::reject(&store, report.parse()?, &reason, by).await?;
            say(&format!("{rejected} reports rejected\n"))
        }
        Inbox::Retry { report } => {
            let hash = report.map(|report| report.parse()).transpose()?;
            say(&format!("{} reports wait again\n", inbox_decision::retry(&store, hash, by).await?))
        }
    }
}

async fn check(options: &Options, config: &Config) -> anyhow::Result<()> {
    say("configuration: ok\n")?;
    if let Some(read) = config.contacts().refresh() {
        let read = read?;
        say(&format!("gocdb_roles: {} people at {} sites\n", read.people, read.sites))?;
    }
    keys::recipients(&config.recipients)?;
    match load_keys(options, config)?.len() {
        0 => say("keys: none; reports can be received but not opened here\n")?,
        number => say(&format!("keys: {number} ok\n"))?,
    }
    let url = database(options, config)?;
    let store = Store::connect(&url).await.with_context(|| config::redacted(&url))?;
    store.ping().await.with_context(|| format!("{}: run `migrate` first if it is new", config::redacted(&url)))?;
    say(&format!("database: {} ok\n", config::redacted(&url)))?;
    let courier = Courier::configured(store.clone(), config)?;
    if let Some(mailer) = courier.mailer() {
        say(&format!("mail: {} ok\n", mailer.check().await?))?;
    }
    if let Some(webhook) = &config.webhook {
        say(&format!("webhook: {} is told what officers approve; it was not asked now\n", webhook.url))?;
    }
    for (source, sites, imported) in store.registry_sources().await? {
        say(&format!("registry {source}: {sites} sites, the newest of {}\n", answers::time(imported)))?;
    }
    Ok(())
}

fn named_keys(options: &Options, config: &Config) -> Vec<PathBuf> {
    if options.key.is_empty() { config.keys.clone() } else { options.key.clone() }
}

fn load_keys(options: &Options, config: &Config) -> anyhow::Result<Vec<OpeningKey>> {
    let mut files = keys::load(&named_keys(options, config), &keys_folder(config)?)?;
    let credentials = systemd::keys();
    if !credentials.is_empty() {
        files.extend(keys::load(&credentials, Path::new("/"))?);
    }
    Ok(files.into_iter().map(|file| file.key).collect())
}

fn keys_folder(config: &Config) -> anyhow::Result<PathBuf> {
    Ok(match &config.keys_folder {
        Some(folder) => folder.clone(),
        None => match systemd::source() {
            Some(folder) => folder,
            None => config::state_folder()?.join("keys"),
        },
    })
}

fn database(options: &Options, config: &Config) -> anyhow::Result<String> {
    if let Some(url) = options.database.as_ref().or(config.database.as_ref()) {
        return Ok(
            match config.database_password_file.clone().or_else(|| systemd::secret(systemd::DATABASE_PASSWORD)) {
                Some(file) => config::with_password(url, &file)?,
                None => url.clone(),
            },
        );
    }
    Ok(format!("sqlite:{}", config::state_folder()?.join("collector.sqlite").display()))
}

async fn open_store(options: &Options, config: &Config) -> anyhow::Result<Store> {
    let url = database(options, config)?;
    Store::open(&url).await.with_context(|| format!("opening {}", config::redacted(&url)))
}

fn format(options: &Options) -> Format {
    match options.format {
        FormatName::Table => Format::Table,
        FormatName::Json => Format::Json,
        FormatName::Csv => Format::Csv,
    }
}

fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// An error with its causes; most messages quote their cause already.
fn told(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |told, cause| match cause.to_string() {
        cause if told.contains(&cause) => told,
        cause if told.is_empty() => cause,
        cause => format!("{told}: {cause}"),
    })
}

/// A reader that has seen enough (`| head`) is no failure.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("WLCG_PACKAGE_COLLECTOR_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("wlcg_package_collector=info,warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
}
