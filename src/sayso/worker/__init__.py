"""What happens by itself: the outbox, the ledger's integration, the chores of time."""
