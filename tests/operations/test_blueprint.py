"""What becomes of render.yaml: the named services go, the new ones come, all else stays."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from handrail.clients.errors import ClientError
from handrail.clients.git import Repository
from handrail.engine.clause import ask
from operations import blueprint
from operations.blueprint_cuts import block
from operations.blueprint_text import Blueprint
from tests.operations.clones import cloned
from tests.operations.cloud import push
from tests.operations.test_interrupted import perform
from tests.operations.test_texts import MANY, WORDS

SERVICES = {"web": "rotc-django-web", "beat": "rotc-beat"}
DEFINITIONS = {part: {"type": "web", "runtime": "python"} for part in SERVICES}
NEW = blueprint.described(SERVICES, DEFINITIONS, "3.11.0")
SITE = {"name": "site", "type": "web", "runtime": "static", "staticPublishPath": "dist"}
OTHERS = {"legacy": ["old-api", "old-cron"], "held": ["site"], "site": {}}

LINES = WORDS | st.sampled_from(
    ["yes", "off", "0x1f", "1e3", "null", "~", "- a", "a: b", "2026-01-01"]
)
ENTRIES = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(["old-api", "old-cron", "rotc-beat", "a", "b", "site", "c"]),
            "type": st.sampled_from(["web", "worker", "cron", "static"]),
        },
        optional={
            "env": st.sampled_from(["node", "static", "python"]),
            "buildCommand": LINES,
            "autoDeploy": st.booleans(),
            "autoDeployTrigger": st.sampled_from(["off", "commit"]),
            "envVars": st.lists(st.fixed_dictionaries({"key": LINES, "value": LINES}), max_size=2),
        },
    ),
    max_size=5,
    unique_by=lambda each: each["name"],
)
FORMS = {
    "as PyYAML writes it": lambda data: yaml.safe_dump(data, sort_keys=False, allow_unicode=True),
    "indented": lambda data: indented(yaml.safe_dump(data, sort_keys=False, allow_unicode=True)),
    "in one line": lambda data: yaml.safe_dump(data, default_flow_style=True, width=10**6),
    "in lines and braces": lambda data: yaml.safe_dump(data, default_flow_style=None, width=10**6),
    "on Windows": lambda data: yaml.safe_dump(data, sort_keys=False).replace("\n", "\r\n"),
    "without a last line end": lambda data: yaml.safe_dump(data, sort_keys=False).rstrip("\n"),
    "with a mark": lambda data: "\ufeff" + yaml.safe_dump(data, sort_keys=False),
}


def indented(text):
    """Return a dump whose lists stand two further in, as most people write them."""
    head, listed, rest = text.partition("services:\n")
    body, found, tail = rest.partition("\ndatabases")
    lines = [f"  {line}" if line else line for line in body.split("\n")]
    return head + listed + "\n".join(lines) + found + tail


@MANY
@given(
    entries=ENTRIES,
    form=st.sampled_from(sorted(FORMS)),
    place=st.sampled_from(["services", "ungrouped", "projects"]),
)
def test_services_go_and_come_and_the_others_read_the_same(entries, form, place):
    """In every way to write a list, at the top, under `ungrouped` or in a project."""
    top = {"databases": [{"name": "main"}]}
    whole = {
        "services": {"services": entries},
        "ungrouped": {"services": [], "ungrouped": {"services": entries}},
        "projects": {
            "services": [],
            "projects": [{"name": "p", "environments": [{"name": "e", "services": entries}]}],
        },
    }[place] | top
    text = FORMS[form](whole)

    made = Blueprint(text, "render.yaml").edited({"old-api", "old-cron"}, NEW, {"site"})

    found = {each.name: each.data for each in made.services}
    assert not {"old-api", "old-cron"} & found.keys()
    for each in NEW:
        assert found[each["name"]] == each
    for each in entries:
        if each["name"] in ("old-api", "old-cron", "rotc-beat"):
            continue
        expected = {"runtime" if key == "env" else key: each[key] for key in each}
        if each["name"] == "site":
            expected.pop("autoDeploy", None)
            expected["autoDeployTrigger"] = "off"
        assert found[each["name"]] == expected
    assert made.data["databases"] == top["databases"]
    assert made.text.startswith("\ufeff") is (form == "with a mark")
    again = made.edited({"old-api", "old-cron"}, NEW, {"site"})
    assert again.text == made.text


FILE = """# Ask ops before you touch the plan
services:
  - type: web
    runtime: node
    name: old-api
    buildCommand: |
      npm ci
      # not a comment
    startCommand: npm start

  # The pages.
  - type: web
    runtime: static  # CDN
    name:   site
    envVars:
      - {key: A, value: 3.10}
      - { key: B, value: 0644 }
      - key: C
        value: +63912   # telephone
      - key: D
        value: 1_000
      - &clock {key: E, value: 12:30:45}
      - key: F
        value: "0o17"
      - *clock

  # Wakes the API.
  - {type: cron, runtime: node, name: old-cron, schedule: '*/10 * * * *'}

  - {type: cron, runtime: python, name: nightly-report, schedule: '0 3 * * *'}
  - type: web
    runtime: node
    name: frontend      # Next.js
    startCommand: npx next start
