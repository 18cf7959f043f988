-- Sites that have hosts. `news` grows with each transaction that brings reports of a site: who has read its hosts knows
-- by it whether that still holds.
CREATE TABLE site (
    id   BIGINT PRIMARY KEY AUTO_INCREMENT,
    name VARCHAR(100) NOT NULL UNIQUE,
    news BIGINT  NOT NULL
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The newest state of each host, so that the present is read without the past. Follows from `host_state`; `changed` is
-- when a report came that first said so.
CREATE TABLE host_now (
    host      BIGINT PRIMARY KEY,
    site      BIGINT  NOT NULL,
    list      BIGINT  NOT NULL,
    facts     BIGINT  NOT NULL,
    since     BIGINT  NOT NULL,
    last_news BIGINT  NOT NULL,
    received  BIGINT  NOT NULL,
    source    MEDIUMTEXT    NOT NULL,
    signed    BIGINT  NOT NULL,
    changed   BIGINT  NOT NULL
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
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
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX host_count_by_day ON host_count (day);

-- What a report says of itself once it is open, and the kind of trouble it is in (a word for programs; `reason` is for people).
ALTER TABLE inbox ADD COLUMN site    MEDIUMTEXT NOT NULL DEFAULT ('');
ALTER TABLE inbox ADD COLUMN host    MEDIUMTEXT NOT NULL DEFAULT ('');
ALTER TABLE inbox ADD COLUMN sender  MEDIUMTEXT NOT NULL DEFAULT ('');
ALTER TABLE inbox ADD COLUMN problem VARCHAR(32) NOT NULL DEFAULT '';
-- Who handed it in through the API for its site; empty for what came from a host.
ALTER TABLE inbox ADD COLUMN handed_in MEDIUMTEXT NOT NULL DEFAULT ('');
-- When it was sealed anew for other keys, unix seconds; 0 while it is as it came.
ALTER TABLE inbox ADD COLUMN resealed BIGINT NOT NULL DEFAULT 0;
CREATE INDEX inbox_by_site ON inbox (site(100), id);

-- What each host is known by: the key of its first signed report, or what was approved since (an empty `digest`: no key).
-- `host` is the digest in the table `host`, which a host that waits for approval is not in.
CREATE TABLE sender (
    host     CHAR(64) CHARACTER SET ascii COLLATE ascii_bin    NOT NULL PRIMARY KEY,
    site     VARCHAR(100) NOT NULL,
    name     MEDIUMTEXT   NOT NULL,
    digest   CHAR(64) CHARACTER SET ascii COLLATE ascii_bin    NOT NULL,
    since    BIGINT  NOT NULL,
    approved MEDIUMTEXT    NOT NULL
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX sender_by_digest ON sender (digest, site);
CREATE INDEX sender_by_name ON sender (name(100));

-- Senders that somebody decided against, each for one host: what they send next is rejected as it comes, in the same trouble and
-- with what was `told` then. An empty `digest`: reports without a signature.
CREATE TABLE rejected_sender (
    host    CHAR(64) CHARACTER SET ascii COLLATE ascii_bin    NOT NULL,
    digest  CHAR(64) CHARACTER SET ascii COLLATE ascii_bin    NOT NULL,
    problem VARCHAR(32) NOT NULL,
    told    MEDIUMTEXT  NOT NULL,
    PRIMARY KEY (host, digest)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Reports that were refused at the door, counted: they are not kept.
CREATE TABLE refusal (
    id     BIGINT PRIMARY KEY AUTO_INCREMENT,
    digest CHAR(64) CHARACTER SET ascii COLLATE ascii_bin    NOT NULL UNIQUE,
    day    BIGINT  NOT NULL,
    source MEDIUMTEXT    NOT NULL,
    reason MEDIUMTEXT    NOT NULL,
    times  BIGINT  NOT NULL,
    last   BIGINT  NOT NULL
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX refusal_by_last ON refusal (last);

-- What registries say of sites, as imported; `source` is gocdb, cric, osg or declared.
CREATE TABLE registry_site (
    id       BIGINT PRIMARY KEY AUTO_INCREMENT,
    source   VARCHAR(16)    NOT NULL,
    name     VARCHAR(190)    NOT NULL,
    country  MEDIUMTEXT    NOT NULL,
    tier     MEDIUMTEXT    NOT NULL,
    contact  MEDIUMTEXT    NOT NULL,
    security MEDIUMTEXT    NOT NULL,
    prefixes MEDIUMTEXT    NOT NULL,
    aliases  MEDIUMTEXT    NOT NULL,
    imported BIGINT  NOT NULL,
    UNIQUE (source, name)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX registry_site_by_name ON registry_site (name);

ALTER TABLE reference_list ADD COLUMN note MEDIUMTEXT NOT NULL DEFAULT ('');

-- Versions of a list are numbered from 1: of two people who make the same one, the second is told.
ALTER TABLE reference_list ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
UPDATE reference_list JOIN (
    SELECT later.id, COUNT(*) AS number FROM reference_list later
    JOIN reference_list earlier ON earlier.name = later.name AND earlier.id <= later.id GROUP BY later.id
) AS counted ON counted.id = reference_list.id SET reference_list.number = counted.number;
ALTER TABLE reference_list MODIFY name VARCHAR(190) NOT NULL;
ALTER TABLE reference_list ADD COLUMN size BIGINT NOT NULL DEFAULT 0;
UPDATE reference_list SET size = (LENGTH(content) - LENGTH(REPLACE(content, '[[reference]]', ''))) DIV 13;
CREATE UNIQUE INDEX reference_list_by_number ON reference_list (name, number);

-- A target, a deadline and the sites that are asked; `content` is a reference list as TOML, `sites` names joined by line
-- feeds (none: all), `begins` and `deadline` days (UTC, since 1970-01-01). `contacts` are addresses that are not the
-- registry's, a line a site; `subject` and `letter` what was last written to the sites.
CREATE TABLE campaign (
    id       BIGINT PRIMARY KEY AUTO_INCREMENT,
    name     VARCHAR(190) NOT NULL UNIQUE,
    note     MEDIUMTEXT NOT NULL,
    content  MEDIUMTEXT NOT NULL,
    sites    MEDIUMTEXT NOT NULL,
    begins   BIGINT NOT NULL,
    deadline BIGINT NOT NULL,
    contacts MEDIUMTEXT NOT NULL,
    subject  MEDIUMTEXT NOT NULL,
    letter   MEDIUMTEXT NOT NULL,
    author   MEDIUMTEXT NOT NULL,
    created  BIGINT NOT NULL,
    closed   BIGINT NOT NULL
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- A site, or one host of it, that need not follow a campaign up to and on the day `expires`. `digest` is the hash of what
-- makes it: the same one again is the same row.
CREATE TABLE campaign_exception (
    id       BIGINT PRIMARY KEY AUTO_INCREMENT,
    digest   CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
    campaign BIGINT NOT NULL,
    site     MEDIUMTEXT NOT NULL,
    host     MEDIUMTEXT NOT NULL,
    reason   MEDIUMTEXT NOT NULL,
    author   MEDIUMTEXT NOT NULL,
    created  BIGINT NOT NULL,
    expires  BIGINT NOT NULL
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX campaign_exception_by_campaign ON campaign_exception (campaign);

-- Mails and webhooks of campaigns: written, seen by a person, approved, then sent. `digest` names what was seen, and the
-- message on its way; a webhook that tells of a mail `follows` that one.
CREATE TABLE message (
    id        BIGINT PRIMARY KEY AUTO_INCREMENT,
    digest    CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
    follows   CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    campaign  BIGINT NOT NULL,
    site      MEDIUMTEXT NOT NULL,
    kind      VARCHAR(16) NOT NULL,
    recipient MEDIUMTEXT NOT NULL,
    subject   MEDIUMTEXT NOT NULL,
    body      MEDIUMTEXT NOT NULL,
    state     VARCHAR(16) NOT NULL,
    author    MEDIUMTEXT NOT NULL,
    created   BIGINT NOT NULL,
    approver  MEDIUMTEXT NOT NULL,
    approved  BIGINT NOT NULL,
    attempts  BIGINT NOT NULL,
    next_try  BIGINT NOT NULL,
    sent      BIGINT NOT NULL,
    error     MEDIUMTEXT NOT NULL
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX message_by_state ON message (state, next_try);
CREATE INDEX message_by_campaign ON message (campaign);
CREATE INDEX message_by_follows ON message (follows);

-- API tokens: only a hash of each is kept. `sites` are names joined by line feeds.
CREATE TABLE token (
    id        BIGINT PRIMARY KEY AUTO_INCREMENT,
    name      MEDIUMTEXT    NOT NULL,
    digest    CHAR(64) CHARACTER SET ascii COLLATE ascii_bin    NOT NULL UNIQUE,
    role      VARCHAR(16)    NOT NULL,
    sites     MEDIUMTEXT    NOT NULL,
    author    MEDIUMTEXT    NOT NULL,
    created   BIGINT  NOT NULL,
    expires   BIGINT  NOT NULL,
    last_used BIGINT  NOT NULL,
    revoked   BIGINT  NOT NULL
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- People who are signed in without a proxy.
CREATE TABLE session (
    digest  CHAR(64) CHARACTER SET ascii COLLATE ascii_bin    NOT NULL PRIMARY KEY,
    person  MEDIUMTEXT    NOT NULL,
    role    VARCHAR(16)    NOT NULL,
    sites   MEDIUMTEXT    NOT NULL,
    created BIGINT  NOT NULL,
    expires BIGINT  NOT NULL
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Links that sign a person in once.
CREATE TABLE sign_in_link (
    digest  CHAR(64) CHARACTER SET ascii COLLATE ascii_bin    NOT NULL PRIMARY KEY,
    person  MEDIUMTEXT    NOT NULL,
    role    VARCHAR(16)    NOT NULL,
    sites   MEDIUMTEXT    NOT NULL,
    created BIGINT  NOT NULL,
    expires BIGINT  NOT NULL
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Who signed in, read host data or changed something.
CREATE TABLE audit (
    id     BIGINT PRIMARY KEY AUTO_INCREMENT,
    at     BIGINT  NOT NULL,
    person MEDIUMTEXT    NOT NULL,
    role   VARCHAR(16)    NOT NULL,
    source MEDIUMTEXT    NOT NULL,
    action VARCHAR(64)   NOT NULL,
    object MEDIUMTEXT    NOT NULL
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_by_person ON audit (person(100), id);
CREATE INDEX audit_by_action ON audit (action, id);

-- What the processes of one collector have in common and tell nobody.
CREATE TABLE secret (
    name  VARCHAR(32) NOT NULL PRIMARY KEY,
    value VARCHAR(64) NOT NULL
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The way from a package to the lists that hold it: what came into and left each lineage, in the order of revisions, by block of
-- package names; an epoch is some hundred revisions. Follows from `package_list`.
DROP TABLE presence;
CREATE TABLE presence (
    block   BIGINT NOT NULL,
    lineage BIGINT NOT NULL,
    epoch   BIGINT NOT NULL,
    content MEDIUMBLOB NOT NULL,
    PRIMARY KEY (block, lineage, epoch)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Nothing is asked this way.
DROP INDEX host_state_by_list ON host_state;

-- A row that transactions write which must not pass each other, also on different nodes of a Galera cluster.
CREATE TABLE turn (
    name  VARCHAR(32) NOT NULL PRIMARY KEY,
    taken BIGINT NOT NULL
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
