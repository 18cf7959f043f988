-- Sealed reports as received; `hash` is what makes a report one row however often it comes.
CREATE TABLE inbox (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    hash     TEXT    NOT NULL UNIQUE,
    received BIGINT  NOT NULL,
    source   TEXT    NOT NULL,
    size     BIGINT  NOT NULL,
    body     BLOB    NOT NULL,
    state    TEXT    NOT NULL,
    reason   TEXT    NOT NULL
);
CREATE INDEX inbox_by_state ON inbox (state, id);

-- Each package version once, however many hosts have it; `digest` stands for texts of any length.
CREATE TABLE package (
    id       INTEGER PRIMARY KEY,
    digest   TEXT    NOT NULL UNIQUE,
    packager TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    version  TEXT    NOT NULL,
    arch     TEXT    NOT NULL
);
CREATE INDEX package_by_name ON package (name);

-- A lineage is a family of similar package lists, each kept as a difference from the one before it.
CREATE TABLE lineage (
    id         INTEGER PRIMARY KEY,
    first_list TEXT    NOT NULL UNIQUE
);

-- Each distinct package list once: its content is that of the revision `base` with every change up to its own.
CREATE TABLE package_list (
    id       INTEGER PRIMARY KEY,
    digest   TEXT    NOT NULL UNIQUE,
    lineage  BIGINT  NOT NULL,
    revision BIGINT  NOT NULL,
    base     BIGINT  NOT NULL,
    packages BIGINT  NOT NULL,
    content  BLOB    NOT NULL,
    UNIQUE (lineage, revision)
);

-- The way from a package to the lists that hold it: every revision from first to last.
CREATE TABLE presence (
    package        BIGINT NOT NULL,
    lineage        BIGINT NOT NULL,
    first_revision BIGINT NOT NULL,
    last_revision  BIGINT NOT NULL,
    PRIMARY KEY (package, lineage, first_revision)
) WITHOUT ROWID;

-- Each distinct set of header lines once.
CREATE TABLE facts (
    id     INTEGER PRIMARY KEY,
    digest TEXT    NOT NULL UNIQUE,
    text   TEXT    NOT NULL
);

CREATE TABLE host (
    id     INTEGER PRIMARY KEY,
    digest TEXT    NOT NULL UNIQUE,
    site   TEXT    NOT NULL,
    name   TEXT    NOT NULL
);
CREATE INDEX host_by_site ON host (site);
CREATE INDEX host_by_name ON host (name);

-- A run of reports of one host that said the same; `seen` holds the times of all of them.
CREATE TABLE host_state (
    host       BIGINT NOT NULL,
    first_seen BIGINT NOT NULL,
    list       BIGINT NOT NULL,
    facts      BIGINT NOT NULL,
    seen       BLOB   NOT NULL,
    PRIMARY KEY (host, first_seen)
) WITHOUT ROWID;
CREATE INDEX host_state_by_list ON host_state (list);

-- Every version of every reference list, so that a comparison of the past can use the list of that day.
CREATE TABLE reference_list (
    id       INTEGER PRIMARY KEY,
    name     TEXT    NOT NULL,
    imported BIGINT  NOT NULL,
    author   TEXT    NOT NULL,
    content  TEXT    NOT NULL
);
