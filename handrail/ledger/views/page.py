"""The report of a run as one HTML file: no script, nothing fetched, fit for print."""

from collections.abc import Iterable, Sequence
from html import escape

from handrail.ledger.audit import Audit
from handrail.ledger.views import plain, report, show
from handrail.ledger.views.evidence import Evidence, TaskEvidence

STYLE = """
:root { color-scheme: light dark; --ink: #1c2126; --soft: #59636e; --line: #d4d9de; --paper: #fff;
  --panel: #f5f6f8; --good: #1a6e37; --bad: #a3261b; --open: #875600; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ea; --soft: #9aa4ae; --line: #363d45;
  --paper: #15181c; --panel: #1d2126; --good: #6fce8d; --bad: #ff8f84; --open: #e8b75c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.5rem 4rem; max-width: 68rem; color: var(--ink);
  background: var(--paper); font: 15px/1.5 system-ui, "Segoe UI", "Helvetica Neue", sans-serif; }
h1 { margin: 0 0 .25rem; font-size: 1.6rem; font-weight: 650; overflow-wrap: anywhere; }
h2 { margin: 2.5rem 0 .6rem; font-size: 1.1rem; font-weight: 650; }
p { margin: .4rem 0; max-width: 46rem; }
.lead { font-size: 1.05rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.5rem; margin: 1.25rem 0; }
dt, .soft { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .45rem .9rem .45rem 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
th { color: var(--soft); font-size: .85rem; font-weight: 500; white-space: nowrap; }
th.number, td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td.wide { overflow-wrap: anywhere; }
code { font: .87em/1.45 ui-monospace, "SF Mono", Consolas, "Liberation Mono", monospace; }
.state { font-weight: 600; white-space: nowrap; }
.good { color: var(--good); } .bad { color: var(--bad); } .open { color: var(--open); }
.notes { margin: .3rem 0 0; padding: 0; list-style: none; color: var(--soft); font-size: .9rem; }
.notes b { font-weight: 500; color: var(--ink); }
.panel { margin: .8rem 0; padding: .8rem 1rem; border-left: 3px solid var(--line);
  background: var(--panel); overflow-wrap: anywhere; }
.panel.good { border-color: var(--good); } .panel.bad { border-color: var(--bad); }
.panel p { color: var(--ink); }
@media print { :root { color-scheme: light; --ink: #000; --soft: #444; --line: #bbb; --paper: #fff;
  --panel: #fff; --good: #000; --bad: #000; --open: #000; }
  body { padding: 0; max-width: none; font-size: 9.5pt; } .scroll { overflow: visible; }
  tr, .panel { break-inside: avoid; } h2 { break-after: avoid; }
  thead { display: table-header-group; } }
@page { margin: 15mm; }
"""

_COLOURS = {  # they only repeat what the words say
    "proven": "good",
    "changed": "good",
    "unchanged": "good",
    "passed": "good",
    "closed": "bad",
    "stopped": "bad",
    "failed": "bad",
    "refused": "bad",
    "open": "open",
    "started": "open",
}


def render(evidence: Evidence, audit: Audit) -> str:
    """Return the page."""
    run = evidence.run
    title = f"{'Rollback' if run.undoes else 'Run'} {run.id}"
    outcome = run.outcome.replace("_", " ")
    tally = show.tally(run)
    body = [
        f"<h1>{_text(title)}</h1>",
        f'<p class="lead">{_state(outcome)} on {_text(evidence.environment)}: {tally}.</p>',
        _outline(evidence),
        "<h2>Tasks of the plan</h2>",
        _table(
            ("Task", "What was to be done", "Target", "State", "Attempts", "Took"),
            (_task(task) for task in evidence.tasks),
        ),
        *_gates(evidence),
        *_section(
            "Attempts", ("Attempt", "Operator", "From", "To", "End"), report.attempts(evidence)
        ),
        *_section("Reasons given", ("When", "Who", "About", "Reason"), report.reasons(evidence)),
        "<h2>Rollback</h2>",
        *(f"<p>{_text(sentence)}</p>" for sentence in report.rollback(evidence)),
        *_undone(evidence),
        "<h2>Can this ledger be trusted?</h2>",
        _trust(audit),
    ]
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _text(words: object) -> str:
    return escape(plain.one_line(words))


