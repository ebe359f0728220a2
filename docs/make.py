"""Write the generated pages: `python -m docs.make`.

`docs/grammar.md` and its diagrams are generated from `docs/grammar.template.md` and the grammar, `docs/messages.md`
from the catalogue of messages, and `docs/man/` from the help texts. `docs/concepts.svg` is drawn.

In the template, a line `{rule_add}` is replaced by the diagram of the rule `rule_add`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from pathlib import Path

from docs import concept_picture, man_pages, message_pages
from docs.diagrams import svg, text
from docs.grammar_shapes import Grammar, label, read_grammar

FOLDER = Path(__file__).resolve().parent
TEMPLATE = FOLDER / "grammar.template.md"
GRAMMARS = ("profile.lark", "script.lark")
# The rules for a command line, and for a line of a script: outside of blocks, in a block, and in a list of rules.
STARTS = ("statement", "script_line", "block_line", "list_line")

_PLACE = re.compile(r"^\{(\w+)\}$", re.MULTILINE)


def generated_files() -> Mapping[str, str]:
    """The content of every generated file, by its path below `docs/`; the same on every machine.

    Raises:
        ValueError: The template lacks the diagram of a rule, or has one of a rule that no other refers to.
    """
    grammar = read_grammar(*GRAMMARS)
    template = TEMPLATE.read_text(encoding="utf-8")
    placed = _PLACE.findall(template)
    if difference := set(placed) ^ set(grammar.reachable(STARTS)):
        raise ValueError(f"{TEMPLATE.name} and the grammar differ in these rules: {', '.join(sorted(difference))}")
    page = _PLACE.sub(lambda place: _diagram(grammar, place[1]), template)
    note = f"<!-- Made by `make docs` of {TEMPLATE.name} and of the files in grammar/; change those. -->\n\n"
    diagrams = {_file(rule): svg(grammar.rules[rule]) for rule in placed}
    man = {f"man/{name}": content for name, content in man_pages.pages().items()}
    return {
        "grammar.md": note + page,
        "messages.md": message_pages.page(),
        "concepts.svg": concept_picture.picture(),
        **man,
        **diagrams,
    }


def _file(rule: str) -> str:
    return f"grammar/{rule}.svg"


def _diagram(grammar: Grammar, rule: str) -> str:
    """The diagram, and below it links to the diagrams of the rules in it."""
    # Escaped, so that `<name>` is not read as a tag of HTML.
    words = html.escape(text(grammar.rules[rule]), quote=False)
    picture = f'<a id="{rule}"></a>\n![{label(rule)}: {words}]({_file(rule)})'
    parts = ", ".join(f"[{label(part)}](#{part})" for part in grammar.parts(rule))
    return f"{picture}\n\n*In it:* {parts}" if parts else picture


def write(folder: Path) -> None:
    """Write all files into a folder, and delete the diagrams of removed rules."""
    for name in ("grammar", "man"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    files = generated_files()
    for stale in set((folder / "grammar").iterdir()) - {folder / name for name in files}:
        stale.unlink()
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    write(FOLDER)
