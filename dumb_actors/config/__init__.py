"""`dumb_config.json`: load it, say everything that is wrong with it, make specs of it."""
