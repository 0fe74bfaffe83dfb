-- name: template_categories
-- What a template is filed under, by each who told.
select account, lang, source, category, told_at from template_categories
where workspace_id = :ws and connection = :connection and name = :name;

-- name: add_template_category
-- What a template is filed under; older news never replaces newer.
insert into template_categories (workspace_id, connection, account, name, lang, source, category, told_at)
values (:ws, :connection, :account, :name, :lang, :source, :category, :told_at)
on conflict (workspace_id, connection, account, name, lang, source) do update
set category = excluded.category, told_at = excluded.told_at
where excluded.told_at > template_categories.told_at;

-- name: forget_template_categories
-- A whole new list of a template's languages replaces what was known before it.
delete from template_categories where workspace_id = :ws and connection = :connection and account = :account
  and name = :name and (source = 'list' or told_at < :before);
