"""A peer's text made fit for a log line or a page.

Whatever a peer says ends in somebody's terminal or browser. So every character
that is not plainly visible, line ends and direction marks among them, is written
as an escape, and the length is bounded.
"""

from __future__ import annotations

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
    visible = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )
    return visible if len(visible) <= limit else visible[:limit] + "…"
