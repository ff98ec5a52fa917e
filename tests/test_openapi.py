"""The API's description: the same wherever one asks for it, and true of what the server answers."""

import json
import re
import subprocess
import sys
import urllib.parse
import uuid

import pytest

from harness import npm, replies
from harness.films import make_film
from harness.http import Reply
from harness.process import wait_until
from harness.scene import Torznab, metadata, release, settings_for
from harness.sokoul import BINARY, ROOT, Sokoul
from harness.torrents import Torrent

FILE = ROOT / "docs" / "api" / "openapi.json"
DOCUMENT = json.loads(FILE.read_text())
HASH = "0123456789abcdef0123456789abcdef01234567"


class Described:
  """Calls a server by the document's routes, and holds each body that was taken against it; the reply is held anyway."""

  def __init__(self, client):
    self.client = client

  def __call__(self, method, route, body=None, query="", **parameters):
    path = "/api/v1" + route if not route.startswith("//") else route[1:]
    assert method.lower() in DOCUMENT["paths"][path], (method, path)
    filled = "/" + re.sub(r"\{(\w+)\}", lambda match: urllib.parse.quote(str(parameters[match[1]]), safe=""), path)
    reply = self.client.request(method, filled + query, body)
    if body is not None and reply.status < 300:
      replies.note(method, filled[1:], reply, body)
    return reply


@pytest.fixture(scope="module")
def server(module_folder, module_keep):
  tmdb, tvmaze = metadata(module_keep)
  torznab = module_keep(Torznab([release("Paper.Lantern.2019.720p.WEB-DL.x264-OWN", 1), release("Paper.Lantern.2019.1080p.BluRay.x265-TWO", 2)]))
  server = module_keep(Sokoul(module_folder / "sokoul", start=False, **settings_for([torznab], tmdb=tmdb, tvmaze=tvmaze)))
  server.put_film()
  server.start()
  return server


@pytest.fixture(scope="module")
def call(admin):
  return Described(admin)


def test_the_server_and_the_command_give_the_file(server):
  reply = server.client().get("/openapi.json")
  assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
  assert reply.body == FILE.read_bytes()
  again = server.client().get("/openapi.json", headers={"If-None-Match": reply.headers["ETag"]})
  assert (again.status, again.body) == (304, b"")
  assert server.run("openapi") == (0, FILE.read_text(), "")
  assert server.run("openapi", "more")[0] == 2


def test_a_document_that_cannot_be_written_is_no_success():
  with open("/dev/full", "wb") as full:
    done = subprocess.run([str(BINARY), "openapi"], stdout=full, stderr=subprocess.PIPE, text=True)
  assert done.returncode == 1 and "No space" in done.stderr, done


# --- What holds the replies against the document can fail.

ACCOUNT = {"id": str(uuid.uuid4()), "username": "ada", "email": "ada@example.org", "role": "user", "avatar_url": None, "is_active": True,
           "created_at": "2026-01-02T03:04:05.678Z", "updated_at": "2026-01-02T03:04:05.678Z"}
PROBLEM = {"type": "about:blank", "title": "Not found", "status": 404, "detail": "there is no such thing", "instance": "/api/v1/auth/me",
           "code": "not_found", "request_id": "abc"}
