"""The names of the program's own options, for all who go by them.

Nothing is imported here, since completion starts with it.
"""

from __future__ import annotations

# The program's options, which may stand anywhere among the words.
OPTIONS_WITH_VALUE = ("--datastore", "--timeout")
HELP_OPTIONS = ("--help", "-h")
PROGRAM_OPTIONS = (*OPTIONS_WITH_VALUE, *HELP_OPTIONS, "--version")

# How a command answers. Each command says for itself whether it takes it, behind its name or before it.
OUTPUT_OPTIONS = ("-o", "--output")
OUTPUT_FORMS = ("json", "text")
# That of `rule json` and `rule update` alone: rules as Calico v3 has them.
CALICO_FORM = "calico"
# Of some commands alone.
OTHER_FORMS = ("junit", "sarif", "yaml")
JOINED_OUTPUTS = tuple(f"-o{form}" for form in (*OUTPUT_FORMS, *OTHER_FORMS))

# The options of statements, which the grammar has behind `profile`.
STATEMENT_OPTIONS = ("--at", "--detailed", "--no-check", "--all")
VALUED_OPTIONS = (*OUTPUT_OPTIONS, "--at")

# What the scripts of `calicoctl completion` ask; no command that anybody types.
COMPLETE = "__complete"
COMPLETE_BASH = "__complete_bash"
