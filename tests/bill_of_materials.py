"""Completes the bill of materials that `make dist` writes, and checks it against the lock.

CycloneDX's tool reads a version from pyproject.toml, where ours does not stand: it is
taken from the wheel's name. A package that the lock lacks, or another version of one, is
an error: the bill would tell of what nobody installs.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from packaging.utils import canonicalize_name, parse_wheel_filename

_PIN = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)


def main(bill: Path, wheel: Path, lock: Path) -> str | None:
    """Writes the bill anew; the differences if it is not the lock's."""
    content = json.loads(bill.read_text())
    _, version, *_ = parse_wheel_filename(wheel.name)
    content["metadata"]["component"]["version"] = str(version)
    told = {
        canonicalize_name(one["name"]): one["version"] for one in content["components"]
    }
    locked = {
        canonicalize_name(one): pin for one, pin in _PIN.findall(lock.read_text())
    }
    if told != locked:
        return f"{bill}: not the lock: {sorted(told.items() ^ locked.items())}"
    bill.write_text(json.dumps(content, indent=2) + "\n")
    return None


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
