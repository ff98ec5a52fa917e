"""Every bad input gets its clear error, and none of them is a 500."""

import json
import random
import string

import pytest

from harness.http import Client, assert_problem
from harness.wire import Wire

NOBODY = "0190d3a0-0000-7000-8000-000000000000"


@pytest.mark.parametrize("body", ["{", "[1,2", '{"query": }', "nul", '{"a":"\x01"}', '{"a":"\\ud800"}', "[" * 5000, '{"query":"x"} trailing'])
def test_malformed_json_is_400(admin, body):
  assert_problem(admin.request("POST", "/search", raw=body.encode(), headers={"Content-Type": "application/json"}), 400)


def test_json_that_is_no_object_is_refused(admin):
  for body in (b"[]", b' \r\n["x"]'):
    reply = admin.request("POST", "/search", raw=body, headers={"Content-Type": "application/json"})
    assert [error["message"] for error in assert_problem(reply, 422)["errors"]] == ["expected a JSON object"], body
  for body in (b'"x"', b"3", b"null"):
    reply = admin.request("POST", "/search", raw=body, headers={"Content-Type": "application/json"})
    assert "expected a JSON object" in assert_problem(reply, 400, "malformed_json")["detail"], body


def test_a_wrong_method_is_405_with_allow(admin):
  reply = admin.request("DELETE", "/search")
  assert_problem(reply, 405)
  assert "POST" in reply.headers["Allow"]
  reply = admin.request("PATCH", "//health")
  assert_problem(reply, 405)
  assert "GET" in reply.headers["Allow"]


@pytest.mark.parametrize("path", ["/nothing", "//nothing", "//api/v2/search", "/search/", "//..%2f..%2fetc/passwd", "/downloads/x/y/z"])
def test_an_unknown_path_is_404(admin, path):
  assert_problem(admin.get(path), 404)


@pytest.mark.parametrize("path", ["/search/%00", "/media?cursor=%00", "/media/%zz", "/media/%ff"])
def test_a_broken_address_is_400(admin, path):
  assert_problem(admin.get(path), 400)


def test_a_wrong_content_type_is_415(admin):
  for kind in ("text/plain", "application/xml", "application/x-www-form-urlencoded"):
    assert_problem(admin.request("POST", "/search", raw=b'{"query":"x"}', headers={"Content-Type": kind}), 415)


def test_a_body_over_the_limit_is_413(admin):
  body = json.dumps({"query": "x" * 200_000}).encode()
  assert_problem(admin.request("POST", "/search", raw=body, headers={"Content-Type": "application/json"}), 413)


@pytest.mark.parametrize("body, field", [
  ({"media_id": None}, "query"), ({"media_id": None, "query": None, "title": None}, "query"),
  ({}, "query"), ({"query": ""}, "query"), ({"query": 7}, "query"), ({"query": "x" * 5000}, "query"),
  ({"query": "x", "year": "soon"}, "year"), ({"query": "x", "year": -4}, "year"), ({"query": "x", "media_type": "opera"}, "media_type"),
  ({"query": "x", "season": -1, "media_type": "tv"}, "season"), ({"query": "x", "media_id": "7"}, "media_id"),
  ({"query": "x", "media_id": NOBODY}, "media_id"), ({"query": "x", "providers": "all"}, "providers"),
  ({"query": "x", "providers": ["nobody"]}, "providers"),
])
def test_search_says_which_field_is_wrong(admin, body, field):
  problem = assert_problem(admin.post("/search", body), 422)
  assert field in [error["field"] for error in problem["errors"]], problem
  for error in problem["errors"]:
    assert error["code"] and error["message"]


