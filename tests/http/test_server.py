from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import hashlib
import json
import re
import ssl

import aiohttp
import bcrypt
import pytest
import trustme
from aiohttp.test_utils import TestClient, TestServer

from exporter.http import deadlines, handlers, responses
from exporter.http.server import make_app, serve
from exporter.http.web_config import WebConfig, read_web_config
from exporter.metrics.text_format import ExpositionFormat
from exporter.model.outcome import Reason, Stage, Verdict
from exporter.present.formats.json import rules_document, targets_document
from tests import exposing, make
from tests.exposing import NOW

ROUTES = ("/", "/metrics", "/-/healthy", "/-/ready", "/api/v1/targets")


@contextlib.asynccontextmanager
async def client_of(scene, **changes):
    server = TestServer(make_app(scene.parts(**changes)), host="127.0.0.1")
    async with TestClient(server, auto_decompress=False) as client:
        yield client


@pytest.fixture
async def client():
    async with client_of(exposing.populated()) as client:
        yield client


async def body(response):
    return response.status, await response.text()


async def test_metrics_are_served_as_plain_text(client):
    response = await client.get("/metrics", headers={"Accept-Encoding": "identity"})
    assert response.status == 200
    assert response.headers["Content-Type"] == ExpositionFormat.TEXT.value
    assert response.headers["Vary"] == "Accept, Accept-Encoding"
    assert "Content-Encoding" not in response.headers
    assert 'connectivity_rule_satisfied{rule="api"' in await response.text()


async def test_metrics_are_served_as_gzipped_openmetrics(client):
    headers = {
        "Accept": "application/openmetrics-text; version=1.0.0",
        "Accept-Encoding": "gzip",
    }
    response = await client.get("/metrics", headers=headers)
    assert response.headers["Content-Type"] == ExpositionFormat.OPENMETRICS.value
    assert response.headers["Content-Encoding"] == "gzip"
    text = gzip.decompress(await response.read()).decode()
    assert text.endswith("# EOF\n")
    assert 'connectivity_rule_satisfied{rule="api"' in text


async def test_healthy_is_healthy(client):
    assert await body(await client.get("/-/healthy")) == (200, "healthy\n")


async def test_ready_waits_for_the_first_round_of_every_active_target():
    scene = exposing.populated()
    async with client_of(scene) as client:
        assert await body(await client.get("/-/ready")) == (
            503,
            "1 of 5 targets await their first probe\n",
        )
        (new,) = scene.store.of_rule("new")
        scene.store.add(new.target, exposing.prohibited())
        assert await body(await client.get("/-/ready")) == (200, "ready\n")


async def test_once_ready_it_stays_ready_when_targets_are_added():
    scene = exposing.populated()
    async with client_of(scene) as client:
        (new,) = scene.store.of_rule("new")
        scene.store.add(new.target, exposing.prohibited())
        assert (await body(await client.get("/-/ready")))[0] == 200
        scene.reload(*scene.all_targets, make.target(id="later"))
        assert (await body(await client.get("/-/ready")))[0] == 200


async def test_what_is_probed_seldom_is_not_waited_for():
    scene = exposing.Scene(make.target(interval=3600.0))
    async with client_of(scene) as client:
        assert (await body(await client.get("/-/ready")))[0] == 200


async def test_the_targets_document_is_the_one_of_check():
    scene = exposing.populated()
    async with client_of(scene) as client:
        response = await client.get("/api/v1/targets")
        assert response.content_type == "application/json"
        said = json.loads(gzip.decompress(await response.read()))
    assert said == targets_document(scene.store.records())
    assert len(said["targets"]) == 5


async def test_a_shard_says_everywhere_which_it_is():
    plain = {"Accept-Encoding": "identity"}
    async with client_of(exposing.populated(), shard=lambda: "2/5") as client:
        for path in ("targets", "findings", "rules/database"):
            response = await client.get(f"/api/v1/{path}", headers=plain)
            assert (await response.json())["shard"] == "2/5"
        for path in ("/", "/rules/database"):
            response = await client.get(path, headers=plain)
            assert ", shard 2/5 " in await response.text()


