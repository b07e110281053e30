"""`python -m dumb_actors`: the same program as `dumb-actors`."""

from dumb_actors.cli.main import main

if __name__ == "__main__":
    main()
