"""The names of options.

This module imports nothing, because completion loads it first and has to answer quickly.
"""

from __future__ import annotations

# The program's options, which may be anywhere on the command line.
OPTIONS_WITH_VALUE = ("--datastore", "--timeout")
HELP_OPTIONS = ("--help", "-h")
PROGRAM_OPTIONS = (*OPTIONS_WITH_VALUE, *HELP_OPTIONS, "--version")

# The format of the output. Each command decides whether it accepts this option.
OUTPUT_OPTIONS = ("-o", "--output")
OUTPUT_FORMATS = ("json", "text")
# Only for `rule json` and `rule update`: rules as Calico v3 writes them.
CALICO_FORMAT = "calico"
# Formats of single commands.
OTHER_FORMATS = ("junit", "sarif", "yaml")
JOINED_OUTPUTS = tuple(f"-o{output_format}" for output_format in (*OUTPUT_FORMATS, *OTHER_FORMATS))

# The options of `profile` statements, as in the grammar.
STATEMENT_OPTIONS = ("--at", "--detailed", "--no-check", "--all")
VALUED_OPTIONS = (*OUTPUT_OPTIONS, "--at")

# Internal commands of the scripts that `calicoctl completion` prints.
COMPLETE = "__complete"
COMPLETE_BASH = "__complete_bash"
