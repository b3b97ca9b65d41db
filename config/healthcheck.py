"""Exits with 0 if the exporter on this host's port answers, over HTTP or HTTPS."""

import ssl
import sys
import urllib.request

HERE = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:9842"
PATIENCE = 4
unverified = ssl.create_default_context()
unverified.check_hostname = False  # it is this very host that is asked
unverified.verify_mode = ssl.CERT_NONE


def answers(scheme: str) -> bool:
    """Whether it says over HTTP or HTTPS that it is healthy."""
    request = urllib.request.Request(f"{scheme}://{HERE}/-/healthy")  # noqa: S310 - http or https
    try:
        answer = urllib.request.urlopen(request, timeout=PATIENCE, context=unverified)  # noqa: S310 - the same
        with answer:
            return answer.read(16) == b"healthy\n"
    except OSError:
        return False


sys.exit(not (answers("http") or answers("https")))
