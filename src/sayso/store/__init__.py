"""The ledger on disk: promises (`base`), named SQL, SQLite, PostgreSQL, migrations."""
