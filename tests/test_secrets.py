"""Planted secrets: a broad session over all routes, the commands and the errors, and then every byte that came out is searched."""

import json
import re
import uuid

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from harness import secrets
from harness.films import make_film
from harness.http import Client
from harness.process import free_port, wait_until
from harness.routes import table
from harness.scene import Jackett, Prowlarr, Torznab, made_up_hash, metadata, release, settings_for
from harness.sokoul import ROOT, Sokoul
from harness.ws import WebSocket

ROUTES = table()
TABLES = re.findall(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)", "".join(path.read_text() for path in sorted((ROOT / "src" / "data" / "schema").glob("*.sql"))))
LOGIN = r"POST /auth/(login|refresh)"


def made_up(name):
  return f"{name}-{uuid.uuid4().hex}"


@pytest.fixture
def planted(monkeypatch):
  """Everything the harness' clients and sockets receive is kept."""
  planted = secrets.Planted()
  request, pump = Client.request, WebSocket.pump

  def recording(self, method, path, *args, **options):
    reply = request(self, method, path, *args, **options)
    planted.emit(f"{method} {path.split('?')[0]}", "\n".join(f"{name}: {value}" for name, value in reply.headers.items()).encode() + b"\n\n" + reply.body)
    return reply

  def pumping(self, limit_s):
    before = len(self.events)
    answer = pump(self, limit_s)
    for event in self.events[before:]:
      planted.emit("websocket", json.dumps(event))
    return answer
  monkeypatch.setattr(Client, "request", recording)
  monkeypatch.setattr(WebSocket, "pump", pumping)
  return planted


def plant_session(planted, name, client):
  """The tokens of a client that has just signed in."""
  planted.plant(f"{name}'s access token", client.token, LOGIN)
  planted.plant(f"{name}'s refresh token", client.refresh_token, LOGIN)
  return client


def sign_in(planted, server, name, password):
  return plant_session(planted, name, server.login(name, password))


class World:
  """A server whose every secret is known, with providers that work, lie and are gone."""

  def __init__(self, folder, keep, planted):
    tmdb, tvmaze = metadata(keep)
    tmdb.api_key = planted.plant("the TMDB key", made_up("tmdbkey"))
    found = [release("Paper.Lantern.2019.720p.WEB-DL.x264-OWN", 1), release("Paper.Lantern.2019.1080p.BluRay.x265-TWO", 2, link="torrent")]
    torznab = keep(Torznab(found, api_key=planted.plant("the indexer's key", made_up("indexerkey"))))
    gone = Torznab(found, api_key=planted.plant("the dead indexer's key", made_up("deadkey")))
    refusing = keep(Torznab(found, api_key="another"))
    refusing_url = refusing.url.replace("another", planted.plant("the refused key", made_up("refusedkey")))
    prowlarr = keep(Prowlarr(found, api_key=planted.plant("Prowlarr's key", made_up("prowlarrkey"))))
    jackett = keep(Jackett(found, api_key=planted.plant("Jackett's key", made_up("jackettkey"))))
    settings = settings_for([torznab, gone], prowlarr, jackett, tmdb, tvmaze)
    settings["torznab_urls"] += " " + refusing_url
    smtp_password = planted.plant("the SMTP password", made_up("smtppassword"))
    settings.update(smtp_url=f"smtp://mailer:{smtp_password}@127.0.0.1:{free_port()}", smtp_from="sokoul@example.org", public_url="http://127.0.0.1/", log_level="debug")
    self.server = keep(Sokoul(folder / "sokoul", start=False, **settings))
    film = self.server.library / "Movies" / "Paper Lantern (2019)"
    film.mkdir(parents=True)
    make_film(film / "Paper Lantern (2019) - 720p.mkv", seconds=2)
    gone.kill()
    self.server.start()
    self.torznab = torznab


