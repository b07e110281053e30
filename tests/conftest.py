"""What every test gets: a deadline for the properties' profile and nothing else; rooms have their own leak checks."""

import os

from hypothesis import settings

settings.register_profile("default", print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
