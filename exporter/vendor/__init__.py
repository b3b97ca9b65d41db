"""A vendor's page as a draft of a catalogue: read tables, understand rows, write YAML.

    readers/  ->  page.py  ->  draft.py  ->  catalogue_writer.py
    (a file)      (tables)     (rules)       (YAML)

It guesses, and says so: what could not be read, or was read by guessing where a
mistake would matter, is a `Problem` at its line and a comment in the draft.
`compare.py` tells what changed between two catalogues.
"""
