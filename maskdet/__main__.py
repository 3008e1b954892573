"""``python -m maskdet``."""

import sys

from maskdet.commands.main import program

sys.exit(program())
