"""The command line: arguments in, a printed result and an exit code out."""
