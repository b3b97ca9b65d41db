"""`import`: a vendor's document as the draft of a catalogue, or against the one in use."""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from exporter.app.document_fetch import fetched
from exporter.cli.diff import alias_option, end_with, format_option
from exporter.cli.exit_codes import fail
from exporter.cli.options import load, output_option, usual_site
from exporter.cli.output import deliver
from exporter.config.catalogue import load_catalogue
from exporter.config.diagnostics import ConfigError, Problem
from exporter.config.field_types import SLUG
from exporter.monitor.fetch import FetchError
from exporter.vendor.catalogue_writer import written
from exporter.vendor.changes import differences
from exporter.vendor.draft import draft_of
from exporter.vendor.map_file import Answers, read_answers
from exporter.vendor.names import slug
from exporter.vendor.questions import explained
from exporter.vendor.readers import page_from, read_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.config.catalogue import Catalogue
    from exporter.vendor.page import Page

EXIT_LOOK = 1
_LONGEST = 60
_URL = re.compile(r"https?://", re.IGNORECASE)


def _catalogue_name(
    _context: click.Context, _parameter: click.Parameter, name: str | None
) -> str | None:
    if name is not None and not (re.fullmatch(SLUG, name) and len(name) <= _LONGEST):
        said = f"lower-case letters, digits, single hyphens, at most {_LONGEST} of them"
        raise click.BadParameter(said)
    return name


@click.command(name="import")
@click.argument("document")
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
@click.option(
    "--against",
    "known",
    metavar="CATALOGUE",
    help="Tell what the document asks for beyond this catalogue, or no longer: the name "
    "of a shipped one, or a path. Nothing is written unless --output says so.",
)
@alias_option
@format_option
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="CONNECTIVITY_CONFIG",
    show_envvar=True,
    help="Site file whose proxy, resolvers and authorities a URL is fetched with; by "
    "default the one that serve would take, if there is one.",
)
@output_option
def import_document(  # noqa: PLR0913 - one for each option
    document: str,
    *,
    name: str | None,
    title: str,
    reference: str,
    internal: Sequence[str],
    answers_file: Path | None,
    explain: bool,
    known: str | None,
    aliases: dict[str, str],
    form: str,
    config: Path | None,
    output: Path | None,
) -> None:
    """Draft a catalogue from a vendor's page: HTML, Markdown, AsciiDoc, text, CSV or JSON.

    DOCUMENT is a file or an http or https URL. The catalogue goes to standard output,
    with a ledger in which every row has a fate. What is not understood is never
    guessed: it is open there, stands in a comment, and goes to standard error as
    file:line.

    Exits with 0 if all rows were read, 1 if some need a person, 2 if the document
    cannot be had or holds no requirements at all. With --against: 0 if nothing is to be
    opened or closed, 1 if something is, 2 if the document is not whole.
    """
    before = load_catalogue(known) if known else None
    page, stem = _page(document, config)
    domains = [domain.lower().strip("*.") for domain in internal]
    answers = read_answers(answers_file) if answers_file else Answers()
    draft = draft_of(page, document, domains, answers)
    if explain:
        asked, open_questions = explained(draft, document, answers)
        deliver(asked, output)
        sys.exit(EXIT_LOOK if open_questions else 0)
    name = name or slug(stem)[:_LONGEST].strip("-") or "catalogue"
    reference = reference or (document if _URL.match(document) else "")
    text = written(draft, document, name, title, reference)
    if before is not None:
        _whole(page, document)
        if output is not None:
            deliver(text, output)
        end_with(differences(before, _as_catalogue(text), aliases), form)
    deliver(text, output)
    for remark in draft.remarks:
        click.echo(str(remark.problem), err=True)
    if draft.remarks:
        sys.exit(EXIT_LOOK)


def _page(document: str, config: Path | None) -> tuple[Page, str]:
    """The document taken apart, and what a catalogue of it may be called."""
    if re.match(r"[a-z][a-z0-9+.-]*://", document, re.IGNORECASE) and not _URL.match(
        document
    ):
        fail(f"{document}: must be a file, or a URL with http or https")
    if not _URL.match(document):
        return read_page(Path(document)), Path(document).stem
    site = load(config, ()) if config or usual_site() else None
    try:
        data = asyncio.run(fetched(document, site))
    except FetchError as error:
        fail(f"{document}: {error}")
    if not data.strip():
        fail(f"{document}: is empty")
    return page_from(data, document), PurePosixPath(urlsplit(document).path).stem


def _whole(page: Page, document: str) -> None:
    """Checks that all of a document was read.

    Raises:
        ConfigError: a part could not be: what is missing then was perhaps not taken out
            by the vendor.
    """
    if page.losses:
        lost = [Problem(document, line, "", said) for line, said in page.losses]
        raise ConfigError(lost)


def _as_catalogue(text: str) -> Catalogue:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "draft.yaml"
        path.write_text(text, encoding="utf-8")
        return load_catalogue(path)
