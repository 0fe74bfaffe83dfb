-- name: add_event
-- Record a fact.
insert into events (workspace_id, event_id, person_id, type, occurred_at, body)
values (:ws, :event, :person, :type, :at, :body);

-- name: add_unintegrated
-- A fact that has no leaf index yet.
insert into unintegrated (workspace_id, event_id) values (:ws, :event);

-- name: add_opening
-- What a fact's commitments hide.
insert into openings (workspace_id, event_id, person_id, sealed) values (:ws, :event, :person, :sealed);

-- name: facts_of
-- All facts of a person and of records merged into it, small talk left out.
select body from events where workspace_id = :ws and type <> 'spoke'
  and person_id in (select person_id from people where workspace_id = :ws and root_id = :person);

-- name: spoken_by
-- Small talk of a person between two times.
select body from events where workspace_id = :ws and type = 'spoke' and occurred_at >= :since and occurred_at <= :until
  and person_id in (select person_id from people where workspace_id = :ws and root_id = :person);

-- name: event
-- One fact.
select body, person_id from events where workspace_id = :ws and event_id = :event;

-- name: event_with_leaf
-- One fact with its place in the ledger.
select e.body, e.person_id, l.leaf_index from events e
left join leaves l on l.workspace_id = e.workspace_id and l.event_id = e.event_id
where e.workspace_id = :ws and e.event_id = :event;

-- name: history_of
-- A person's facts with their leaves, in the order they were recorded.
select e.body, l.leaf_index from people p cross join events e
left join leaves l on l.workspace_id = e.workspace_id and l.event_id = e.event_id
where p.workspace_id = :ws and p.root_id = :person
  and e.workspace_id = p.workspace_id and e.person_id = p.person_id order by e.event_id;

-- name: opening
-- What one fact's commitments hide.
select sealed, person_id from openings where workspace_id = :ws and event_id = :event;

-- name: erase_openings
-- Destroy the evidence of an erased person.
delete from openings where workspace_id = :ws and person_id in
  (select person_id from people where workspace_id = :ws and root_id = :person);

-- name: lock_ledger
-- Only one integrator per workspace at a time.
select revision from workspaces where workspace_id = :ws /*pg for update skip locked */;

-- name: waiting_events
-- Committed facts that have no leaf yet, in batches.
select u.event_id, e.body from unintegrated u
join events e on e.workspace_id = u.workspace_id and e.event_id = u.event_id
where u.workspace_id = :ws order by u.event_id limit :limit;

-- name: waiting_events_whole
-- Committed facts that have no leaf yet, with the copies beside them.
select e.event_id, e.person_id, e.type, e.occurred_at, e.body from unintegrated u
join events e on e.workspace_id = u.workspace_id and e.event_id = u.event_id
where u.workspace_id = :ws order by u.event_id;

-- name: erasures
-- Every erasure.
select body from events where workspace_id = :ws and type = 'erased';

-- name: drop_unintegrated
-- A fact got its leaf.
delete from unintegrated where workspace_id = :ws and event_id = :event;

-- name: unintegrated_count
-- How many facts wait for their leaf.
select count(*) from unintegrated where workspace_id = :ws;

-- name: any_unintegrated
-- Whether any fact waits for its leaf.
select 1 from unintegrated where workspace_id = :ws limit 1;

-- name: add_leaf
-- A fact's place in the ledger.
insert into leaves (workspace_id, leaf_index, event_id) values (:ws, :place, :event);

-- name: tree_size
-- How many leaves the ledger has.
select coalesce(max(leaf_index) + 1, 0) from leaves where workspace_id = :ws;

-- name: leaves_from
-- Facts in ledger order from a place on.
select l.leaf_index, e.event_id, e.person_id, e.type, e.occurred_at, e.body
from leaves l left join events e on e.workspace_id = l.workspace_id and e.event_id = l.event_id
where l.workspace_id = :ws and l.leaf_index >= :place order by l.leaf_index limit :limit;

-- name: events_without_leaf
-- Facts that are neither in the ledger nor waiting for it: there must be none.
select e.event_id from events e
left join leaves l on l.workspace_id = e.workspace_id and l.event_id = e.event_id
left join unintegrated u on u.workspace_id = e.workspace_id and u.event_id = e.event_id
where e.workspace_id = :ws and l.event_id is null and u.event_id is null limit 1;

-- name: add_node
-- A complete subtree's hash.
insert into nodes (workspace_id, level, place, hash) values (:ws, :level, :place, :hash);

-- name: node
-- One complete subtree's hash.
select hash from nodes where workspace_id = :ws and level = :level and place = :place;

-- name: add_checkpoint
-- A signed size and root.
insert into checkpoints (workspace_id, size, root, note, created_at) values (:ws, :size, :root, :note, :now);

-- name: last_checkpoint
-- The newest signed size and root.
select size, root, note, created_at from checkpoints where workspace_id = :ws order by size desc limit 1;

-- name: checkpoints
-- Every signed size and root, oldest first.
select size, root, note from checkpoints where workspace_id = :ws order by size;