def accounts(planted, server):
  """The setup, two accounts, sign-ins that fail, a changed password, keys, cookies."""
  token = planted.plant("the setup token", server.setup_token())
  admin_password, password, fresh = (planted.plant(f"a password {number}", made_up("Password")) for number in range(3))
  wrong = planted.plant("a wrong password", made_up("Wrong"))
  server.account("owner", admin_password, setup_token=token)
  server.account("somebody", password)
  for body in ({"username": "owner", "password": wrong}, {"username": "nobody", "password": wrong}, {"username": wrong, "password": wrong}, {"username": 1, "password": [wrong]},
               {"username": "owner", "password": {"x": wrong}}, {"username": "owner", "password": wrong + "x" * 2000}):
    assert server.client().post("/auth/login", body).status in (401, 422)
  for body in ({"username": "second", "email": wrong, "password": wrong}, {"username": "second", "email": "owner@example.org", "password": wrong}, {"username": "second", "email": "s@example.org",
               "password": password, "setup_token": wrong}, {"username": "x", "email": [password], "password": [password]}):
    assert server.client().post("/auth/register", body).status in (403, 409, 422)
  admin, user = sign_in(planted, server, "owner", admin_password), sign_in(planted, server, "somebody", password)
  assert user.put("/auth/me/password", {"current_password": wrong, "new_password": fresh}).status == 422
  user.ok("PUT", "/auth/me/password", {"current_password": password, "new_password": fresh})
  pair = server.client().post("/auth/refresh", {"refresh_token": user.refresh_token}).json
  user.token, user.refresh_token = pair["access_token"], pair["refresh_token"]
  plant_session(planted, "somebody, later", user)
  server.client().post("/auth/refresh", {"refresh_token": admin.refresh_token + "x"})
  old = sign_in(planted, server, "owner", admin_password)
  server.client().request("POST", "/auth/refresh", headers={"Cookie": f"sokoul_refresh={old.refresh_token}", "Origin": "http://evil.example"})
  old.ok("POST", "/auth/logout")
  server.client().request("POST", "/auth/refresh", headers={"Cookie": f"sokoul_refresh={old.refresh_token}"})
  for client in (admin, user):
    client.key = planted.plant("an API key", client.ok("POST", "/auth/api-keys", {"name": "script"})["key"], r"POST /auth/api-keys")
    assert server.client().get("/auth/me", headers={"X-Api-Key": client.key}).status == 200
    server.client().get("/auth/me", headers={"X-Api-Key": client.key + "x"})
    client.get("/auth/api-keys")
  return admin, user


def providers(planted, admin, torznab):
  """Keys that are written and never read."""
  key, changed = (planted.plant(f"a provider's key {number}", made_up("providerkey")) for number in range(2))
  in_url = planted.plant("a key in a provider's address", made_up("urlkey"))
  one = admin.ok("POST", "/admin/providers", {"name": "mine", "kind": "torznab", "base_url": f"{torznab.base}/api", "api_key": key}, status=201)["id"]
  admin.post("/admin/providers", {"name": "mine", "kind": "torznab", "base_url": f"{torznab.base}/api", "api_key": changed})
  admin.post("/admin/providers", {"name": "wrong", "kind": "nothing", "base_url": [in_url], "api_key": {"x": key}})
  admin.post("/admin/providers", {"name": "in-url", "kind": "torznab", "base_url": f"http://127.0.0.1:9/api?apikey={in_url}"})
  admin.post("/admin/providers", {"name": "userinfo", "kind": "torznab", "base_url": f"http://me:{in_url}@127.0.0.1:9/api"})
  admin.put(f"/admin/providers/{one}", {"api_key": changed})
  for item in admin.ok("GET", "/admin/providers")["items"]:
    admin.post(f"/admin/providers/{item['id']}/test")