async def test_a_rule_document_has_targets_of_every_status():
    scene = exposing.populated()
    async with client_of(scene) as client:
        for name in ("database", "unset"):
            response = await client.get(f"/api/v1/rules/{name}")
            assert response.content_type == "application/json"
            said = json.loads(gzip.decompress(await response.read()))
            targets = [t for t in scene.all_targets if t.rule.id == name]
            assert said["rules"] == rules_document(targets)["rules"]
            probed = [one["destination"] for one in said["targets"]]
            records = scene.store.of_rule(name)
            assert probed == [one.target.destination for one in records]


@pytest.mark.parametrize("path", ["/rules/nobody", "/api/v1/rules/nobody"])
async def test_an_unknown_rule_is_not_found(client, path):
    assert await body(await client.get(path)) == (404, "no rule has this id\n")


async def test_pages_are_served_with_the_policy_their_style_needs(client):
    for path in ("/", "/?verdict=violated&page=2", "/rules/database"):
        response = await client.get(path)
        text = await response.text()
        assert response.content_type == "text/html"
        style = re.search(r"<style>(.*)</style>", text, re.DOTALL)[1]
        hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"'sha256-{hashed}'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", [*ROUTES, "/nowhere", "/rules/nobody"])
async def test_every_answer_carries_the_protective_headers(client, path):
    headers = (await client.get(path)).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "Server" not in headers


@pytest.mark.parametrize("path", ROUTES)
async def test_head_is_get_without_a_body(client, path):
    response = await client.head(path)
    assert response.status == (await client.get(path)).status
    assert await response.read() == b""


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/metrics"),
        ("DELETE", "/"),
        ("GET", "/-/reload"),
        ("GET", "/api/v1/rules/api/probe"),
        ("PUT", "/api/v1/targets"),
    ],
)
async def test_another_method_is_not_allowed(client, method, path):
    assert (await client.request(method, path)).status == 405


async def test_a_large_scrape_survives_a_large_body_and_odd_queries(client):
    response = await client.get("/metrics?name[]=x", data=b"x" * 100_000)
    assert response.status == 200
    assert (await client.get("/metrics")).status == 200


class Drawing:
    """Stands for the drawing of pages: notes each, and waits to be released."""

    def __init__(self, monkeypatch):
        self.release = asyncio.Event()
        self.drawn = []
        monkeypatch.setattr(handlers.render, "overview", self.overview)

    async def overview(self, _records, _targets, wanted, *_, **_more):
        self.drawn.append(wanted.text)
        await self.release.wait()
        if wanted.text == "fails":
            raise ZeroDivisionError
        return wanted.text


async def test_a_page_is_drawn_once_for_all_who_ask_within_a_second(monkeypatch):
    monkeypatch.setattr(responses, "FRESH", 3600.0)
    drawing = Drawing(monkeypatch)
    async with client_of(exposing.populated()) as client:
        asked = [asyncio.create_task(client.get("/?text=a")) for _ in range(5)]
        asked.append(asyncio.create_task(client.get("/?text=b")))
        await until(lambda: len(drawing.drawn) == 2)
        asked.pop(0).cancel()  # who asked first may leave
        drawing.release.set()
        pages = [await (await one).text() for one in asked]
        assert pages == ["a"] * 4 + ["b"]
        assert await (await client.get("/?text=A ")).text() == "a"
        assert drawing.drawn == ["a", "b"]
        monkeypatch.setattr(responses, "FRESH", 0.0)
        await client.get("/?text=a")
        assert drawing.drawn == ["a", "b", "a"]


async def test_a_page_that_cannot_be_drawn_keeps_no_place(monkeypatch):
    monkeypatch.setattr(responses, "FRESH", 0.0)
    drawing = Drawing(monkeypatch)
    drawing.release.set()
    async with client_of(exposing.populated()) as client:
        for _ in range(responses.PLACES + 1):
            assert (await client.get("/?text=fails")).status == 500
        assert (await client.get("/?text=a")).status == 200


