"""Who gets through to what: every route with every kind of credential, and every id with somebody else's."""

import http.client
import json
import subprocess
import time
import uuid

import pytest

from harness.process import wait_until
from harness.routes import WHO, table
from harness.sokoul import BINARY
from harness.tokens import Forger

ROUTES = table()
ROLES = ("user", "moderator", "admin")
NEEDED = {"U": "user", "S": "user", "T": "user", "M": "moderator", "A": "admin", "O": "admin"}
# Bodies that reach the handler of a public route and are told apart from its own "not signed in".
BODIES = {"POST /api/v1/auth/refresh": {"refresh_token": 1}}
PASSED = {200, 201, 202, 204, 304, 400, 404, 409, 415, 422, 428}


def test_every_route_has_its_place_in_the_contract():
  names = [route.name for route in ROUTES]
  assert len(set(names)) == len(names)
  assert not sorted(set(names) - set(WHO)), "who may call these?"
  assert not sorted(set(WHO) - set(names)), "the contract's rows that are no routes"
  described = json.loads(subprocess.run([BINARY, "openapi"], capture_output=True, check=True).stdout)["paths"]
  paths = {f"{method.upper()} {path}" for path, item in described.items() for method in item}
  assert paths == {route.name.replace("...}", "}") for route in ROUTES}, "described is what is routed"


class Credential:
  """One way to come: `role` is what it must be worth, None for nothing; `key` for an API key."""

  def __init__(self, name, role=None, key=False, headers=None, query=""):
    self.name, self.role, self.key, self.headers, self.query = name, role, key, headers or {}, query


def bearer(token):
  return {"Authorization": f"Bearer {token}"}


def new_key(client, **more):
  reply = client.ok("POST", "/auth/api-keys", {"name": uuid.uuid4().hex, **more}, status=201)
  return reply["key"], reply["id"]


def with_key(client, **more):
  return client, new_key(client, **more)[0]


class People:
  """One account of each role, some of whom have left."""

  def __init__(self, server):
    self.server = server
    self.admin = server.admin("owner")
    self.by_role = {role: self.add(f"some-{role}", role) for role in ROLES}

  def add(self, name, role):
    code, _, err = self.server.run("user", "add", name, "--email", f"{name}@example.org", "--role", role, stdin="correct horse battery\n")
    assert code == 0, err
    return self.server.login(name)

  def disabled(self):
    """The token and the key of an admin who was disabled after both had worked."""
    client = self.add("gone", "admin")
    key, _ = new_key(client)
    for headers in (bearer(client.token), {"X-Api-Key": key}):
      assert self.server.client().get("/auth/me", headers=headers).status == 200
    assert self.server.run("user", "disable", "gone")[0] == 0
    wait_until(lambda: client.get("/auth/me").status == 401, 10, what="the end of a disabled account's session")
    wait_until(lambda: self.server.client().get("/auth/me", headers={"X-Api-Key": key}).status == 401, 10, what="the end of its key")
    return client.token, key

  def revoked(self):
    client = self.server.login("some-admin")
    assert client.get("/auth/me").status == 200  # it has been seen, and is remembered
    client.ok("POST", "/auth/logout")
    return client

  def worn_out(self):
    """{what happened: headers} of credentials that had worked and have ended since, each in its own way."""
    boss, found = self.by_role["admin"], {}

    def seen(client, key=None):
      for headers in [bearer(client.token)] + ([{"X-Api-Key": key}] if key else []):
        assert self.server.client().get("/auth/me", headers=headers).status == 200
      return client, key
    deleted, key = seen(*with_key(self.add("deleted", "admin")))
    boss.ok("DELETE", f"/admin/users/{deleted.user['id']}")
    found.update({"deleted": bearer(deleted.token), "deleted's key": {"X-Api-Key": key}})
    reused, _ = seen(self.add("reused", "admin"))
    first = reused.refresh_token
    pair = self.server.client().ok("POST", "/auth/refresh", {"refresh_token": first})
    self.server.client().post("/auth/refresh", {"refresh_token": first})
    found.update({"refresh token used twice": bearer(reused.token), "refresh token used twice, later": bearer(pair["access_token"])})
    changed, _ = seen(self.add("changed", "admin"))
    self.server.login("changed").ok("PUT", "/auth/me/password", {"current_password": "correct horse battery", "new_password": "another horse battery"})
    found["password changed elsewhere"] = bearer(changed.token)
    expiring, key = seen(*with_key(self.add("expiring", "admin"), expires_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 8))))
    wait_until(lambda: self.server.client().get("/auth/me", headers={"X-Api-Key": key}).status == 401, 60, what="the end of a key")
    found["expired key"] = {"X-Api-Key": key}
    assert expiring.get("/auth/me").status == 200
    return found

  def demoted(self):
    """An admin's token and key, after the admin was made a user."""
    client, key = with_key(self.add("demoted", "admin"))
    for headers in (bearer(client.token), {"X-Api-Key": key}):
      assert self.server.client().get("/admin/settings", headers=headers).status == 200
    self.by_role["admin"].ok("PUT", f"/admin/users/{client.user['id']}/role", {"role": "user"})
    return [Credential("demoted", "user", headers=bearer(client.token)), Credential("demoted's key", "user", key=True, headers={"X-Api-Key": key})]

  def cookie(self):
    reply = self.server.client().post("/auth/login", {"username": "some-admin", "password": "correct horse battery"})
    return reply.headers["Set-Cookie"].split(";")[0]


