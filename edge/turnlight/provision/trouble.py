"""What provisioning cannot do."""

from __future__ import annotations

from turnlight.trouble import why as why_of_a_desk


class ProvisionError(Exception):
    """One sentence that names the thing and the remedy."""


def why(error: OSError) -> str:
    """Why a connection failed, where no desk's settings are to blame."""
    return why_of_a_desk(error).replace("uplink.", "")
