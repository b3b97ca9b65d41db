"""The spellings of ports and ranges put into one: `above 1023`, `9000 to 9010` ..."""

from __future__ import annotations

import re

_N = r"([0-9]{1,9}+)(?![.,]?[0-9])"
_WORD_FOR_PORTS = r"(?:(?:ports?|puertos?|portnummern?)\s+)?"
_SPELLINGS = tuple(
    (re.compile(pattern, re.IGNORECASE), into)
    for pattern, into in (
        (
            (
                r"\b(?:(?:tls|ssl|smb)\s*v?[0-9](?:\.[0-9]+)*(?![0-9])|(?:version"
                r"|v)\s*[0-9]+(?:\.[0-9]+)*)(?:\s*(?:[/+]|or"
                r"|and)\s*v?[0-9]+\.[0-9]+)*(?:\s+(?:and|or)\s+(?:higher|above|later))?"
            ),
            " tls ",
        ),
        (
            (
                r"\b(windows(?:\s+server)?|rhel|red\s+hat|centos|ubuntu|debian|sles"
                r"|suse|fedora|rocky|exchange|sharepoint|office"
                r"|outlook|vsphere|vcenter|esxi?|java|ios|android|macos"
                r"|kubernetes)\s+(?:server\s+|linux\s+|enterprise\s+)*"
                r"v?[0-9]+(?:\.[0-9x]+)*(?:\s*/\s*20[0-9]{2})*(?:\s*(?:r2"
                r"|sp[0-9]))?(?:\s+(?:and|or)\s+(?:newer|later|above|higher|earlier"
                r"|older))?"
            ),
            r"\1",
        ),
        ("[\u2010-\u2015\u2212\u301c~\u2026]|\\.{2,3}", "-"),
        (
            rf"\b(?:between|zwischen|entre)\s+{_WORD_FOR_PORTS}{_N}\s+(?:and|und|et|y)\s+{_N}",
            r"\1-\2",
        ),
        (
            (
                rf"\b(?:from|von|de|desde)\s+{_WORD_FOR_PORTS}{_N}\s+(?:to|through|bis"
                rf"|\u00e0|a|hasta)\s+{_N}"
            ),
            r"\1-\2",
        ),
        (rf"([0-9]+)\s+(?:to|through|thru|until|bis|\u00e0|hasta|a)\s+{_N}", r"\1-\2"),
        (
            (
                r"(?:\b(?:above|over|greater\s+than|higher\s+than|beyond"
                r"|oberhalb(?:\s+von)?|\u00fcber|gr\u00f6\u00dfer\s+als"
                r"|au[- ]dessus\s+de|sup\u00e9rieurs?\s+\u00e0|por\s+encima\s+de"
                r"|superior(?:es)?\s+a|mayor(?:es)?\s+que)|>)"
                rf"\s*{_WORD_FOR_PORTS}{_N}"
            ),
            r"\1>",
        ),
        (
            (
                r"(?:\b(?:at\s+least|starting\s+(?:at|from)|from|ab|mindestens"
                r"|\u00e0\s+partir\s+de|a\s+partir\s+de)|>=|\u2265)"
                rf"\s*{_WORD_FOR_PORTS}{_N}(?:\s+(?:on|upwards?|up|on\s?wards?))?"
            ),
            r"\1+",
        ),
        (
            (
                r"(?:\b(?:below|under|less\s+than|lower\s+than|unterhalb(?:\s+von)?"
                r"|kleiner\s+als|inf\u00e9rieurs?\s+\u00e0|menor(?:es)?\s+que)|<)"
                rf"\s*{_WORD_FOR_PORTS}{_N}"
            ),
            r"\1<",
        ),
        (
            (
                r"([0-9]+)\s*(?:\+|(?:and|or|und|oder|et|ou|y|o)\s+(?:above|higher"
                r"|up(?:wards?)?|greater|over|h\u00f6her|dar\u00fcber|plus|superior(?:es)?"
                r"|sup\u00e9rieurs?|m\u00e1s|mayor(?:es)?)|upwards?)(?!\s*[0-9\w])"
            ),
            r"\1+",
        ),
        (
            r"\b(icmp)(?:v?[46])?[\s(/:-]+(?:types?\s*)?8\b(?:\s*[,/]?\s*(?:code\s*)?0\b)?",
            r"\1 ping",
        ),
        (r"\btcp\s*/\s*ip\b", "tcp"),
        (r"\b(?:one|any)\s+of\b|\beines?\s+von\b", " or "),
        (r"\beither\b|\bentweder\b", " "),
        (r"^([^()0-9]*)\(([0-9][0-9,\s/-]*)\)\W*$", r"\1 \2"),
        (r"([0-9])\s*[-:]\s*(?=[0-9])", r"\1-"),
        (r"\b(tcp|udp)\s*:\s*(?=[0-9])", r"\1 "),
        (r"(?<=[^\W\d_])\s+-\s+(?=(?:tcp|udp|[0-9]))", " "),
        (
            (
                r"\b(?:any|all|every|alle|tous|todos)\s+(?:(?:the|les"
                r"|los)\s+)?(?:ports?\s+|puertos\s+)?(?=[0-9]+(?:-|[+<>]))"
            ),
            "",
        ),
    )
)


_GROUPED = re.compile(
    r"(?<![0-9,.])([0-9]{1,2}),([0-9]{3})\s*([-\u2010-\u2015])\s*([0-9]{1,2}),([0-9]{3})(?![0-9,])"
)


_JOINT_LINE = re.compile(r"\s*\n\s*(and|or|und|oder|et|ou|y|o)\s*\n\s*", re.IGNORECASE)


def joined_lines(text: str) -> str:
    """A text in which a line that is a mere "or" joins those above and below it."""
    return _JOINT_LINE.sub(r" \1 ", text)


def _ungrouped(found: re.Match[str]) -> str:
    """`10,000-20,000` without its commas, if they can be for thousands alone."""
    first, rest, dash, second, last = found.groups()
    listed = int(rest) < int(second) and rest[0] != "0"  # `80,100-20,443` is no list
    low, high = int(first + rest), int(second + last)
    return f"{low}{dash}{high}" if not listed and low < high else found[0]


def respelled(text: str) -> str:
    """A text of ports with its ranges as `8000-8010`, `1024+`, `1023>` and `1024<`."""
    text = _GROUPED.sub(_ungrouped, joined_lines(text))
    for pattern, into in _SPELLINGS:
        text = pattern.sub(into, text)
    return text