@pytest.mark.parametrize("body", [
  {}, {"magnet_link": "http://example.org/"}, {"magnet_link": "magnet:?dn=x"}, {"magnet_link": "magnet:?xt=urn:btih:zz"}, {"info_hash": "12"},
  {"info_hash": "g" * 40}, {"search_result_id": -1}, {"search_result_id": 10**15}, {"search_result_id": "x"}, {"torrent_url": "file:///etc/passwd"},
  {"torrent_url": "gopher://127.0.0.1/"}, {"torrent_url": "not a url"}, {"magnet_link": 5}, {"info_hash": "a" * 40, "media_id": "nope"},
  {"info_hash": "a" * 40, "magnet_link": "magnet:?xt=urn:btih:" + "a" * 40},
])
def test_downloads_refuses_what_names_no_torrent(admin, body):
  reply = admin.post("/downloads/start", body)
  assert reply.status in (404, 422), reply
  assert_problem(reply, reply.status)


def wrong_fields(reply):
  return {error["field"]: error["message"] for error in assert_problem(reply, 422)["errors"]}


def test_of_two_sources_those_that_were_sent_are_named(admin):
  both = {"info_hash": "a" * 40, "torrent_url": "http://example.org/a.torrent"}
  assert set(wrong_fields(admin.post("/downloads/start", both))) == set(both)
  assert set(wrong_fields(admin.post("/downloads/start", {}))) == {"magnet_link"}


def test_an_episode_of_a_film_is_a_wrong_field(admin):
  film = admin.ok("POST", "/media", {"title": "A film", "media_type": "movie"}, status=201)["id"]
  for parent in (film, NOBODY):
    body = {"title": "Part", "media_type": "episode", "parent_id": parent, "season_number": 1, "episode_number": 1}
    assert set(wrong_fields(admin.post("/media", body))) == {"parent_id"}
    assert set(wrong_fields(admin.post("/media", {**body, "title": 5, "year": "x"}))) == {"parent_id", "title", "year"}


@pytest.mark.parametrize("wrong", [11, -0.5, "9", True, [7]])
def test_a_rating_is_kept_or_named_as_wrong(admin, wrong):
  body = {"title": "Rated", "media_type": "movie"}
  assert set(wrong_fields(admin.post("/media", {**body, "rating": wrong}))) == {"rating"}
  media = admin.ok("POST", "/media", {**body, "rating": 7.5}, status=201)
  assert media["rating"] == 7.5 and admin.ok("GET", f"/media/{media['id']}")["rating"] == 7.5
  assert set(wrong_fields(admin.put(f"/media/{media['id']}", {"rating": wrong}))) == {"rating"}
  assert admin.ok("PUT", f"/media/{media['id']}", {"rating": 10})["rating"] == 10
  assert media["id"] in [row["id"] for row in admin.ok("GET", "/media?min_rating=9.9&per_page=200")["items"]]
  assert admin.ok("PUT", f"/media/{media['id']}", {"rating": None})["rating"] is None


def test_what_is_not_so_of_the_work_is_a_wrong_field_of_its_search(admin):
  film = admin.ok("POST", "/media", {"title": "Lone film", "media_type": "movie"}, status=201)["id"]
  series = admin.ok("POST", "/media", {"title": "Lone series", "media_type": "tv"}, status=201)["id"]
  assert set(wrong_fields(admin.post("/search", {"media_id": film, "media_type": "tv"}))) == {"media_type"}
  assert set(wrong_fields(admin.post("/search", {"media_id": film, "season": 1}))) == {"season"}
  assert set(wrong_fields(admin.post("/search", {"media_id": series, "media_type": "movie"}))) == {"media_type"}
  for body in ({"media_id": film, "media_type": "movie"}, {"media_id": film, "season": None}, {"media_id": series, "media_type": "tv", "season": 1}):
    assert admin.post("/search", body).status == 202, body


def test_a_query_becomes_a_clean_title(admin):
  started = admin.ok("POST", "/search", {"query": " Bell\u0007 of\tthe\u001b[31m\nSea "}, status=202)
  assert admin.ok("GET", f"/media/{started['media_id']}")["title"] == "Bell of the[31m Sea"
  assert set(wrong_fields(admin.post("/search", {"query": "\u0007\u001b"}))) == {"query"}


