"""The exact report of many cases at once: one program for all who vary constants."""

from supernode_opt.batch.case import Case
from supernode_opt.batch.engine import Engine
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.follow import followed
from supernode_opt.system.report import Report

BLOCK = 512


def _report(one: Case, given: None) -> Report:
    return evaluate(followed(one.design, one.scenario, one.follow), one.scenario)


# Every answer has the ranges of its quantities, so that this program is at hand.
REPORTS = Engine(_report, BLOCK, "drawn reports", quick=True)
