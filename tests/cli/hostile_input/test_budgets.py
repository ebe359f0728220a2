"""Short scripts that would take all time or memory there is: they are refused at their place, within bounds."""

from __future__ import annotations

import re

from tests.cli.hostile import bounded, require_harmless, write_script
from tests.cli.program import Program

PORTS = ",".join(str(port) for port in range(1, 20_001, 2))
TAGS = ", ".join(f"T{number}" for number in range(9_000))


def codes(program: Program, *words: str) -> list[str]:
    """The codes of what was said, the program with bounded memory."""
    result = require_harmless(bounded(program).run(*words))
    assert result.status == 1
    return re.findall(r"\[([EWN]\d{4})\]$", result.stderr, re.MULTILINE)


def test_a_long_list_that_is_put_in_a_thousand_times(embedded: Program) -> None:
    rules = "".join(
        f"profile A rule add inbound allow tcp from tag T{number} to ports ${{P}}\n" for number in range(1000)
    )
    write_script(embedded, f"define P = {PORTS}\n{rules}")
    assert codes(embedded, "run", "--check", "hostile.calico") == ["E0154"]


def test_a_thousand_blocks_with_one_long_list_of_tags(embedded: Program) -> None:
    blocks = "".join(f"profile A{number} {{\ntags ${{T}}\ninbound {{}}\noutbound {{}}\n}}\n" for number in range(1000))
    write_script(embedded, f"define T = {TAGS}\n{blocks}")
    assert codes(embedded, "run", "--check", "hostile.calico") == ["E0154"]


def test_a_thousand_definitions_of_long_lists(embedded: Program) -> None:
    write_script(embedded, "".join(f"define P{number} = {PORTS}\n" for number in range(1000)) + "x\n")
    assert codes(embedded, "run", "--check", "hostile.calico") == ["E0154"]


def test_short_lists_may_be_put_in_as_often_as_there_are_lines(embedded: Program) -> None:
    rules = "".join(
        f"profile A rule add inbound allow tcp from tag T{number} to ports ${{P}}\n" for number in range(5000)
    )
    write_script(embedded, f"define P = {','.join(map(str, range(1, 101)))}\n{rules}")
    assert embedded.run("run", "--check", "hostile.calico").status == 0


def test_one_file_included_again_and_again(embedded: Program) -> None:
    (embedded.folder / "long.calico").write_text(f"# {'x' * 1_000_000}\n")
    write_script(embedded, "include long.calico\n" * 150)
    assert codes(embedded, "run", "--check", "hostile.calico") == ["E0155"]


def test_undefined_variables_in_a_long_file(embedded: Program) -> None:
    """Where each is defined is not looked for in the whole file each time."""
    line = "profile A rule add inbound allow from ${{X{}}}\n# {}\n"
    write_script(embedded, "".join(line.format(number, "x" * 20_000) for number in range(900)))
    found = codes(embedded, "run", "--check", "hostile.calico")
    assert found[:20] == ["E0141"] * 20


def test_formatting_stops_where_checking_does(embedded: Program) -> None:
    for text in ("profile A {\n" * 100_000, "}\n" * 200_000):
        write_script(embedded, text)
        assert len(codes(embedded, "fmt", "hostile.calico")) < 200