LIES = {
  "a field of another type": dict(body={**ACCOUNT, "is_active": "yes"}),
  "a field that is missing": dict(body={name: value for name, value in ACCOUNT.items() if name != "role"}),
  "a field nobody described": dict(body={**ACCOUNT, "password_hash": "$2b$12$"}),
  "a value out of the list": dict(body={**ACCOUNT, "role": "root"}),
  "an address that is none": dict(body={**ACCOUNT, "email": "ada"}),
  "an id that is none": dict(body={**ACCOUNT, "id": "17"}),
  "a time without milliseconds": dict(body={**ACCOUNT, "created_at": "2026-01-02T03:04:05Z"}),
  "no JSON": dict(body=None, raw=b"{"),
  "another content type": dict(content_type="text/html"),
  "a status nobody described": dict(status=226),
  "a body where none is described": dict(status=304),
  "no version": dict(etag=None),
  "no request id": dict(request_id=None),
  "a problem that is none": dict(status=404),
  "a problem without a code": dict(status=404, content_type="application/problem+json", body={**PROBLEM, "code": None}),
  "a problem of another status": dict(status=404, content_type="application/problem+json", body={**PROBLEM, "status": 403}),
  "a problem with a field too many": dict(status=404, content_type="application/problem+json", body={**PROBLEM, "stack": "main.c:1"}),
  "a failure of our own": dict(status=500, content_type="application/problem+json", body={**PROBLEM, "status": 500}),
  "401 without a challenge": dict(status=401, content_type="application/problem+json", body={**PROBLEM, "status": 401}),
  "422 without a field": dict(path="/api/v1/media", status=422, content_type="application/problem+json", body={**PROBLEM, "status": 422}),
  "a path nobody described": dict(path="/api/v1/auth/you"),
  "a method nobody described": dict(method="DELETE"),
}


def exchange(method="GET", path="/api/v1/auth/me", status=200, content_type="application/json", body=ACCOUNT, raw=None, request_id="abc", etag='"1"'):
  headers = {"Content-Type": content_type, **({"X-Request-ID": request_id} if request_id else {}), **({"ETag": etag} if etag else {})}
  return method, path, Reply(status, headers, raw or json.dumps(body).encode())


@pytest.fixture(scope="module")
def checker(module_keep):
  missing = npm.packages()
  if missing:
    pytest.skip(missing)
  return module_keep(replies.Checker())


def test_the_truth_is_found_true(checker):
  checker.note(*exchange())
  checker.note(*exchange("HEAD", body="", raw=b" "))
  checker.note(*exchange(status=404, content_type="application/problem+json", body=PROBLEM))
  checker.note(*exchange(path="/nowhere", status=404, content_type="application/problem+json", body=PROBLEM))
  checker.note(*exchange(path="/library", content_type="text/html", raw=b"<!doctype html>"))
  assert checker.mismatches() == []


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_found(checker, lie):
  checker.note(*exchange())
  checker.note(*exchange(**LIES[lie]))
  assert len(checker.mismatches()) == 1
  assert checker.mismatches() == [], "told once"


def test_a_message_that_lies_is_found(checker):
  task = {"task_id": str(uuid.uuid4()), "task_type": "search", "media_id": None, "status": "running", "progress": 50}
  event = {"type": "task.updated", "id": str(uuid.uuid4()), "at": "2026-01-02T03:04:05.678Z", "data": task}
  checker.note_message(event)
  assert checker.mismatches() == []
  for lie in ({**event, "type": "task.vanished"}, {**event, "at": None}, {**event, "data": {**task, "progress": 101}}, {**event, "more": 1}):
    checker.note_message(lie)
    assert len(checker.mismatches()) == 1, lie


def test_a_lie_fails_the_test_it_came_in(folder):
  """A run of pytest of its own, with this conftest.py: its tests ask a server that lies about its health."""
  missing = npm.packages()
  if missing:
    pytest.skip(missing)
  (folder / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text().replace("pathlib.Path(__file__).parent", f"{str(ROOT / 'tests')!r}"))
  (folder / "test_liar.py").write_text(LIAR)
  done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder], capture_output=True, text=True, cwd=folder)
  assert done.returncode == 1, done.stdout
  assert "5 passed, 3 errors" in done.stdout, done.stdout
  for test, what in (("a_lie", "GET /health: 200"), ("a_lie_on_a_wire", "GET /health: 200"), ("a_lie_to_what_is_broken", "BROKEN *: 200")):
    assert f"(test_liar.py::test_that_sees_{test}):\n{what}" in done.stdout, done.stdout


