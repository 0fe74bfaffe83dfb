"""Channels: one file per provider, each with the same three names (`verify`, `parse`, `send`).

A channel knows its provider's wire and nothing else: no database, no flow, no setting is read here.
"""
