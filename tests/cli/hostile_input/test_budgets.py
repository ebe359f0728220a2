"""Short scripts that would take unbounded time or memory: they are refused at their place, within bounds."""

from __future__ import annotations

import pytest

from calicoctl.language import limits
from tests.cli.hostile import bounded, require_harmless, write_script
from tests.cli.program import Program
from tests.cli.run_scripts import codes

PORTS = ",".join(str(port) for port in range(1, 20_001, 2))
TAGS = ", ".join(f"T{number}" for number in range(9_000))


def bounded_codes(program: Program, *words: str) -> list[str]:
    """The codes that the program with bounded memory reports for a wrong script."""
    result = require_harmless(bounded(program).run(*words))
    assert result.status == 1
    return codes(result)


def test_a_long_list_that_is_used_a_thousand_times_is_refused(embedded: Program) -> None:
    rules = "".join(
        f"profile A rule add inbound allow tcp from tag T{number} to ports ${{P}}\n" for number in range(1000)
    )
    write_script(embedded, f"define P = {PORTS}\n{rules}")
    assert bounded_codes(embedded, "run", "--check", "hostile.calico") == ["E0154"]


def test_a_long_list_of_tags_in_a_thousand_blocks_is_refused(embedded: Program) -> None:
    blocks = "".join(f"profile A{number} {{\ntags ${{T}}\ninbound {{}}\noutbound {{}}\n}}\n" for number in range(1000))
    write_script(embedded, f"define T = {TAGS}\n{blocks}")
    assert bounded_codes(embedded, "run", "--check", "hostile.calico") == ["E0154"]


def test_a_thousand_definitions_of_long_lists_are_refused(embedded: Program) -> None:
    write_script(embedded, "".join(f"define P{number} = {PORTS}\n" for number in range(1000)) + "x\n")
    assert bounded_codes(embedded, "run", "--check", "hostile.calico") == ["E0154"]


def test_short_lists_may_be_used_on_every_line(embedded: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their words do not count: here they are far more than the limit for the words of long lists."""
    monkeypatch.setattr(limits, "LONG_LIST_WORDS", 1_000)
    rules = "profile A rule add inbound allow tcp to ports ${P}\n" * 50
    for length, status in ((limits.LONG_LIST, 0), (limits.LONG_LIST + 1, 1)):
        script = f"define P = {','.join(map(str, range(1, length + 1)))}\n{rules}"
        assert embedded.run_inside("run", "--check", stdin=script).status == status


def test_a_long_file_that_is_included_many_times_is_refused(embedded: Program) -> None:
    (embedded.folder / "long.calico").write_text(f"# {'x' * 1_000_000}\n")
    write_script(embedded, "include long.calico\n" * 150)
    assert bounded_codes(embedded, "run", "--check", "hostile.calico") == ["E0155"]


def test_undefined_variables_in_a_long_file_are_reported_in_bounded_time(embedded: Program) -> None:
    """The whole file is not searched for the definition of each variable."""
    line = "profile A rule add inbound allow from ${{X{}}}\n# {}\n"
    write_script(embedded, "".join(line.format(number, "x" * 20_000) for number in range(900)))
    reported = bounded_codes(embedded, "run", "--check", "hostile.calico")
    assert reported[:20] == ["E0141"] * 20


def test_formatting_stops_after_as_many_errors_as_checking(embedded: Program) -> None:
    for text in ("profile A {\n" * 100_000, "}\n" * 200_000):
        write_script(embedded, text)
        assert len(bounded_codes(embedded, "fmt", "hostile.calico")) < 200
