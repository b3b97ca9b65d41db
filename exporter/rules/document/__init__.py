"""A vendor's page as a draft of a catalogue: read tables, understand rows, write YAML.

    source.py  ->  page.py  ->  draft.py  ->  draftfile.py
    (bytes)        (tables)     (rules)       (YAML)

It guesses, and says so: what could not be read, or was read by guessing where a
mistake would matter, is a `Problem` at its line and a comment in the draft.
"""
