"""The simulation: the real flows, store and gate under a seeded scheduler, against a record of what really happened.

Rules of the room: everything that happens hangs on one seed; no thread, no real clock, no chance but the seed's.
`truth.py` knows nothing of the fold and judges by what people did. Nothing here replaces a rule of the product.
"""
