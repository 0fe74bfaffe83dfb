-- The first schema. One text for both databases: `dialect.py` turns INTEGER into BIGINT, BLOB into BYTEA and drops
-- STRICT and WITHOUT ROWID for PostgreSQL. Every key begins with workspace_id, so that the data can be spread by it.

-- Facts about this installation: its id, the check values of its keys.
create table meta (
    name  TEXT primary key,
    value TEXT not null
) STRICT;

-- The word that readiness writes over itself, to see that the disk takes a write.
insert into meta (name, value) values ('probe', 'ok');

-- One business. `config` is what sayso.toml declares, as JSON; secrets are named in it, never held.
create table workspaces (
    workspace_id TEXT primary key,
    slug         TEXT not null unique,
    config       BLOB not null,
    revision     INTEGER not null,
    created_at   INTEGER not null
) STRICT;

-- Every version of every wording ever shown, and the purposes and senders it names. Rows are only added.
create table notices (
    workspace_id TEXT not null,
    notice       TEXT not null,
    version      INTEGER not null,
    lang         TEXT not null,
    hash         TEXT not null,
    text         TEXT not null,
    covers       TEXT not null,
    event_id     TEXT not null,
    primary key (workspace_id, notice, version, lang)
) STRICT;

-- Entry-point codes, never used twice, kept after their entry point is gone.
create table entry_codes (
    workspace_id TEXT not null,
    code         TEXT not null,
    entry        TEXT not null,
    primary key (workspace_id, code)
) STRICT;

-- A person and where they stand. `root_id` is the record this one was merged into, or itself. `epoch` rises with
-- every fact that a permit must not miss. `wrapped` is the data key; destroyed by erasure.
create table people (
    workspace_id TEXT not null,
    person_id    TEXT not null,
    root_id      TEXT not null,
    epoch        INTEGER not null,
    lang         TEXT not null,
    wrapped      BLOB,
    standing     BLOB not null,
    created_at   INTEGER not null,
    erased_at    INTEGER not null,
    primary key (workspace_id, person_id)
) STRICT;
create index people_root on people (workspace_id, root_id);

-- Addresses by keyed MAC. The number itself is sealed under the person's key.
create table addresses (
    workspace_id TEXT not null,
    mac          BLOB not null,
    person_id    TEXT not null,
    kind         TEXT not null,
    state        TEXT not null,
    mac_key      INTEGER not null,
    sealed       BLOB not null,
    event_id     TEXT not null,
    primary key (workspace_id, mac, person_id)
) STRICT, WITHOUT ROWID;
create unique index addresses_current on addresses (workspace_id, mac) where state = 'current';
create index addresses_person on addresses (workspace_id, person_id);

-- A no that outlived its person.
create table suppressions (
    workspace_id TEXT not null,
    mac          BLOB not null,
    mac_key      INTEGER not null,
    at           INTEGER not null,
    event_id     TEXT not null,
    primary key (workspace_id, mac, event_id)
) STRICT, WITHOUT ROWID;

-- The ledger's events: verbatim bytes; the other columns are copies that `verify` compares. Rows are only added.
create table events (
    workspace_id TEXT not null,
    event_id     TEXT not null,
    person_id    TEXT not null,
    type         TEXT not null,
    occurred_at  INTEGER not null,
    body         BLOB not null,
    primary key (workspace_id, event_id)
) STRICT;
create index events_person on events (workspace_id, person_id, type, occurred_at);

-- What the commitments of an event hide, sealed; erasure deletes it.
create table openings (
    workspace_id TEXT not null,
    event_id     TEXT not null,
    person_id    TEXT not null,
    sealed       BLOB not null,
    primary key (workspace_id, event_id)
) STRICT, WITHOUT ROWID;
create index openings_person on openings (workspace_id, person_id);

-- Committed events that have no leaf index yet.
create table unintegrated (
    workspace_id TEXT not null,
    event_id     TEXT not null,
    primary key (workspace_id, event_id)
) STRICT, WITHOUT ROWID;

-- Gap-free order of the ledger.
create table leaves (
    workspace_id TEXT not null,
    leaf_index   INTEGER not null,
    event_id     TEXT not null,
    primary key (workspace_id, leaf_index)
) STRICT, WITHOUT ROWID;
create unique index leaves_event on leaves (workspace_id, event_id);

