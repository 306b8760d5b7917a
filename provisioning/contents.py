"""What Turnlight's own wheel may hold: no test, no training data, no key, nothing unforeseen.

python provisioning/contents.py WHEEL...    a sentence per finding, and exit code 1 if there is one
"""

from __future__ import annotations

import ast
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

ALLOWED = re.compile(
    r"turnlight(_floor)?/([a-z0-9_]+/)*[a-z0-9_]+\.(py|css)"
    r"|turnlight/libturnlight(-[a-z0-9]+)?\.so"
    r"|turnlight/strain\.(json|tflite)"
    r"|turnlight/calls/([a-z-]+\.(json|opus)|README\.md)"
    r"|turnlight/provision/units/(hardened|[a-z-]+\.(path|service))"
    r"|turnlight_floor/words/[a-z]{2}\.toml"
    r"|turnlight-[^/]+\.dist-info/(METADATA|WHEEL|RECORD|entry_points\.txt|licenses/LICENSE)"
)
TEST = re.compile(r"(^|/)(tests?|test_[^/]*|[^/]*_test\.py|conftest\.py)(/|$)")
WITHOUT = {"pytest", "hypothesis", "unittest", "doctest", "scipy", "sklearn", "torch", "tensorflow"}
"""Only tests and training import these."""
KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{16}")
LARGEST = {".opus": 1_000_000, ".json": 10_000, ".tflite": 10_000, ".so": 400_000}
"""In bytes; a corpus or a table of training does not pass as a demo call or a model."""


def findings(wheel: Path) -> Iterator[str]:
    """What is wrong with a wheel, a sentence each."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            if said := wrong(entry.filename, archive.read(entry)):
                yield f"{wheel.name}: {entry.filename}: {said}"


def wrong(name: str, content: bytes) -> str:
    """What is wrong with one file, or nothing."""
    if TEST.search(name):
        return "a test; keep it in tests/"
    if not ALLOWED.fullmatch(name):
        return "not a part of the product; move it away, or allow it in provisioning/contents.py"
    if KEY.search(content):
        return "holds a private key; remove it, and hold the key for known to others"
    if len(content) > (most := LARGEST.get(Path(name).suffix, 100_000)):
        return f"{len(content)} bytes, more than {most}; training data belongs into no release"
    if name.endswith(".py") and (taken := imports(content) & WITHOUT):
        return f"imports {', '.join(sorted(taken))}; keep tests in tests/, training in models/"
    return ""


def imports(source: bytes) -> set[str]:
    """The packages that a module takes from, at any depth."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


if __name__ == "__main__":
    said = [one for wheel in sys.argv[1:] for one in findings(Path(wheel))]
    for line in said:
        print(line, file=sys.stderr)
    sys.exit(bool(said))
