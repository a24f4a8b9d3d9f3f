"""Plan tasks 5.2, 5.4 and 5.5: what `client/src/utils/api.js` sends, takes and refuses."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

TOKENS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.", min_size=1)
ZONES = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=ZONES)  # noqa: DTZ001
ROWS = st.lists(st.fixed_dictionaries({"id": st.integers(1, 2**31), "name": st.text()}), max_size=9)
SESSION = {"accessToken": "stale", "refreshToken": "good for a week"}
EXPIRED = {
    "status": 401,
    "body": {
        "error": "Unauthorized",
        "message": "The access token does not hold.",
        "code": "token_not_valid",
        "details": {},
    },
}
ME = "return await api.request('/auth/me')"


@settings(deadline=None, max_examples=50)
@given(token=TOKENS, method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]))
def test_property_9_jwt_token_inclusion(browser, token, method):
    """Property 9: any request of someone logged in carries the token, as Bearer."""
    seen = browser.run(
        "return await api.request('/cadets/', {method: args.method})",
        args={"method": method},
        storage={"accessToken": token},
        answers=[{"status": 200, "body": {}}],
    )

    (asked,) = seen["requests"]
    assert asked["method"] == method
    assert asked["headers"]["authorization"] == f"Bearer {token}"


def test_request_without_login_carries_no_token(browser):
    """Nobody's request names nobody."""
    seen = browser.run(ME, answers=[{"status": 200, "body": {}}])

    assert "authorization" not in seen["requests"][0]["headers"]


@settings(deadline=None, max_examples=50)
@given(moment=MOMENTS)
def test_property_10_datetime_parsing(browser, moment):
    """Property 10: any ISO 8601 moment of any zone is read as that moment, to the millisecond."""
    code = "return args.texts.map((text) => api.parseDateTime(text).getTime())"
    as_utc = moment.astimezone(UTC).isoformat().replace("+00:00", "Z")

    seen = browser.run(code, args={"texts": [moment.isoformat(), as_utc]})

    wanted = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert seen["value"] == [wanted, wanted]


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T08:00:00",
        "2026-02-30T08:00:00Z",
        "2026-01-31",
        "2026-01-31T24:00:00Z",
        "2026-01-31T08:00:60Z",
        "31/01/2026",
        "",
    ],
)
def test_datetime_that_browsers_read_differently_is_refused(browser, text):
    """A moment without a zone, or of a day that is none, is not guessed at."""
    seen = browser.run("return api.parseDateTime(args.text)", args={"text": text})

    assert seen["failure"]["name"] == "RangeError"


def test_absent_datetime_stays_absent(browser):
    """A column without a moment has none."""
    assert browser.run("return api.parseDateTime(null)")["value"] is None


@settings(deadline=None, max_examples=50)
@given(rows=ROWS, limit=st.integers(1, 4))
def test_property_11_paginated_response_handling(browser, rows, limit):
    """Property 11: from page to page, each row arrives once and in order, with the total."""
    pages = [rows[start : start + limit] for start in range(0, len(rows), limit)] or [[]]
    bodies = [
        {"page": number, "limit": limit, "total": len(rows), "data": page}
        for number, page in enumerate(pages, start=1)
    ]

    seen = browser.run(
        """
        const pages = [];
        do {
          pages.push(await api.list("cadets", { page: pages.length + 1, limit: args.limit }));
        } while (pages.length * pages[0].limit < pages[0].total);
        return pages;
        """,
        args={"limit": limit},
        answers=[{"status": 200, "body": body} for body in bodies],
    )

    assert seen["value"] == bodies
    assert [asked["url"] for asked in seen["requests"]] == [
        f"/api/v1/cadets/?page={number}&limit={limit}" for number in range(1, len(pages) + 1)
    ]


@pytest.mark.parametrize("body", [[], {"data": []}, {"page": 1, "limit": 1, "total": 1}, None])
def test_list_without_page_is_refused(browser, body):
    """An answer of another form is an error, not an empty list."""
    seen = browser.run("return api.list('cadets')", answers=[{"status": 200, "body": body}])

    assert seen["failure"]["code"] == "no_page"


def test_api_uses_the_v1_prefix(browser):
    """Every address begins with /api/v1/, has dashes, and ends so that Django does not redirect."""
    page = {"status": 200, "body": {"page": 1, "limit": 50, "total": 0, "data": []}}

    seen = browser.run(
        "await api.list('attendance_records'); return api.API_PREFIX", answers=[page]
    )

    assert seen["value"] == "/api/v1"
    assert seen["requests"][0]["url"] == "/api/v1/attendance-records/?page=1&limit=50"


def test_login_keeps_the_tokens_and_returns_the_user(browser):
    """The answer of Django's login is understood; a session of the old client is forgotten."""
    user = {"id": 7, "username": "chief", "role": "admin"}
    answer = {"access": "new", "refresh": "long", "user": user}

    seen = browser.run(
        "return await api.login('chief', 'right')",
        storage={"token": "of the old client"},
        answers=[{"status": 200, "body": answer}],
    )

    assert seen["value"] == user
    assert seen["storage"] == {"accessToken": "new", "refreshToken": "long"}
    (asked,) = seen["requests"]
    assert (asked["method"], asked["url"]) == ("POST", "/api/v1/auth/login")
    assert json.loads(asked["body"]) == {"username": "chief", "password": "right"}


