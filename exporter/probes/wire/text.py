"""A peer's text made fit for a log line or a page.

Whatever a peer says ends in somebody's terminal or browser. So every character
that is not plainly visible, line ends and direction marks among them, is written
as an escape, and the length is bounded. What writes a medium does so again with
`visible`, and so need not know who did before.
"""

from __future__ import annotations

import unicodedata

TEXT_LIMIT = 200
"""Characters of a peer's text that are kept."""


def printable(said: bytes | str, limit: int = TEXT_LIMIT) -> str:
    """One line of visible characters, cut at `limit` with an ellipsis.

    Args:
        said: the text; bytes are taken for UTF-8, escaped where they are not.
        limit: characters kept.
    """
    # Four bytes at most make one character, so more than this is never shown.
    head = said[: 4 * (limit + 1)]
    text = head.decode("utf-8", "backslashreplace") if isinstance(head, bytes) else head
    plain = "".join(map(_escaped, text))
    return plain if len(plain) <= limit else plain[:limit] + "…"


def visible(text: str, keep: str = "") -> str:
    """Any text without what a terminal, a spreadsheet or a parser would obey.

    Args:
        text: whatever it is; what is plainly visible stays as it is, other spaces
            become plain ones.
        keep: characters that may stay, such as a line feed.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char in keep else " " if _is_space(char) else _escaped(char)
        for char in text
    )


def _is_space(char: str) -> bool:
    return unicodedata.category(char) == "Zs"


def _escaped(char: str) -> str:
    if char.isprintable():
        return char
    return char.encode("unicode_escape").decode("ascii")
