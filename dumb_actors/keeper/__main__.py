"""
The program of the keeper: `python -I -S .../dumb_actors/keeper/__main__.py CONTROL RUN_DIR ORPHANS VERSION`.

The client starts it, see `start.py`; nobody else should. Without the site packages it takes half of the memory, so it
finds its own package by the path of this file, after everything of the standard library.
"""

import sys

if __name__ == "__main__":
    # By its own name: the package would import what it stands in for.
    sys.path.append(__file__.rsplit("/", 1)[0])
    from lean import stand_in  # type: ignore[import-not-found]

    stand_in()
    sys.path[-1] = __file__.rsplit("/", 3)[0]
    # All that is ever needed of this package is imported here: an upgrade may replace its files under a running keeper.
    from dumb_actors.keeper.serving import serve

    serve(int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4])
