"""Bill of materials of a bundle's wheels (CycloneDX 1.5), and the list of their licences.

python provisioning/sbom.py WHEELS OUT    writes OUT/sbom.json and OUT/LICENSES.txt
"""

from __future__ import annotations

import email
import hashlib
import json
import re
import sys
import zipfile
from email.message import Message
from pathlib import Path
from typing import Any

PRODUCT = "turnlight"


def component(wheel: Path) -> dict[str, Any]:
    """What one wheel says about itself, and its hash."""
    about = metadata(wheel)
    # the form in which an index names it
    name = re.sub(r"[-_.]+", "-", str(about["Name"])).lower()
    version = str(about["Version"])
    found: dict[str, Any] = {
        "type": "application" if name == PRODUCT else "library",
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name}@{version}",
        "bom-ref": f"pkg:pypi/{name}@{version}",
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(wheel.read_bytes()).hexdigest()}],
    }
    if expression := about["License-Expression"]:
        found["licenses"] = [{"expression": str(expression)}]
    elif said := licence(about):
        found["licenses"] = [{"license": {"name": said}}]
    return found


def metadata(wheel: Path) -> Message:
    """A wheel's own description."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", n)]
        return email.message_from_bytes(archive.read(name))


def licence(about: Message) -> str:
    """The licence in the older forms: by classifier, else the first line of a free text."""
    classified = [
        str(line).rpartition(" :: ")[2]
        for line in about.get_all("Classifier", [])
        if str(line).startswith("License :: ") and not str(line).endswith("OSI Approved")
    ]
    # several may be a choice or all hold; the classifiers do not say
    return ", ".join(classified) or str(about["License"] or "").strip().partition("\n")[0]


def bill(wheels: Path) -> dict[str, Any]:
    """The whole document; the same wheels give the same bytes."""
    found = [component(wheel) for wheel in sorted(wheels.glob("*.whl"))]
    (product,) = [one for one in found if one["name"] == PRODUCT]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": product},
        "components": [one for one in found if one is not product],
    }


def licences(document: dict[str, Any]) -> str:
    """One line per package."""
    return "".join(
        f"{one['name']} {one['version']}: {_licence_of(one)}\n"
        for one in [document["metadata"]["component"], *document["components"]]
    )


def _licence_of(one: dict[str, Any]) -> str:
    (said,) = one.get("licenses", [{"expression": "not stated"}])
    return str(said.get("expression") or said["license"]["name"])


if __name__ == "__main__":
    document = bill(Path(sys.argv[1]))
    out = Path(sys.argv[2])
    (out / "sbom.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (out / "LICENSES.txt").write_text(licences(document), encoding="utf-8")