def credentials(people):
  admin = people.by_role["admin"]
  forger = Forger(people.server.data, admin.token)
  disabled_token, disabled_key = people.disabled()
  revoked = people.revoked()
  deleted_key, deleted_id = new_key(admin)
  assert people.server.client().get("/auth/me", headers={"X-Api-Key": deleted_key}).status == 200
  admin.ok("DELETE", f"/auth/api-keys/{deleted_id}", status=204)
  good_key = new_key(admin)[0]
  assert people.server.client().get("/auth/me", headers=bearer(forger.altered())).status == 200  # or the forgeries prove nothing
  worthless = {
    "no token": {}, "garbage": bearer("not.a.token"), "empty bearer": {"Authorization": "Bearer "}, "garbage key": {"X-Api-Key": "sok_" + "x" * 40},
    "empty key": {"X-Api-Key": ""}, "basic": {"Authorization": "Basic c29tZS1hZG1pbjpjb3JyZWN0IGhvcnNlIGJhdHRlcnk="},
    "expired": bearer(forger.expired()), "logged out": bearer(revoked.token), "logged out, refresh": bearer(revoked.refresh_token),
    "refresh token": bearer(admin.refresh_token), "alg none": bearer(forger.token(header={**forger.header, "alg": "none"}, signature=b"")),
    "disabled": bearer(disabled_token), "disabled's key": {"X-Api-Key": disabled_key}, "deleted key": {"X-Api-Key": deleted_key},
    "key as bearer of nobody": {"Authorization": f"Token {good_key}"}, "cookie only": {"Cookie": people.cookie()},
    "access token as cookie": {"Cookie": f"sokoul_refresh={admin.token}; access_token={admin.token}"},
  }
  found = [Credential(name, headers=headers) for name, headers in {**worthless, **people.worn_out()}.items()] + people.demoted()
  found += [Credential("token in the query", query=f"?access_token={admin.token}&token={admin.token}&api_key={good_key}&apikey={good_key}")]
  for role in ROLES:
    found.append(Credential(role, role, headers=bearer(people.by_role[role].token)))
    found.append(Credential(f"{role}'s key", role, key=True, headers={"X-Api-Key": new_key(people.by_role[role])[0]}))
  return found


def expected(who, credential):
  """What the gate must say: 401, 403, or nothing."""
  if who == "P":
    return None
  if who == "X":
    return 403
  if credential.role is None:
    return 401
  if ROLES.index(credential.role) < ROLES.index(NEEDED[who]) or (who == "S" and credential.key):
    return 403
  return None


@pytest.fixture(scope="module")
def people(server):
  return People(server)


