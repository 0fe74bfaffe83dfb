-- name: count_permits
-- Count what became of permits.
insert into permit_counts (workspace_id, purpose, day, what, number) values (:ws, :purpose, :day, :what, :number)
on conflict (workspace_id, purpose, day, what) do update set number = permit_counts.number + excluded.number;

-- name: permit_counts
-- What became of permits since a day, newest first.
select day, purpose, what, number from permit_counts where workspace_id = :ws and day >= :since
order by day desc, purpose, what;

-- name: breaches
-- Suspected breaches, newest first; `seen` is the fact that somebody looked at it.
select e.event_id, e.body, coalesce(a.event_id, '') as seen from events e
left join acknowledged a on a.workspace_id = e.workspace_id and a.incident = e.event_id
where e.workspace_id = :ws and e.type = 'breach_suspected' and (a.event_id is null or :every = 1)
order by e.event_id desc limit :limit;

-- name: parked
-- Messages of Sayso's own that were not sent, or may have been, newest first.
select o.outbox_id, o.person_id, o.kind, o.sender, o.answers, o.problem, o.run_at, coalesce(a.event_id, '') as seen
from outbox o left join acknowledged a on a.workspace_id = o.workspace_id and a.incident = o.outbox_id
where o.workspace_id = :ws and o.state = 'parked' and (a.event_id is null or :every = 1)
order by o.run_at desc, o.outbox_id desc limit :limit;

-- name: unused
-- Webhook items nobody could use, newest first.
select u.unhandled_id, u.connection, u.reason, u.field, u.received_at, coalesce(a.event_id, '') as seen
from unhandled u left join acknowledged a on a.workspace_id = u.workspace_id and a.incident = u.unhandled_id
where u.workspace_id = :ws and (a.event_id is null or :every = 1)
order by u.received_at desc, u.unhandled_id desc limit :limit;

-- name: count_breaches
-- How many suspected breaches nobody looked at.
select count(*) from events e where e.workspace_id = :ws and e.type = 'breach_suspected' and not exists (
  select 1 from acknowledged a where a.workspace_id = e.workspace_id and a.incident = e.event_id);

-- name: count_parked
-- How many parked messages nobody looked at, and how many of them may have been sent.
select count(*), coalesce(sum(case when o.problem = 'possibly_sent' then 1 else 0 end), 0)
from outbox o where o.workspace_id = :ws and o.state = 'parked' and not exists (
  select 1 from acknowledged a where a.workspace_id = o.workspace_id and a.incident = o.outbox_id);

-- name: count_unused
-- How many unused items nobody looked at.
select count(*) from unhandled u where u.workspace_id = :ws and not exists (
  select 1 from acknowledged a where a.workspace_id = u.workspace_id and a.incident = u.unhandled_id);

-- name: parked_row
-- Whom a parked message was for.
select person_id, problem from outbox where workspace_id = :ws and outbox_id = :outbox and state = 'parked';

-- name: unused_item
-- Whether this unused item is still there.
select reason from unhandled where workspace_id = :ws and unhandled_id = :unhandled;

-- name: acknowledged
-- The fact that somebody looked at an incident.
select event_id from acknowledged where workspace_id = :ws and incident = :incident;

-- name: acknowledge
-- Somebody looked at it.
insert into acknowledged (workspace_id, incident, event_id) values (:ws, :incident, :event);