def main_job(planted, server, admin, user):
  """Search, downloads with secrets in their addresses, watching, a socket."""
  socket = server.socket(user)
  server.search(user, "Paper Lantern", year=2019)
  answer = server.search(user, "Paper Lantern")
  for path in ("", "/results", "/providers"):
    user.get(f"/search/{answer['search_id']}{path}")
  passkey = planted.plant("a tracker's passkey", made_up("passkey"), r"(database|GET /downloads.*|POST /downloads.*|data/resume.*)")
  magnet = f"magnet:?xt=urn:btih:{made_up_hash(77)}&dn=x&tr=http%3A%2F%2F127.0.0.1%3A9%2F{passkey}%2Fannounce"
  url_key = planted.plant("a key in a torrent's address", made_up("torrentkey"), r"database")
  for what in ({"magnet_link": magnet}, {"torrent_url": f"http://127.0.0.1:9/get?apikey={url_key}"}, {"torrent_url": f"http://me:{url_key}@127.0.0.1:9/x.torrent"},
               {"torrent_url": f"gopher://127.0.0.1/{url_key}"}, {"magnet_link": [url_key]}, *({"search_result_id": one["id"]} for one in answer["results"][:4])):
    user.post("/downloads/start", what)
  wait_until(lambda: [one for one in user.ok("GET", "/downloads")["items"] if one["status"] == "failed"], 30, what="a download that fails")
  task = admin.ok("POST", "/media/scan")["task_id"]
  wait_until(lambda: admin.ok("GET", f"/tasks/{task}")["status"] == "completed", 60, what="the scan")
  film = admin.ok("GET", "/media?has_files=true")["items"][0]["id"]
  direct = user.ok("GET", f"/streaming/direct/{film}")
  planted.plant("a stream's signature", direct["url"].rsplit("signature=", 1)[1], r"GET /streaming/direct/.*")
  for url in (direct["url"], direct["url"] + "x"):
    server.client().request("GET", "/" + url, headers={"Range": "bytes=0-9"})
  user.post(f"/streaming/{direct['stream_id']}/start")
  ticket = planted.plant("a ticket", user.ok("POST", "/auth/ws-ticket")["ticket"], r"POST /auth/ws-ticket")
  server.client().get(f"//ws?ticket={ticket}")
  while socket.pump(0.3):
    pass
  socket.close()


def every_route(planted, server, admin, user):
  """Every route as nobody, as a user and as an admin, with bodies that are wrong in ways that tempt a server to quote them."""
  secret = planted.plant("a secret in the wrong place", made_up("misplaced"))
  bodies = [None, {}, {"password": secret, "api_key": secret, "token": secret, "refresh_token": secret, "new_password": secret, "current_password": secret, "setup_token": secret},
            {"password": [secret], "api_key": {secret: secret}, "refresh_token": 1, "unknown": secret, "value": secret}]
  for route in ROUTES:
    for client in (server.client(), user, admin):
      if route.path.endswith("/logout") and client.token:
        continue
      for body in bodies if route.body != "NONE" else bodies[:1]:
        client.request(route.method, route.fill() + f"?token={secret}&api_key={secret}&password={secret}", body)
      if route.body != "NONE":
        for raw in (b'{"password": "%s"' % secret.encode(), b"%s" % secret.encode(), b'{"password": "%s\xff"}' % secret.encode()):
          client.request(route.method, route.fill(), raw=raw, headers={"Content-Type": "application/json"})
        client.request(route.method, route.fill(), raw=secret.encode(), headers={"Content-Type": "text/plain"})
    for headers in ({"Authorization": f"Bearer {secret}"}, {"X-Api-Key": secret}, {"Cookie": f"sokoul_refresh={secret}"}, {"Authorization": f"Basic {secret}"}):
      server.client().request(route.method, route.fill(), headers=headers)


def reset(planted, server):
  """A mail that cannot be sent: neither the link nor the mail server's password gets into the log."""
  for email in ("somebody@example.org", "nobody@example.org"):
    assert server.client().post("/auth/password/forgot", {"email": email}).status == 202
  wait_until(lambda: server.rows("SELECT * FROM password_resets"), 20, what="the reset that was asked for")


def commands(planted, server, admin):
  for arguments in (["--help"], ["--version"], ["config", "check"], ["config", "--help"], ["provider", "list"], ["provider", "test", "mine"], ["user", "list"], ["migrate", "--status"], ["openapi"],
                    ["status"], ["serve", "--nonsense"], ["nonsense"], ["search", "Paper Lantern"], ["user", "passwd", "nobody"], ["worker"]):
    _, out, err = server.run(*arguments, stdin="", settings={"SOKOUL_TOKEN": admin.token, "SOKOUL_URL": f"http://127.0.0.1:{server.port}"})
    planted.emit(f"sokoul {' '.join(arguments)}", out + err)
  wrong = {"SOKOUL_TMDB_URL": "not an address", "SOKOUL_SMTP_URL": f"http://me:{made_up('x')}@wrong", "SOKOUL_PROWLARR_URL": "::"}
  _, out, err = server.run("config", "check", settings=wrong)
  planted.emit("sokoul config check, wrong", out + err)
  planted.plant("a password in a wrong setting", wrong["SOKOUL_SMTP_URL"].split(":")[2].split("@")[0])


