"""`schema`: the JSON Schema of both files."""

from __future__ import annotations

import json

import click

from exporter.config.schema import json_schema


@click.command()
def schema() -> None:
    """Print the JSON Schema of the site file and of catalogues, for editors."""
    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
