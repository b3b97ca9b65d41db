"""The cell: namespaces of its own in which a lab lives, and the way into them.

One process, started through unshare(1), holds a private mount and PID namespace
(without root also a user namespace, in which we are root). It lives as long as a
pipe from us is open. Network namespaces are made inside with plain `ip netns`; the
names are private to the cell, so labs never collide, and when we end, for whatever
reason, the kernel ends every process of the cell and removes all it made. There is
nothing to clean up after a crash.

Commands enter by nsenter(1). Everything works in an unprivileged user namespace as
well as for root; the one difference is who an unprivileged command runs as (see
`Cell.enter`).
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.lab.process import LabError, Process

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CHECKOUT = Path(__file__).resolve().parents[2]
PROGRAMS = "unshare nsenter setpriv mount ip nft ss sysctl"
_NOBODY = "65534"
_ENVIRONMENT = {
    **os.environ,
    "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C",
}


class LabUnavailableError(Exception):
    """This machine cannot run a lab; the message says why and what would help."""


def require(programs: str) -> None:
    """Makes sure that programs are installed.

    Raises:
        LabUnavailableError: with the names of those that are not.
    """
    path = _ENVIRONMENT["PATH"]
    missing = [name for name in programs.split() if not shutil.which(name, path=path)]
    if missing:
        text = f"not installed: {', '.join(missing)}; run tests/install-packages"
        raise LabUnavailableError(text)


class Cell:
    """A lab's private namespaces.

    Args:
        folder: where logs go; visible inside under the same path.

    Raises:
        LabUnavailableError: if the system does not let us make namespaces.
    """

    def __init__(self, folder: Path) -> None:
        require(PROGRAMS)
        self._logs = folder / "logs"
        self._logs.mkdir(exist_ok=True)
        self._processes: list[Process] = []
        self._hold(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hold(self, folder: Path) -> None:
        refusals = []
        for privileged in (True, False) if os.geteuid() == 0 else (False,):
            self.privileged = privileged
            self._holder = _unshare(folder, privileged=privileged)
            if self._holder.stdout is None:
                raise AssertionError("the holder has a pipe as its output")
            said = self._holder.stdout.readline().decode().strip()
            if said.startswith("ready "):
                self._first = int(said.removeprefix("ready "))
                return
            said += self._holder.stdout.read().decode().strip()
            self.close()
            kind = "root" if privileged else "an unprivileged user namespace"
            refusals.append(f"as {kind}: {said}")
        raise LabUnavailableError(f"no namespaces: {'; '.join(refusals)}")

    def enter(
        self, net: str | None = None, *, unprivileged: bool = False, pid: bool = False
    ) -> list[str]:
        """The words to put before a command that shall run inside.

        Args:
            net: a network namespace made by `ip netns`; the cell's own if None.
            unprivileged: as a user who may do nothing special. In a user
                namespace that is the one who started us, stripped of all power.
            pid: enter the PID namespace too, so that it cannot outlive the cell.
        """
        first = f"/proc/{self._first}"
        network = f"{first}/root/run/netns/{net}" if net else f"{first}/ns/net"
        words = [
            "nsenter",
            f"--target={self._first}",
            "--mount",
            "--root",  # another than the namespace's where we are in a chroot
            f"--net={network}",
        ]
        if not self.privileged:
            words += ["--user", "--preserve-credentials"]
        if pid:
            words += ["--pid"]
        words += [f"--wdns={CHECKOUT}", "--"]
        return words + (self._stripped() if unprivileged else [])

    def _stripped(self) -> list[str]:
        words = ["setpriv", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]
        if self.privileged:
            user = [f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
        else:
            user = ["--securebits=+noroot,+noroot_locked"]
        return [*words, *user, "--"]

    def run(
        self,
        *command: str | Path,
        net: str | None = None,
        unprivileged: bool = False,
        text: str = "",
        check: bool = True,
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command inside and waits for it.

        Args:
            command: the program and its arguments.
            net: see `enter`.
            unprivileged: see `enter`.
            text: its standard input.
            check: whether a failure is an error.
            timeout: seconds after which it is killed.

        Raises:
            LabError: with what the command said, if it failed and `check` is set.
        """
        words = [*self.enter(net, unprivileged=unprivileged), *map(str, command)]
        done = subprocess.run(
            words,
            input=text,
            capture_output=True,
            text=True,
            timeout=timeout,
            env=_ENVIRONMENT,
            check=False,
        )
        if check and done.returncode:
            said = f"{done.stdout}{done.stderr}".strip()
            raise LabError(f"{' '.join(map(str, command))}: {said}")
        return done

    def start(
        self,
        name: str,
        *command: str | Path,
        net: str | None = None,
        unprivileged: bool = False,
    ) -> Process:
        """Starts a server that stays in the foreground; its log is named `name`."""
        log = self._logs / f"{name}.log"
        words = self.enter(net, unprivileged=unprivileged, pid=True)
        with log.open("ab") as output:
            entered = subprocess.Popen(
                [*words, *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=_ENVIRONMENT,
            )
        process = Process(entered, log)
        self._processes.append(process)
        return process

    def logs(self) -> str:
        """The end of every server's log."""
        return "\n\n".join(f"{p.log}:\n{p.tail()}" for p in self._processes)

    def close(self) -> None:
        """Ends everything inside."""
        for pipe in (self._holder.stdin, self._holder.stdout):
            if pipe is not None:
                pipe.close()
        self._holder.wait(10)
        for process in self._processes:
            process.reap()


def _unshare(folder: Path, *, privileged: bool) -> subprocess.Popen[bytes]:
    words = ["unshare", "--net", "--mount", "--propagation=unchanged", "--pid"]
    words += ["--fork", "--kill-child"]
    if not privileged:
        words += ["--user", "--map-root-user"]
    script = Path(__file__).with_name("cell.sh")
    walled = list(_walled(_needed(folder))) if privileged else []
    return subprocess.Popen(
        [*words, "sh", str(script), *map(str, walled)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=_ENVIRONMENT,
    )


def _needed(folder: Path) -> Sequence[Path]:
    return (CHECKOUT, Path(sys.prefix), Path(sys.base_prefix).resolve(), folder)


def _walled(paths: Sequence[Path]) -> Iterator[Path]:
    """Pairs of (wall, path) for all that others may not reach; see cell.sh."""
    for path in paths:
        wall = _wall(path)
        if wall == path:
            for child in sorted(path.iterdir()):
                yield from (wall, child)
        elif wall is not None:
            yield from (wall, path)


def _wall(path: Path) -> Path | None:
    for folder in (*reversed(path.parents), path):
        if not folder.stat().st_mode & stat.S_IXOTH:
            return folder
    return None
