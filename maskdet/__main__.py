"""``python -m maskdet``."""

import sys

from maskdet.commands.main import main

sys.exit(main())
