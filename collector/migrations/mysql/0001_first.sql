-- Sealed reports as received; `hash` is what makes a report one row however often it comes.
CREATE TABLE inbox (
    id       BIGINT PRIMARY KEY AUTO_INCREMENT,
    hash     CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
    received BIGINT  NOT NULL,
    source   MEDIUMTEXT NOT NULL,
    size     BIGINT  NOT NULL,
    body     LONGBLOB    NOT NULL,
    state    VARCHAR(16) NOT NULL,
    reason   MEDIUMTEXT NOT NULL
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX inbox_by_state ON inbox (state, id);

-- Each package version once, however many hosts have it; `digest` stands for texts of any length.
CREATE TABLE package (
    id       BIGINT PRIMARY KEY AUTO_INCREMENT,
    digest   CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
    packager VARCHAR(16) NOT NULL,
    name     MEDIUMTEXT NOT NULL,
    version  MEDIUMTEXT NOT NULL,
    arch     MEDIUMTEXT NOT NULL
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX package_by_name ON package (name(190));

-- A lineage is a family of similar package lists, each kept as a difference from the one before it.
CREATE TABLE lineage (
    id         BIGINT PRIMARY KEY AUTO_INCREMENT,
    first_list CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Each distinct package list once: its content is that of the revision `base` with every change up to its own.
CREATE TABLE package_list (
    id       BIGINT PRIMARY KEY AUTO_INCREMENT,
    digest   CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
    lineage  BIGINT  NOT NULL,
    revision BIGINT  NOT NULL,
    base     BIGINT  NOT NULL,
    packages BIGINT  NOT NULL,
    content  MEDIUMBLOB    NOT NULL,
    UNIQUE (lineage, revision)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The way from a package to the lists that hold it: every revision from first to last.
CREATE TABLE presence (
    package        BIGINT NOT NULL,
    lineage        BIGINT NOT NULL,
    first_revision BIGINT NOT NULL,
    last_revision  BIGINT NOT NULL,
    PRIMARY KEY (package, lineage, first_revision)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Each distinct set of header lines once.
CREATE TABLE facts (
    id     BIGINT PRIMARY KEY AUTO_INCREMENT,
    digest CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
    text   MEDIUMTEXT NOT NULL
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE host (
    id     BIGINT PRIMARY KEY AUTO_INCREMENT,
    digest CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
    site   MEDIUMTEXT NOT NULL,
    name   MEDIUMTEXT NOT NULL
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX host_by_site ON host (site(100));
CREATE INDEX host_by_name ON host (name(190));

-- A run of reports of one host that said the same; `seen` holds the times of all of them.
CREATE TABLE host_state (
    host       BIGINT NOT NULL,
    first_seen BIGINT NOT NULL,
    list       BIGINT NOT NULL,
    facts      BIGINT NOT NULL,
    seen       MEDIUMBLOB   NOT NULL,
    PRIMARY KEY (host, first_seen)
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX host_state_by_list ON host_state (list);

-- Every version of every reference list, so that a comparison of the past can use the list of that day.
CREATE TABLE reference_list (
    id       BIGINT PRIMARY KEY AUTO_INCREMENT,
    name     MEDIUMTEXT NOT NULL,
    imported BIGINT  NOT NULL,
    author   MEDIUMTEXT NOT NULL,
    content  MEDIUMTEXT NOT NULL
) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
