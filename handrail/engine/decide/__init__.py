"""What the engine decides, from facts alone; plan, run, resume and rollback carry it out alike.

Each table is a list of rows; the first row that fits counts. Facts that have to be asked of the
world are functions, so that a row which is not reached asks nothing.
"""

from handrail.engine.decide.decision import Decision
from handrail.engine.decide.gate import ROWS as GATE_ROWS
from handrail.engine.decide.gate import GateFacts
from handrail.engine.decide.receipt import ROWS as RECEIPT_ROWS
from handrail.engine.decide.receipt import ReceiptFacts
from handrail.engine.decide.step import ROWS as STEP_ROWS
from handrail.engine.decide.step import StepFacts
from handrail.engine.decide.table import first

Facts = StepFacts | GateFacts | ReceiptFacts


def decide(facts: Facts) -> Decision:
    """Return what is done about one call, or one receipt, on one target."""
    match facts:
        case StepFacts():
            return first(STEP_ROWS, facts)
        case GateFacts():
            return first(GATE_ROWS, facts)
        case ReceiptFacts():
            return first(RECEIPT_ROWS, facts)