LIAR = '''
import http.server, threading
from harness.http import Client
from harness.wire import Wire

class Handler(http.server.BaseHTTPRequestHandler):
  said = b'{"status":"ok"}'
  def do_GET(self):
    self.send_response(200)
    for name, value in (("Content-Type", "application/json"), ("Content-Length", len(self.said)), ("X-Request-ID", "abc"), ("ETag", chr(34) * 2)):
      self.send_header(name, str(value))
    self.end_headers()
    self.wfile.write(self.said)
  def log_message(self, *_):
    pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()

def say(data):
  with Wire(server.server_port) as wire:
    wire.send(data)
    assert [reply.status for reply in wire.all()] == [200]

def test_that_sees_the_truth():
  assert Client(server.server_port).get("//health").status == 200

def test_that_sees_the_truth_on_a_wire():
  say(b"GET /health HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")

def test_that_sees_a_lie():
  Handler.said = b'{"status":"fine"}'
  assert Client(server.server_port).get("//health").status == 200

def test_that_sees_a_lie_on_a_wire():
  say(b"GET /health HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")

def test_that_sees_a_lie_to_what_is_broken():
  say(b"GET /health HTTP/1.1\\r\\nHost: x\\r\\nHost: y\\r\\n\\r\\n")
'''


# --- It is true of every part.

def test_it_is_true_of_health_and_keys(call):
  for route in ("//health", "//health/deep", "//.well-known/jwks.json", "//metrics", "/openapi.json"):
    assert call("GET", route).status == 200
  outside = call.client.request("GET", "//health/deep", token=None, headers={"X-Forwarded-For": "192.0.2.7"})
  refused = call.client.request("GET", "//metrics", token=None, headers={"X-Forwarded-For": "192.0.2.7"})
  assert refused.status == 401
  assert call("GET", "//ws").status == 400


def test_it_is_true_of_accounts(server, admin):
  nobody = Described(server.client())
  account = {"username": "ada", "email": "ada@example.org", "password": "correct horse battery"}
  assert nobody("POST", "/auth/register", account).status == 201
  assert nobody("POST", "/auth/register", account).status == 409
  assert nobody("POST", "/auth/register", {**account, "setup_token": "wrong"}).status == 403
  assert nobody("POST", "/auth/register", {"username": "x"}).status == 422
  assert nobody("POST", "/auth/login", {"username": "ada", "password": "wrong"}).status == 401
  pair = nobody("POST", "/auth/login", {"username": "ada", "password": account["password"]}).json
  pair = nobody("POST", "/auth/refresh", {"refresh_token": pair["refresh_token"]}).json
  assert nobody("GET", "/auth/me").status == 401
  ada = Described(server.client(pair["access_token"]))
  assert ada("GET", "/auth/me").status == 200
  assert ada("PUT", "/auth/me", {"email": "ada@example.com"}).status == 200
  assert ada("PUT", "/auth/me", {"username": "admin"}).status == 409
  assert ada("PUT", "/auth/me/password", {"current_password": "wrong", "new_password": "another horse"}).status == 422
  assert ada("PUT", "/auth/me/password", {"current_password": account["password"], "new_password": "another horse"}).status == 204
  assert ada("POST", "/auth/ws-ticket").status == 200
  assert ada("GET", "/admin/users").status == 403
  assert Described(admin)("GET", "/admin/users", query="?sort=username&q=ada").json["total"] == 1
  assert ada("POST", "/auth/logout").status == 204


def test_it_is_true_of_providers(call):
  assert call("GET", "/admin/providers").json["total"] >= 2
  one = call("POST", "/admin/providers", {"name": "mine", "kind": "torznab", "base_url": "http://127.0.0.1:9/api", "api_key": "k3y"}).json
  assert call("POST", "/admin/providers", {"name": "mine", "kind": "torznab", "base_url": "http://127.0.0.1:9/api"}).status in (409, 422)
  assert call("POST", "/admin/providers", {"name": "", "kind": "none"}).status == 422
  assert call("PUT", "/admin/providers/{id}", {"priority": 7, "enabled": False}, id=one["id"]).json["priority"] == 7
  assert not call("POST", "/admin/providers/{id}/test", id=one["id"]).json["ok"]
  assert call("DELETE", "/admin/providers/{id}", id=one["id"]).status == 204
  assert call("DELETE", "/admin/providers/{id}", id=one["id"]).status == 404
  given = [row for row in call("GET", "/admin/providers").json["items"] if row["origin"] == "environment"]
  assert call("DELETE", "/admin/providers/{id}", id=given[0]["id"]).status == 409


