"""What the words of a heading mean, in English, German, French, Spanish and four more.

These are Italian, Portuguese and Dutch. Accents do not count.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


# In the order in which they are tried: a "destination port" is a port.
_MEANINGS: Mapping[str, re.Pattern[str]] = {
    meaning: re.compile(words)
    for meaning, words in (
        (
            "port",
            (
                r"(?:tcp-?|udp-?|ziel-?|quell-?|server-?)?ports?|portnummern?|puertos?"
                r"|anschlusse?|port[ae]|portas|poort(?:en)?"
            ),
        ),
        (
            "direction",
            (
                r"direction|bi-?directional|bidirektional|richtung|sens|sentido|direzione"
                r"|direcao|richting"
            ),
        ),
        (
            "transport",
            (
                r"protocols?|proto|transport|protokolle?|protocoles?|protocolos?"
                r"|protocoll[io]|protocollen"
            ),
        ),
        (
            "source",
            (
                r"sources?|src|from|origin|originator|initiator|quellen?"
                r"|quellsystem\w*|von|ursprung|absender"
                r"|origine|depuis|emetteurs?|expediteurs?|origen|desde|emisor(?:es)?|remitentes?"
                r"|sorgent[ei]|mittent[ei]|origem|remetentes?"
                r"|bron(?:nen)?|afzender"
            ),
        ),
        (
            "destination",
            (
                r"dest(?:inations?)?|dst|to|targets?|(?:host|server)(?:s|names?)?"
                r"|fqdns?|domains?|endpoints?|urls?"
                r"|address(?:es)?|ziele?|zielsystem\w*|zielserver|nach|empfanger"
                r"|adressen?|destinataires?|recepteurs?|cibles?|vers|hotes?"
                r"|adresses?|destinos?|hacia|direccion(?:es)?|servidor(?:es)?"
                r"|destinazion[ei]|destinatari[oi]|receptor(?:es)?|riceventi?|ontvangers?|indirizz[oi]|doel(?:en)?"
                r"|bestemming(?:en)?|naar"
            ),
        ),
        (
            "condition",
            (
                r"required|needed|when|mandatory|optional|conditions?|necessary|enabled"
                r"|erforderlich|pflicht|bedingung|notwendig"
                r"|obligatoire|requis|condicion|obligatorio|requerido|necesario"
                r"|obbligatori[oa]|obrigatori[oa]|richiest[oa]|condizion[ei]|verplicht"
            ),
        ),
        (
            "usage",
            (
                r"us(?:ag)?e|used|purpose|descriptions?|reason|functions?|comments?"
                r"|notes?|details|why|remarks?|zweck"
                r"|beschreibung|verwendung|bemerkung(?:en)?|kommentar|grund|funktion"
                r"|objet|descriptif|motif|fonction"
                r"|commentaires?|remarques?|utilisation|descripcion|uso|proposito"
                r"|motivo|comentarios?|notas?|funcion"
                r"|descrizione|scopo|funzione|commenti|descricao|finalidade|funcao"
                r"|omschrijving|beschrijving|doeleinde|opmerking(?:en)?"
            ),
        ),
        (
            "component",
            (
                r"components?|services?|names?|applications?|apps?|products?"
                r"|komponenten?|dienste?|anwendung(?:en)?"
                r"|composants?|componentes?|servicios?|aplicacion(?:es)?|component[ei]"
                r"|servizi[o]?|applicazion[ei]|servicos?|diensten|toepassing(?:en)?"
            ),
        ),
        ("section", r"section"),
        ("row", r"row|rule|flow|line|step|id|no|nr|#"),
    )
}
_ALONE: Mapping[str, re.Pattern[str]] = {
    "source": re.compile(
        r"clients?|callers?|senders?|request[eo]rs?|initiat(?:ing|ed)|calling|opened|absendend\w*"
    ),
    "destination": re.compile(
        r"listeners?|receivers?|responders?|recipients?|listening|called"
    ),
}
"""Words for an end where nothing but an end's own words stand beside them."""
_BESIDE_ENDS = re.compile(
    r"ips?|address(?:es)?|hosts?|names?|hostnames?|side|systems?|machines?|component"
    r"|of|the|by|connections?|party"
)
TO_READ = {
    *("documentation", "document", "documents", "article", "articles", "link", "links"),
    *("download", "downloads", "reference", "references", "more", "topic", "guide"),
    *("website", "homepage", "kb"),
}
"""Words of a heading beside which URLs are for readers."""
REACHES = {"reach", "reaches", "connects", "contacts", "accesses", "calls"}
TARGETS = {"target", "targets", "destination", "destinations", "dest", "to"}
COMPONENTS = frozenset(
    {
        "component",
        "components",
        "product",
        "system",
        "role",
        "komponente",
        "composant",
        "componente",
    }
)
"""Words of a heading of what the product consists of."""
LISTENS = {"listens", "listen", "listening", "open", "opens"}
_WHOLE = {"section", "row"}
"""Meanings that a heading has only if all of its words say so."""
MEANINGS = (*_MEANINGS, "source-port", "initiator", "ends", "ignore")
FAR_PORT = re.compile(
    r"remote|peer|recipient|receiver|listener|responder|destination|dest|dst|target"
    r"|ziel\w*|destino|cible"
)
ENDS_PORT = re.compile(rf"{FAR_PORT.pattern}|server")
_NEAR_PORT = re.compile(
    r"source|src|local|client|origin|originator|initiator|caller|sender|quelle?"
    r"|quell-?ports?|origen"
)
_QUALIFIERS = re.compile(
    r"internal|external|numbers?|the|of|ip|type|default|tcp|udp|connection|remote"
    r"|local|s|for|by|or|and|system|network|traffic"
)
_PLACES = re.compile(r"zones?|interfaces?|vlans?|segments?|networks?|sites?|locations?")
_NUMBERS = re.compile(r"ips?|addresse?s?|adressen?|urls?")
_WORD = re.compile(r"[a-z-]+|#")


