"""Words that bind a requirement to a condition: "optional", "only if SAML is enabled".

Only what says so plainly is a condition. Other words stay in the notes, where a person
reads them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from exporter.vendor.names import slug

_CROSS = r"[\u2717\u2718\u2716\u2715\u274c\u26d4]"
_BETWEEN = rf"(?:(?!{_CROSS})\W)*"
_YES = re.compile(
    rf"{_BETWEEN}(?:\b(?:yes|y|true|always|required|mandatory|x|ja|immer|erforderlich"
    r"|oui|toujours|obligatoire|s[i\u00ed]|siempre|obligatorio|requerido|sim|sempre"
    r"|needed|necessary|must|m|unconditional(?:ly)?|zwingend|notwendig|pflicht|muss"
    r"|altijd|verplicht|obbligatori[oa]|obrigat[o\u00f3]ri[oa]"
    r"|(?:(?:in|for|on)\s+)?(?:all|any|every)(?:\s+(?:cases?|deployments?"
    r"|installations?|editions?|versions?|sites?|scenarios?|environments?))?"
    rf")\b{_BETWEEN})*",
    re.IGNORECASE,
)
_NO = re.compile(
    rf"\W*(?:{_CROSS}|(?:no|n|o|false|optional(?:ly)?|recommended|should|never"
    r"|nein|nicht\s+(?:erforderlich|notwendig)|non|facultatif|optionnel(?:le)?"
    r"|opcional|facoltativ[oa]|optioneel|nee|n[a\u00e3]o"
    r"|(?:not|non?|n[a\u00e3]o)\s+(?:required|needed|mandatory|necessary|obligatoire"
    r"|obligatorio|obbligatorio|obrigat[o\u00f3]rio))(?!\w))\W*",
    re.IGNORECASE,
)
_UNSAID = {"", "-", "--", "\u2013", "\u2014", "n/a", "na"}
_OPTIONAL = re.compile(
    r"\boptional\b|\bif\s+(?:applicable|used|required|needed)\b|\bfacultatif\b"
    r"|\boptionnel(?:le)?s?\b|\bopcional(?:es)?\b"
    r"|\bnot\s+required\b",
    re.IGNORECASE,
)
_ONLY = re.compile(
    r"(?<!https )(?<!http )(?<!tcp )(?<!udp )(?<!read )(?<!not )(?<!read-)"
    r"(?<!bound )\bonly\b(?!\s+(?:one|the\s+first|once"
    r"|redirects?|sends?|receives?|listens?|forwards?|accepts?|answers?|reads?"
    r"|carries|returns?|serves?)\b)"
    r"|\b(?:nur|seulement|uniquement|s[o\u00f3]lo|solamente|\u00fanicamente)\b",
    re.IGNORECASE,
)
_IF = re.compile(
    r"\b(?:if|unless|in\s+case|falls|wenn|sofern|lorsque|cuando|si(?=\s))\b"
    r"(?!\s+(?:(?:not\s+)?(?:otherwise|noted|stated|specified|indicated|mentioned)"
    r"|nicht\s+anders|mention\s+contraire)\b)"
    r"|\b(?:when|where|while)\b(?=[^.]*\b(?:enabled|used|using|configured|installed"
    r"|deployed|switched|active|selected|needed)\b)",
    re.IGNORECASE,
)
_DEMANDS = re.compile(
    r"\bports?\s+\(?[0-9].*\b(?:must|should|needs?|has\s+to|have\s+to|too|also|as\s+well)\b"
    r"|\b(?:must|should|needs?\s+to|has\s+to|have\s+to|also)\b.*\bports?\s+\(?[0-9]",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.;!?])\s+|\n")
_EMPTY = {
    "only",
    "if",
    "when",
    "where",
    "while",
    "unless",
    "in",
    "case",
    "for",
    "with",
    "the",
    "a",
    "an",
    "is",
    "are",
    "be",
    "to",
    "of",
    "on",
    "at",
    "by",
    "and",
    "or",
    "not",
    "used",
    "use",
    "using",
    "enabled",
    "required",
    "needed",
    "you",
    "your",
    "it",
    "this",
    "that",
    "via",
    "through",
    "as",
    "optional",
    "mode",
    "no",
    "yes",
    "nur",
    "wenn",
    "falls",
    "si",
    "solo",
    "seulement",
}
_MOST_WORDS = 4
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Condition:
    """A switch that a site sets: `name` for files, `title` in the page's words."""

    name: str
    title: str


def condition_in(text: str, about: str) -> Condition | None:
    """The condition that a text states; `about` names it where the words do not."""
    for sentence in filter(None, map(str.strip, _SENTENCE.split(text))):
        if _demands(sentence):
            continue
        for pattern in (_IF, _ONLY, _OPTIONAL):
            if found := pattern.search(sentence):
                return _condition(
                    sentence, re.split(r"[,;:.]\s", sentence[found.end() :])[0], about
                )
    return None


def demands_in(text: str) -> list[str]:
    """Sentences beside a row's ports that ask for more: "If so, port 443 too"."""
    return [one.strip() for one in _SENTENCE.split(text) if _demands(one)]


def _demands(sentence: str) -> bool:
    bound = _IF.search(sentence) or _ONLY.search(sentence)
    return bool(bound and _DEMANDS.search(sentence))


def condition_of(heading: str, cell: str, about: str) -> Condition | None:
    """The condition of a cell in a column such as "Required"."""
    text = " ".join(cell.split())
    asks_of_optional = (
        re.search(r"option|facult|opcion", heading, re.IGNORECASE) is not None
    )
    yes, no = (_NO, _YES) if asks_of_optional else (_YES, _NO)
    if text.lower() in _UNSAID or yes.fullmatch(text):
        return None
    if no.fullmatch(text):
        return Condition(_name(about) or "optional", f"{heading}: {text}")
    return _condition(text, "", about)


def _condition(sentence: str, behind: str, about: str) -> Condition:
    """A switch, named after the words behind "if" and the like, if there are any."""
    found = (_name(text) for text in (behind, sentence, about))
    return Condition(next(filter(None, found), "optional"), sentence)


def _name(text: str) -> str:
    words = [word for word in slug(text).split("-") if word not in _EMPTY]
    return "-".join(words[:_MOST_WORDS])[:_LONGEST].strip("-")