def test_what_cannot_be_taken_away_is_not_null(admin):
  made = admin.ok("POST", "/collections", {"name": "Kept"}, status=201)["id"]
  assert set(wrong_fields(admin.put(f"/collections/{made}", {"name": None}))) == {"name"}
  assert set(wrong_fields(admin.put("/auth/me", {"username": None, "email": None}))) == {"username", "email"}


def test_errors_say_what_would_be_right(server, admin):
  assert "created_at, title, year" in wrong_fields(admin.get("/media?sort=nope"))["sort"]
  long = {"username": "longmail", "password": "a good passphrase", "email": "a" * 290 + "@example.org"}
  assert "at most 254" in wrong_fields(server.client().post("/auth/register", long))["email"]


def test_a_key_cannot_be_asked_to_do_less(admin):
  for field in ("scopes", "permissions", "role"):
    assert set(wrong_fields(admin.post("/auth/api-keys", {"name": "less", field: ["read"]}))) == {field}
  assert all(key["name"] != "less" for key in admin.ok("GET", "/auth/api-keys")["items"])


def test_a_wrong_work_is_named_beside_a_wrong_source(server, admin):
  for body, source in (({"magnet_link": "http://example.org/"}, "magnet_link"), ({"info_hash": 5}, "info_hash"), ({}, "magnet_link")):
    problem = assert_problem(admin.post("/downloads/start", {**body, "media_id": "nope"}), 422)
    assert [error["field"] for error in problem["errors"]] == [source, "media_id"], problem


def test_uploads_that_are_no_torrent_are_refused(admin):
  for content in (b"", b"hello", b"d4:infod", b"d8:announce3:xyze", bytes(range(256)), b"l" * 100_000, b"d" * 100_000, b"i" + b"9" * 5000 + b"e"):
    reply = admin.upload("/downloads/start", "torrent", "a.torrent", content)
    assert reply.status in (400, 422), (content[:20], reply)
    assert_problem(reply, reply.status)
  reply = admin.upload("/downloads/start", "torrent", "a.torrent", b"d" + b"x" * (11 << 20))
  assert_problem(reply, 413)


PRIVATE = [("GET", "/auth/me"), ("POST", "/search"), ("GET", "/search/" + NOBODY), ("GET", "/downloads"), ("POST", "/downloads/start"), ("GET", "/media"),
           ("GET", "/history/continue"), ("POST", "/auth/ws-ticket"), ("GET", "/streaming/direct/" + NOBODY), ("GET", "/tasks/" + NOBODY)]


@pytest.mark.parametrize("method, path", PRIVATE)
def test_nobody_signed_in_is_401(server, method, path):
  reply = server.client().request(method, path, {} if method == "POST" else None)
  assert_problem(reply, 401)
  assert "WWW-Authenticate" in reply.headers


@pytest.mark.parametrize("path", ["/search/{}", "/search/{}/results", "/downloads/{}", "/media/{}", "/media/{}/files", "/media/{}/episodes", "/tasks/{}", "/streaming/direct/{}",
                                  "/streaming/providers/{}"])
def test_what_is_not_there_is_404(admin, path):
  for id_ in (NOBODY, "1", "x" * 300, "%27%20OR%201=1", "..", "%F0%9F%8E%AC"):
    assert_problem(admin.get(path.format(id_)), 404)


def test_another_users_things_are_404(server, admin):
  search = admin.ok("POST", "/search", {"query": "Paper Lantern"}, status=202)["search_id"]
  other = server.account("stranger")
  for path in (f"/search/{search}", f"/search/{search}/results", f"/search/{search}/providers", f"/tasks/{search}"):
    assert_problem(other.get(path), 404)


def test_users_may_not_do_what_admins_do(server, admin):
  user = server.account("plain")
  assert_problem(user.post("/media/scan"), 403)


@pytest.mark.parametrize("query", ["per_page=0", "per_page=201", "per_page=x", "page=0", "page=-1", "cursor=garbage", "sort=password_hash", "page=99999999999999999999"])
def test_wrong_paging_is_refused(admin, query):
  for path in ("/media", "/downloads"):
    assert_problem(admin.get(f"{path}?{query}"), 422)