databases:
  - name: main  # paid until June
    plan: basic-1gb
# the end
"""


def edited(text, others=OTHERS, services=SERVICES):
    """Return a Blueprint as the step would write it."""
    there = Blueprint(text, "render.yaml")
    wanted = blueprint.entries(there, services, DEFINITIONS, "3.11.0", others)
    return there.edited(set(others["legacy"]), wanted, set(others["held"])).text


def test_nothing_but_the_named_services_changes():
    """Scalars as they are written, comments, order, anchors, quotes, braces, blanks."""
    made = edited(FILE)
    for text in ("old-api", "old-cron", "npm ci", "not a comment"):
        assert text not in made
    ours = {line for each in NEW for line in block(each, 2).splitlines()}
    ours.add('    autoDeployTrigger: "off"')
    assert [line for line in made.splitlines() if line and line not in ours] == [
        line
        for number, line in enumerate(FILE.splitlines())
        if line and not (2 <= number < 10 or 26 <= number < 29) and line not in ours
    ]
    for text in ("value: 3.10}", "{ key: B, value: 0644 }", "+63912   # telephone", "1_000"):
        assert text in made
    assert made.startswith("# Ask ops before you touch the plan\nservices:\n  # The pages.\n")
    assert made.endswith(
        "databases:\n  - name: main  # paid until June\n    plan: basic-1gb\n# the end\n"
    )
    assert "    name: frontend      # Next.js\n    startCommand: npx next start\n" in made


def test_what_follows_a_removed_service_keeps_its_comment():
    """And the comment right above the removed one goes with it."""
    made = edited(FILE)
    assert "# Wakes the API." not in made
    assert "  # The pages.\n" in made


def test_a_site_is_made_where_node_served_the_frontend():
    """Only where no static site is described; one of theirs stays as it is."""
    node = "services:\n- type: web\n  runtime: node\n  name: old-api\n"
    others = OTHERS | {"site": SITE | {"autoDeployTrigger": "off"}}
    made = edited(node, others)
    assert others["site"] in yaml.safe_load(made)["services"]
    assert edited(made, others) == made
    assert SITE["staticPublishPath"] not in edited(FILE, others).replace("./dist", "")


def test_a_service_in_a_project_is_replaced_where_it_stood():
    """Its environment's other services are its neighbours still."""
    text = (
        "projects:\n  - name: app\n    environments:\n      - name: production\n"
        "        services:\n          - {type: web, runtime: node, name: old-api}\n"
        "          - type: web\n            runtime: static\n            name: s\n"
    )
    made = yaml.safe_load(edited(text))
    inside = made["projects"][0]["environments"][0]["services"]
    assert [each["name"] for each in inside] == ["s", *SERVICES.values()]


@pytest.mark.parametrize(
    "switch",
    [
        "autoDeploy: true",
        "autoDeploy: &d yes",
        "autoDeployTrigger: commit",
        "autoDeployTrigger: off",
        "plan: starter",
        "autoDeploy: true\n  autoDeployTrigger: commit",
    ],
)
def test_pushes_no_longer_deploy_a_service_that_is_held(switch):
    """Whatever was said of it before; `off` in quotes, or Render refuses the file."""
    text = f"services:\n- name: site\n  {switch}\n  runtime: static\n"
    made = edited(text)
    assert 'autoDeployTrigger: "off"\n' in made or "autoDeployTrigger: 'off'" in made
    found = Blueprint(made, "p").services[0].data
    assert blueprint.is_held(found)
    assert found["runtime"] == "static"


@pytest.mark.parametrize("dash", ["- # legacy-api - old", "-", "- &api-v1"])
def test_a_dash_may_stand_alone_on_its_line(dash):
    """Or before a comment or an anchor that hold dashes of their own."""
    text = f"services:\n  {dash}\n    name: old-api\n    type: web\n  {dash}2\n    name: s\n"
    made = edited(text if dash != "-" else text.replace("-2", "-"))
    assert "old-api" not in made
    assert [each.name for each in Blueprint(made, "p").services] == ["s", *SERVICES.values()]


