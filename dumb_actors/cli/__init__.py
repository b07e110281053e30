"""The program `dumb-actors`: a thin client of the REST API, and `up`, which runs everything."""