async def test_only_so_many_pages_are_kept(monkeypatch):
    monkeypatch.setattr(responses, "FRESH", 3600.0)
    monkeypatch.setattr(responses, "_KEPT", 2)
    drawing = Drawing(monkeypatch)
    drawing.release.set()
    async with client_of(exposing.populated()) as client:
        for name in ("a", "b", "c", "c", "b", "a"):
            assert (await client.get(f"/?text={name}")).status == 200
    assert drawing.drawn == ["a", "b", "c", "a"]


async def test_reload_says_what_is_wrong_and_that_it_worked():
    answers = [["site.yaml:1: roles: is required", "site.yaml:2: x: y"], []]

    async def reload():
        return answers.pop(0)

    async with client_of(exposing.populated(), reload=reload) as client:
        assert await body(await client.post("/-/reload")) == (
            500,
            "site.yaml:1: roles: is required\nsite.yaml:2: x: y\n",
        )
        response = await client.post("/-/reload")
        assert await body(response) == (200, "configuration reloaded\n")


FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
]


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("path", ["/-/reload", "/api/v1/rules/api/probe"])
async def test_another_sites_page_can_change_nothing(path, headers):
    async def never(*_):
        raise AssertionError("reached")

    scene = exposing.populated()
    async with client_of(scene, reload=never, probe_now=never) as client:
        status, said = await body(await client.post(path, headers=headers))
    assert status == 403
    assert said == "refused: this request comes from another site\n"


async def test_our_own_pages_and_programs_may_reload(client):
    own = f"http://{client.host}:{client.port}"
    for headers in (
        {"Sec-Fetch-Site": "same-origin", "Origin": own},
        {"Sec-Fetch-Site": "none"},
        {"Origin": own},
        {},
    ):
        assert (await client.post("/-/reload", headers=headers)).status == 200


async def answered(port, method, path, host):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"{method} {path} HTTP/1.1\r\n{host}Connection: close\r\n\r\n"
    writer.write(head.encode())
    status = await reader.readline()
    writer.close()
    return int(status.split()[1])


PATHS = [
    *("/", "/metrics", "/-/healthy", "/api/v1/targets", "/rules/api"),
    "/api/v1/rules/api",
]


@pytest.mark.parametrize(
    "name",
    [
        *("evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "10.1.2.3"),
        *("localhost.evil.example:{port}", "[::1].evil.example", "", "a@localhost"),
    ],
)
async def test_on_loopback_nobody_elses_name_is_answered(name):
    async with serve(exposing.populated().parts(), "127.0.0.1", 0) as port:
        host = f"Host: {name.format(port=port)}\r\n"
        for path in PATHS:
            assert 400 <= await answered(port, "GET", path, host) < 500
        for path in ("/-/reload", "/api/v1/rules/api/probe"):
            assert 400 <= await answered(port, "POST", path, host) < 500


@pytest.mark.parametrize(
    "name",
    ["localhost", "LOCALHOST:{port}", "127.0.0.1", "127.0.0.1:{port}", "[::1]:{port}"],
)
async def test_on_loopback_its_own_names_are_answered(name):
    async with serve(exposing.populated().parts(), "127.0.0.1", 0) as port:
        host = f"Host: {name.format(port=port)}\r\n"
        for path in PATHS:
            assert await answered(port, "GET", path, host) == 200
        assert await answered(port, "POST", "/-/reload", host) == 200


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://127.0.0.1:{port}", 200),
        ("http://LOCALHOST.:{port}", 200),
        ("https://[::1]:{port}", 200),
        ("http://evil.example:{port}", 421),
        ("http://127.0.0.1.evil.example", 421),
        ("http://localhost@evil.example", 421),
    ],
)
async def test_the_name_in_a_target_counts_as_that_in_the_header(target, status):
    async with serve(exposing.populated().parts(), "127.0.0.1", 0) as port:
        place = target.format(port=port)
        for method, path in (("GET", "/metrics"), ("POST", "/-/reload")):
            own = f"Host: localhost:{port}\r\n"
            assert await answered(port, method, place + path, own) == status
            other = "Host: evil.example\r\n"
            assert await answered(port, method, place + path, other) == 421


