"""Any sequence of commands, held to a model of what the files must say."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.lab.bench import Bench

TASKS = ("1", "2", "3")
CALLS = {
    "1": 'steps.write(path=f"{{room}}/1", text="{}", task="1")',  # refuses in a shut room
    "2": 'steps.append(path=f"{{room}}/2", line="{}", task="2")',
    "3": 'steps.print_to(path=f"{{room}}/3", text="{}", task="3")',
}
COMMANDS = st.one_of(
    st.just(("up",)),
    st.just(("dry",)),
    st.tuples(st.just("edit"), st.sampled_from(TASKS), st.sampled_from("xyz")),
    st.just(("shut",)),
    st.tuples(st.just("back"), st.sampled_from([None, "1", "2"])),
)


class Model:
    """What the files say, what a run has on record, and what the next command does to both."""

    def __init__(self) -> None:
        self.files: dict[str, str | None] = {"1": "old", "2": "old\n", "3": None}
        self.texts = dict.fromkeys(TASKS, "x")
        self.before: dict[str, str | None] = {}
        self.shut = False

    def so(self, task: str) -> bool:
        """Tell whether a step has nothing to do."""
        said, text = self.files[task] or "", self.texts[task]
        return said.endswith(text + "\n") if task == "2" else said == text

    def up(self) -> int:
        """Carry the runbook out; return the exit status."""
        for task in TASKS:
            if self.so(task):
                continue
            if task == "1" and self.shut:
                return 1
            self.before.setdefault(task, self.files[task])
            said, text = self.files[task] or "", self.texts[task]
            self.files[task] = said + text + "\n" if task == "2" else text
        return 0

    def back(self, to: str | None) -> int:
        """Roll back what stands after a task; return the exit status."""
        left = [task for task in self.before if to is None or task > to]
        if not left:
            return 1
        for task in left:
            self.files[task] = self.before.pop(task)
        return 0


def play(commands: list[tuple[str, ...]], folder: Path) -> None:
    """Run the commands and the model side by side."""
    model = Model()
    with Bench(folder / "lab") as lab:
        for name, text in model.files.items():
            if text is not None:
                lab.put(name, text)
        for command in [("edit", "1", "x"), *commands, ("up",), ("up",)]:
            said = apply(command, lab, model)
            files = {name: lab.read(name) for name in TASKS}
            assert files == model.files, f"after {command}:\n{said}"
            assert "Traceback" not in said
        lab.entries()


def apply(command: tuple, lab: Bench, model: Model) -> str:
    """Do one command in both worlds, and compare their exit statuses."""
    match command:
        case ("edit", task, text):
            model.texts[task] = text
            lab.runbook(*(CALLS[each].format(model.texts[each]) for each in TASKS))
            return ""
        case ("shut",):
            model.shut = not model.shut
            lab.put("shut") if model.shut else lab.clear("shut")
            return ""
        case ("dry",):
            stood = lab.listing()
            ran, code = lab.run("--dry"), int(model.shut and not model.so("1"))
            assert lab.listing() == stood
        case ("back", to):
            ran = lab.roll_back(*(["--data", f"to={to}"] if to else []))
            code = model.back(to)
            if code and not model.before:  # all was undone by parts: closing the run is no error
                code = ran.code
        case _:
            ran, code = lab.run(), model.up()
            newest = [run for run in lab.runs() if not run.undoes][-1]
            assert (newest.outcome == "proven") == (code == 0), ran.said
    assert ran.code == code, f"{command}: {ran.said}"
    return ran.said


@settings(
    max_examples=int(os.environ.get("SEQUENCE_EXAMPLES", "6")),
    deadline=None,
    derandomize="SEQUENCE_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(commands=st.lists(COMMANDS, min_size=2, max_size=7))
def test_any_sequence_of_commands_does_what_the_model_says(commands):
    """Runs, plans, edits, refusals, rollbacks whole and partial, in any order."""
    with TemporaryDirectory() as folder:
        play(commands, Path(folder))
