-- name: see_message
-- A provider message counts once, for ever: no row is added the second time.
insert into provider_messages (workspace_id, mac) values (:ws, :mac) on conflict (workspace_id, mac) do nothing;

-- name: add_unhandled
-- Keep a webhook item nobody could use.
insert into unhandled (workspace_id, unhandled_id, connection, reason, field, sealed, received_at)
values (:ws, :unhandled, :connection, :reason, :field, :sealed, :now);

-- name: unhandled_items
-- What could not be used, newest first.
select unhandled_id, connection, reason, field, received_at from unhandled
where workspace_id = :ws order by received_at desc limit :limit;

-- name: count_unhandled
-- How much could not be used.
select count(*) from unhandled where workspace_id = :ws;

-- name: purge_unhandled
-- Raw bodies are kept for a limited time.
delete from unhandled where workspace_id = :ws and received_at < :before;

-- name: add_handed_over
-- Remember a message handed to a provider by the MAC of its id.
insert into handed_over (workspace_id, mac, person_id, permit_id, request, at)
values (:ws, :mac, :person, :permit, :request, :now) on conflict (workspace_id, mac) do nothing;

-- name: handed_over
-- What a reply or a status refers to.
select person_id, permit_id, request, at from handed_over where workspace_id = :ws and mac = :mac;

-- name: enqueue
-- Owe the world a message; owed once per `dedupe`.
insert into outbox (workspace_id, outbox_id, person_id, kind, sender, answers, dedupe, state, run_at, attempts,
  lease_until, permit_id, problem, created_at)
values (:ws, :outbox, :person, :kind, :sender, :answers, :dedupe, 'queued', :run_at, 0, 0, '', '', :now)
on conflict (workspace_id, dedupe) do nothing;

-- name: cancel_outbox
-- A stop, a yes or a no makes waiting questions pointless.
update outbox set state = 'cancelled', problem = :why
where workspace_id = :ws and person_id = :person and state in ('queued', 'claimed') and answers = :answers
  and kind in ('prompt', 'reminder');

-- name: cancel_replies
-- After a stop for everything only its confirmation is said.
update outbox set state = 'cancelled', problem = 'overtaken'
where workspace_id = :ws and person_id = :person and state in ('queued', 'claimed')
  and kind in ('welcome', 'declined', 'help', 'kept', 'clarify', 'status', 'topics', 'data', 'pause', 'pause_over');

-- name: cancel_all_outbox
-- Nothing is owed to an erased person.
update outbox set state = 'cancelled', problem = 'erased'
where workspace_id = :ws and person_id = :person and state in ('queued', 'claimed');

-- name: waiting_prompts
-- Questions to this person that have not gone out.
select outbox_id, answers from outbox where workspace_id = :ws and person_id = :person
  and state in ('queued', 'claimed') and kind in ('prompt', 'reminder');

-- name: due_outbox
-- What is due and free, or whose worker died: claimed by the caller.
select workspace_id, outbox_id, person_id, kind, sender, answers, attempts, state from outbox
where (state = 'queued' and run_at <= :now) or (state = 'claimed' and lease_until <= :now)
order by run_at, outbox_id limit :limit /*pg for update skip locked */;

-- name: claim_outbox
-- Take a row for a while; one worker wins.
update outbox set state = 'claimed', lease_until = :until, attempts = attempts + 1
where workspace_id = :ws and outbox_id = :outbox
  and (state = 'queued' or (state = 'claimed' and lease_until <= :now));

-- name: outbox_row
-- One row of the outbox.
select outbox_id, person_id, kind, sender, answers, state, run_at, attempts, permit_id, problem, lease_until,
  created_at
from outbox where workspace_id = :ws and outbox_id = :outbox /*pg for update */;

-- name: outbox_person
-- Whom a row is for, read before locking the person.
select person_id from outbox where workspace_id = :ws and outbox_id = :outbox;

-- name: set_outbox
-- The outcome of a try.
update outbox set state = :state, run_at = :run_at, problem = :problem, permit_id = :permit, lease_until = :lease
where workspace_id = :ws and outbox_id = :outbox;

-- name: end_try
-- A try that surely did not send. A row that was called off meanwhile stays called off.
update outbox set state = :state, run_at = :run_at, problem = :problem, permit_id = :permit, lease_until = 0
where workspace_id = :ws and outbox_id = :outbox and state <> 'cancelled';

-- name: postpone_outbox
-- A row that has to wait goes back into the queue; that was no try.
update outbox set state = 'queued', run_at = :run_at, problem = :problem, permit_id = '', lease_until = 0,
  attempts = attempts - 1
where workspace_id = :ws and outbox_id = :outbox;

-- name: outbox_list
-- The outbox, newest first.
select outbox_id, kind, sender, answers, state, run_at, attempts, problem, created_at from outbox
where workspace_id = :ws order by created_at desc, outbox_id desc limit :limit;

-- name: outbox_counts
-- How many rows are in which state.
select state, count(*) from outbox where workspace_id = :ws group by state;

-- name: next_outbox
-- When the next row is due.
select min(run_at) from outbox where state = 'queued';

-- name: move_outbox
-- Rows of a merged record go over to the surviving one.
update outbox set person_id = :into where workspace_id = :ws and person_id = :gone;

-- name: add_permit
-- The right to send one message once.
insert into permits (workspace_id, permit_id, person_id, purpose, sender, cls, free_form, epoch, state, created_at,
  expires_at, redeemed_at, not_after, done_at, outcome)
values (:ws, :permit, :person, :purpose, :sender, :cls, :free_form, :epoch, :state, :now, :expires, :redeemed,
  :not_after, 0, '');

-- name: permit
-- One permit, locked until the transaction ends.
select permit_id, person_id, purpose, sender, cls, free_form, epoch, state, created_at, expires_at, redeemed_at,
  not_after, done_at, outcome
from permits where workspace_id = :ws and permit_id = :permit /*pg for update */;

-- name: permit_person
-- Whose permit this is, read before locking the person.
select person_id from permits where workspace_id = :ws and permit_id = :permit;

-- name: redeem_permit
-- Spend a permit; one caller wins.
update permits set state = 'redeemed', redeemed_at = :now, not_after = :not_after
where workspace_id = :ws and permit_id = :permit and state = 'open';

-- name: finish_permit
-- What became of a permit.
update permits set state = :state, done_at = :now, outcome = :outcome
where workspace_id = :ws and permit_id = :permit and state = 'redeemed';

-- name: close_permit
-- An open permit that will not be used.
update permits set state = :state, done_at = :now, outcome = :outcome
where workspace_id = :ws and permit_id = :permit and state = 'open';

-- name: in_flight
-- The last moment at which a message already under way may still leave, 0 when none is under way.
select coalesce(max(not_after + 0), 0) from permits
where workspace_id = :ws and person_id = :person and state = 'redeemed' and epoch < :epoch and not_after + 0 > :since;

-- name: move_permits
-- Permits of a merged record go over to the surviving one; of an epoch before all, so that none is redeemed any more
-- and what is under way is waited for.
update permits set person_id = :into, epoch = -1 where workspace_id = :ws and person_id = :gone;

-- name: unfinished_permits
-- Redeemed, and nobody said what became of it.
select workspace_id, permit_id, person_id, purpose, sender, cls, created_at from permits
where state = 'redeemed' and not_after < :before order by not_after limit :limit;

-- name: unused_permits
-- Permits nobody redeemed in time.
select workspace_id, permit_id, purpose, created_at from permits
where state = 'open' and expires_at < :now limit :limit /*pg for update skip locked */;
