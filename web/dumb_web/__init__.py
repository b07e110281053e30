"""The REST API: a Quart-Trio app over the public names of `dumb_actors`. Handlers only translate."""
