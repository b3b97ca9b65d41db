"""`python -m exporter` is the command `connectivity-exporter`."""

from exporter.cli.main import main

main(prog_name="connectivity-exporter")
