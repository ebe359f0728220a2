"""What became of expectations, for people, as JSON and as JUnit's XML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from xml.etree import ElementTree

from calicoctl.diagnostics import Diagnostic, printable
from calicoctl.engine.meaning.coverage import ListCoverage, Mutant
from calicoctl.engine.meaning.expectations import Judgement
from calicoctl.syntax.repair.search import split_words

_FORMAT = 1

Document = dict[str, object]


def _statement(judgement: Judgement) -> str:
    return " ".join(word.text for word in split_words(judgement.step.extent))


# --- as text ------------------------------------------------------------------------------------


def result_line(judgement: Judgement) -> str:
    """One line for an expectation: whether it holds, its place, and the statement."""
    extent = judgement.step.extent
    return f"{'pass' if judgement.holds else 'FAIL'} {extent.source.name}:{extent.line}: {_statement(judgement)}"


def coverage_lines(covered: Sequence[ListCoverage]) -> Iterator[str]:
    """What expectations cover, list by list."""
    for each in covered:
        where = f"{each.profile} {each.direction.value}"
        if each.uncovered is None:
            yield f"{where}: not decided, since it would take too long"
            continue
        decided = each.rules - len(each.uncovered)
        noticed = "changes not tried: there are too many rules"
        if each.mutants is not None:
            noticed = f"{each.mutants - len(each.unnoticed)} of {each.mutants} changes noticed"
        yield f"{where}: {decided} of {each.rules} rules decide an expectation; {noticed}"
        yield from (f"  not expected of: {rule.in_place}" for rule in each.uncovered)
        yield from (f"  not noticed when {mutant.change.value}: {mutant.rule.in_place}" for mutant in each.unnoticed)


# --- as JSON ------------------------------------------------------------------------------------


def json_document(judgements: Sequence[Judgement], covered: Sequence[ListCoverage] | None) -> Document:
    """One JSON document; docs/meaning.md documents it."""
    failed = sum(not each.holds for each in judgements)
    return {
        "format": _FORMAT,
        "reading": "open",
        "ok": failed == 0,
        "passed": len(judgements) - failed,
        "failed": failed,
        "expectations": [_expectation(each) for each in judgements],
        "coverage": None if covered is None else [_coverage(each) for each in covered],
    }


def _expectation(judgement: Judgement) -> Document:
    extent = judgement.step.extent
    return {
        "file": extent.source.name,
        "line": extent.line,
        "statement": _statement(judgement),
        "ok": judgement.holds,
        "problems": [{"code": each.code, "message": each.message, "hint": each.hint} for each in judgement.diagnostics],
    }


def _coverage(covered: ListCoverage) -> Document:
    return {
        "profile": covered.profile,
        "direction": covered.direction.value,
        "rules": covered.rules,
        "uncovered": None
        if covered.uncovered is None
        else [{"position": rule.position, "rule": rule.text} for rule in covered.uncovered],
        "mutants": covered.mutants,
        "unnoticed": [_mutant(each) for each in covered.unnoticed],
    }


def _mutant(mutant: Mutant) -> Document:
    return {"change": mutant.change.value, "position": mutant.rule.position, "rule": mutant.rule.text}


# --- as JUnit's XML -----------------------------------------------------------------------------


def junit_document(judgements: Sequence[Judgement]) -> str:
    """One document as JUnit writes it and CI servers read it: a suite for each file, a case for each expectation."""
    root = ElementTree.Element("testsuites")
    for file, group in groupby(judgements, key=lambda each: each.step.extent.source.name):
        cases = list(group)
        failed = str(sum(not each.holds for each in cases))
        suite = ElementTree.SubElement(root, "testsuite", name=printable(file), tests=str(len(cases)), failures=failed)
        for each in cases:
            place = {"classname": printable(file), "name": printable(_statement(each))}
            case = ElementTree.SubElement(suite, "testcase", place, line=str(each.step.extent.line))
            for problem in each.diagnostics:
                failure = ElementTree.SubElement(case, "failure", message=_told(problem), type=problem.code)
                failure.text = printable(problem.hint or "")
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def _told(problem: Diagnostic) -> str:
    return printable(problem.message)
