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

-- == the snapshot ==