def words_of(heading: str) -> list[str]:
    """A heading's words in plain small letters."""
    plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
    return _WORD.findall(plain.lower())


def meaning_of(words: Sequence[str]) -> str:
    """What a column is for, by its heading's words; empty if they do not tell."""
    found = [
        meaning
        for meaning, known in _MEANINGS.items()
        if words and (all if meaning in _WHOLE else any)(map(known.fullmatch, words))
    ]
    if "port" in found:
        near = any(map(_NEAR_PORT.fullmatch, words))
        return (
            "source-port"
            if near and not any(map(ENDS_PORT.fullmatch, words))
            else "port"
        )
    if {"required", "used", "needed"} & set(words) and {"for", "by"} & set(words):
        return "usage"
    if "default" in words and not found:
        return "condition"
    return _end_alone(words) or (found[0] if found else "")


def is_port_word(word: str) -> bool:
    """Whether a heading's word is one for ports."""
    return _MEANINGS["port"].fullmatch(word) is not None


def _end_alone(words: Sequence[str]) -> str:
    """The end that is meant by "Client" or "Listener IP"; not by "Client version"."""
    for end, known in _ALONE.items():
        rest = [word for word in words if not known.fullmatch(word)]
        if len(rest) < len(words) and all(map(_BESIDE_ENDS.fullmatch, rest)):
            return end
    return ""


def rank(words: Sequence[str], meaning: str) -> int:
    """How much a heading is of an end: "To" more than "To host", that more than "To zone"."""
    own = (_MEANINGS[meaning], _ALONE[meaning])
    rest = [word for word in words if not any(p.fullmatch(word) for p in own)]
    if any(map(_PLACES.fullmatch, rest)):
        return 3
    if any(map(_NUMBERS.fullmatch, words)):
        return 2
    return int(bool(rest))


def is_heading_row(cells: Sequence[str]) -> bool:
    """Whether a row within a table can only be its headings anew.

    Each of its cells is a heading and nothing but one; numbers and hosts are for
    requirements.
    """
    filled = [cell for cell in cells if cell]
    if re.search(r"[0-9.]", "".join(filled)) or len(filled) < 2:  # noqa: PLR2004 - one cell is a title
        return False
    if not all(map(is_heading, filled)):
        return False
    meanings = {meaning_of(words_of(cell)) for cell in filled}
    return "port" in meanings and len(meanings) > 1


def is_heading(cell: str) -> bool:
    """Whether a cell has no other words than headings have."""
    known = [*_MEANINGS.values(), *_ALONE.values(), _QUALIFIERS]
    words = words_of(cell)
    return bool(words) and all(any(p.fullmatch(w) for p in known) for w in words)
