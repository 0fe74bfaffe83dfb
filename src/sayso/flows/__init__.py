"""The stories: each flow fetches, lets the core decide, and records, in one transaction it is given."""