def test_an_anchor_that_goes_with_a_service_and_is_used_elsewhere_is_refused():
    """The file would not be YAML any more."""
    text = "services:\n- name: old-api\n  envVars: &v\n  - {key: a}\n- name: w\n  envVars: *v\n"
    with pytest.raises(ClientError, match=r"render\.yaml") as caught:
        edited(text)
    assert "without what goes: found undefined alias 'v'" in caught.value.why
    assert "write out what an alias stands for" in caught.value.fix


def test_a_reference_to_a_service_that_goes_is_named():
    """Render would refuse the file, or give the variable no value."""
    text = (
        "services:\n- name: old-api\n- name: site\n  envVars:\n  - key: API\n    fromService:\n"
        "      {type: web, name: old-api, property: host}\n"
    )
    assert Blueprint(text, "p").references({"old-api"}) == ["`site` takes it from `old-api`"]
    assert Blueprint(text, "p").references({"site"}) == []


@pytest.mark.parametrize(
    "told",
    [
        "routes: [{type: rewrite, source: /api/*, destination: 'https://old-api.onrender.com/*'}]",
        "startCommand: curl http://old-api:10000/health",
        "envVars: [{key: API, value: https://old-api.onrender.com}]",
    ],
)
def test_an_address_of_a_service_that_goes_is_named(told):
    """It may be meant to go on for a while, so that it is told, not refused."""
    text = f"services:\n- name: old-api\n- name: site\n  {told}\n"
    (found,) = Blueprint(text, "p").addresses({"old-api"})
    assert found.startswith("`site` names an address that goes: `")
    assert "old-api" in found
    for other in ({"api"}, {"old"}, {"site"}, set()):
        assert Blueprint(text, "p").addresses(other) == []


def test_an_address_in_a_group_of_variables_is_named():
    """Services take its variables by the group's name, and the address with them."""
    group = (
        "envVarGroups:\n- name: g\n  envVars: [{key: API, value: https://old-api.onrender.com}]\n"
    )
    text = f"services:\n- name: old-api\n{group}"
    (found,) = Blueprint(text, "p").addresses({"old-api"})
    assert "https://old-api.onrender.com" in found
    assert Blueprint(text, "p").addresses({"other"}) == []


def test_a_key_that_stands_twice_is_refused_with_its_lines():
    """Readers of YAML take the first or the last of them."""
    text = "services:\n- name: old-api\n  envVars:\n  - {key: A}\n  name: other\n"
    with pytest.raises(ClientError) as caught:
        Blueprint(text, "render.yaml")
    assert caught.value.why == "`name` stands twice, in line 2 and line 5"


@pytest.mark.parametrize(
    "text",
    ["", "services: {}", "services: [1]", "- a", "services: [", "x", "services: [{a: =}]", "a: 1"],
)
def test_a_blueprint_of_another_form_is_refused(text):
    """With its path."""
    with pytest.raises(ClientError, match=r"render\.yaml"):
        Blueprint(text, "render.yaml")


class Accepting:
    """A workspace that accepts every file."""

    def validate_blueprint(self, text):
        """Accept it where it is YAML."""
        yaml.safe_load(text)
        return []


def test_the_plan_says_what_changes_what_stays_and_what_is_not_there():
    """So that nobody learns of it from Render."""
    with cloned() as clone:
        push(clone.path, "as found", **{"render.yaml": FILE})
        others = OTHERS | {"legacy": ["old-api", "old-cron", "old-woker"]}
        live = {
            "render": Accepting(),
            "repository": Repository.from_inventory(clone.inventory),
            "path": "render.yaml",
            "services": SERVICES,
            "definitions": DEFINITIONS,
            "python_version": "3.11.0",
            "others": others,
            "task": "2.1",
            "run": "r",
        }
        contract = blueprint.replace.contract
        shown = contract.preview(
            **{name: live[name] for name in live if name not in ("render", "task", "run")}
        )
        assert "-    name: old-api\n" in shown
        assert "+  - name: rotc-django-web\n" in shown
        assert "stays: `nightly-report` (cron, python)" in shown
        assert "stays: `frontend` (web, node)" in shown
        assert "not in `render.yaml`: `old-woker`, named as legacy" in shown
        assert all(ask(each, live).passed for each in contract.requires)
        assert "missing" in ask(contract.ensures, live).why
        perform(contract.body, live, None)
        assert ask(contract.ensures, live).passed
        assert clone.read("render.yaml") == edited(FILE, others)