def test_request_ids_are_kept_or_made(server):
  mine = server.client().get("//health", headers={"X-Request-ID": "from-me-42"})
  assert mine.headers["X-Request-ID"] == "from-me-42"
  for bad in ("x" * 129, "with space\ttab"):
    reply = server.client().get("//health", headers={"X-Request-ID": bad})
    assert reply.headers["X-Request-ID"] not in ("", bad)


def raw(port, data):
  """Every reply to it."""
  with Wire(port) as wire:
    wire.send(data)
    wire.finish()
    return wire.all()


BROKEN_HTTP = {
  "no host": b"GET / HTTP/1.1\r\n\r\n",
  "empty lines": b"\r\n\r\n\r\n",
  "version 9": b"GET /health HTTP/9.9\r\nHost: x\r\n\r\n",
  "tls": b"\x16\x03\x01\x02\x00\x01\x00",
  "no version": b"GET /health\r\n\r\n",
  "two lengths": b"POST /api/v1/search HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
  "long path": b"GET " + b"/a" * 40000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
  "negative length": b"POST /api/v1/search HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
  "many headers": b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 4000 + b"\r\n",
  "chunked and length": b"POST /api/v1/search HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
  "broken chunk": b"POST /api/v1/search HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
}


@pytest.mark.parametrize("kind", BROKEN_HTTP)
def test_broken_http_never_hurts(server, kind):
  replies = raw(server.port, BROKEN_HTTP[kind])
  assert all(400 <= reply.status < 500 or reply.status == 505 for reply in replies), replies
  assert server.client().get("//health").status == 200


def test_two_framing_headers_are_refused(server):
  replies = raw(server.port, b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}")
  assert [reply.status for reply in replies] == [400], replies


def test_random_input_is_never_a_500(server, admin):
  """Every route with made-up bodies and parameters; the seed is printed, so that a find can be repeated."""
  seed = random.randrange(1 << 30)
  print(f"\nseed {seed}")
  rng = random.Random(seed)
  values = [None, True, -1, 0, 2**63, 1e300, "", "x", "' OR 1=1 --", "\u0000", "é" * 200, [], {}, [None], {"a": {"b": []}}, "%s%n", "../../etc/passwd", NOBODY]
  fields = ["query", "title", "year", "media_type", "season", "episode", "media_id", "providers", "username", "email", "password", "refresh_token", "setup_token",
            "magnet_link", "info_hash", "torrent_url", "search_result_id", "progress_seconds", "total_seconds", "position_seconds",
            "name", "description", "is_public", "priority", "position"]
  paths = ["/auth/register", "/auth/login", "/auth/refresh", "/search", "/downloads/start", "/history/watch", "/library/favorites", "/library/watchlist", "/collections", f"/collections/{NOBODY}/media", f"/streaming/{NOBODY}/start", f"/streaming/{NOBODY}/stop",
           f"/downloads/{NOBODY}/pause", f"/search/{NOBODY}/score"]
  for _ in range(300):
    path = rng.choice(paths)
    body = {rng.choice(fields): rng.choice(values) for _ in range(rng.randrange(5))}
    reply = admin.post(path, body)
    assert reply.status < 500, (seed, path, body, reply)
  for _ in range(200):
    query = "&".join(f"{rng.choice(['page', 'per_page', 'cursor', 'sort', 'q', 'status', 'media_type', 'year', 'min_score'])}="
                     + "".join(rng.choice(string.printable[:94]) for _ in range(rng.randrange(8))).replace(" ", "+").replace("#", "") for _ in range(3))
    path = rng.choice(["/media", "/downloads", "/history/watched", "/history/continue"])
    reply = Client(server.port, admin.token).get(f"{path}?{query.encode('ascii', 'ignore').decode()}")
    assert reply.status < 500, (seed, path, query, reply)
