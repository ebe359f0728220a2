"""Coverage-guided fuzzing with atheris (https://github.com/google/atheris), and the replay of single inputs.

    python -m fuzz.run                                 every target, 600 seconds each
    python -m fuzz.run --seconds 60 scripts            one target
    python -m fuzz.run --replay statements FILE...     run a target on these files, without atheris
    python -m fuzz.run --add statements NAME FILE      put an input into the committed corpus

A run begins with the committed corpus and the cases of the tests. It works in a temporary folder, so that the
committed corpus is changed only by `--add` and `--keep fuzz/corpus`.
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
    """The function of a target: it accepts any input, and raises an exception if a law is broken."""
    target: Callable[[bytes], None] = importlib.import_module(f"fuzz.{name}").one_input
    return target


def seeds(name: str) -> Iterator[bytes]:
    """The first inputs: the cases of the tests of the same kind, and the committed corpus."""
    if name == "statements":
        from tests.corpus import test_corpus

        yield from (case.text.encode("utf-8", "surrogatepass") for case in test_corpus.CASES)
    if name == "scripts":
        from tests.script import test_corpus as test_scripts

        yield from (case.text.encode("utf-8", "surrogatepass") for case in test_scripts.CASES)
    yield from read_inputs(file_of(name)).values()


def dictionary() -> list[str]:
    """The keywords and signs of the grammars and the keys of rules, which the fuzzer inserts."""
    from calicoctl.policy.documents.agent_schema import KNOWN_KEYS
    from calicoctl.policy.documents.selector import selector_grammar
    from calicoctl.syntax.grammar import STARTS, compile_grammar

    parsers = [compile_grammar(file) for file in STARTS] + [selector_grammar()]
    # The regular expression of a keyword is its letters, followed by a lookahead.
    patterns = [terminal.pattern.to_regexp() for parser in parsers for terminal in parser.terminals]
    signs = {_WORD_END.sub("", pattern).replace("\\", "") for pattern in patterns if _LITERAL.fullmatch(pattern)}
    return sorted(signs | {f'"{key}"' for key in KNOWN_KEYS})


def fuzz(name: str, seconds: int, keep: Path | None, seed: int) -> int:
    """Fuzz one target in a separate process.

    Returns:
        The exit status: 0 if no input broke a law.
    """
    with tempfile.TemporaryDirectory(prefix="calicoctl-fuzz-") as scratch:
        corpus, words = Path(scratch) / "corpus", Path(scratch) / "words"
        corpus.mkdir()
        for number, content in enumerate(seeds(name)):
            (corpus / f"seed-{number}").write_bytes(content)
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in dictionary()))
        fuzzer_options = [f"-max_total_time={seconds}", f"-dict={words}", f"-seed={seed}", f"-max_len={_LENGTH_MAX}"]
        fuzzer_options += [f"-timeout={_INPUT_SECONDS}", f"-rss_limit_mb={_MEMORY_MB}", "-verbosity=0"]
        fuzzer_options += ["-print_final_stats=1", f"-artifact_prefix={Path(scratch)}/"]
        command = [sys.executable, "-m", "fuzz.run", "--inside", "fuzz", name, *fuzzer_options, str(corpus)]
        print(f"{name}: {seconds} s", flush=True)
        status = subprocess.run(command, cwd=FOLDER.parent, check=False).returncode
        for input_file in [
            *Path(scratch).glob("crash-*"),
            *Path(scratch).glob("timeout-*"),
            *Path(scratch).glob("oom-*"),
        ]:
            saved = Path(tempfile.gettempdir()) / input_file.name
            shutil.copy(input_file, saved)
            print(f"\n{name}: the input is saved as {saved}; replay it with", file=sys.stderr)
            print(f"  {sys.executable} -m fuzz.run --replay {name} {saved}", file=sys.stderr)
        if keep is not None and status == 0:
            _keep(name, corpus, file_of(name, keep))
    return status


def _escaped(word: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word.encode())


def _keep(name: str, corpus: Path, file: Path) -> None:
    """Add to a file of inputs the smallest ones that reach new code."""
    merged = corpus.parent / "kept"
    merged.mkdir()
    for input_name, content in read_inputs(file).items():
        (merged / input_name).write_bytes(content)
    # To merge, the fuzzer starts itself again, as a command without arguments.
    itself = corpus.parent / "itself"
    itself.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fuzz.run --inside {itself} {name} "$@"\n')
    itself.chmod(0o700)
    subprocess.run([itself, "-merge=1", f"-max_len={_LENGTH_MAX}", merged, corpus], cwd=FOLDER.parent, check=True)
    # The names of new inputs are digests; twelve characters of them are enough.
    known = set(read_inputs(file))
    write_inputs(
        file, {path.name if path.name in known else path.name[:12]: path.read_bytes() for path in merged.iterdir()}
    )


def _inside(itself: str, name: str, options: Sequence[str]) -> None:
    """Hand this process over to atheris."""
    import atheris

    with atheris.instrument_imports(include=["calicoctl"]):
        target = target_of(name)
    atheris.Setup([itself, *options], target)
    atheris.Fuzz()


def main(arguments: Sequence[str]) -> int:
    """Read the arguments and carry them out."""
    if arguments[:1] == ["--inside"]:
        _inside(arguments[1], arguments[2], arguments[3:])
        return 0
    parser = argparse.ArgumentParser(prog="fuzz.run", description="Coverage-guided fuzzing of the readers.")
    parser.add_argument("targets", nargs="*", help=f"targets, of {', '.join(TARGETS)} (default: all)")
    parser.add_argument("--add", action="store_true", help="add an input to the corpus; arguments: target, name, file")
    parser.add_argument("--seconds", type=int, default=600, help="duration for each target (default: 600)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random numbers; 0 for another seed each time")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="add the minimised inputs that reach new code")
    parser.add_argument("--replay", action="store_true", help="run a target on files; arguments: target, files")
    options = parser.parse_args(arguments)
    if options.replay:
        for file in options.targets[1:]:
            target_of(options.targets[0])(Path(file).read_bytes())
        return 0
    if options.add:
        name, input_name, file = options.targets
        inputs = read_inputs(file_of(name))
        write_inputs(file_of(name), {**inputs, input_name: Path(file).read_bytes()})
        return 0
    statuses = [fuzz(name, options.seconds, options.keep, options.seed) for name in options.targets or TARGETS]
    return int(any(statuses))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
