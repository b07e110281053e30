"""`dumb_config.json`: load it, say everything that is wrong with it, make specs of it."""

from dumb_actors.config.autorestart import AutoRestart
from dumb_actors.config.find import Builtin
from dumb_actors.config.load import Config, load_config, parse_config
from dumb_actors.config.root import Root, default_root
from dumb_actors.config.settings import Settings
from dumb_actors.config.specs import check_specs

__all__ = [
    "AutoRestart",
    "Builtin",
    "Config",
    "Root",
    "Settings",
    "check_specs",
    "default_root",
    "load_config",
    "parse_config",
]
