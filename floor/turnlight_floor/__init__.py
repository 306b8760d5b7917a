"""The floor: anonymous windows in, k-anonymous aggregates out, and a page that shows them.

Of the device this package knows `turnlight.messages` and nothing else.
"""
