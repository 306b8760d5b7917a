"""`python -m turnlight` is `turnlight`."""

from turnlight.cli import main

main()
