-- Every way out, and the gate at the wire.

-- == the gateway ==

-- What the provider files a template under: by its own news (source `news`) and by its list (`list`), each with its
-- time in microseconds. Who judges by it takes the later of the two, and the stricter where that cannot be told.
create table template_categories (
    workspace_id TEXT not null,
    connection   TEXT not null,
    account      TEXT not null,
    name         TEXT not null,
    lang         TEXT not null,
    source       TEXT not null,
    category     TEXT not null,
    told_at      INTEGER not null,
    primary key (workspace_id, connection, account, name, lang, source)
) STRICT, WITHOUT ROWID;

-- == webhooks out ==

-- == the chat and the preference page ==

-- Messages that may mean stop and wait for somebody to look.
create table held (
    workspace_id TEXT not null,
    event_id     TEXT not null,
    person_id    TEXT not null,
    at           INTEGER not null,
    primary key (workspace_id, event_id)
) STRICT, WITHOUT ROWID;
create index held_person on held (workspace_id, person_id);

-- Stops that a provider reported, and what the breaker made of them: counted, held, confirmed, released.
create table provider_stops (
    workspace_id TEXT not null,
    event_id     TEXT not null,
    person_id    TEXT not null,
    sender       TEXT not null,
    state        TEXT not null,
    at           INTEGER not null,
    primary key (workspace_id, event_id)
) STRICT, WITHOUT ROWID;
create index provider_stops_recent on provider_stops (workspace_id, sender, at);
create index provider_stops_held on provider_stops (workspace_id, state, sender, event_id);
create index handed_over_recent on handed_over (workspace_id, at);

-- Why people left, to be counted.
create table reasons (
    workspace_id TEXT not null,
    stop_id      TEXT not null,
    reason       TEXT not null,
    at           INTEGER not null,
    primary key (workspace_id, stop_id)
) STRICT, WITHOUT ROWID;

-- == the snapshot ==
