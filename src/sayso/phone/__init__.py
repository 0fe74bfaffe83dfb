"""The simulator: a fake Graph API with several people's phones on screen, for tests and for the demo.

Rules of the room: nothing of Sayso is imported but `sayso.errors`; it speaks HTTP to any webhook consumer,
and whatever it knows of Sayso it asks over Sayso's public API. `app.build(PhoneConfig(...))` gives the ASGI
app.
"""
