"""Plan task 5.3: how `client/src/utils/websocket.js` connects, and comes back without a storm."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

LOGGED_IN = {"accessToken": "a.b-c_d"}
WITH_REFRESH = {**LOGGED_IN, "refreshToken": "good for a week"}
RENEWED = {"status": 200, "body": {"access": "new"}}
LOSE = """
    const lose = () => {
      world.sockets.at(-1).drop();
      world.timers.at(-1).callback();
    };
"""


def test_websocket_connects_to_channels_with_the_token(browser):
    """The address is Channels' own, with the token in the query."""
    seen = browser.run("live.openNotifications(() => {})", storage={"accessToken": "a+b&c"})

    assert seen["addresses"] == ["wss://channels.example/ws/notifications/?token=a%2Bb%26c"]


def test_websocket_without_login_does_not_connect(browser):
    """Nobody's notifications are asked for by nobody."""
    assert browser.run("live.openNotifications(() => {})")["addresses"] == []


def test_websocket_passes_on_the_notification_itself(browser):
    """What App.jsx shows is the stored row, and only rows."""
    seen = browser.run(
        """
        const rows = [];
        live.openNotifications((row) => rows.push(row));
        world.sockets[0].say({ type: "welcome", user: { id: 7 } });
        world.sockets[0].say({ type: "notification", notification: { id: 1, message: "Drill" } });
        return rows;
        """,
        storage=LOGGED_IN,
    )

    assert seen["value"] == [{"id": 1, "message": "Drill"}]


@settings(deadline=None, max_examples=25)
@given(losses=st.integers(1, 40))
def test_websocket_backs_off_exponentially_with_jitter(browser, losses):
    """Each loss doubles the wait, up to a minute, and half of it is chance."""
    seen = browser.run(
        LOSE + "live.openNotifications(() => {}); for (let n = 0; n < args.losses; n++) lose();",
        args={"losses": losses},
        storage=LOGGED_IN,
    )

    longest = [min(1000 * 2**number, 60_000) for number in range(losses)]
    assert len(seen["delays"]) == losses
    for delay, bound in zip(seen["delays"], longest, strict=True):
        assert bound / 2 <= delay <= bound
    assert len(seen["addresses"]) == losses + 1


def test_websocket_jitter_spreads_the_browsers(browser):
    """After a deploy, browsers do not come back at one moment."""
    seen = browser.run(
        """
        for (let n = 0; n < 50; n++) live.openNotifications(() => {});
        [...world.sockets].forEach((socket) => socket.drop());
        """,
        storage=LOGGED_IN,
    )

    assert max(seen["delays"]) - min(seen["delays"]) > 100


@pytest.mark.parametrize(("held_ms", "starts_anew"), [(29_999, False), (30_000, True)])
def test_websocket_that_held_starts_the_delays_anew(browser, held_ms, starts_anew):
    """Only a socket that held for a while counts; one that is welcomed and dropped does not."""
    seen = browser.run(
        LOSE
        + """
        live.openNotifications(() => {});
        for (let n = 0; n < 6; n++) lose();
        world.sockets.at(-1).say({ type: "welcome" });
        world.now += args.held;
        world.sockets.at(-1).drop();
        """,
        args={"held": held_ms},
        storage=LOGGED_IN,
    )

    assert (seen["delays"][-1] <= 1000) is starts_anew


def test_websocket_stops_when_the_token_is_refused(browser):
    """4401 without a refresh token is the end: no timer, no other socket."""
    seen = browser.run(
        "live.openNotifications(() => {}); world.sockets[0].drop(4401);"
        "await new Promise(setImmediate);",
        storage=LOGGED_IN,
    )

    assert len(seen["addresses"]) == 1
    assert seen["delays"] == []


def test_websocket_offers_a_renewed_token_once(browser):
    """A token that ran out is renewed; if the new one is refused as well, that is the end."""
    seen = browser.run(
        """
        const pause = () => new Promise((resolve) => setTimeout(resolve, 10));
        live.openNotifications(() => {});
        world.sockets[0].drop(4401);
        for (let n = 0; n < 200 && world.timers.length === 0; n++) await pause();
        world.timers[0].callback();
        world.sockets[1].drop(4401);
        for (let n = 0; n < 5; n++) await pause();
        """,
        storage=WITH_REFRESH,
        answers=[RENEWED, RENEWED],
    )

    assert [address.partition("=")[2] for address in seen["addresses"]] == ["a.b-c_d", "new"]
    assert len(seen["delays"]) == 1
    assert [asked["url"] for asked in seen["requests"]] == ["/api/v1/auth/refresh"]


def test_websocket_closed_by_the_page_stays_closed(browser):
    """Neither a waiting timer nor the socket's own end brings it back."""
    seen = browser.run(
        """
        const waiting = live.openNotifications(() => {});
        world.sockets[0].drop();
        waiting.close();
        const open = live.openNotifications(() => {});
        open.close();
        world.sockets[1].onclose({ code: 1000 });
        return world.sockets[1].isClosed;
        """,
        storage=LOGGED_IN,
    )

    assert seen["value"] is True
    assert seen["delays"] == []
    assert len(seen["addresses"]) == 2
