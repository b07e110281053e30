"""
The program of the keeper: `python -I -S .../dumb_actors/keeper/__main__.py CONTROL RUN_DIR ORPHANS VERSION`.

The client starts it, see `start.py`; nobody else should. Without the site packages it takes half of the memory, so it
finds its own package by the path of this file, after everything of the standard library.
"""

import sys

if __name__ == "__main__":
    sys.path.append(__file__.rsplit("/", 3)[0])

    # All that is ever needed of this package is imported here: an upgrade may replace its files under a running keeper.
    from dumb_actors.keeper.serving import serve

    serve(int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4])
