-- name: replies_since
-- How many answers to commands a person was owed in a while.
select count(*) from outbox where workspace_id = :ws and person_id = :person and created_at > :since
  and kind in ('help', 'status', 'topics', 'data', 'pause', 'pause_over', 'kept');

-- name: newest_topics
-- When a list of topics went out last.
select coalesce(max(created_at + 0), 0) from outbox
where workspace_id = :ws and person_id = :person and kind = 'topics' and sender = :sender and state = 'sent';

-- name: add_held
-- A message that may mean stop waits to be looked at.
insert into held (workspace_id, event_id, person_id, at) values (:ws, :event, :person, :at);

-- name: settle_held
-- The person or an operator settled it.
delete from held where workspace_id = :ws and person_id = :person;

-- name: held_messages
-- What waits to be looked at, oldest first.
select event_id, person_id, at from held where workspace_id = :ws order by at, event_id limit :limit;

-- name: held_message
-- One message that waits to be looked at.
select person_id from held where workspace_id = :ws and event_id = :event;

-- name: add_provider_stop
-- A stop that a provider reported.
insert into provider_stops (workspace_id, event_id, person_id, sender, state, at)
values (:ws, :event, :person, :sender, :state, :at);

-- name: provider_stops_since
-- How many stops a sender's provider reported in a while, and how many of them are held.
select count(*), coalesce(sum(case when state = 'held' then 1 else 0 end), 0) from provider_stops
where workspace_id = :ws and sender = :sender and at > :since;

-- name: hold_provider_stops
-- The breaker trips: an operator is asked about all of them.
update provider_stops set state = 'held'
where workspace_id = :ws and sender = :sender and at > :since and state = 'counted';

-- name: messaged_since
-- How many people were sent something in a while.
select count(distinct person_id) from handed_over where workspace_id = :ws and at > :since;

-- name: provider_stops_held
-- What the breaker holds, by sender.
select sender, count(*), min(at), max(at) from provider_stops
where workspace_id = :ws and state = 'held' group by sender order by sender;

-- name: held_stops_of
-- Some of the stops that the breaker holds for a sender.
select event_id, person_id from provider_stops
where workspace_id = :ws and state = 'held' and sender = :sender order by event_id limit :limit;

-- name: judge_provider_stop
-- An operator judged one.
update provider_stops set state = :state where workspace_id = :ws and event_id = :event and state = 'held';

-- name: confirm_provider_stops
-- An operator found all of them right.
update provider_stops set state = 'confirmed' where workspace_id = :ws and sender = :sender and state = 'held';

-- name: purge_provider_stops
-- What nobody has to judge is counted for a while only.
delete from provider_stops where workspace_id = :ws and state <> 'held' and at < :before;

-- name: add_reason
-- Why somebody left; the newest answer counts.
insert into reasons (workspace_id, stop_id, reason, at) values (:ws, :stop, :reason, :at)
on conflict (workspace_id, stop_id) do update set reason = excluded.reason, at = excluded.at;

-- name: reasons_since
-- How many left for which reason.
select reason, count(*) from reasons where workspace_id = :ws and at > :since group by reason order by reason;
