-- Every way in: drafts of wordings, entry-point counts, limits against abuse, imports with their proof.

-- A wording being worked on. Publishing copies it into notices; a draft proves nothing.
create table notice_drafts (
    workspace_id TEXT not null,
    notice       TEXT not null,
    lang         TEXT not null,
    text         TEXT not null,
    purposes     TEXT not null,
    senders      TEXT not null,
    author       TEXT not null,
    updated_at   INTEGER not null,
    primary key (workspace_id, notice, lang)
) STRICT;

-- How often an entry point was seen, begun and confirmed, by day (days since 1970).
create table entry_counts (
    workspace_id TEXT not null,
    entry        TEXT not null,
    day          INTEGER not null,
    what         TEXT not null,
    number       INTEGER not null,
    primary key (workspace_id, entry, day, what)
) STRICT, WITHOUT ROWID;

-- Hits of a limit: `bucket` is a keyed MAC of what is counted (number, network, prefix, country), never the thing.
create table hits (
    workspace_id TEXT not null,
    bucket       BLOB not null,
    slot         INTEGER not null,
    number       INTEGER not null,
    expires_at   INTEGER not null,
    primary key (workspace_id, bucket, slot)
) STRICT, WITHOUT ROWID;
create index hits_age on hits (expires_at);

-- Things good for one use (a solved proof of work), by keyed MAC.
create table spent (
    workspace_id TEXT not null,
    mac          BLOB not null,
    expires_at   INTEGER not null,
    primary key (workspace_id, mac)
) STRICT, WITHOUT ROWID;
create index spent_age on spent (expires_at);

-- A document that proves something (a scan, the wording of an old form), sealed; `hash` is of the plain bytes.
create table documents (
    workspace_id TEXT not null,
    document_id  TEXT not null,
    name         TEXT not null,
    media_type   TEXT not null,
    hash         TEXT not null,
    sealed       BLOB not null,
    created_at   INTEGER not null,
    primary key (workspace_id, document_id)
) STRICT;

-- An import: which file (by hash), how its columns are read, how far it came. `plan` is JSON.
create table imports (
    workspace_id TEXT not null,
    import_id    TEXT not null,
    file_hash    TEXT not null,
    plan         BLOB not null,
    state        TEXT not null,
    position     INTEGER not null,
    granted      INTEGER not null,
    unknown      INTEGER not null,
    kept_no      INTEGER not null,
    refused      INTEGER not null,
    started_at   INTEGER not null,
    ended_at     INTEGER not null,
    primary key (workspace_id, import_id)
) STRICT;

-- Which fact each row of an import became, so that the whole can be undone.
create table import_facts (
    workspace_id TEXT not null,
    import_id    TEXT not null,
    place        INTEGER not null,
    event_id     TEXT not null,
    person_id    TEXT not null,
    primary key (workspace_id, import_id, place, event_id)
) STRICT, WITHOUT ROWID;

-- Rows an import could not use: the row sealed, and why; they can be mended and fed again.
create table import_refused (
    workspace_id TEXT not null,
    import_id    TEXT not null,
    place        INTEGER not null,
    problem      TEXT not null,
    sealed       BLOB not null,
    primary key (workspace_id, import_id, place)
) STRICT, WITHOUT ROWID;

-- What is counted at entry points, by time. Partial: a stop, a webhook or an import pays nothing for it.
create index events_of_requests on events (workspace_id, type, occurred_at, event_id) where type in (
    'opt_in_requested', 'prompted', 'prompt_failed', 'said_yes', 'said_no', 'expired');
