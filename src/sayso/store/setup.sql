-- name: meta
-- One fact about the installation.
select value from meta where name = :name;

-- name: set_meta
-- Store a fact about the installation.
insert into meta (name, value) values (:name, :value) on conflict (name) do update set value = excluded.value;

-- name: workspaces
-- Every workspace.
select workspace_id, slug, config, revision from workspaces order by created_at, workspace_id;

-- name: workspace_by_slug
-- A workspace by its short name.
select workspace_id, slug, config, revision from workspaces where slug = :slug;

-- name: add_workspace
-- A new business.
insert into workspaces (workspace_id, slug, config, revision, created_at) values (:ws, :slug, :config, 1, :now);

-- name: set_config
-- What sayso.toml declares now.
update workspaces set config = :config, revision = revision + 1 where workspace_id = :ws;

-- name: workspace_config
-- What a workspace declares, as stored.
select config from workspaces where workspace_id = :ws;

-- name: config_revisions
-- Cheap look whether anything was declared anew.
select workspace_id, revision from workspaces;

-- name: notice
-- One version of a wording.
select text from notices
where workspace_id = :ws and notice = :notice and version = :version and lang = :lang;

-- name: add_notice
-- Put a version of a wording in force.
insert into notices (workspace_id, notice, version, lang, hash, text, covers, event_id)
values (:ws, :notice, :version, :lang, :hash, :text, :covers, :event);

-- name: notices
-- Every wording ever in force.
select notice, version, lang, hash, covers from notices where workspace_id = :ws order by notice, version, lang;

-- name: entry_code
-- The entry point a code belonged to.
select entry from entry_codes where workspace_id = :ws and code = :code;

-- name: entry_codes
-- Every code ever given out.
select code, entry from entry_codes where workspace_id = :ws order by entry, code;

-- name: add_entry_code
-- Give out a code, for ever.
insert into entry_codes (workspace_id, code, entry) values (:ws, :code, :entry)
on conflict (workspace_id, code) do nothing;

-- name: add_api_key
-- A new API key, hashed.
insert into api_keys (workspace_id, key_id, hash, scopes, mode, label, created_at, revoked_at)
values (:ws, :key, :hash, :scopes, :mode, :label, :now, 0);

-- name: api_key
-- An API key by its public part.
select workspace_id, hash, scopes, mode, revoked_at from api_keys where key_id = :key;

-- name: api_keys
-- A workspace's API keys.
select key_id, scopes, mode, label, created_at, revoked_at from api_keys where workspace_id = :ws order by key_id;

-- name: revoke_api_key
-- An API key ends.
update api_keys set revoked_at = :now where workspace_id = :ws and key_id = :key and revoked_at = 0;

-- name: idempotent_answer
-- The first answer to this key, if it is young enough.
select body_mac, status, sealed from idempotency
where workspace_id = :ws and key_id = :key and route = :route and idem_key = :idem and created_at >= :since;

-- name: add_idempotent_answer
-- Keep the first answer.
insert into idempotency (workspace_id, key_id, route, idem_key, body_mac, status, sealed, created_at)
values (:ws, :key, :route, :idem, :mac, :status, :sealed, :now);

-- name: purge_idempotency
-- Old answers go.
delete from idempotency where created_at < :before;
