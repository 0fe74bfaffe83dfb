"""The pure core: facts in, answers out. No clock, no randomness, no files, no network, no logging."""
