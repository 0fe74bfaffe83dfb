-- What a snapshot is made of, and what changed since it was made.

-- name: standings_from
-- Every address in the order of its MAC, with where its holder stands.
select a.mac, a.person_id, a.state, p.standing, p.erased_at
from addresses a /*lite cross */ join people p on p.workspace_id = a.workspace_id and p.person_id = a.person_id
where a.workspace_id = :ws and (a.mac, a.person_id) > (:after, :person) order by a.mac, a.person_id limit :limit;

-- name: suppressions_from
-- Every address that said no before it was erased, in the order of its MAC.
select distinct mac from suppressions where workspace_id = :ws and mac > :after order by mac limit :limit;

-- name: changed_since
-- Whom the facts from a place in the ledger on are about.
select l.leaf_index, e.event_id, e.person_id, e.type
from leaves l join events e on e.workspace_id = l.workspace_id and e.event_id = l.event_id
where l.workspace_id = :ws and l.leaf_index >= :place order by l.leaf_index limit :limit;

-- name: changed_and_waiting
-- Whom the facts that wait for their leaf are about.
select e.event_id, e.person_id, e.type from unintegrated u
join events e on e.workspace_id = u.workspace_id and e.event_id = u.event_id where u.workspace_id = :ws limit :limit;

-- name: macs_of_person
-- Every address of a person, of records merged into theirs, and of the record theirs was merged into.
select a.mac from addresses a where a.workspace_id = :ws and a.person_id in (
  select o.person_id from people p join people o on o.workspace_id = p.workspace_id and o.root_id = p.root_id
  where p.workspace_id = :ws and p.person_id = :person);

-- name: people_from
-- People in the order of their ids, with where they stand.
select person_id, standing, epoch, wrapped from people
where workspace_id = :ws and root_id = person_id and erased_at = 0 and person_id > :after order by person_id limit :limit;
