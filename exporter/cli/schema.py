"""`schema`: the JSON Schema of both files."""

from __future__ import annotations

import click

from exporter.config.site_schema import json_schema
from exporter.present.formats import json


@click.command()
def schema() -> None:
    """Print the JSON Schema of the site file and of catalogues, for editors."""
    click.echo(json.write(json_schema()), nl=False)
