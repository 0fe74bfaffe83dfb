-- name: person_by_mac
-- Who holds this address now, and where they stand: two indexed reads.
select person_id, epoch, standing, erased_at, lang from people where workspace_id = :ws and person_id =
  (select person_id from addresses where workspace_id = :ws and mac = :mac and state = 'current');

-- name: people_among
-- Who of many addresses is held by whom, and where they stand.
select a.mac, p.person_id, p.epoch, p.standing, p.erased_at
from /*lite carray(:keys) k cross join */ addresses a cross join people p
where a.workspace_id = :ws and a.state = 'current'
  /*lite and a.mac = k.value */ /*pg and a.mac = any(:keys) */
  and p.workspace_id = a.workspace_id and p.person_id = a.person_id;

-- name: left_among
-- Which of many addresses were held once.
select a.mac from /*lite carray(:keys) k cross join */ addresses a
where a.workspace_id = :ws /*lite and a.mac = k.value */ /*pg and a.mac = any(:keys) */;

-- name: holders_among
-- Everybody who holds or once held one of these addresses.
select a.mac, a.person_id, a.state, a.event_id from /*lite carray(:keys) k cross join */ addresses a
where a.workspace_id = :ws /*lite and a.mac = k.value */ /*pg and a.mac = any(:keys) */;

-- name: suppressed_among
-- Which of many addresses said no before they were erased.
select s.mac, s.at, s.event_id from /*lite carray(:keys) k cross join */ suppressions s
where s.workspace_id = :ws /*lite and s.mac = k.value */ /*pg and s.mac = any(:keys) */;

-- name: holders_of_mac
-- Everybody who holds or once held this address.
select person_id, state from addresses where workspace_id = :ws and mac = :mac;

-- name: left_to
-- Everybody who once had an address that this person has now: a stop from there counts for them too.
select distinct h.person_id from addresses mine
join addresses h on h.workspace_id = mine.workspace_id and h.mac = mine.mac and h.person_id <> mine.person_id
where mine.workspace_id = :ws and mine.person_id = :person and mine.state = 'current' and h.state = 'former';

-- name: person_locked
-- A person's row, locked until the transaction ends.
select person_id, epoch, standing, erased_at, lang, wrapped, root_id
from people where workspace_id = :ws and person_id = :person /*pg for update */;

-- name: person
-- A person's row.
select person_id, epoch, standing, erased_at, lang, wrapped, root_id
from people where workspace_id = :ws and person_id = :person;

-- name: wrapped_key
-- The wrapped data key of a person.
select wrapped from people where workspace_id = :ws and person_id = :person;

-- name: add_person
-- A new person.
insert into people (workspace_id, person_id, root_id, epoch, lang, wrapped, standing, created_at, erased_at)
values (:ws, :person, :person, 0, :lang, :wrapped, :standing, :now, 0);

-- name: set_standing
-- Where a person stands after a refold; `rise` is 1 when the epoch must move.
update people set standing = :standing, epoch = epoch + :rise where workspace_id = :ws and person_id = :person;

-- name: set_lang
-- The language a person was last asked in.
update people set lang = :lang where workspace_id = :ws and person_id = :person;

-- name: merge_people
-- Point a record, and all that was merged into it, to the surviving one.
update people set root_id = :into, epoch = epoch + 1 where workspace_id = :ws and root_id = :gone;

-- name: merged_records
-- The records that make up one person.
select person_id, wrapped from people where workspace_id = :ws and root_id = :person;

-- name: erase_person
-- Destroy the data key and what was known; only the fact of erasure stays.
update people set wrapped = null, lang = '', erased_at = :now, standing = :standing, epoch = epoch + 1
where workspace_id = :ws and root_id = :person;

-- name: all_people
-- People in batches, for verification.
select person_id, standing, epoch, erased_at from people
where workspace_id = :ws and root_id = person_id and person_id > :after order by person_id limit :limit;

-- name: add_address
-- An address of a person, who may have had it before and left it.
insert into addresses (workspace_id, mac, person_id, kind, state, mac_key, sealed, event_id)
values (:ws, :mac, :person, :kind, 'current', :key, :sealed, :event)
on conflict (workspace_id, mac, person_id) do update set state = 'current', event_id = excluded.event_id;

-- name: set_address_state
-- An address becomes current or former.
update addresses set state = :state, event_id = :event
where workspace_id = :ws and mac = :mac and person_id = :person;

-- name: addresses_of
-- All addresses of a person.
select mac, kind, state, mac_key, sealed, event_id from addresses where workspace_id = :ws and person_id = :person
order by state, kind desc, mac;

-- name: move_address
-- An address goes over to the surviving record of a merge.
update addresses set person_id = :into, sealed = :sealed where workspace_id = :ws and mac = :mac and person_id = :gone;

-- name: drop_address
-- An address both records had.
delete from addresses where workspace_id = :ws and mac = :mac and person_id = :person;

-- name: erase_addresses
-- Forget the addresses of an erased person.
delete from addresses where workspace_id = :ws and person_id = :person;

-- name: all_addresses
-- Addresses in batches, for verification.
select mac, person_id, kind, state, event_id from addresses
where workspace_id = :ws and (mac, person_id) > (:after, :person) order by mac, person_id limit :limit;

-- name: add_suppression
-- Keep the no of an erased address.
insert into suppressions (workspace_id, mac, mac_key, at, event_id) values (:ws, :mac, :key, :at, :event);

-- name: suppressions
-- The times this address said no before it was erased.
select at, event_id from suppressions where workspace_id = :ws and mac = :mac;

-- name: suppressions_of_event
-- The suppressions one erasure made, for verification.
select mac, at from suppressions where workspace_id = :ws and event_id = :event order by mac;

-- name: stray_suppression
-- A suppression that no erasure made: there must be none.
select s.event_id from suppressions s
left join events e on e.workspace_id = s.workspace_id and e.event_id = s.event_id and e.type = 'erased'
where s.workspace_id = :ws and e.event_id is null limit 1;