def test_it_is_true_of_searches(server, admin, call):
  search = server.search(admin, "Paper Lantern", year=2019)["search_id"]
  assert call("GET", "/search/{search_id}", search_id=search, query="?sort=-score&min_score=0").json["results"]
  assert call("GET", "/search/{search_id}/results", search_id=search, query="?per_page=1").json["next_cursor"]
  assert call("GET", "/search/{search_id}/results", search_id=search, query="?sort=magic").status == 422
  assert call("GET", "/search/{search_id}/providers", search_id=search).json["providers"]
  assert call("GET", "/search/{search_id}", search_id=uuid.uuid4()).status == 404
  assert call("POST", "/search", {"title": "Paper Lantern", "providers": []}).status == 202
  assert call("POST", "/search", {"year": 2019}).status == 422
  task = call("POST", "/search/{search_id}/score", search_id=search).json["task_id"]
  for one in (search, task):
    assert call("GET", "/tasks/{id}", id=one).status == 200
  assert call("GET", "/tasks/{id}", id=uuid.uuid4()).status == 404


def test_it_is_true_of_downloads(call, folder):
  assert call("GET", "/downloads").status == 200
  one = call("POST", "/downloads/start", {"info_hash": HASH}).json["download_id"]
  assert call("POST", "/downloads/start", {"info_hash": HASH}).status == 200
  assert call("POST", "/downloads/start", {}).status == 422
  torrent = Torrent(make_film(folder / "film.mkv", seconds=1), ["http://127.0.0.1:9/announce"])
  for command in ("pause", "resume", "cancel"):
    assert call("POST", f"/downloads/{{id}}/{command}", id=one).status == 200
  wait_until(lambda: call("GET", "/downloads/{id}", id=one).json["status"] == "cancelled", 30, what="the end of the download")
  assert call("POST", "/downloads/{id}/pause", id=one).status == 409
  assert call("GET", "/downloads", query="?status=cancelled&sort=-created_at").json["total"] >= 1
  assert call("GET", "/downloads/{id}", id=uuid.uuid4()).status == 404


def test_it_is_true_of_the_library_and_of_watching(call):
  task = call("POST", "/media/scan").json["task_id"]
  wait_until(lambda: call("GET", "/tasks/{id}", id=task).json["status"] == "completed", 60, what="the scan")
  film = call("GET", "/media", query="?has_files=true").json["items"][0]["id"]
  assert call("GET", "/media", query="?q=Papre%20Lantern").json["total"] >= 1
  assert call("GET", "/media", query="?year=1").status == 422
  assert call("GET", "/media/{id}", id=film).status == 200
  assert call("GET", "/media/{id}/files", id=film).json["total"] == 1
  assert call("GET", "/streaming/providers/{media_id}", media_id=film).json["total"] == 1
  stream = call("GET", "/streaming/direct/{media_id}", media_id=film).json
  for headers, status in (({}, 200), ({"Range": "bytes=0-9"}, 206), ({"Range": "bytes=999999999-"}, 416)):
    reply = call.client.request("GET", "/" + stream["url"], token=None, headers=headers)
    assert reply.status == status
  assert call("POST", "/streaming/{stream_id}/start", stream_id=stream["stream_id"]).status == 200
  assert call("POST", "/streaming/{stream_id}/stop", {"position_seconds": 1}, stream_id=stream["stream_id"]).status == 200
  assert call("POST", "/streaming/{stream_id}/stop", {}, stream_id=stream["stream_id"]).status == 422
  assert call("GET", "/history/continue").status == 200
  watch = call("POST", "/history/watch", {"media_id": film, "progress_seconds": 95, "total_seconds": 100}).json
  assert call("GET", "/history/watched").json["total"] == 1
  assert call("DELETE", "/history/{watch_id}", watch_id=watch["id"]).status == 204
  assert call("DELETE", "/history/{watch_id}", watch_id=watch["id"]).status == 404


