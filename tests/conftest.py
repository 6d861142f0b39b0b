"""Settings shared by every test: how hypothesis searches here and in continuous integration."""

import os

from hypothesis import settings

# No deadline: the machines are shared, so time says nothing about the code. In continuous
# integration the examples are the same in every run: a change fails for what it changed.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")
