"""A webhook receiver: keeps every notification, one line of JSON each.

    python -m tests.alerts.webhook PORT FILE

A line holds the path that it came to, which is the receiver's name, and the body.
"""

from __future__ import annotations

import http.server
import json
import sys
import threading
from pathlib import Path

_writing = threading.Lock()


class Keep(http.server.BaseHTTPRequestHandler):
    file = Path()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        line = {"receiver": self.path.strip("/"), "body": json.loads(body)}
        with _writing, self.file.open("a") as kept:
            kept.write(json.dumps(line) + "\n")
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        """Says nothing; what came is in the file."""


if __name__ == "__main__":
    Keep.file = Path(sys.argv[2])
    http.server.ThreadingHTTPServer(
        ("127.0.0.1", int(sys.argv[1])), Keep
    ).serve_forever()
