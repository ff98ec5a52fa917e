"""The headers that keep a browser from being used against its user: on every reply of every route, whatever its status."""

import re
import shutil
import urllib.parse
import uuid

import pytest

from harness.process import wait_until

STANDING = {
  "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
}
NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def policy(text):
  return {words[0]: words[1:] for words in (part.split() for part in text.split(";"))}


def check(reply):
  """What holds for every reply; gives its status."""
  for name, value in STANDING.items():
    assert reply.headers.get_all(name) == [value], (name, reply)
  (csp,) = reply.headers.get_all("Content-Security-Policy")
  rules = policy(csp)
  assert rules["default-src"] == rules["base-uri"] == rules["frame-ancestors"] == ["'none'"], csp
  assert "unsafe" not in " ".join(rules.get("script-src", [])) and "*" not in csp, csp
  (permissions,) = reply.headers.get_all("Permissions-Policy")
  assert {"camera=()", "microphone=()", "geolocation=()"} <= set(permissions.split(", "))
  (caching,) = reply.headers.get_all("Cache-Control")
  if reply.status >= 400:
    assert caching == "no-store", reply
    assert csp == NOTHING
  if (reply.headers["Content-Type"] or "").startswith("application/") and reply.status < 300:
    assert csp == NOTHING
  assert reply.headers.get_all("X-Request-ID")
  return reply.status


def operations(document):
  return [(method.upper(), path) for path, item in document["paths"].items() for method in item]


def test_every_route_answers_with_them_whoever_asks(server, admin):
  """Nobody, garbage, an admin with ids that name nothing, an admin with a broken body."""
  document = admin.ok("GET", "/openapi.json")
  seen, count = set(), 0
  for method, path in operations(document):
    target = "//" + re.sub(r"\{[^}]*\}", str(uuid.uuid4()), path).lstrip("/")
    if path.endswith(("/auth/logout", "/admin/cache/clear")):
      continue  # asked last: it ends the session
    for token in (None, "garbage", admin.token):
      for raw, kind in ((None, None), (b"{", "application/json"), (b"x", "text/plain")):
        headers = {"Content-Type": kind} if kind else {}
        seen.add(check(admin.request(method, target, token=token, raw=raw, headers=headers)))
        count += 1
  assert {200, 202, 400, 401, 404, 415} <= seen, seen
  print(f"\n{count} replies, statuses {sorted(seen)}")
  assert check(admin.post("/auth/logout")) == 204
  admin.token = server.login("admin").token


@pytest.mark.parametrize("target, status", [("//", 200), ("//setup", 200), ("//assets/index.js", 200), ("//favicon.svg", 200), ("//docs", 200), ("//reset", 200),
                                            ("//library", 200), ("//assets/none", 404), ("//nowhere", 404), ("//%zz", 400)])
def test_pages_have_a_policy_that_runs_nothing_inline(server, target, status):
  client = server.client()
  reply = client.get(target)
  assert check(reply) == status
  if status == 200:
    rules = policy(reply.headers["Content-Security-Policy"])
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == ["'self'"]
    assert check(client.get(target, headers={"If-None-Match": reply.headers["ETag"]})) == 304
  assert check(client.request("HEAD", target)) == status


def test_private_answers_are_not_kept_by_others_and_can_be_asked_about(server, admin):
  for path in ("/auth/me", "/media", "/downloads", "/collections"):
    reply = admin.get(path)
    assert check(reply) == 200 and reply.headers["Cache-Control"] == "private, no-cache"
    again = admin.get(path, headers={"If-None-Match": reply.headers["ETag"]})
    assert check(again) == 304 and not again.body
  for reply in (admin.post("/auth/ws-ticket"), server.client().post("/auth/login", {"username": "admin", "password": "correct horse battery"})):
    assert check(reply) == 200 and reply.headers["Cache-Control"] == "no-store"


def test_refusals_of_every_kind_have_them(start):
  server = start(rate_auth=2)
  admin = server.admin()
  assert check(admin.request("PUT", "/search")) == 405
  assert check(admin.post("/search", raw=b" " * 20000, headers={"Content-Type": "application/json"})) == 413
  assert check(admin.get("//ws")) in (400, 401, 426)
  assert check(admin.get("/media", headers={"Transfer-Encoding": "gzip"})) == 400
  assert 429 in [check(server.client().post("/auth/login", {"username": "a", "password": "b" * 9})) for _ in range(8)]


def test_films_have_them_whole_in_part_and_refused(server, admin, films):
  target = server.library / "Movies" / "Paper Lantern (2019)" / "Paper Lantern (2019).mp4"
  target.parent.mkdir(parents=True)
  shutil.copyfile(films("small.mp4"), target)
  task = admin.ok("POST", "/media/scan", status=202)["task_id"]
  wait_until(lambda: admin.ok("GET", f"/tasks/{task}")["status"] == "completed", 60, what="the scan")
  (film,) = admin.ok("GET", "/media?q=paper+lantern")["items"]
  parts = urllib.parse.urlsplit(admin.ok("GET", f"/streaming/direct/{film['id']}")["url"])
  url = f"/{parts.path}?{parts.query}"
  for headers, status in (({}, 200), ({"Range": "bytes=0-9"}, 206), ({"Range": "bytes=0-1,5-6"}, 206), ({"Range": "bytes=99999999999-"}, 416)):
    assert check(admin.get(url, token=None, headers=headers)) == status
  etag = admin.get(url, token=None).headers["ETag"]
  assert check(admin.get(url, token=None, headers={"If-None-Match": etag})) == 304
  assert check(admin.request("HEAD", url, token=None)) == 200
  assert check(admin.get(url[:-6] + "xxxxxx", token=None)) in (401, 403, 404)


def test_only_behind_tls_is_a_browser_told_to_stay_with_tls(start):
  plain = start()
  client = plain.client()
  assert client.get("//").headers["Strict-Transport-Security"] is None
  for target in ("//", "/auth/me", "//nowhere"):
    told = client.get(target, headers={"X-Forwarded-Proto": "https"})
    check(told)
    assert told.headers["Strict-Transport-Security"] == "max-age=31536000"
  public = start(public_url="https://films.example.org").client()
  for target in ("//", "/auth/me", "//nowhere"):
    assert public.get(target).headers["Strict-Transport-Security"] == "max-age=31536000"