def _state(words: str) -> str:
    colour = "bad" if "doubt" in words else _COLOURS.get(words, "")
    return f'<span class="state {colour}">{_text(words)}</span>'


def _outline(evidence: Evidence) -> str:
    rows = "".join(f"<dt>{_text(k)}</dt><dd>{_text(v)}</dd>" for k, v in report.outline(evidence))
    return f"<dl>{rows}</dl>"


def _task(task: TaskEvidence) -> list[str]:
    notes = [("facts", plain.facts(task.facts)), ("why", task.why)]
    if task.before is not None:
        notes.append(("before", plain.facts(task.before)))
    notes += [(f"reason, {each.actor}", each.text) for each in task.reasons]
    listed = "".join(
        f"<li><b>{_text(name)}:</b> {_text(told)}</li>" for name, told in notes if told
    )
    took = plain.duration(task.seconds)
    started = f", begun {plain.moment(task.started_at)}" if task.started_at else ""
    return [
        f"<td><code>{_text(task.task)}</code></td>",
        f'<td class="wide">{_text(task.name or task.step)}<br>'
        f'<span class="soft"><code>{_text(task.step)}</code>{_text(started)}</span>'
        + (f'<ul class="notes">{listed}</ul>' if listed else "")
        + "</td>",
        f"<td>{_text(task.target)}</td>",
        f"<td>{_state(show.state_of(task))}</td>",
        f'<td class="number">{task.attempts or ""}</td>',
        f'<td class="number">{_text(took)}</td>',
    ]


def _gates(evidence: Evidence) -> list[str]:
    rows = [
        [
            f"<td><code>{_text(task.task)}</code></td>",
            f"<td><code>{_text(task.step)}</code></td>",
            f"<td>{_text(task.target)}</td>",
            f"<td>{_state(show.state_of(task))}</td>",
            f'<td class="wide">{_text(plain.facts(task.facts) or task.why)}</td>',
        ]
        for task in evidence.tasks
        if task.is_gate
    ]
    if not rows:
        return []
    return ["<h2>Gates</h2>", _table(("Task", "Gate", "Target", "Answer", "What was found"), rows)]


def _section(heading: str, names: Sequence[str], rows: report.Rows) -> list[str]:
    if not rows:
        return []
    cells = ([f'<td class="wide">{_text(cell)}</td>' for cell in row] for row in rows)
    return [f"<h2>{heading}</h2>", _table(names, cells)]


def _undone(evidence: Evidence) -> list[str]:
    rows = [
        [
            f"<td><code>{_text(task)}</code></td>",
            f"<td><code>{_text(step)}</code></td>",
            f"<td>{_text(target)}</td>",
            f"<td>{_state(state)}</td>",
            f'<td class="number">{_text(took)}</td>',
            f'<td class="wide">{_text(why)}</td>',
        ]
        for task, step, target, state, took, why in report.undone(evidence)
    ]
    return [_table(("Task", "Step", "Target", "State", "Took", "Why"), rows)] if rows else []


def _trust(audit: Audit) -> str:
    verdict, head, limits = report.trust(audit)
    remarks = "".join(f"<li>{_text(line)}</li>" for line in show.remarks(audit.problems))
    warned = "".join(f"<li>{_text(line)}</li>" for line in show.remarks(audit.warnings))
    where, _, digest = head.rpartition(": ")
    return (
        f'<div class="panel {"good" if audit.good else "bad"}"><p>{_text(verdict)}</p>'
        + (f"<ul>{remarks}{warned}</ul>" if remarks or warned else "")
        + f"<p>{_text(where)}:<br><code>{_text(digest)}</code></p></div>"
        f'<p class="soft">{_text(limits)}</p>'
    )


def _table(names: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    numbers = {"Attempts", "Took"}
    head = "".join(
        f'<th scope="col"{" class=number" if name in numbers else ""}>{name}</th>' for name in names
    )
    body = "\n".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table></div>"
    )