async def test_names_of_the_site_file_are_answered_too_and_no_others():
    allowed = {"hosts": lambda: ["watch.example.ac.uk"]}
    async with client_of(exposing.populated(), **allowed) as client:
        for name, status in (("watch.example.ac.uk", 200), ("evil.example", 421)):
            headers = {"Host": f"{name}:{client.port}"}
            assert (await client.get("/metrics", headers=headers)).status == status


async def test_without_names_an_address_for_others_answers_to_any(client):
    for name in ("whatever.example", "10.1.2.3:9842"):
        assert (await client.get("/metrics", headers={"Host": name})).status == 200


async def test_reading_is_open_to_other_sites_links(client):
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert (await client.get("/", headers=headers)).status == 200


class Probing:
    """Notes what is asked for; `possible` is what it says to that."""

    def __init__(self):
        self.asked = []
        self.now = NOW
        self.possible = True

    async def probe_now(self, rule):
        self.asked.append(rule)
        return self.possible

    def parts(self):
        return {
            "probe_now": self.probe_now,
            "wall": lambda: self.now,
            "floor": lambda _rule: 30.0,
        }


PROBE = "/api/v1/rules/database/probe"


async def test_a_probe_can_be_asked_for_as_often_as_politeness_allows():
    probing = Probing()
    async with client_of(exposing.populated(), **probing.parts()) as client:
        early = await client.post(PROBE)  # the last round ended 10 s ago
        assert (early.status, early.headers["Retry-After"]) == (429, "21")
        assert await early.text() == "probed a moment ago: again in 21 s\n"
        probing.now += 20.5
        assert await body(await client.post(PROBE)) == (
            202,
            "database is probed next\n",
        )
        again = await client.post(PROBE)
        assert (again.status, again.headers["Retry-After"]) == (429, "31")
        probing.now += 30
        assert (await client.post(PROBE)).status == 202
    assert probing.asked == ["database", "database"]


async def test_a_peer_that_was_sent_nothing_need_not_be_left_in_peace():
    probing = Probing()
    probing.now = NOW
    scene = exposing.populated()
    (record,) = scene.store.of_rule("database")
    failed = {"reason": Reason.NXDOMAIN, "stage": Stage.RESOLVE}
    scene.store.add(record.target, make.result(Verdict.VIOLATED, at=NOW, **failed))
    async with client_of(scene, **probing.parts()) as client:
        early = await client.post(PROBE)
        assert (early.status, early.headers["Retry-After"]) == (429, "6")
        probing.now += 5
        assert (await client.post(PROBE)).status == 202


async def test_a_clock_set_back_locks_nobody_out_for_longer_than_the_floor():
    probing = Probing()
    probing.now = NOW - 86400
    async with client_of(exposing.populated(), **probing.parts()) as client:
        response = await client.post(PROBE)
    assert response.headers["Retry-After"] == "31"


