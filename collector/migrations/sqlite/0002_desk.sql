-- Sites that have hosts. `news` grows with each transaction that brings reports of a site: who has read its hosts knows
-- by it whether that still holds.
CREATE TABLE site (
    id   INTEGER PRIMARY KEY,
    name TEXT    NOT NULL UNIQUE,
    news BIGINT  NOT NULL
);

-- In the order in which hosts are shown.
DROP INDEX host_by_site;
CREATE INDEX host_by_place ON host (site, name);

-- The newest state of each host, so that the present is read without the past. Follows from `host_state`; `changed` is
-- when a report came that first said so.
CREATE TABLE host_now (
    host      INTEGER PRIMARY KEY,
    site      BIGINT  NOT NULL,
    list      BIGINT  NOT NULL,
    facts     BIGINT  NOT NULL,
    since     BIGINT  NOT NULL,
    last_news BIGINT  NOT NULL,
    received  BIGINT  NOT NULL,
    source    TEXT    NOT NULL,
    signed    BIGINT  NOT NULL,
    changed   BIGINT  NOT NULL
);
CREATE INDEX host_now_by_site ON host_now (site, list, facts, last_news);

-- How many hosts of a site came into (positive) or left (negative) a state on a day (UTC, since 1970-01-01): the sum up
-- to a day is the number of hosts whose state it was at the end of that day. Follows from `host_state`.
CREATE TABLE host_count (
    list  BIGINT NOT NULL,
    facts BIGINT NOT NULL,
    site  BIGINT NOT NULL,
    day   BIGINT NOT NULL,
    hosts BIGINT NOT NULL,
    PRIMARY KEY (list, facts, site, day)
) WITHOUT ROWID;
CREATE INDEX host_count_by_day ON host_count (day);

-- What a report says of itself once it is open, and the kind of trouble it is in (a word for programs; `reason` is for people).
ALTER TABLE inbox ADD COLUMN site    TEXT NOT NULL DEFAULT '';
ALTER TABLE inbox ADD COLUMN host    TEXT NOT NULL DEFAULT '';
ALTER TABLE inbox ADD COLUMN sender  TEXT NOT NULL DEFAULT '';
ALTER TABLE inbox ADD COLUMN problem TEXT NOT NULL DEFAULT '';
-- Who handed it in through the API for its site; empty for what came from a host.
ALTER TABLE inbox ADD COLUMN handed_in TEXT NOT NULL DEFAULT '';
-- When it was sealed anew for other keys, unix seconds; 0 while it is as it came.
ALTER TABLE inbox ADD COLUMN resealed BIGINT NOT NULL DEFAULT 0;
CREATE INDEX inbox_by_site ON inbox (site, id);
-- For counting what was set aside without reading past the sealed bytes, which lie in the row before these columns.
CREATE INDEX inbox_set_aside ON inbox (state, problem, site, host, sender, received)
    WHERE state IN ('held', 'unreadable', 'rejected');

-- What each host is known by: the key of its first signed report, or what was approved since (an empty `digest`: no key).
-- `host` is the digest in the table `host`, which a host that waits for approval is not in.
CREATE TABLE sender (
    host     TEXT    NOT NULL PRIMARY KEY,
    site     TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    digest   TEXT    NOT NULL,
    since    BIGINT  NOT NULL,
    approved TEXT    NOT NULL
);
CREATE INDEX sender_by_digest ON sender (digest, site);
CREATE INDEX sender_by_name ON sender (name);

-- Senders that somebody decided against, each for one host: what they send next is rejected as it comes, in the same trouble and
-- with what was `told` then. An empty `digest`: reports without a signature.
CREATE TABLE rejected_sender (
    host    TEXT    NOT NULL,
    digest  TEXT    NOT NULL,
    problem TEXT    NOT NULL,
    told    TEXT    NOT NULL,
    PRIMARY KEY (host, digest)
);

-- Reports that were refused at the door, counted: they are not kept.
CREATE TABLE refusal (
    id     INTEGER PRIMARY KEY,
    digest TEXT    NOT NULL UNIQUE,
    day    BIGINT  NOT NULL,
    source TEXT    NOT NULL,
    reason TEXT    NOT NULL,
    times  BIGINT  NOT NULL,
    last   BIGINT  NOT NULL
);
CREATE INDEX refusal_by_last ON refusal (last);

-- What registries say of sites, as imported; `source` is gocdb, cric, osg or declared.
CREATE TABLE registry_site (
    id       INTEGER PRIMARY KEY,
    source   TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    country  TEXT    NOT NULL,
    tier     TEXT    NOT NULL,
    contact  TEXT    NOT NULL,
    security TEXT    NOT NULL,
    prefixes TEXT    NOT NULL,
    aliases  TEXT    NOT NULL,
    imported BIGINT  NOT NULL,
    UNIQUE (source, name)
);
CREATE INDEX registry_site_by_name ON registry_site (name);

ALTER TABLE reference_list ADD COLUMN note TEXT NOT NULL DEFAULT '';

-- Versions of a list are numbered from 1: of two people who make the same one, the second is told.
ALTER TABLE reference_list ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
UPDATE reference_list SET number = (
    SELECT COUNT(*) FROM reference_list earlier WHERE earlier.name = reference_list.name AND earlier.id <= reference_list.id
);
ALTER TABLE reference_list ADD COLUMN size BIGINT NOT NULL DEFAULT 0;
UPDATE reference_list SET size = (LENGTH(content) - LENGTH(REPLACE(content, '[[reference]]', ''))) / 13;
CREATE UNIQUE INDEX reference_list_by_number ON reference_list (name, number);

