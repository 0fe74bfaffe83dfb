-- name: request_facts_between
-- Facts of one kind about requests, by time: for counting at entry points. The list of kinds is the index's.
select event_id, body from events
where workspace_id = :ws and type = :type and occurred_at >= :since and occurred_at < :until
  and type in ('opt_in_requested', 'prompted', 'prompt_failed', 'said_yes', 'said_no', 'expired')
order by occurred_at, event_id;

-- name: newest_requests
-- Requests made before a place in time, newest first, with the person as they stand now.
select e.event_id, e.body, r.person_id, r.standing
from events e
join people p on p.workspace_id = e.workspace_id and p.person_id = e.person_id
join people r on r.workspace_id = p.workspace_id and r.person_id = p.root_id
where e.workspace_id = :ws and e.type = 'opt_in_requested' and e.occurred_at >= :since
  and e.type in ('opt_in_requested', 'prompted', 'prompt_failed', 'said_yes', 'said_no', 'expired')
  and e.occurred_at <= :at and (e.occurred_at < :at or (e.occurred_at = :at and e.event_id < :event))
order by e.occurred_at desc, e.event_id desc limit :limit;

-- name: oldest_requests
-- Requests made after a place in time, oldest first.
select event_id, body from events
where workspace_id = :ws and type = 'opt_in_requested' and occurred_at <= :before
  and type in ('opt_in_requested', 'prompted', 'prompt_failed', 'said_yes', 'said_no', 'expired')
  and occurred_at >= :at and (occurred_at > :at or (occurred_at = :at and event_id > :event))
order by occurred_at, event_id limit :limit;

-- name: purge_opening
-- Destroy the evidence of one fact.
delete from openings where workspace_id = :ws and event_id = :event;

-- name: call_off_reminder
-- A question asked again by hand makes the waiting reminder pointless.
update outbox set state = 'cancelled', problem = 'asked_again'
where workspace_id = :ws and person_id = :person and answers = :request and kind = 'reminder' and state = 'queued';

-- name: outbox_by_dedupe
-- Whether something was owed already.
select outbox_id from outbox where workspace_id = :ws and dedupe = :dedupe;
