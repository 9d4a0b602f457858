"""Nobody comes in without the token, from another site, or under another name; nothing leads outside the shelf."""

import pytest
from starlette.testclient import TestClient

from scalewise.web.guard import Door

PORT = 8123
HERE = f"http://127.0.0.1:{PORT}"


def test_without_the_token_nothing_is_shown(running: TestClient) -> None:
    for path in ("/", "/tables/smol", "/static/ask.js", "/answers/000000000000", "/suites/x/events"):
        assert running.get(path).status_code == 403
    assert running.get("/?token=wrong").status_code == 403
    assert running.get("/", headers={"authorization": "Bearer wrong"}).status_code == 403


def test_the_token_moves_into_a_cookie_that_scripts_cannot_read(running: TestClient, door: Door) -> None:
    reply = running.get(f"/compare?a=1&token={door.token}")
    assert (reply.status_code, reply.headers["location"]) == (303, "/compare?a=1")
    cookie = reply.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    running.cookies.clear()


def test_the_token_never_leads_elsewhere(running: TestClient, door: Door) -> None:
    reply = running.get(f"{HERE}//evil.example/?token={door.token}")
    assert reply.headers["location"].startswith("/")
    assert not reply.headers["location"].startswith("//")
    running.cookies.clear()


@pytest.mark.parametrize("host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:80", ""])
def test_other_hosts_are_refused_even_with_the_cookie(page: TestClient, host: str) -> None:
    assert page.get("/", headers={"host": host}).status_code == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", f"https://127.0.0.1:{PORT}", "http://127.0.0.1:1"])
def test_other_origins_are_refused_even_with_the_cookie(page: TestClient, origin: str) -> None:
    for method in ("GET", "POST"):
        assert page.request(method, "/tables/smol/ask/audit", headers={"origin": origin}).status_code == 403


def test_a_change_needs_an_origin_or_a_bearer(page: TestClient, door: Door) -> None:
    del page.headers["origin"]
    try:
        assert page.post("/suites/x/stop").status_code == 403
        bearer = {"authorization": f"Bearer {door.token}"}
        assert page.post("/suites/x/stop", headers=bearer).status_code == 422  # there is no such table
    finally:
        page.headers["origin"] = HERE
    assert page.post("/suites/x/stop", headers={"sec-fetch-site": "cross-site"}).status_code == 403


def test_headers_of_every_response(page: TestClient) -> None:
    for path in ("/", "/static/ask.js", "/nowhere", "/?token=wrong"):
        headers = page.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
    assert page.get("/").headers["cache-control"] == "no-store"


def test_pages_have_no_script_or_style_of_their_own(page: TestClient) -> None:
    """What the policy would refuse is not relied on."""
    for path in ("/", "/tables/smol", "/tables/smol/ask/beats", "/compare"):
        text = page.get(path).text
        assert "<script>" not in text
        assert " style=" not in text
        assert " onclick" not in text


def test_another_address_is_served_by_number_only() -> None:
    door = Door(80, ("0.0.0.0", "box"), any_address=True)
    assert door.is_here("192.168.1.7:80")
    assert door.is_here("box:80")
    assert not door.is_here("rebound.example:80")
    assert not Door(80).is_here("192.168.1.7:80")


def test_tokens_differ() -> None:
    assert Door(1).token != Door(1).token


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/..%2f..%2fapp.py",
        "/static/%2e%2e/app.py",
        "/tables/..%2f..%2fetc",
        "/tables/%2fetc%2fpasswd",
        "/answers/..%2f..%2fetc%2fpasswd/answer.json",
        "/answers/......../answer.json",
        "/suites/..%2fx/events",
    ],
)
def test_no_path_leads_outside(page: TestClient, path: str) -> None:
    reply = page.get(path)
    assert reply.status_code in (404, 422)
    assert "root:" not in reply.text
