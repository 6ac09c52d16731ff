"""The rules. To add one, write its file and add one line to RULES. Findings keep the order of this table."""

from __future__ import annotations

from soak.analysis.rules.abort import abort_findings
from soak.analysis.rules.coverage import coverage_findings
from soak.analysis.rules.drift import drift_findings, drift_warnings
from soak.analysis.rules.gc_pressure import gc_findings, gc_warnings
from soak.analysis.rules.limits import max_findings, request_findings
from soak.analysis.rules.load_coverage import load_findings, load_warnings
from soak.analysis.rules.load_generator import generator_findings, generator_warnings
from soak.analysis.rules.load_workers import worker_findings
from soak.analysis.rules.locustfile import locustfile_findings
from soak.analysis.rules.pools import pool_findings, pool_warnings
from soak.analysis.rules.resources import resource_findings
from soak.analysis.rules.rule import Rule, RuleInput
from soak.analysis.rules.run_validity import validity_findings, validity_warnings
from soak.analysis.rules.sizing import ceiling_warnings, session_warnings, sizing_findings
from soak.analysis.rules.unknown_resources import no_findings, unknown_warnings
from soak.analysis.rules.windowed_limits import windowed_findings

RULES: dict[str, Rule] = {
    "abort": Rule(abort_findings),
    "growth": Rule(resource_findings),
    "unknown": Rule(no_findings, unknown_warnings),
    "requests": Rule(request_findings),
    "windowed": Rule(windowed_findings),
    "max": Rule(max_findings),
    "sizing": Rule(sizing_findings, ceiling_warnings),
    "sessions": Rule(no_findings, session_warnings),
    "drift": Rule(drift_findings, drift_warnings),
    "pools": Rule(pool_findings, pool_warnings),
    "gc": Rule(gc_findings, gc_warnings),
    "coverage": Rule(coverage_findings),
    "load": Rule(load_findings, load_warnings),
    "validity": Rule(validity_findings, validity_warnings),
    "workers": Rule(worker_findings),
    "generator": Rule(generator_findings, generator_warnings),
    "locustfile": Rule(locustfile_findings),
}

__all__ = ["RULES", "Rule", "RuleInput"]
