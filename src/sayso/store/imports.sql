-- name: lock_imports
-- One import of a workspace begins at a time.
select revision from workspaces where workspace_id = :ws /*pg for update */;

-- name: add_import
-- An import begins at the first row.
insert into imports (workspace_id, import_id, file_hash, plan, state, position, granted, unknown, kept_no, refused,
                     started_at, ended_at)
values (:ws, :id, :hash, :plan, 'running', 0, 0, 0, 0, 0, :now, 0);

-- name: import
-- One import.
select import_id, file_hash, plan, state, position, granted, unknown, kept_no, refused, started_at, ended_at
from imports where workspace_id = :ws and import_id = :id;

-- name: import_of_file
-- The newest import of a file that still stands.
select import_id, file_hash, plan, state, position, granted, unknown, kept_no, refused, started_at, ended_at
from imports where workspace_id = :ws and file_hash = :hash and state in ('running', 'done')
order by started_at desc, import_id desc limit 1;

-- name: imports
-- The newest imports.
select import_id, file_hash, plan, state, position, granted, unknown, kept_no, refused, started_at, ended_at
from imports where workspace_id = :ws order by started_at desc, import_id desc limit :limit;

-- name: advance_import
-- The rows up to a place are in this transaction; nothing happens if somebody else did them or undoes the import.
update imports set position = :position
where workspace_id = :ws and import_id = :id and position = :before and state = :state;

-- name: count_import
-- What the rows of this transaction became.
update imports set granted = granted + :granted, unknown = unknown + :unknown, kept_no = kept_no + :kept_no,
                   refused = refused + :refused
where workspace_id = :ws and import_id = :id;

-- name: set_import_state
-- An import is done, or is being undone, or is undone.
update imports set state = :state, ended_at = :now
where workspace_id = :ws and import_id = :id and state = :before;

-- name: add_import_fact
-- Which fact a row became.
insert into import_facts (workspace_id, import_id, place, event_id, person_id)
values (:ws, :id, :place, :event, :person);

-- name: import_facts_between
-- The facts of rows behind one place, up to another.
select place, event_id, person_id from import_facts
where workspace_id = :ws and import_id = :id and place > :after and place <= :upto order by place, event_id;

-- name: add_import_refused
-- A row that could not be used.
insert into import_refused (workspace_id, import_id, place, problem, sealed)
values (:ws, :id, :place, :problem, :sealed);

-- name: import_refused
-- Rows that could not be used, in batches.
select place, problem, sealed from import_refused
where workspace_id = :ws and import_id = :id and place > :after order by place limit :limit;

-- name: drop_import_refused
-- Forget the refused rows of an import.
delete from import_refused where workspace_id = :ws and import_id = :id;

-- name: purge_import_refused
-- Forget the refused rows of imports that ended long ago.
delete from import_refused where workspace_id = :ws and import_id in
  (select import_id from imports where workspace_id = :ws and ended_at > 0 and ended_at < :before);

-- name: add_import_person
-- A new person with all that a row said of them.
insert into people (workspace_id, person_id, root_id, epoch, lang, wrapped, standing, created_at, erased_at)
values (:ws, :person, :person, :epoch, :lang, :wrapped, :standing, :now, 0);

-- name: add_document
-- Keep a document, sealed.
insert into documents (workspace_id, document_id, name, media_type, hash, sealed, created_at)
values (:ws, :document, :name, :media, :hash, :sealed, :now);

-- name: document_by_hash
-- A document by the SHA-256 of its bytes.
select document_id, name, media_type, sealed from documents where workspace_id = :ws and hash = :hash
order by created_at limit 1;
