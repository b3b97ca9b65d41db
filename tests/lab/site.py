"""The lab's site file: the catalogue unmodified, placeholders filled with lab names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PLACEHOLDERS = {
    "appsanywhere": "appsanywhere.uni.edu",
    "appsanywhere01": "appsanywhere01.uni.edu",
    "appsanywhere02": "appsanywhere02.uni.edu",
    "appsanywhere03": "appsanywhere03.uni.edu",
    "analytics": "analytics.uni.edu",
    "mssql": "mssql.uni.edu",
    "ad": "ad.uni.edu",
    "cloudpaging": "cloudpaging.uni.edu",
    "parallels": "parallels.uni.edu",
    "fileshare": "myfileshare.uni.edu",
}


def write(
    file: Path,
    *,
    dns: Sequence[str],
    ca_file: Path,
    roles: Sequence[str] = ("appsanywhere",),
    **more: Any,
) -> Path:
    """Writes a site file.

    Args:
        file: where to.
        dns: addresses of the resolvers.
        ca_file: the authorities the site trusts.
        roles: the roles this host plays.
        more: other keys of the file, or another value for one of these.

    Returns:
        The file.
    """
    content: dict[str, Any] = {
        "catalogues": ["appsanywhere"],
        "roles": list(roles),
        "placeholders": PLACEHOLDERS,
        "dns": {"servers": list(dns)},
        "tls": {"ca_file": str(ca_file)},
    }
    file.write_text(yaml.safe_dump(content | more, sort_keys=False))
    return file


def rule(name: str, host: str, port: int, probe: Any = "tcp", **more: Any):
    """A rule of the site's own; over TCP unless told otherwise."""
    return {
        "id": name,
        "source": "appsanywhere",
        "destination": {"host": host},
        "port": port,
        "transport": "tcp",
        "probe": probe,
        "usage": "vendor-api",
        "description": f"Port {port} of {host}",
        **more,
    }
