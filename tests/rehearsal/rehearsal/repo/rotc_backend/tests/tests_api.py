"""What the frontend relies on: login, lists, errors and the cache."""

from http import HTTPStatus

from django.http import HttpResponse
from django.test import Client, TestCase, override_settings

from apps.accounts import passwords
from apps.accounts.models import OutstandingToken, User
from apps.corps.models import Cadet
from config.urls import router

HOST = "testserver"
NUMBER_OF_TABLES = 19


@override_settings(ALLOWED_HOSTS=[HOST])
class ApiTests(TestCase):
    """One administrator, logged in."""

    @classmethod
    def setUpTestData(cls) -> None:
        """Make the account."""
        cls.user = User.objects.create(
            username="chief",
            password=passwords.hashed("right"),
            role="admin",
            email="chief@rotc.example",
            is_approved=True,
        )

    def setUp(self) -> None:
        """Log in."""
        answer = self.log_in("right")
        self.assertEqual(answer.status_code, HTTPStatus.OK)
        self.tokens = answer.json()
        self.client = Client(headers={"authorization": f"Bearer {self.tokens['access']}"})

    def log_in(self, password: str) -> HttpResponse:
        """Try to log in."""
        return Client().post(
            "/api/v1/auth/login",
            {"username": "chief", "password": password},
            content_type="application/json",
        )

    def test_login_gives_tokens_of_the_account(self) -> None:
        """The access token stands for whoever logged in, and the refresh token is out."""
        self.assertEqual(self.client.get("/api/v1/auth/me").json(), self.tokens["user"])
        self.assertTrue(OutstandingToken.objects.filter(account_id=self.user.pk).exists())

    def test_wrong_and_malformed_passwords_are_refused(self) -> None:
        """Both are a 401 in the standard form."""
        self.assertEqual(self.log_in("wrong").status_code, HTTPStatus.UNAUTHORIZED)
        User.objects.filter(pk=self.user.pk).update(password="right")
        answer = self.log_in("right")
        self.assertEqual(answer.status_code, HTTPStatus.UNAUTHORIZED)
        self.assertEqual(set(answer.json()), {"error", "message", "code", "details"})

    def test_every_table_lists(self) -> None:
        """All 19 answer a page to a token and 401 to none."""
        self.assertEqual(len(router.registry), NUMBER_OF_TABLES)
        for name, _, _ in router.registry:
            with self.subTest(name):
                page = self.client.get(f"/api/v1/{name}/").json()
                self.assertEqual(set(page), {"page", "limit", "total", "data"})
                stranger = Client().get(f"/api/v1/{name}/")
                self.assertEqual(stranger.status_code, HTTPStatus.UNAUTHORIZED)

    def test_pages_hold_what_was_asked_for(self) -> None:
        """Two a page: the second page of three rows has one."""
        for number in range(3):
            Cadet.objects.create(first_name="Ana", last_name="Cruz", student_id=f"S-{number}")
        page = self.client.get("/api/v1/cadets/?limit=2&page=2").json()
        self.assertEqual((page["page"], page["limit"], page["total"]), (2, 2, 3))
        self.assertEqual([row["student_id"] for row in page["data"]], ["S-2"])

    def test_rows_hold_json_booleans_and_utc_times(self) -> None:
        """A row reads the same in every browser."""
        row = self.client.get(f"/api/v1/users/{self.user.pk}/").json()
        self.assertIs(row["is_approved"], True)
        self.assertTrue(row["created_at"].endswith("Z"))
        self.assertNotIn("password", row)

    def test_the_cache_round_trips(self) -> None:
        """What goes to Redis comes back."""
        path = f"/api/v1/cache/test:{self.tokens['refresh'][-20:].replace('-', '.')}/"
        self.client.put(path, {"value": [1, None]}, content_type="application/json")
        self.assertEqual(self.client.get(path).json()["value"], [1, None])
