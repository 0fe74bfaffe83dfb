-- name: webhook_cursors
-- How far each webhook of a workspace is.
select webhook, next_leaf, pause_until, failing_since, disabled_at, disabled_why, delivered, given_up, last_ok_at,
  last_error, last_error_at, lease_until
from webhook_cursors where workspace_id = :ws order by webhook;

-- name: webhook_cursor
-- How far one webhook is.
select next_leaf, pause_until, failing_since, disabled_at, lease, lease_until from webhook_cursors
where workspace_id = :ws and webhook = :webhook;

-- name: add_webhook_cursor
-- A webhook that is new hears of what is recorded from now on.
insert into webhook_cursors (workspace_id, webhook, next_leaf, lease, lease_until, pause_until, failing_since,
  disabled_at, disabled_why, delivered, given_up, last_ok_at, last_error, last_error_at)
values (:ws, :webhook, :leaf, '', 0, 0, 0, 0, '', 0, 0, 0, '', 0) on conflict (workspace_id, webhook) do nothing;

-- name: drop_webhook_cursor
-- A webhook that is not declared any more.
delete from webhook_cursors where workspace_id = :ws and webhook = :webhook;

-- name: drop_webhook_waits
-- What it was still to be told.
delete from webhook_waits where workspace_id = :ws and webhook = :webhook;

-- name: drop_webhook_replays
-- What it was to be told once more.
delete from webhook_replays where workspace_id = :ws and webhook = :webhook;

-- name: lease_webhook
-- One worker at a time delivers to a webhook.
update webhook_cursors set lease = :lease, lease_until = :until
where workspace_id = :ws and webhook = :webhook and lease_until <= :now and disabled_at = 0 and pause_until <= :now;

-- name: settle_webhook
-- What a round of deliveries came to, if the lease is still its worker's.
update webhook_cursors set next_leaf = :leaf, lease = '', lease_until = 0, pause_until = :pause,
  failing_since = :failing, disabled_at = :disabled, disabled_why = :why, delivered = delivered + :delivered,
  given_up = given_up + :given_up, last_ok_at = case when :ok_at > last_ok_at then :ok_at else last_ok_at end,
  last_error = case when :error = '' then last_error else :error end,
  last_error_at = case when :error = '' then last_error_at else :error_at end
where workspace_id = :ws and webhook = :webhook and lease = :lease;

-- name: enable_webhook
-- A webhook is called again, beginning where it was disabled.
update webhook_cursors set disabled_at = 0, disabled_why = '', failing_since = 0, pause_until = 0
where workspace_id = :ws and webhook = :webhook;

-- name: hasten_waits
-- After it was enabled nothing waits for its next try.
update webhook_waits set run_at = 0, attempts = 0 where workspace_id = :ws and webhook = :webhook;

-- name: webhook_heads
-- The first thing each person waits for at a webhook, where it is due.
select w.leaf_index, w.person_id, w.attempts from webhook_waits w
where w.workspace_id = :ws and w.webhook = :webhook and w.run_at <= :now and not exists (
  select 1 from webhook_waits b where b.workspace_id = w.workspace_id and b.person_id = w.person_id
    and b.webhook = w.webhook and b.leaf_index < w.leaf_index)
order by w.run_at, w.leaf_index limit :limit;

-- name: waits_behind
-- What waits behind it, in the order of the ledger.
select leaf_index, attempts from webhook_waits
where workspace_id = :ws and webhook = :webhook and person_id = :person and leaf_index > :leaf
order by leaf_index limit :limit;

-- name: waits_for
-- When the first thing about this person that waits at a webhook is due.
select run_at from webhook_waits where workspace_id = :ws and person_id = :person and webhook = :webhook
order by leaf_index limit 1;

-- name: count_waits
-- How much waits at a webhook, about how many people.
select count(*), count(distinct person_id) from webhook_waits where workspace_id = :ws and webhook = :webhook;

-- name: due_waits
-- Whether anything that waits is due.
select 1 from webhook_waits where workspace_id = :ws and webhook = :webhook and run_at <= :now limit 1;

-- name: add_wait
-- Keep something waiting; what waits already stays as it is.
insert into webhook_waits (workspace_id, webhook, leaf_index, person_id, attempts, run_at, problem)
values (:ws, :webhook, :leaf, :person, 0, :run_at, 'behind') on conflict (workspace_id, webhook, leaf_index) do nothing;

-- name: set_wait
-- A delivery failed: when it is tried again.
insert into webhook_waits (workspace_id, webhook, leaf_index, person_id, attempts, run_at, problem)
values (:ws, :webhook, :leaf, :person, :attempts, :run_at, :problem)
on conflict (workspace_id, webhook, leaf_index) do update
set attempts = excluded.attempts, run_at = excluded.run_at, problem = excluded.problem;

-- name: defer_waits
-- What is behind a failed delivery waits as long as it does.
update webhook_waits set run_at = :run_at
where workspace_id = :ws and webhook = :webhook and person_id = :person and leaf_index > :leaf;

-- name: drop_wait
-- Delivered, or given up.
delete from webhook_waits where workspace_id = :ws and webhook = :webhook and leaf_index = :leaf;

-- name: move_waits
-- What waits about a merged record is about the surviving one.
update webhook_waits set person_id = :into where workspace_id = :ws and person_id = :gone;

-- name: leaf_event
-- The fact at a place of the ledger.
select e.event_id, e.body from leaves l join events e on e.workspace_id = l.workspace_id and e.event_id = l.event_id
where l.workspace_id = :ws and l.leaf_index = :leaf;

-- name: facts_until
-- All facts of a person that the ledger has up to a place, small talk left out.
select e.body from people p cross join events e
join leaves l on l.workspace_id = e.workspace_id and l.event_id = e.event_id
where p.workspace_id = :ws and p.root_id = :person and e.workspace_id = p.workspace_id and e.person_id = p.person_id
  and e.type <> 'spoke' and l.leaf_index <= :leaf;

-- name: spoken_until
-- Small talk of a person between two times, up to a place of the ledger.
select e.body from people p cross join events e
join leaves l on l.workspace_id = e.workspace_id and l.event_id = e.event_id
where p.workspace_id = :ws and p.root_id = :person and e.workspace_id = p.workspace_id and e.person_id = p.person_id
  and e.type = 'spoke' and e.occurred_at >= :since and e.occurred_at <= :until and l.leaf_index <= :leaf;

-- name: first_leaf_since
-- The first place in the ledger whose fact was recorded at or after an id made of a time.
select min(leaf_index) from leaves where workspace_id = :ws and event_id >= :floor;

-- name: add_replay
-- Tell a webhook a range of the ledger once more.
insert into webhook_replays (workspace_id, webhook, replay_id, next_leaf, last_leaf, created_at)
values (:ws, :webhook, :replay, :first, :last, :now);

-- name: replays
-- The ranges that are still to be told once more, oldest first.
select replay_id, next_leaf, last_leaf from webhook_replays
where workspace_id = :ws and webhook = :webhook order by replay_id;

-- name: move_replay
-- How far a replay is.
update webhook_replays set next_leaf = :leaf where workspace_id = :ws and webhook = :webhook and replay_id = :replay;

-- name: end_replay
-- A replay is over.
delete from webhook_replays where workspace_id = :ws and webhook = :webhook and replay_id = :replay;
