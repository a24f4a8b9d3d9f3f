"""The written format: what state/README.md says of it is what the program does."""

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import orjson
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from handrail.ledger import recompute
from handrail.ledger.entry import Entry, Event, canonical, digest_of, plain, read_body
from tests.ledger.script import cutover
from tests.ledger.test_ledger import texts

README = Path(__file__).parents[2] / "state" / "README.md"
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def block(language):
    """Return a block of code of the page."""
    return re.search(rf"```{language}\n(.*?)```", README.read_text("utf-8"), re.DOTALL)[1]


@pytest.fixture
def vectors():
    """The page's test vectors."""
    return [json.loads(line) for line in block("json").splitlines()]


def test_the_vectors_are_a_chain_by_the_rfc_alone(vectors):
    """Nothing of ours is needed to recompute them."""
    prev = "0" * 64
    for vector in vectors:
        fields = {name: value for name, value in vector.items() if name != "sha256"}
        assert fields["prev"] == prev
        prev = hashlib.sha256(rfc8785.dumps(fields)).hexdigest()
        assert vector["sha256"] == prev


def test_the_program_agrees_with_the_vectors(vectors):
    """Writer and auditor, each by its own code."""
    for vector in vectors:
        entry = Entry(**vector | {"event": Event(vector["event"])})
        body = canonical(vector["body"])
        fields = {name: vector[name] for name in recompute.NAMES}
        assert entry.digest() == vector["sha256"]
        assert recompute.digest(fields, body, vector["body"]) == vector["sha256"]
        assert json.loads(json.dumps(read_body(body))) == vector["body"]
    beginning = '{"arguments":{"id":"9007199254740993","limit":1e+21,"ratio":0.1,'
    assert canonical(vectors[1]["body"]).startswith(beginning)
    assert beginning in README.read_text("utf-8")


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js on this machine")
def test_the_page_s_own_verifier_agrees(vectors, tmp_path):
    """It accepts the vectors and what `handrail export` prints, and finds an edit."""
    script = README.parents[1] / "docs" / "verify.mjs"

    def ran(lines):
        text = "\n".join(lines)
        return subprocess.run(
            ["node", script], input=text, capture_output=True, text=True, check=False
        ).stdout.splitlines()

    entries = [entry.as_json() for entry in cutover(tmp_path / "lab.sqlite").ledger.entries()]
    assert ran(map(json.dumps, vectors)) == [f"good: 3 entries, head {vectors[-1]['sha256']}"]
    assert ran(map(json.dumps, entries))[0].endswith(f"head {entries[-1]['sha256']}")
    entries[4] |= {"actor": "mallory"}
    assert ran(map(json.dumps, entries))[0] == "entry 5: its digest does not match"
    assert len(script.read_text("utf-8").splitlines()) <= 120


def test_the_page_names_every_field():
    """No field is left out, and none is made up."""
    named = re.findall(
        r"^\| `(\w+)` \| (?:integer|text|object)", README.read_text("utf-8"), re.MULTILINE
    )
    assert set(named) == set(Entry.__dataclass_fields__)


@given(value=JSON)
def test_canonical_text_is_read_back_and_written_again_the_same(value):
    """What is on record says one thing, however often it is read and written."""
    text = canonical(value)

    assert read_body(text) == plain(value)
    assert canonical(read_body(text)) == text
    assert rfc8785.dumps(read_body(text)).decode() == text


@given(value=st.dictionaries(texts, JSON, max_size=4))
def test_the_auditor_s_quick_look_agrees_with_the_rfc(value):
    """Its fast way accepts what is canonical, and nothing that is merely JSON."""
    text = canonical(value)
    loose = json.dumps(plain(value), ensure_ascii=False)

    assert recompute.parsed(2, text) == (read_body(text), True)
    assert recompute.parsed(2, loose)[1] == (loose == text)


@given(
    numbers=st.tuples(*[st.integers(0, 2**53 - 1)] * 3),
    words=st.lists(st.text(), min_size=11, max_size=11),
    body=st.dictionaries(texts, JSON, max_size=3),
)
def test_the_spliced_digest_is_that_of_the_whole_entry(numbers, words, body):
    """A body's text is put between the other fields as the RFC would have written it there."""
    names = ["run", "at", "event", "task", "step", "target", "actor", "reason", "prev"]
    fields = dict(zip([*names, "environment"], map(plain, words), strict=False))
    fields |= dict(zip(("seq", "attempt", "token"), numbers, strict=True)) | {"format": 2}
    whole = rfc8785.dumps(fields | {"body": plain(body)})

    assert digest_of(fields, canonical(body)) == hashlib.sha256(whole).hexdigest()
    assert orjson.loads(whole)["format"] == 2