-- A target, a deadline and the sites that are asked; `content` is a reference list as TOML, `sites` names joined by line
-- feeds (none: all), `begins` and `deadline` days (UTC, since 1970-01-01). `contacts` are addresses that are not the
-- registry's, a line a site; `subject` and `letter` what was last written to the sites.
CREATE TABLE campaign (
    id       INTEGER PRIMARY KEY,
    name     TEXT NOT NULL UNIQUE,
    note     TEXT NOT NULL,
    content  TEXT NOT NULL,
    sites    TEXT NOT NULL,
    begins   BIGINT NOT NULL,
    deadline BIGINT NOT NULL,
    contacts TEXT NOT NULL,
    subject  TEXT NOT NULL,
    letter   TEXT NOT NULL,
    author   TEXT NOT NULL,
    created  BIGINT NOT NULL,
    closed   BIGINT NOT NULL
);

-- A site, or one host of it, that need not follow a campaign up to and on the day `expires`. `digest` is the hash of what
-- makes it: the same one again is the same row.
CREATE TABLE campaign_exception (
    id       INTEGER PRIMARY KEY,
    digest   TEXT NOT NULL UNIQUE,
    campaign BIGINT NOT NULL,
    site     TEXT NOT NULL,
    host     TEXT NOT NULL,
    reason   TEXT NOT NULL,
    author   TEXT NOT NULL,
    created  BIGINT NOT NULL,
    expires  BIGINT NOT NULL
);
CREATE INDEX campaign_exception_by_campaign ON campaign_exception (campaign);

-- Mails and webhooks of campaigns: written, seen by a person, approved, then sent. `digest` names what was seen, and the
-- message on its way; a webhook that tells of a mail `follows` that one.
CREATE TABLE message (
    id        INTEGER PRIMARY KEY,
    digest    TEXT NOT NULL UNIQUE,
    follows   TEXT NOT NULL,
    campaign  BIGINT NOT NULL,
    site      TEXT NOT NULL,
    kind      TEXT NOT NULL,
    recipient TEXT NOT NULL,
    subject   TEXT NOT NULL,
    body      TEXT NOT NULL,
    state     TEXT NOT NULL,
    author    TEXT NOT NULL,
    created   BIGINT NOT NULL,
    approver  TEXT NOT NULL,
    approved  BIGINT NOT NULL,
    attempts  BIGINT NOT NULL,
    next_try  BIGINT NOT NULL,
    sent      BIGINT NOT NULL,
    error     TEXT NOT NULL
);
CREATE INDEX message_by_state ON message (state, next_try);
CREATE INDEX message_by_campaign ON message (campaign);
CREATE INDEX message_by_follows ON message (follows);

-- API tokens: only a hash of each is kept. `sites` are names joined by line feeds.
CREATE TABLE token (
    id        INTEGER PRIMARY KEY,
    name      TEXT    NOT NULL,
    digest    TEXT    NOT NULL UNIQUE,
    role      TEXT    NOT NULL,
    sites     TEXT    NOT NULL,
    author    TEXT    NOT NULL,
    created   BIGINT  NOT NULL,
    expires   BIGINT  NOT NULL,
    last_used BIGINT  NOT NULL,
    revoked   BIGINT  NOT NULL
);

-- People who are signed in without a proxy.
CREATE TABLE session (
    digest  TEXT    NOT NULL PRIMARY KEY,
    person  TEXT    NOT NULL,
    role    TEXT    NOT NULL,
    sites   TEXT    NOT NULL,
    created BIGINT  NOT NULL,
    expires BIGINT  NOT NULL
);

-- Links that sign a person in once.
CREATE TABLE sign_in_link (
    digest  TEXT    NOT NULL PRIMARY KEY,
    person  TEXT    NOT NULL,
    role    TEXT    NOT NULL,
    sites   TEXT    NOT NULL,
    created BIGINT  NOT NULL,
    expires BIGINT  NOT NULL
);

-- Who signed in, read host data or changed something.
CREATE TABLE audit (
    id     INTEGER PRIMARY KEY,
    at     BIGINT  NOT NULL,
    person TEXT    NOT NULL,
    role   TEXT    NOT NULL,
    source TEXT    NOT NULL,
    action TEXT    NOT NULL,
    object TEXT    NOT NULL
);
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_by_person ON audit (person, id);
CREATE INDEX audit_by_action ON audit (action, id);

-- What the processes of one collector have in common and tell nobody.
CREATE TABLE secret (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- The way from a package to the lists that hold it: what came into and left each lineage, in the order of revisions, by block of
-- package names; an epoch is some hundred revisions. Follows from `package_list`.
DROP TABLE presence;
CREATE TABLE presence (
    block   BIGINT NOT NULL,
    lineage BIGINT NOT NULL,
    epoch   BIGINT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (block, lineage, epoch)
) WITHOUT ROWID;

-- Nothing is asked this way.
DROP INDEX host_state_by_list;

-- A row that transactions write which must not pass each other, also on different nodes of a Galera cluster.
CREATE TABLE turn (
    name  TEXT   NOT NULL PRIMARY KEY,
    taken BIGINT NOT NULL
);
