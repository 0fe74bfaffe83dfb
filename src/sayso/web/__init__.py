"""HTTP: the JSON API, webhooks in, health. `app.build` gives the ASGI app, `serve.serve` runs it."""
