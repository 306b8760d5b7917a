"""What provisioning cannot do."""


class ProvisionError(Exception):
    """One sentence that names the thing and the remedy."""
