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

-- How far each webhook was told of the ledger: `next_leaf` is the first it has not been told of. One worker at a time
-- holds the lease. `pause_until` and `failing_since` belong to the receiver, `disabled_at` ends it until it is enabled.
create table webhook_cursors (
    workspace_id  TEXT not null,
    webhook       TEXT not null,
    next_leaf     INTEGER not null,
    lease         TEXT not null,
    lease_until   INTEGER not null,
    pause_until   INTEGER not null,
    failing_since INTEGER not null,
    disabled_at   INTEGER not null,
    disabled_why  TEXT not null,
    delivered     INTEGER not null,
    given_up      INTEGER not null,
    last_ok_at    INTEGER not null,
    last_error    TEXT not null,
    last_error_at INTEGER not null,
    primary key (workspace_id, webhook)
) STRICT;

-- What a webhook was not told yet although its cursor is past it: deliveries that failed, and those behind them about
-- the same person. A row holds no content; it is made anew from the ledger for each try.
create table webhook_waits (
    workspace_id TEXT not null,
    webhook      TEXT not null,
    leaf_index   INTEGER not null,
    person_id    TEXT not null,
    attempts     INTEGER not null,
    run_at       INTEGER not null,
    problem      TEXT not null,
    primary key (workspace_id, webhook, leaf_index)
) STRICT, WITHOUT ROWID;
create index webhook_waits_person on webhook_waits (workspace_id, person_id, webhook, leaf_index);
create index webhook_waits_due on webhook_waits (workspace_id, webhook, run_at);

-- Ranges of the ledger that are told once more, because somebody asked for it.
create table webhook_replays (
    workspace_id TEXT not null,
    webhook      TEXT not null,
    replay_id    TEXT not null,
    next_leaf    INTEGER not null,
    last_leaf    INTEGER not null,
    created_at   INTEGER not null,
    primary key (workspace_id, webhook, replay_id)
) STRICT;

-- == quiet failures ==

-- What became of permits, by purpose and day (days since 1970): a campaign that never sends shows here.
create table permit_counts (
    workspace_id TEXT not null,
    purpose      TEXT not null,
    day          INTEGER not null,
    what         TEXT not null,
    number       INTEGER not null,
    primary key (workspace_id, purpose, day, what)
) STRICT, WITHOUT ROWID;

-- Incidents that somebody looked at: an event, a row of the outbox, an unused item; and the fact that says so.
create table acknowledged (
    workspace_id TEXT not null,
    incident     TEXT not null,
    event_id     TEXT not null,
    primary key (workspace_id, incident)
) STRICT, WITHOUT ROWID;

-- Few facts are incidents, and they are asked for often. Partial: nothing else pays for it.
create index events_of_incidents on events (workspace_id, event_id) where type = 'breach_suspected';

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
