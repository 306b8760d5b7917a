"""Which desks are wanted: one by name, so many by number, or a list in CSV."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection, Sequence

import msgspec

from turnlight.messages import Name
from turnlight.provision.register import Register
from turnlight.provision.site import PROBES
from turnlight.provision.trouble import ProvisionError


class Wanted(msgspec.Struct, frozen=True):
    """One desk that is to get a certificate."""

    device: Name
    team: Name


def numbered(taken: Collection[str], team: str, count: int) -> list[Wanted]:
    """So many desks of a team: `billing-001` and on, after the highest number that is taken."""
    ends = [name.removeprefix(f"{team}-") for name in taken if name.startswith(f"{team}-")]
    first = max((int(end) for end in ends if end.isdecimal()), default=0) + 1
    return [wanted(f"{team}-{number:03}", team) for number in range(first, first + count)]


def from_csv(text: str, origin: str, team: str | None) -> list[Wanted]:
    """Desks from CSV with a column `device` and, unless a team is given, one `team`.

    Raises:
        ProvisionError: a column or a value is missing or wrong; the text names the line.
    """
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    needed = {"device"} if team else {"device", "team"}
    missing = needed - {name.strip() for name in rows.fieldnames or ()}
    if missing:
        raise ProvisionError(
            f"{origin}: its first line must name the columns device and team; "
            f"{' and '.join(sorted(missing))} is missing"
        )
    found = []
    for row in rows:
        cells = {str(key).strip(): str(value or "").strip() for key, value in row.items()}
        try:
            found.append(wanted(cells["device"], team or cells["team"]))
        except ProvisionError as error:
            raise ProvisionError(f"{origin}, line {rows.line_num}: {error}") from None
    if not found:
        raise ProvisionError(f"{origin}: names no device")
    return found


def wanted(device: str, team: str) -> Wanted:
    """One desk.

    Raises:
        ProvisionError: a name is not valid or is taken for something else.
    """
    try:
        one = msgspec.convert({"device": device, "team": team}, Wanted)
    except msgspec.ValidationError as error:
        key = "team" if str(error).endswith("`$.team`") else "device"
        value = team if key == "team" else device
        raise ProvisionError(
            f"{key} is `{value}`, but must be a name of a-z, 0-9 and -, at most 63 characters, "
            "not beginning with -"
        ) from None
    if team in ("device", "floor"):
        raise ProvisionError(f"team is `{team}`, which the wire reserves; name the team otherwise")
    if device in PROBES or team in PROBES:
        raise ProvisionError(f"`{PROBES[0]}` is for `turnlight provision check`; take another name")
    return one


def refuse_taken(wanted: Sequence[Wanted], register: Register) -> None:
    """Nothing is done when one of them cannot be.

    Raises:
        ProvisionError: a name comes twice, or has a certificate already.
    """
    names = [one.device for one in wanted]
    twice, _ = Counter(names).most_common(1)[0]
    if names.count(twice) > 1:
        raise ProvisionError(f"{twice}: is named twice; each desk needs a name of its own")
    held = next((name for name in names if register.current(name)), None)
    if held:
        raise ProvisionError(
            f"{held}: has a certificate already; give it a new one with "
            f"`turnlight provision rotate {held}`, or revoke it first"
        )
