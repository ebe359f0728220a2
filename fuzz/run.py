"""Coverage-guided fuzzing with atheris (https://github.com/google/atheris), and the replay of single inputs.

    python -m fuzz.run                                 every target, 600 seconds each
    python -m fuzz.run --seconds 60 scripts            one target
    python -m fuzz.run --replay statements FILE...     without atheris: what does the target say of these?
    python -m fuzz.run --add statements NAME FILE      put an input into the committed corpus

A run begins with the committed corpus and the cases of the tests, and works in a folder of its own, so that
the committed corpus only grows by hand (`--add`, and `--keep fuzz/corpus`).
"""

from __future__ import annotations

import argparse
import importlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fuzz.inputs import file_of, read_inputs, write_inputs

TARGETS = ("statements", "scripts", "documents")
FOLDER = Path(__file__).parent
_TESTS = FOLDER.parent / "tests"

_WORD_END = re.compile(r"\(\?!\\S\)\Z")
_LITERAL = re.compile(r"(?:[^\\\[\](){}|?*+^$.]|\\[^A-Za-z0-9])+(?:\(\?!\\S\))?")

_LENGTH_MAX = 4096
_INPUT_SECONDS = 20
_MEMORY_MB = 2048


def target_of(name: str) -> Callable[[bytes], None]:
    """The function of a target: it takes any input, and raises when a law is broken."""
    target: Callable[[bytes], None] = importlib.import_module(f"fuzz.{name}").one_input
    return target


def seeds(name: str) -> Iterator[bytes]:
    """Inputs to begin with: the tests' cases of the same kind, and the committed corpus."""
    if name == "statements":
        from tests.corpus import test_corpus

        yield from (case.text.encode("utf-8", "surrogatepass") for case in test_corpus.CASES)
    if name == "scripts":
        from tests.script import test_corpus as test_scripts

        yield from (case.text.encode("utf-8", "surrogatepass") for case in test_scripts.CASES)
    yield from read_inputs(file_of(name)).values()


def dictionary() -> list[str]:
    """The keywords and signs of the grammars and the keys of rules, for the fuzzer to put in."""
    from calicoctl.policy.documents.agent_schema import KNOWN_KEYS
    from calicoctl.policy.documents.selector import selector_grammar
    from calicoctl.syntax.grammar import STARTS, compile_grammar

    parsers = [compile_grammar(file) for file in STARTS] + [selector_grammar()]
    # Each as a regular expression; a keyword's is its letters, and the look-ahead that ends it.
    patterns = [terminal.pattern.to_regexp() for parser in parsers for terminal in parser.terminals]
    signs = {_WORD_END.sub("", pattern).replace("\\", "") for pattern in patterns if _LITERAL.fullmatch(pattern)}
    return sorted(signs | {f'"{key}"' for key in KNOWN_KEYS})


def fuzz(name: str, seconds: int, keep: Path | None, seed: int) -> int:
    """Fuzz one target in a process of its own.

    Returns:
        The exit status: 0 when no input broke a law.
    """
    with tempfile.TemporaryDirectory(prefix="calicoctl-fuzz-") as scratch:
        corpus, words = Path(scratch) / "corpus", Path(scratch) / "words"
        corpus.mkdir()
        for number, content in enumerate(seeds(name)):
            (corpus / f"seed-{number}").write_bytes(content)
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in dictionary()))
        options = [f"-max_total_time={seconds}", f"-dict={words}", f"-seed={seed}", f"-max_len={_LENGTH_MAX}"]
        options += [f"-timeout={_INPUT_SECONDS}", f"-rss_limit_mb={_MEMORY_MB}", "-verbosity=0"]
        options += ["-print_final_stats=1", f"-artifact_prefix={Path(scratch)}/"]
        command = [sys.executable, "-m", "fuzz.run", "--inside", "fuzz", name, *options, str(corpus)]
        print(f"{name}: {seconds} s", flush=True)
        status = subprocess.run(command, cwd=FOLDER.parent, check=False).returncode
        for found in [*Path(scratch).glob("crash-*"), *Path(scratch).glob("timeout-*"), *Path(scratch).glob("oom-*")]:
            saved = Path(tempfile.gettempdir()) / found.name
            shutil.copy(found, saved)
            print(f"\n{name}: the input is saved as {saved}; to see what is wrong with it:", file=sys.stderr)
            print(f"  {sys.executable} -m fuzz.run --replay {name} {saved}", file=sys.stderr)
        if keep is not None and status == 0:
            _keep(name, corpus, file_of(name, keep))
    return status


def _escaped(word: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word.encode())


def _keep(name: str, corpus: Path, file: Path) -> None:
    """Add to a file of inputs the smallest ones that reach what it does not reach yet."""
    kept = corpus.parent / "kept"
    kept.mkdir()
    for each, content in read_inputs(file).items():
        (kept / each).write_bytes(content)
    # To merge, the fuzzer starts itself again, by a name without arguments.
    itself = corpus.parent / "itself"
    itself.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fuzz.run --inside {itself} {name} "$@"\n')
    itself.chmod(0o700)
    subprocess.run([itself, "-merge=1", f"-max_len={_LENGTH_MAX}", kept, corpus], cwd=FOLDER.parent, check=True)
    # The names of new ones are digests, of which twelve characters are enough.
    known = set(read_inputs(file))
    write_inputs(
        file, {path.name if path.name in known else path.name[:12]: path.read_bytes() for path in kept.iterdir()}
    )


def _inside(itself: str, name: str, options: Sequence[str]) -> None:
    """Hand this process over to atheris."""
    import atheris

    with atheris.instrument_imports(include=["calicoctl"]):
        target = target_of(name)
    atheris.Setup([itself, *options], target)
    atheris.Fuzz()


def main(arguments: Sequence[str]) -> int:
    """Read the arguments, and do what they say."""
    if arguments[:1] == ["--inside"]:
        _inside(arguments[1], arguments[2], arguments[3:])
        return 0
    parser = argparse.ArgumentParser(prog="fuzz.run", description="Coverage-guided fuzzing of the readers.")
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(TARGETS)}; all when none is named")
    parser.add_argument("--add", action="store_true", help="a target, a name and a file: put it into the corpus")
    parser.add_argument("--seconds", type=int, default=600, help="for each target")
    parser.add_argument("--seed", type=int, default=0, help="of the random numbers; 0 for another one each time")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="add what reaches something new, minimised")
    parser.add_argument("--replay", action="store_true", help="a target, and files that it is called with")
    given = parser.parse_args(arguments)
    if given.replay:
        for file in given.targets[1:]:
            target_of(given.targets[0])(Path(file).read_bytes())
        return 0
    if given.add:
        name, input_name, file = given.targets
        inputs = read_inputs(file_of(name))
        write_inputs(file_of(name), {**inputs, input_name: Path(file).read_bytes()})
        return 0
    statuses = [fuzz(name, given.seconds, given.keep, given.seed) for name in given.targets or TARGETS]
    return int(any(statuses))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
