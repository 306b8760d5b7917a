"""Enrolment codes: a secret for the site, and by what the desk knows the site.

The secret half is told to the server only after its authority's certificate had the fingerprint in
the other half, so a stranger in between learns nothing that is worth anything.
"""

from __future__ import annotations

import hashlib
import secrets
import ssl

from turnlight.provision.trouble import ProvisionError

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_ALIKE = str.maketrans("oil", "011", "- \t\n")
_SECRET, _PRINT = 10, 20
"""Characters of 5 bits each."""
_GROUP = 5


def new_secret() -> str:
    """Fifty random bits: they work once, for a day, and few can be tried in a minute."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET))


def code(secret: str, ca_pem: str) -> str:
    """What is typed at the desk, in groups of five."""
    whole = secret + fingerprint(ca_pem)
    return "-".join(whole[at : at + _GROUP] for at in range(0, len(whole), _GROUP))


def split(text: str) -> tuple[str, str]:
    """Secret and fingerprint of a code; case, spaces and o for 0 do not matter.

    Raises:
        ProvisionError: it is no code.
    """
    plain = text.lower().translate(_ALIKE)
    if len(plain) != _SECRET + _PRINT or not set(plain) <= set(_ALPHABET):
        raise ProvisionError(
            f"the code has {len(plain)} letters and digits that count, but must have "
            f"{_SECRET + _PRINT}; copy it whole from `turnlight provision invite`"
        )
    return plain[:_SECRET], plain[_SECRET:]


def fingerprint(ca_pem: str) -> str:
    """A hundred bits of an authority's certificate's SHA-256.

    Raises:
        ValueError: this is no certificate in PEM.
    """
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(ca_pem)).digest()
    bits = int.from_bytes(digest, "big") >> (len(digest) * 8 - 5 * _PRINT)
    return "".join(_ALPHABET[bits >> 5 * place & 31] for place in reversed(range(_PRINT)))


def digest(secret: str) -> str:
    """How the site remembers a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
