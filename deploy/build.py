"""Writes what the fleet kit takes from elsewhere: `python -m deploy.build`.

Kustomize reads files of its own folders only, a Helm chart carries all that it needs, and
a unit by roles is the unit with another command, so what they share stands here once
more. A test fails while they differ; `make alerts` and `make dashboards` end with this.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parent.parent
CHART = Path("deploy/helm/connectivity-exporter")
RULES = Path("deploy/kubernetes/monitoring/rules.yaml")
UNIT = Path("config/systemd/connectivity-exporter.service")
KUBERNETES = 262_144
"""Bytes of an object that `kubectl apply` can keep in its annotation."""
_MADE = "# Made from {} by `python -m deploy.build`: change it there.\n"
_BY_ROLES = """\
# One instance for each role that starts from this host, each with its own port:
#
#   /etc/connectivity-exporter/web.env     LISTEN=:9842
#   /etc/connectivity-exporter/batch.env   LISTEN=:9843
#   systemctl enable --now connectivity-exporter@web connectivity-exporter@batch
#
# All of them read the same site file, and play the role that they are named after.
# OPTIONS in the same file may say more, such as OPTIONS=--shard=2/5
EnvironmentFile=/etc/connectivity-exporter/%i.env
{} --role %i --web.listen-address=${{LISTEN}} $OPTIONS"""


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as they stand in alerts/, and no aliases."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style)


_Dumper.add_representer(str, _text)


def written() -> Mapping[Path, str]:
    """The text of each file, by its path in the repository."""
    alerts = sorted((ROOT / "alerts").glob("connectivity.*.yml"))
    boards = sorted((ROOT / "dashboards").glob("*.json"))
    carried = {
        CHART / "files" / one.relative_to(ROOT): one.read_text()
        for one in (*alerts, *boards)
    }
    rules = [_rule(one) for one in alerts]
    text = yaml.dump_all(rules, Dumper=_Dumper, sort_keys=False, width=10_000)
    return {
        **carried,
        RULES: _MADE.format("alerts/") + text,
        UNIT.with_stem(f"{UNIT.stem}@"): _by_roles((ROOT / UNIT).read_text()),
    }


def _rule(file: Path) -> Mapping[str, Any]:
    """A rule file as the Prometheus Operator takes it."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {
            "name": file.stem.replace(".", "-"),
            "labels": {"app.kubernetes.io/name": "connectivity-exporter"},
        },
        "spec": yaml.safe_load(file.read_text()),
    }


def _by_roles(unit: str) -> str:
    """The unit as a template, an instance of which plays one role."""
    lines = []
    for line in unit.splitlines():
        name, _, value = line.partition("=")
        lines.append(
            {
                "Description": f"{name}={value}, as the role %i",
                "ExecStart": _BY_ROLES.format(line),
            }.get(name, line)
        )
    return _MADE.format(UNIT.name) + "\n".join(lines) + "\n"


def main() -> None:
    """Writes every file anew."""
    for name, text in written().items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