def test_login_refused_shows_why_and_redirects_nowhere(browser):
    """A wrong password stays on the login page."""
    refused = {**EXPIRED["body"], "message": "Wrong user name or password."}

    seen = browser.run(
        "return await api.login('chief', 'wrong')",
        storage=SESSION,
        answers=[{"status": 401, "body": refused}],
    )

    assert seen["failure"]["message"] == "Wrong user name or password."
    assert seen["redirects"] == []
    assert len(seen["requests"]) == 1


def test_401_redirects_to_login(browser):
    """Whoever the server does not know any more is asked to log in."""
    seen = browser.run(ME, storage={"accessToken": "stale"}, answers=[EXPIRED])

    assert seen["redirects"] == ["/login"]
    assert seen["storage"] == {}
    assert (seen["failure"]["status"], seen["failure"]["code"]) == (401, "token_not_valid")


def test_stale_token_is_renewed_and_the_request_repeated(browser):
    """An hour's end is not noticed while the refresh token holds."""
    answers = [
        EXPIRED,
        {"status": 200, "body": {"access": "new"}},
        {"status": 200, "body": {"id": 7}},
    ]

    seen = browser.run(ME, storage=SESSION, answers=answers)

    assert seen["value"] == {"id": 7}
    assert [asked["url"] for asked in seen["requests"]] == [
        "/api/v1/auth/me",
        "/api/v1/auth/refresh",
        "/api/v1/auth/me",
    ]
    assert "authorization" not in seen["requests"][1]["headers"]
    assert seen["requests"][2]["headers"]["authorization"] == "Bearer new"
    assert seen["storage"] == {**SESSION, "accessToken": "new"}
    assert seen["redirects"] == []


def test_requests_that_fail_together_share_one_renewal(browser):
    """A page of many requests asks for one new token."""
    good = {"status": 200, "body": {"id": 7}}
    answers = [EXPIRED, EXPIRED, {"status": 200, "body": {"access": "new"}}, good, good]

    seen = browser.run(
        "return Promise.all([api.request('/auth/me'), api.request('/auth/me')])",
        storage=SESSION,
        answers=answers,
    )

    assert seen["value"] == [{"id": 7}, {"id": 7}]
    assert sum(asked["url"].endswith("/refresh") for asked in seen["requests"]) == 1


@pytest.mark.parametrize(
    "answers",
    [[EXPIRED, EXPIRED], [EXPIRED, {"status": 200, "body": {"access": "new"}}, EXPIRED]],
    ids=["refresh token ran out", "new token refused too"],
)
def test_401_that_no_renewal_mends_redirects_to_login(browser, answers):
    """There is one renewal, never a circle, and no token stays that would start one."""
    seen = browser.run(ME, storage=SESSION, answers=answers)

    assert seen["redirects"] == ["/login"]
    assert seen["storage"] == {}
    assert len(seen["requests"]) == len(answers)


def test_outage_during_renewal_logs_nobody_out(browser):
    """A refresh token that could not be tried is kept."""
    seen = browser.run(ME, storage=SESSION, answers=[EXPIRED, {"drop": True}])

    assert seen["failure"]["code"] == "network_error"
    assert seen["storage"] == SESSION
    assert seen["redirects"] == []


def test_network_error_shows_a_message_for_people(browser):
    """Nobody reads `Failed to fetch`."""
    seen = browser.run(ME, answers=[{"drop": True}])

    assert seen["failure"] == {
        "name": "ApiError",
        "message": "The server cannot be reached. Check your connection and try again.",
        "status": 0,
        "error": "Network Error",
        "code": "network_error",
        "details": {},
    }


def test_error_of_the_api_becomes_an_error_with_its_fields(browser):
    """`error`, `message`, `code` and `details` all arrive."""
    body = {
        "error": "Bad Request",
        "message": "The request is not valid.",
        "code": "invalid",
        "details": {"email": ["Enter a valid email address."]},
    }

    seen = browser.run(
        "return api.request('/users/', {method: 'POST', body: {email: '?'}})",
        answers=[{"status": 400, "body": body}],
    )

    assert seen["failure"] == {"name": "ApiError", "status": 400, **body}


def test_page_of_the_platform_shows_a_message_for_people(browser):
    """What is no JSON comes from before the application: its markup is shown to nobody."""
    seen = browser.run(ME, answers=[{"status": 502, "text": "<h1>Bad Gateway</h1>"}])

    assert seen["failure"]["status"] == 502
    assert seen["failure"]["message"].startswith("The server is not available")


def test_answer_without_body_is_none(browser):
    """A deletion answers nothing."""
    seen = browser.run(
        "return api.request('/cadets/1/', {method: 'DELETE'})", answers=[{"status": 204}]
    )

    assert seen["value"] is None


def test_form_names_its_own_type(browser):
    """An upload is sent as the multipart form that it is."""
    seen = browser.run(
        """
        const body = new FormData();
        body.append("file", new Blob(["x"]), "letter.txt");
        return api.request("/uploads/", { method: "POST", body });
        """,
        answers=[{"status": 201, "body": {"url": "https://files.example/1"}}],
    )

    (asked,) = seen["requests"]
    assert asked["headers"]["content-type"].startswith("multipart/form-data; boundary=")
    assert 'filename="letter.txt"' in asked["body"]
