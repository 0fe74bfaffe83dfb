-- name: add_hit
-- Count one more in a slot of time.
insert into hits (workspace_id, bucket, slot, number, expires_at) values (:ws, :bucket, :slot, 1, :expires)
on conflict (workspace_id, bucket, slot) do update set number = hits.number + 1;

-- name: hits_since
-- How many were counted since a slot of time.
select coalesce(sum(number), 0) from hits where workspace_id = :ws and bucket = :bucket and slot >= :slot;

-- name: purge_hits
-- Forget what no limit looks at any more.
delete from hits where expires_at < :now;

-- name: add_turn
-- A question a form caused, unanswered so far, under the time it was caused at.
insert into hits (workspace_id, bucket, slot, number, expires_at) values (:ws, :bucket, :slot, 0, :expires)
on conflict do nothing;

-- name: confirm_turn
-- That question was answered with a yes.
update hits set number = 1 where workspace_id = :ws and bucket = :bucket and slot = :slot;

-- name: last_turns
-- The newest questions forms caused: 1 for a yes, 0 for none so far.
select number from hits where workspace_id = :ws and bucket = :bucket and slot >= :since
order by slot desc limit :limit;

-- name: spend
-- Use up something that is good for one use; no row is added if it was used before.
insert into spent (workspace_id, mac, expires_at) values (:ws, :mac, :expires) on conflict do nothing;

-- name: purge_spent
-- What has run out cannot be used anyway.
delete from spent where expires_at < :now;

-- name: count_at_entry
-- Count what happened at an entry point on a day.
insert into entry_counts (workspace_id, entry, day, what, number) values (:ws, :entry, :day, :what, 1)
on conflict (workspace_id, entry, day, what) do update set number = entry_counts.number + 1;
