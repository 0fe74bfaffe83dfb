-- name: workspace_to_change
-- A workspace by its short name, kept from others who would change it until this transaction ends.
select workspace_id, slug, config, revision from workspaces where slug = :slug/*pg  for update*/;

-- name: all_notice_drafts
-- Every wording being worked on.
select notice, lang, text, purposes, senders, author, updated_at from notice_drafts
where workspace_id = :ws order by notice, lang;

-- name: notice_drafts_of
-- The drafts of one notice, by language.
select notice, lang, text, purposes, senders, author, updated_at from notice_drafts
where workspace_id = :ws and notice = :notice order by lang;

-- name: put_notice_draft
-- Keep a draft, in place of the one before it.
insert into notice_drafts (workspace_id, notice, lang, text, purposes, senders, author, updated_at)
values (:ws, :notice, :lang, :text, :purposes, :senders, :author, :now)
on conflict (workspace_id, notice, lang) do update set text = excluded.text, purposes = excluded.purposes,
    senders = excluded.senders, author = excluded.author, updated_at = excluded.updated_at;

-- name: set_drafts_cover
-- All languages of a draft are for the same purposes and senders.
update notice_drafts set purposes = :purposes, senders = :senders where workspace_id = :ws and notice = :notice;

-- name: drop_notice_drafts
-- Forget the drafts of a notice.
delete from notice_drafts where workspace_id = :ws and notice = :notice;

-- name: drop_notice_draft
-- Forget the draft of one language.
delete from notice_drafts where workspace_id = :ws and notice = :notice and lang = :lang;

-- name: notice_history
-- Every version of a wording with the event that put it in force, newest first.
select n.version, n.lang, n.hash, n.text, n.covers, n.event_id, e.occurred_at, e.body
from notices n left join events e on e.workspace_id = n.workspace_id and e.event_id = n.event_id
where n.workspace_id = :ws and n.notice = :notice order by n.version desc, n.lang;
