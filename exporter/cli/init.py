"""`init`: what a site begins with, written into a folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

_PACKAGE = Path(__file__).resolve().parent.parent
_INSTALLED = _PACKAGE / "kit"
_CHECKOUT = {
    "connectivity.yaml": "config/connectivity.yaml",
    "alerts": "alerts",
    "alertmanager": "config/alertmanager",
    "dashboards": "dashboards",
    "systemd": "config/systemd",
}
"""Where a checkout has what the wheel carries in `kit/`, see pyproject.toml."""
_SUFFIXES = {".yaml", ".yml", ".json", ".tmpl", ".service", ".timer"}

_OF_THE_CHECKOUT = {"kustomization.yaml"}
"""For Kubernetes, with the rest of deploy/."""


def kit() -> dict[str, Path]:
    """What is written: the name of each file, and where it comes from."""
    root = _PACKAGE.parent
    found: dict[str, Path] = {}
    for name, place in _CHECKOUT.items():
        installed = _INSTALLED / name
        source = installed if installed.exists() else root / place
        files = sorted(source.rglob("*")) if source.is_dir() else [source]
        for file in files:
            if file.suffix in _SUFFIXES and file.name not in _OF_THE_CHECKOUT:
                found[str(Path(name) / file.relative_to(source))] = file
    return found


@click.command()
@click.argument(
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
)
def init(folder: Path) -> None:
    """Write a site file, alerts, dashboards and a unit into FOLDER.

    Files that are there already are left as they are.
    """
    for name, source in kit().items():
        path = folder / name
        if path.exists():
            click.echo(f"kept   {path}")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)
        click.echo(f"wrote  {path}")
    click.echo(
        f"next: name your roles and hosts in {folder / 'connectivity.yaml'}, then"
    )
    click.echo(
        f"      connectivity-exporter check --config {folder / 'connectivity.yaml'}"
    )