async def test_a_browser_is_sent_back_to_the_rules_page():
    probing = Probing()
    probing.now += 60
    async with client_of(exposing.populated(), **probing.parts()) as client:
        headers = {"Accept": "text/html,*/*;q=0.8"}
        response = await client.post(PROBE, headers=headers, allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (303, "/rules/database")


async def test_a_probe_that_cannot_be_done_is_a_conflict_and_not_counted():
    probing = Probing()
    probing.now += 60
    probing.possible = False
    async with client_of(exposing.populated(), **probing.parts()) as client:
        assert await body(await client.post(PROBE)) == (
            409,
            "database cannot be probed right now\n",
        )
        probing.possible = True
        assert (await client.post(PROBE)).status == 202


@pytest.mark.parametrize(
    ("rule", "status"), [("nobody", 404), ("unset", 409), ("retired", 409)]
)
async def test_only_what_is_probed_from_here_can_be_probed(rule, status):
    probing = Probing()
    async with client_of(exposing.populated(), **probing.parts()) as client:
        response = await client.post(f"/api/v1/rules/{rule}/probe")
        assert response.status == status
    assert probing.asked == []


@pytest.mark.parametrize(
    ("probe", "floor"), [("tcp", 5), ("ssh", 30), ("ntp", 64), ("kerberos", 300)]
)
def test_politeness_is_the_probers_own(probe, floor):
    assert handlers.politeness_floor(make.rule(probe)) == floor


class Slow:
    """An exposition that waits to be released, or never ends."""

    def __init__(self, *, endless=False):
        self.release = asyncio.Event()
        self.begun = self.under_way = 0
        self._endless = endless

    async def chunks(self, _form):
        self.begun += 1
        self.under_way += 1
        try:
            if not self._endless:
                await self.release.wait()
            yield b"# begins\n"
            while self._endless:
                yield b"#" * 65536
        finally:
            self.under_way -= 1


async def until(condition):
    while not condition():  # noqa: ASYNC110 - many kinds of moments, none an event
        await asyncio.sleep(0.001)


async def test_no_more_scrapes_are_made_at_once_than_the_pool_has_places(monkeypatch):
    monkeypatch.setattr(responses, "PATIENCE", 0.05)
    slow = Slow()
    async with client_of(exposing.populated(), exposition=slow) as client:
        scrapes = [
            asyncio.create_task(client.get("/metrics")) for _ in range(responses.PLACES)
        ]
        await until(lambda: slow.under_way == responses.PLACES)
        refused = await client.get("/metrics")
        assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
        assert slow.begun == responses.PLACES
        assert (await client.get("/-/healthy")).status == 200
        # People wait for people only.
        for path in ("/", "/api/v1/targets", "/rules/api", "/api/v1/rules/api"):
            assert (await client.get(path)).status == 200
        slow.release.set()
        assert [(await scrape).status for scrape in scrapes] == [200] * responses.PLACES
        assert (await client.get("/metrics")).status == 200


async def test_head_does_not_work_for_an_answer_it_does_not_give():
    slow = Slow()
    async with client_of(exposing.populated(), exposition=slow) as client:
        assert (await client.head("/metrics")).status == 200
        assert (await client.get("/-/healthy")).status == 200
        assert slow.begun == 0


@pytest.mark.parametrize(
    ("limit", "cause"), [("STALLED", "stalled"), ("ANSWERED", "slow")]
)
async def test_who_does_not_take_an_answer_is_cut_off(monkeypatch, limit, cause):
    monkeypatch.setattr(deadlines, limit, 0.2)
    endless = Slow(endless=True)
    parts = exposing.populated().parts(exposition=endless)
    async with serve(parts, "127.0.0.1", 0) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await until(lambda: endless.begun == 1)
        answer = b""
        with contextlib.suppress(ConnectionError):
            if cause == "slow":  # taking what comes does not help
                while part := await reader.read(1000):
                    answer = part
            else:
                await until(lambda: endless.under_way == 0)
                while part := await reader.read(1 << 16):
                    answer = part
        await until(lambda: endless.under_way == 0)
        assert parts.admission.rejected["scrape", cause] == 1
        # What had been sent may be lost; it must not look like a whole answer.
        assert not answer.endswith(b"\r\n0\r\n\r\n")
        writer.close()


async def test_a_scrape_is_served_while_others_do_not_read_theirs():
    endless = Slow(endless=True)
    parts = exposing.populated().parts(exposition=endless)
    async with serve(parts, "127.0.0.1", 0) as port:
        crowd = [await asyncio.open_connection("127.0.0.1", port) for _ in range(12)]
        for _, writer in crowd:
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await until(lambda: endless.begun == len(crowd))
        reader, late = await asyncio.open_connection("127.0.0.1", port)
        late.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert await reader.readexactly(100_000)
        for _, writer in [*crowd, (reader, late)]:
            writer.transport.abort()
        await until(lambda: endless.under_way == 0)


async def test_a_client_that_leaves_ends_its_scrape():
    endless = Slow(endless=True)
    parts = exposing.populated().parts(exposition=endless)
    async with serve(parts, "127.0.0.1", 0) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readexactly(100_000)
        writer.transport.abort()
        await until(lambda: endless.under_way == 0)


async def raw(port, request):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


async def test_old_and_broken_requests_are_answered_and_closed():
    async with serve(exposing.populated().parts(), "127.0.0.1", 0) as port:
        old = await raw(port, b"GET /metrics HTTP/1.0\r\n\r\n")
        assert old.startswith(b"HTTP/1.0 200 OK\r\n")
        assert b'connectivity_rule_satisfied{rule="api"' in old
        assert b"chunked" not in old
        large = (
            b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20_000 + b"\r\n\r\n"
        )
        for broken in (b"nonsense\r\n\r\n", large, b"\x16\x03\x01\x00\xff\r\n\r\n"):
            answer = await raw(port, broken)
            assert answer.split(b" ")[1] == b"400"
            head, _, body = answer.partition(b"\r\n\r\n")
            assert b"X-Content-Type-Options: nosniff" in head
            assert b"ython" not in answer
            assert body == b"not a request"


async def test_an_address_in_use_is_an_error():
    parts = exposing.populated().parts()
    async with serve(parts, "127.0.0.1", 0) as port:
        with pytest.raises(
            OSError, match=f"cannot listen on 127.0.0.1:{port}: Address"
        ):
            async with serve(parts, "127.0.0.1", port):
                pass


async def test_all_of_this_hosts_addresses_can_be_listened_on():
    async with (
        serve(exposing.populated().parts(), "::1", 0) as port,
        aiohttp.ClientSession() as session,
        session.get(f"http://[::1]:{port}/-/healthy") as response,
    ):
        assert response.status == 200


def basic(text):
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


USERS = WebConfig(users={"alice": bcrypt.hashpw(b"secret", bcrypt.gensalt(4))})


PROTECTED = [path for path in ROUTES if path != "/-/healthy"]


@pytest.mark.parametrize(
    "path",
    [*PROTECTED, "/rules/api", "/nowhere", "/-/reload", "/-/healthy/"],
)
async def test_with_users_everything_needs_a_password(path):
    async with client_of(exposing.populated(), protection=lambda: USERS) as client:
        for headers in (
            {},
            {"Authorization": "Basic"},
            {"Authorization": "Basic !!!"},
            {"Authorization": "Bearer YWxpY2U6c2VjcmV0"},
            basic("alice:wrong"),
            basic("alice:" + "x" * 500),
            basic("bob:secret"),
            basic("alice"),
            {"Authorization": "Basic /////w=="},
        ):
            method = "POST" if path == "/-/reload" else "GET"
            response = await client.request(method, path, headers=headers)
            assert response.status == 401
            realm = response.headers["WWW-Authenticate"]
            assert realm == 'Basic realm="connectivity-exporter", charset="UTF-8"'


async def test_that_it_runs_is_told_without_a_password():
    async with client_of(exposing.populated(), protection=lambda: USERS) as client:
        for headers in ({}, basic("alice:wrong")):
            answer = await client.get("/-/healthy", headers=headers)
            assert await body(answer) == (200, "healthy\n")


async def test_the_right_password_opens_everything():
    async with client_of(exposing.populated(), protection=lambda: USERS) as client:
        auth = basic("alice:secret")
        assert (await client.get("/-/healthy", headers=auth)).status == 200
        assert (await client.post("/-/reload", headers=auth)).status == 200
        headers = auth | {"Sec-Fetch-Site": "cross-site"}
        foreign = await client.post("/-/reload", headers=headers)
        assert foreign.status == 403


@pytest.fixture
def authority(tmp_path):
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    (tmp_path / "server.yaml").write_text(
        "tls_server_config:\n"
        "  cert_file: cert.pem\n"
        "  key_file: key.pem\n"
        "  client_ca_file: ca.pem\n"
        "  client_auth_type: RequireAndVerifyClientCert\n"
        "  min_version: TLS13\n"
    )
    return authority


async def test_tls_asks_for_a_certificate_of_the_clients(tmp_path, authority):
    protection = read_web_config(tmp_path / "server.yaml")
    parts = exposing.populated().parts(protection=lambda: protection)
    known, stranger, old = (ssl.create_default_context() for _ in range(3))
    for context in (known, stranger, old):
        authority.configure_trust(context)
    authority.issue_cert("prometheus@uni.example").configure_cert(known)
    authority.issue_cert("prometheus@uni.example").configure_cert(old)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    async with (
        serve(parts, "127.0.0.1", 0) as port,
        aiohttp.ClientSession() as session,
    ):
        url = f"https://127.0.0.1:{port}/metrics"
        async with session.get(url, ssl=known) as response:
            assert response.status == 200
            assert "connectivity_rule_info" in await response.text()
        for context in (stranger, old):
            with pytest.raises((aiohttp.ClientError, ssl.SSLError)):
                await session.get(url, ssl=context)


async def test_renewed_users_are_asked_for_at_once():
    users = {}
    protection = WebConfig(users=users)
    async with client_of(exposing.Scene(), protection=lambda: protection) as client:
        assert (await client.get("/-/ready")).status == 200
        users.update(USERS.users)
        assert (await client.get("/-/ready")).status == 401
        auth = basic("alice:secret")
        assert (await client.get("/-/ready", headers=auth)).status == 200
        users["alice"] = bcrypt.hashpw(b"changed", bcrypt.gensalt(4))
        assert (await client.get("/-/ready", headers=auth)).status == 401


async def test_the_next_connection_is_shown_a_renewed_certificate(tmp_path, authority):
    file = tmp_path / "server.yaml"
    file.write_text("tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n")
    now = [read_web_config(file)]
    parts = exposing.populated().parts(protection=lambda: now[0])
    context = ssl.create_default_context()
    authority.configure_trust(context)

    async def serial(port):
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        shown = writer.get_extra_info("peercert")["serialNumber"]
        writer.close()
        return shown

    async with serve(parts, "127.0.0.1", 0) as port:
        before = await serial(port)
        assert await serial(port) == before
        issued = authority.issue_cert("127.0.0.1")
        issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
        issued.private_key_pem.write_to_path(tmp_path / "key.pem")
        now[0] = read_web_config(file)
        assert await serial(port) != before


async def test_only_certificates_with_a_name_allowed_come_in(tmp_path, authority):
    file = tmp_path / "server.yaml"
    file.write_text(
        file.read_text() + '  client_allowed_sans: ["prom.example", "192.0.2.9"]\n'
    )
    protection = read_web_config(file)
    parts = exposing.populated().parts(protection=lambda: protection)
    async with serve(parts, "127.0.0.1", 0) as port:
        for name, told in (
            ("prom.example", True),
            ("192.0.2.9", True),
            ("evil.example", False),
        ):
            context = ssl.create_default_context()
            authority.configure_trust(context)
            authority.issue_cert(name).configure_cert(context)
            answer = b""
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=context
            )
            with contextlib.suppress(ConnectionError):
                writer.write(b"GET /-/healthy HTTP/1.0\r\n\r\n")
                answer = await reader.read()
            writer.close()
            assert (b"200 OK" in answer) is told
    assert parts.admission.handshake_failures["client_untrusted"] == 1
    assert parts.admission.rejected["unknown", "handshake"] == 1


async def test_handshakes_that_fail_are_counted_by_reason(tmp_path, authority):
    protection = read_web_config(tmp_path / "server.yaml")
    parts = exposing.populated().parts(protection=lambda: protection)
    failures = parts.admission.handshake_failures
    without, stranger, old = (ssl.create_default_context() for _ in range(3))
    for context in (without, stranger, old):
        authority.configure_trust(context)
    trustme.CA().issue_cert("evil.example").configure_cert(stranger)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    async with serve(parts, "127.0.0.1", 0) as port:
        for reason, context in (
            ("no_certificate", without),
            ("client_untrusted", stranger),
            ("version", old),
        ):
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", port, ssl=context
                )
                await reader.readexactly(1)
            await until(lambda reason=reason: failures[reason])
            if context is not old:
                writer.close()
        for reason, said in (("not_tls", b"GET / HTTP/1.0\r\n\r\n"), ("closed", b"")):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(said)
            if not said:
                writer.close()
            await until(lambda reason=reason: failures[reason])
            writer.close()
    assert sum(failures.values()) == 5