def key_material(planted, server):
  for path in (server.data / "keys").iterdir():
    content = path.read_bytes()
    if content.startswith(b"-----BEGIN"):
      for line in content.decode().splitlines()[1:-1]:
        if len(line) >= 32:
          planted.plant(f"a line of {path.name}", line)
      numbers = load_pem_private_key(content, None).private_numbers()
      for name in ("d", "p", "q"):
        value = getattr(numbers, name)
        planted.plant(f"{name} of {path.name}", value.to_bytes((value.bit_length() + 7) // 8, "big"))
    elif len(content) >= 16:
      planted.plant(path.name, content)


def hashes(planted, server):
  """What stands in the database in place of the secrets does not come out of it either."""
  for name, column in (("users", "password_hash"), ("api_keys", "key_hash"), ("refresh_tokens", "token_hash"), ("password_resets", "token_hash")):
    for row in server.rows(f"SELECT {column} AS value FROM {name}"):
      planted.plant(f"{name}.{column}", row["value"], r"(database|data/.*)")


def test_no_planted_secret_comes_out(folder, keep, planted):
  world = World(folder, keep, planted)
  server = world.server
  admin, user = accounts(planted, server)
  providers(planted, admin, world.torznab)
  main_job(planted, server, admin, user)
  every_route(planted, server, admin, user)
  reset(planted, server)
  key_material(planted, server)
  hashes(planted, server)
  commands(planted, server, admin)
  for path in ("//metrics", "//health/deep", "/admin/audit-logs", "/admin/users", "/admin/settings", "/admin/system/stats", "/admin/dead-letters", "/admin/providers"):
    admin.get(path)
    for page in range(1, 4):
      admin.get(f"{path}?per_page=200&page={page}")
  for file in (f"/proc/{server.process.pid}/cmdline", f"/proc/{server.process.pid}/comm", f"/proc/{server.process.pid}/status"):
    planted.emit(file, open(file, "rb").read())
  server.stop()
  # The setup link is said once, on the line that is meant to; the token is worth nothing afterwards.
  lines = [line for line in server.log().splitlines() if "setup?token=" not in line]
  assert len(server.log().splitlines()) - len(lines) == 1
  assert "/reset?token=" not in server.log()
  planted.emit("log", "\n".join(lines))
  for name in TABLES:
    rows = server.rows(f"SELECT * FROM {name}")
    planted.emit("database", json.dumps(rows, default=lambda value: bytes(value).decode("latin-1")))
  for path in server.data.rglob("*"):
    if path.is_file() and path.parent.name != "keys" and path.suffix not in (".mkv", ".mp4"):
      place = "database" if path.name.startswith("sokoul.db") else f"data/{path.relative_to(server.data)}"
      planted.emit(place, path.read_bytes())
  leaks = planted.found()
  count, size = planted.searched
  print(f"{len(planted.secrets)} secrets searched for in {count} answers, files and logs of {size >> 10} KiB")
  assert len(planted.secrets) > 60 and count > 500
  assert not leaks, "\n".join(f"{name} in {place}: {around!r}" for name, place, around in leaks[:40])


def test_the_search_itself_finds(planted):
  """Or the test above proves nothing."""
  value = planted.plant("one", "secret/with+16 and more", "there")
  for place, data, leaks in (("there", value, 0), ("here", "nothing", 0), ("here", f"x{value}y", 1), ("here", secrets.base64.b64encode(value.encode()).decode(), 1),
                             ("here", "secret%2Fwith%2B16%20and%20more", 1), ("here", value.encode().hex(), 1)):
    planted.emitted.clear()
    planted.emit(place, data)
    assert len(planted.found()) == leaks, (place, data)
  assert not secrets.in_log("GET /stream/{stream_id} correct horse")
  for line in ("x correct horse battery", "$2b$10$" + "a" * 53, "https://me:word@example.org/", "?apikey=abc", "sokoul_refresh=eyJ"):
    assert secrets.in_log(line), line