-- Hashes of complete subtrees of the RFC 6962 tree; level 0 is a leaf.
create table nodes (
    workspace_id TEXT not null,
    level        INTEGER not null,
    place        INTEGER not null,
    hash         BLOB not null,
    primary key (workspace_id, level, place)
) STRICT, WITHOUT ROWID;

-- Signed sizes and roots. Rows are only added.
create table checkpoints (
    workspace_id TEXT not null,
    size         INTEGER not null,
    root         BLOB not null,
    note         TEXT not null,
    created_at   INTEGER not null,
    primary key (workspace_id, size)
) STRICT;

-- Provider messages seen, by MAC: each counts once, for ever.
create table provider_messages (
    workspace_id TEXT not null,
    mac          BLOB not null,
    primary key (workspace_id, mac)
) STRICT, WITHOUT ROWID;

-- Messages handed to a provider, by MAC of their provider id: what a reply or a status refers to.
create table handed_over (
    workspace_id TEXT not null,
    mac          BLOB not null,
    person_id    TEXT not null,
    permit_id    TEXT not null,
    request      TEXT not null,
    at           INTEGER not null,
    primary key (workspace_id, mac)
) STRICT, WITHOUT ROWID;

-- Webhook items nobody could use, sealed: kept and shown.
create table unhandled (
    workspace_id TEXT not null,
    unhandled_id TEXT not null,
    connection   TEXT not null,
    reason       TEXT not null,
    field        TEXT not null,
    sealed       BLOB not null,
    received_at  INTEGER not null,
    primary key (workspace_id, unhandled_id)
) STRICT;

-- What Sayso owes the world, written with the event that caused it.
create table outbox (
    workspace_id TEXT not null,
    outbox_id    TEXT not null,
    person_id    TEXT not null,
    kind         TEXT not null,
    sender       TEXT not null,
    answers      TEXT not null,
    dedupe       TEXT not null,
    state        TEXT not null,
    run_at       INTEGER not null,
    attempts     INTEGER not null,
    lease_until  INTEGER not null,
    permit_id    TEXT not null,
    problem      TEXT not null,
    created_at   INTEGER not null,
    primary key (workspace_id, outbox_id)
) STRICT;
create unique index outbox_dedupe on outbox (workspace_id, dedupe);
create index outbox_due on outbox (state, run_at);
create index outbox_person on outbox (workspace_id, person_id, state);

-- The right to send one message once.
create table permits (
    workspace_id TEXT not null,
    permit_id    TEXT not null,
    person_id    TEXT not null,
    purpose      TEXT not null,
    sender       TEXT not null,
    cls          TEXT not null,
    free_form    INTEGER not null,
    epoch        INTEGER not null,
    state        TEXT not null,
    created_at   INTEGER not null,
    expires_at   INTEGER not null,
    redeemed_at  INTEGER not null,
    not_after    INTEGER not null,
    done_at      INTEGER not null,
    outcome      TEXT not null,
    primary key (workspace_id, permit_id)
) STRICT;
create index permits_person on permits (workspace_id, person_id, state);
create index permits_state on permits (state, not_after);

-- API keys: hashed, scoped, live or test.
create table api_keys (
    workspace_id TEXT not null,
    key_id       TEXT not null,
    hash         BLOB not null,
    scopes       TEXT not null,
    mode         TEXT not null,
    label        TEXT not null,
    created_at   INTEGER not null,
    revoked_at   INTEGER not null,
    primary key (workspace_id, key_id)
) STRICT;
create index api_keys_id on api_keys (key_id);

-- First answers to requests that carried an idempotency key; kept 24 hours, sealed.
create table idempotency (
    workspace_id TEXT not null,
    key_id       TEXT not null,
    route        TEXT not null,
    idem_key     TEXT not null,
    body_mac     BLOB not null,
    status       INTEGER not null,
    sealed       BLOB not null,
    created_at   INTEGER not null,
    primary key (workspace_id, key_id, route, idem_key)
) STRICT;
create index idempotency_age on idempotency (created_at);