def test_every_route_lets_in_whom_the_contract_lets_in(server, people):
  cells, wrong = 0, []
  for credential in credentials(people):
    for route in ROUTES:
      headers = dict(credential.headers)
      if route.who == "O":
        headers["Via"] = "1.1 somebody"  # or this machine's own requests are the operator's
      if route.name == "POST /api/v1/auth/logout" and credential.role and not credential.key:
        # Each such cell ends a session: one of its own.
        headers = bearer(server.login("demoted" if credential.name == "demoted" else people.by_role[credential.role].user["username"]).token)
      body = BODIES.get(route.name, {}) if route.body != "NONE" else None
      want = expected(route.who, credential)
      for method in ("GET", "HEAD") if route.method == "GET" else (route.method,):
        reply = server.client().request(method, route.fill() + credential.query, body, headers=headers)
        cells += 1
        if want:
          good = reply.status == want and (want != 401 or "WWW-Authenticate" in reply.headers)
        else:
          good = reply.status in PASSED
        if not good:
          wrong.append((credential.name, method, route.name, route.who, want or "through", reply))
  print(f"{cells} cells: {len(ROUTES)} routes")
  assert not wrong, "\n".join(map(str, wrong[:40]))
  assert cells >= 1000


def test_a_method_without_a_row_is_405_for_everybody(server, people):
  paths = {}
  for route in ROUTES:
    paths.setdefault(route.path, set()).add(route.method)
  count = 0
  for route in ROUTES:
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get"} - paths[route.path]:
      if method == "GET" and "{" in route.path or method == "CONNECT":
        continue  # another row's parameter may take it; CONNECT has no path
      for headers in ({}, bearer(people.by_role["admin"].token)):
        reply = server.client().request(method, route.fill(), headers=headers)
        assert reply.status in (404, 405, 501), (method, route.path, reply)
        assert not any(name.lower().startswith("access-control") for name in reply.headers), reply
        count += 1
  print(f"{count} calls by methods that are not there")


def spelled(path):
  """Other spellings of a path, by which a gate and a router could come to different opinions."""
  head, _, last = path.rpartition("/")
  yield from (path + "/", path + "//", path + "/.", path + "/..", path + "/x/..", "/" + path, path.replace("/", "//"), path.replace("/", "/./"), path.upper(), path.swapcase(), path + "%00", path + "%20",
              path + ".", path + ".json", path + ";x=y", path + "%3Fx", path + "%23", path + "%2F", f"{head}%2F{last}", f"{head}/%2e/{last}", f"{head}/x/%2e%2e/{last}", f"/health/..{path}", f"/health/%2e%2e{path}",
              f"/assets/..{path}", f"/assets/%2e%2e%2f{path[1:]}", "/" + "".join(f"%{ord(letter):02x}" for letter in path[1:]), path.replace("a", "%61"), path.replace("a", "%2561"), path.replace("/", "\\"),
              f"http://127.0.0.1{path}", f"//127.0.0.1{path}", path + "?", path + "?/health")


def test_no_other_spelling_of_a_path_goes_around_its_gate(server, people):
  count = 0
  user = bearer(people.by_role["user"].token)
  for route in ROUTES:
    if route.who in "PX":
      continue
    path = route.fill()
    path = path[1:] if path.startswith("//") else "/api/v1" + path
    for other in spelled(path):
      for headers in ({}, user) if route.who in "MA" else ({},):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        try:
          connection.putrequest(route.method, other, skip_accept_encoding=True)
          body = b"{}" if route.body != "NONE" else b""
          for name, value in {**headers, "Via": "1.1 x", "Content-Type": "application/json", "Content-Length": str(len(body))}.items():
            connection.putheader(name, value)
          connection.endheaders(body)
          reply = connection.getresponse()
          content = reply.read()
        finally:
          connection.close()
        assert reply.status in (400, 401, 403, 404, 405) or content.startswith(b"<!doctype html"), (route.name, other, reply.status, content[:300])
        count += 1
  print(f"{count} other spellings of paths")
