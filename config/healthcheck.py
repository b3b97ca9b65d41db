#!/usr/bin/env python3
"""Exits with 0 if the exporter on this host's port answers, over HTTP or HTTPS."""

import argparse
import base64
import ssl
import sys
import urllib.request
from pathlib import Path

PATIENCE = 4

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("place", nargs="?", default="127.0.0.1:9842")
parser.add_argument("--path", default="/-/healthy", help="or /-/ready")
parser.add_argument(
    "--credentials",
    type=Path,
    help="folder with username and password, or client.crt and client.key, or all four",
)
asked = parser.parse_args()
unverified = ssl.create_default_context()
unverified.check_hostname = False  # it is this very host that is asked
unverified.verify_mode = ssl.CERT_NONE
headers = {}
if asked.credentials and (asked.credentials / "username").exists():
    names = ("username", "password")
    said = ":".join((asked.credentials / one).read_text().strip("\n") for one in names)
    headers["Authorization"] = f"Basic {base64.b64encode(said.encode()).decode()}"
if asked.credentials and (asked.credentials / "client.crt").exists():
    folder = asked.credentials
    unverified.load_cert_chain(folder / "client.crt", folder / "client.key")


def answers(scheme: str) -> bool:
    """Whether it says over HTTP or HTTPS that it is what the path asks for."""
    url = f"{scheme}://{asked.place}{asked.path}"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - http or https
    try:
        answer = urllib.request.urlopen(request, timeout=PATIENCE, context=unverified)  # noqa: S310 - the same
        with answer:
            return answer.read(16) == f"{asked.path.rpartition('/')[2]}\n".encode()
    except OSError:
        return False


sys.exit(not (answers("http") or answers("https")))
