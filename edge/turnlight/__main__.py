"""`python -m turnlight` is `turnlight`."""

import sys

from turnlight.cli import main

sys.exit(main())
