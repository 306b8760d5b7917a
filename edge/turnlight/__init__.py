"""Turnlight: a desk lamp that knows when to listen.

The core (C) turns sound into numbers, this package turns numbers into meaning, light and
anonymous sums. See docs/ for the formulas, the wire and the reasons.
"""

__version__ = "0.1.0"
