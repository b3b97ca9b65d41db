"""`import`: a vendor's document as the draft of a catalogue."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exporter.config.field_types import SLUG
from exporter.vendor.answers import Answers, read_answers
from exporter.vendor.catalogue_writer import written
from exporter.vendor.draft import draft_of
from exporter.vendor.names import slug
from exporter.vendor.questions import explained
from exporter.vendor.readers import read_page

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_LOOK = 1
_LONGEST = 60


def _catalogue_name(
    _context: click.Context, _parameter: click.Parameter, name: str | None
) -> str | None:
    if name is not None and not (re.fullmatch(SLUG, name) and len(name) <= _LONGEST):
        said = f"lower-case letters, digits, single hyphens, at most {_LONGEST} of them"
        raise click.BadParameter(said)
    return name


@click.command(name="import")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--catalogue",
    "name",
    callback=_catalogue_name,
    help="The catalogue's name; by default after the file.",
)
@click.option("--title", default="", help="The document's title; by default its own.")
@click.option("--reference", default="", help="The URL where it is published.")
@click.option(
    "--internal",
    multiple=True,
    metavar="DOMAIN",
    help="Hosts in this domain are examples that each site replaces by its own; "
    "repeatable. Without it these are hosts in a column headed Internal, in reserved "
    "domains, without a dot, and private addresses.",
)
@click.option(
    "--map",
    "answers_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file of answers to what the page leaves open.",
)
@click.option(
    "--explain",
    is_flag=True,
    help="Write the map instead: the answers so far, and a question for all that is "
    "open. Exits with 0 if none is.",
)
def import_document(  # noqa: PLR0913 - one for each option
    file: Path,
    *,
    name: str | None,
    title: str,
    reference: str,
    internal: Sequence[str],
    answers_file: Path | None,
    explain: bool,
) -> None:
    """Draft a catalogue from a vendor's page: HTML, Markdown, AsciiDoc, text, CSV or JSON.

    The catalogue goes to standard output, with a ledger in which every row has a fate.
    What is not understood is never guessed: it is open there, stands in a comment, and
    goes to standard error as file:line.

    Exits with 0 if all rows were read, 1 if some need a person, 2 if the file cannot
    be read or holds no requirements at all.
    """
    domains = [domain.lower().strip("*.") for domain in internal]
    answers = read_answers(answers_file) if answers_file else Answers()
    draft = draft_of(read_page(file), str(file), domains, answers)
    if explain:
        asked, open_questions = explained(draft, str(file), answers)
        click.echo(asked, nl=False)
        sys.exit(EXIT_LOOK if open_questions else 0)
    name = name or slug(file.stem)[:_LONGEST].strip("-") or "catalogue"
    text = written(draft, str(file), name, title, reference)
    click.echo(text, nl=False)
    for remark in draft.remarks:
        click.echo(str(remark.problem), err=True)
    if draft.remarks:
        sys.exit(EXIT_LOOK)
