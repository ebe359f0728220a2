"""The results of expectations as text, as JSON and as JUnit XML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from xml.etree import ElementTree

from calicoctl.cli.output.json_documents import Document, rule_members
from calicoctl.diagnostics.terminal_text import printable
from calicoctl.engine.traffic_analysis.coverage import ListCoverage, Mutant
from calicoctl.engine.traffic_analysis.expectations import ExpectationResult
from calicoctl.syntax.repair.search import on_one_line

_FORMAT_VERSION = 1


def _statement(result: ExpectationResult) -> str:
    return on_one_line(result.step.extent)


# --- as text ------------------------------------------------------------------------------------


def result_line(result: ExpectationResult) -> str:
    """One line for an expectation: whether it holds, its place, and the statement."""
    extent = result.step.extent
    return f"{'pass' if result.holds else 'FAIL'} {extent.source.name}:{extent.line}: {_statement(result)}"


def coverage_lines(covered: Sequence[ListCoverage]) -> Iterator[str]:
    """What expectations cover, list by list."""
    for rule_list in covered:
        where = f"{rule_list.profile} {rule_list.direction.value}"
        if rule_list.uncovered is None:
            yield f"{where}: not analysed, as it would take too long"
            continue
        decided = rule_list.rules - len(rule_list.uncovered)
        detected = "changes not tried: too many rules"
        if rule_list.mutants is not None:
            detected = f"{rule_list.mutants - len(rule_list.unnoticed)} of {rule_list.mutants} changes detected"
        yield f"{where}: {decided} of {rule_list.rules} rules decide an expectation; {detected}"
        yield from (f"  decides no expectation: {rule.text_with_position}" for rule in rule_list.uncovered)
        for mutant in rule_list.unnoticed:
            yield f"  not detected when {mutant.change.value}: {mutant.rule.text_with_position}"


# --- as JSON ------------------------------------------------------------------------------------


def json_document(results: Sequence[ExpectationResult], covered: Sequence[ListCoverage] | None) -> Document:
    """One JSON document; docs/meaning.md documents it."""
    failed = sum(not result.holds for result in results)
    return {
        "format": _FORMAT_VERSION,
        "reading": "open",
        "ok": failed == 0,
        "passed": len(results) - failed,
        "failed": failed,
        "expectations": [_expectation(result) for result in results],
        "coverage": None if covered is None else [_coverage(rule_list) for rule_list in covered],
    }


def _expectation(result: ExpectationResult) -> Document:
    extent = result.step.extent
    return {
        "file": extent.source.name,
        "line": extent.line,
        "statement": _statement(result),
        "ok": result.holds,
        "problems": [
            {"code": problem.code, "message": problem.message, "hint": problem.hint} for problem in result.diagnostics
        ],
    }


def _coverage(covered: ListCoverage) -> Document:
    return {
        "profile": covered.profile,
        "direction": covered.direction.value,
        "rules": covered.rules,
        "uncovered": None if covered.uncovered is None else [rule_members(rule) for rule in covered.uncovered],
        "mutants": covered.mutants,
        "unnoticed": [_mutant(mutant) for mutant in covered.unnoticed],
    }


def _mutant(mutant: Mutant) -> Document:
    return {"change": mutant.change.value, **rule_members(mutant.rule)}


# --- as JUnit's XML -----------------------------------------------------------------------------


def junit_document(results: Sequence[ExpectationResult]) -> str:
    """One JUnit XML document, which CI servers read: a suite for each file, a case for each expectation."""
    root = ElementTree.Element("testsuites")
    for file, group in groupby(results, key=lambda result: result.step.extent.source.name):
        cases = list(group)
        failed = str(sum(not result.holds for result in cases))
        suite = ElementTree.SubElement(root, "testsuite", name=printable(file), tests=str(len(cases)), failures=failed)
        for result in cases:
            name = {"classname": printable(file), "name": printable(_statement(result))}
            case = ElementTree.SubElement(suite, "testcase", name, line=str(result.step.extent.line))
            for problem in result.diagnostics:
                message = printable(problem.message)
                failure = ElementTree.SubElement(case, "failure", message=message, type=problem.code)
                failure.text = printable(problem.hint or "")
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)
