"""Starts the lab and keeps it until Ctrl-C: `python -m tests.lab`.

With words behind it, runs them as a command on the prober, as an unprivileged
user, and ends with its exit code: `python -m tests.lab curl https://bitbucket.org`.
"""

from __future__ import annotations

import contextlib
import shlex
import signal
import subprocess
import sys
import time

from tests.lab import plan
from tests.lab.cell import LabUnavailableError
from tests.lab.lab import Lab


def _summary(lab: Lab, seconds: float) -> str:
    lines = [f"The lab is up after {seconds:.1f} s. Its files: {lab.folder}", ""]
    lines += ["Become root on a host (exit leaves it):"]
    for name, host in lab.hosts.items():
        enter = shlex.join([*lab.cell.enter(name), "bash"])
        lines += [f"  {name:7}{host.addresses[0]:12}{host.addresses[1]:18}{enter}"]
    lines += ["", f"Servers: dns {' '.join(lab.servers)}"]
    lines += ["", "Names its resolver answers:"]
    for name, place in plan.NAMES.items():
        ports = " ".join(map(str, place.ports))
        lines += [f"  {place.addresses[0]:12}{place.addresses[1]:20}{name}  {ports}"]
    lines += ["", f"CA: {lab.ca.root_file}", f"Site file: {lab.site()}"]
    lines += ["Ctrl-C ends it.", ""]
    return "\n".join(lines)


def main() -> int:
    """Runs the lab; the exit code."""
    began = time.monotonic()
    try:
        lab = Lab()
    except LabUnavailableError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    with lab:
        if sys.argv[1:]:
            words = lab.cell.enter("prober", unprivileged=True)
            command = [*words, *sys.argv[1:]]
            return subprocess.run(command, check=False).returncode
        with contextlib.suppress(LabUnavailableError):
            lab.complete()
        sys.stdout.write(_summary(lab, time.monotonic() - began))
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