def test_it_is_true_of_works_made_by_hand(call):
  series = call("POST", "/media", {"media_type": "tv", "title": "Made By Hand", "year": 2001}).json["id"]
  episode = {"media_type": "episode", "title": "One", "parent_id": series, "season_number": 1, "episode_number": 1}
  one = call("POST", "/media", episode).json["id"]
  assert call("POST", "/media", {**episode, "parent_id": one, "episode_number": 2}).status == 422
  assert call("POST", "/media", {**episode, "parent_id": str(uuid.uuid4())}).status == 422
  assert call("POST", "/media", {"title": "x"}).status == 422
  assert call("GET", "/media/{id}/episodes", id=series, query="?season=1").json["total"] == 1
  assert call("PUT", "/media/{id}", {"overview": "Short."}, id=series).json["overview"] == "Short."
  stale = call.client.request("PUT", f"/media/{series}", {"overview": "x"}, headers={"If-Match": '"old"'})
  assert stale.status == 412
  assert call("GET", "/streaming/direct/{media_id}", media_id=series).status == 404
  assert call("POST", "/media/{id}/enrich", id=series).status == 202
  call("POST", "/history/watch", {"media_id": one, "progress_seconds": 99, "total_seconds": 100})
  assert call("GET", "/history/continue").status == 200
  assert call("DELETE", "/media/{id}", id=series, query="?delete_files=true").status == 204
  assert call("GET", "/media/{id}", id=series).status == 404


def test_it_is_true_of_favorites_and_the_watchlist(call):
  film = call("POST", "/media", {"media_type": "movie", "title": "Kept"}).json["id"]
  for route, more in (("/library/favorites", {}), ("/library/watchlist", {"priority": 3})):
    assert call("POST", route, {"media_id": film, **more}).status == 201
    assert call("POST", route, {"media_id": film}).status == 200
    assert call("POST", route, {"media_id": "x"}).status == 422
    assert call("POST", route, {"media_id": str(uuid.uuid4())}).status == 404
    assert call("GET", route).json["total"] == 1
    assert call("GET", route, query="?sort=x").status == 422
    assert call("DELETE", route + "/{media_id}", media_id=film).status == 204
    assert call("DELETE", route + "/{media_id}", media_id=film).status == 404


def test_it_is_true_of_collections(call):
  film = call("POST", "/media", {"media_type": "movie", "title": "Collected"}).json["id"]
  one = call("POST", "/collections", {"name": "Evenings", "description": None, "is_public": True}).json["id"]
  assert call("POST", "/collections", {}).status == 422
  assert call("POST", "/collections/{id}/media", {"media_id": film}, id=one).status == 201
  assert call("POST", "/collections/{id}/media", {"media_id": film, "position": 0}, id=one).status == 200
  assert call("POST", "/collections/{id}/media", {"media_id": film}, id=uuid.uuid4()).status == 404
  assert call("GET", "/collections", query="?is_public=true&sort=name").json["total"] == 1
  assert call("GET", "/collections", query="?user_id=me").status == 422
  assert call("GET", "/collections/{id}", id=one, query="?per_page=1").json["media_count"] == 1
  assert call("GET", "/collections/{id}", id=one, query="?sort=x").status == 422
  assert call("PUT", "/collections/{id}", {"description": None, "is_public": False}, id=one).status == 200
  assert call("PUT", "/collections/{id}", {"name": ""}, id=one).status == 422
  stale = call.client.request("PUT", f"/collections/{one}", {"name": "x"}, headers={"If-Match": '"old"'})
  assert stale.status == 412
  assert call("DELETE", "/collections/{id}/media/{media_id}", id=one, media_id=film).status == 204
  assert call("DELETE", "/collections/{id}/media/{media_id}", id=one, media_id=film).status == 404
  assert call("DELETE", "/collections/{id}", id=one).status == 204
  assert call("GET", "/collections/{id}", id=one).status == 404


def test_it_is_true_of_bodies_that_are_refused(admin):
  json_type = {"Content-Type": "application/json"}
  for raw, headers, status in ((b"{", json_type, 400), (b"{}", {"Content-Type": "text/plain"}, 415), (b" " * 20000, json_type, 413)):
    reply = admin.request("POST", "/search", raw=raw, headers=headers)
    assert reply.status == status
