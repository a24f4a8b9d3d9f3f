"""The services around the app: uploads, old files, alerts."""

import asyncio
import io
import threading

import cloudinary
import cloudinary.api
import cloudinary.exceptions
import cloudinary.uploader
import pytest
import requests
from rehearsal.alerts import Alerts
from rehearsal.cloudinary import Account, Cloudinary
from rehearsal.filehost import FileHost, picture


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """Run the three services on a thread of their own."""
    directory = tmp_path_factory.mktemp("outside")
    services = (
        Cloudinary(directory / "cloudinary", [Account("rotc-test", "1234", "made-up")]),
        FileHost(),
        Alerts(directory / "alerts.jsonl"),
    )
    ready, loops = threading.Event(), []

    async def serve():
        for service in services:
            await service.start()
        ended = asyncio.Event()
        loops.append((asyncio.get_running_loop(), ended))
        ready.set()
        await ended.wait()
        for service in services:
            service.stop()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    yield services
    loops[0][0].call_soon_threadsafe(loops[0][1].set)
    thread.join(10)


@pytest.fixture
def cloud(outside):
    """Point Cloudinary's own SDK at the stand-in."""
    cloudinary.reset_config()
    cloudinary.config(
        cloud_name="rotc-test", api_key="1234", api_secret="made-up", upload_prefix=outside[0].url
    )
    yield outside[0]
    cloudinary.reset_config()


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_sdk_uploads_and_the_bytes_come_back(cloud, algorithm):
    """What the SDK signs and sends is delivered byte for byte, then destroyed."""
    content = picture(7)
    cloudinary.config(signature_algorithm=algorithm)

    answer = cloudinary.uploader.upload(io.BytesIO(content), folder="proofs", tags=["a&b", "c"])

    assert answer["public_id"].startswith("proofs/")
    assert (answer["format"], answer["width"], answer["bytes"]) == ("png", 8, len(content))
    assert requests.get(answer["secure_url"], timeout=10).content == content
    assert cloudinary.uploader.destroy(answer["public_id"]) == {"result": "ok"}
    assert requests.get(answer["secure_url"], timeout=10).status_code == 404
    assert cloudinary.uploader.destroy(answer["public_id"]) == {"result": "not found"}


def test_wrong_secret_is_refused(cloud):
    """A signature made with another secret uploads nothing; a ping fails likewise."""
    assert cloudinary.api.ping()["status"] == "ok"
    cloudinary.config(api_secret="guessed")

    with pytest.raises(cloudinary.exceptions.AuthorizationRequired):
        cloudinary.uploader.upload(io.BytesIO(picture(1)))
    with pytest.raises(cloudinary.exceptions.AuthorizationRequired):
        cloudinary.api.ping()


def test_old_files_are_alive_dead_or_gone(outside):
    """Each alive file has bytes of its own; the others say how they are missing."""
    url = outside[1].url

    assert requests.get(f"{url}/files/alive/1.jpg", timeout=10).content == picture(1)
    assert requests.get(f"{url}/files/alive/2.jpg", timeout=10).content != picture(1)
    assert requests.get(f"{url}/files/dead/1.jpg", timeout=10).status_code == 404
    assert requests.get(f"{url}/files/gone/1.jpg", timeout=10).status_code == 410
    with pytest.raises(requests.Timeout):
        requests.get(f"{url}/files/slow/1.jpg", timeout=0.3)


def test_alerts_are_kept_in_order(outside):
    """What was posted can be read back."""
    url = outside[2].url
    for number in (1, 2):
        assert requests.post(url, json={"number": number}, timeout=10).status_code == 202

    kept = requests.get(url, timeout=10).json()

    assert [alert["body"]["number"] for alert in kept] == [1, 2]
