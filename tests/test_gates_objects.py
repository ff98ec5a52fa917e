"""What belongs to somebody: for everybody else it is not there, whichever way they ask and whatever their role."""

import json
import re
import uuid

import pytest

from harness.http import assert_problem
from harness.process import wait_until
from harness.routes import table
from harness.scene import Torznab, metadata, release, settings_for
from harness.sokoul import Sokoul
from harness.ws import Refused, WebSocket

ROUTES = table()
# Bodies with which a route's own owner gets through.
BODIES = {
  "POST /api/v1/streaming/{stream_id}/stop": {"position_seconds": 1},
  "PUT /api/v1/collections/{id}": {"name": "taken over"},
  "POST /api/v1/collections/{id}/media": None,  # filled in: a work that exists
}
OWNED = ("search_id", "stream_id", "watch_id")
SPELLINGS = (str.upper, lambda id_: id_.replace("-", ""), lambda id_: id_ + "%20", lambda id_: f"%7B{id_}%7D", lambda id_: f"{id_}%2F", lambda id_: f"{id_}%00",
             lambda id_: f"x%2F..%2F{id_}", lambda id_: f"'{id_}'", lambda id_: f"{id_}%27%20OR%201=1--")
# Headers that may differ between two answers that are the same.
PASSING = {"x-request-id", "date", "x-ratelimit-remaining", "x-ratelimit-reset"}


@pytest.fixture(scope="module")
def server(module_folder, module_keep):
  tmdb, tvmaze = metadata(module_keep)
  torznab = module_keep(Torznab([release("Paper.Lantern.2019.720p.WEB-DL.x264-OWN", 1), release("Paper.Lantern.2019.1080p.BluRay.x265-TWO", 2)]))
  server = module_keep(Sokoul(module_folder / "sokoul", start=False, **settings_for([torznab], tmdb=tmdb, tvmaze=tvmaze)))
  server.put_film()
  server.start()
  return server


@pytest.fixture(scope="module")
def film(server, admin):
  return server.scan(admin)


class Things:
  """One of everything that an account can have."""

  def __init__(self, server, client, film):
    self.client, self.film = client, film
    answer = server.search(client, "Paper Lantern", year=2019)
    self.search, self.results = answer["search_id"], answer["results"]
    number = uuid.uuid4().int % (1 << 160)
    self.download = client.ok("POST", "/downloads/start", {"info_hash": f"{number:040x}"})["download_id"]
    self.task = client.ok("POST", f"/search/{self.search}/score")["task_id"]
    self.direct = client.ok("GET", f"/streaming/direct/{film}")
    self.stream = self.direct["stream_id"]
    self.watch = client.ok("POST", "/history/watch", {"media_id": film, "progress_seconds": 10, "total_seconds": 100})["id"]
    self.private = client.ok("POST", "/collections", {"name": "Mine", "is_public": False})["id"]
    self.public = client.ok("POST", "/collections", {"name": "Ours", "is_public": True})["id"]
    for one in (self.private, self.public):
      client.ok("POST", f"/collections/{one}/media", {"media_id": film})
    for route in ("/library/favorites", "/library/watchlist"):
      client.ok("POST", route, {"media_id": film})
    self.key_id = client.ok("POST", "/auth/api-keys", {"name": "script"}, status=201)["id"]

  def ids(self, route):
    """[(parameters with an id of mine)] for a route about something of one account; none for others."""
    first = route.parameters[0] if route.parameters else None
    if route.who == "X":
      return []  # not one's account opens it but the signature
    if first in OWNED:
      return [{first: {"search_id": self.search, "stream_id": self.stream, "watch_id": self.watch}[first]}]
    if "/downloads/{id}" in route.path:
      return [{"id": self.download}]
    if "/tasks/{id}" in route.path:
      return [{"id": one} for one in (self.task, self.search, self.download)]
    if "/auth/api-keys/{id}" in route.path:
      return [{"id": self.key_id}]
    if "/collections/{id}" in route.path:
      more = {"media_id": self.film} if "media_id" in route.parameters else {}
      return [{"id": self.private, **more}]
    return []

  def state(self):
    """All of it as its owner sees it, without what moves by itself."""
    seen = {path: self.client.ok("GET", path) for path in (
      f"/search/{self.search}/results", f"/collections/{self.private}", f"/collections/{self.public}", "/library/favorites",
      "/library/watchlist", "/history/watched", "/history/continue", "/collections", "/auth/me", "/auth/api-keys")}
    seen["download"] = {name: self.client.ok("GET", f"/downloads/{self.download}")[name] for name in ("id", "info_hash", "created_at")}
    return seen


@pytest.fixture(scope="module")
def people(server, admin):
  clients = {"user": server.account("stranger")}
  for role in ("moderator", "admin"):
    assert server.run("user", "add", f"a-{role}", "--email", f"a-{role}@example.org", "--role", role, stdin="correct horse battery\n")[0] == 0
    clients[role] = server.login(f"a-{role}")
  return clients


@pytest.fixture(scope="module")
def things(server, people, film):
  return Things(server, server.account("owner"), film)


def look(reply):
  """What of an answer a caller could tell apart."""
  headers = sorted((name.lower(), value) for name, value in reply.headers.items() if name.lower() not in PASSING)
  body = reply.body.decode(errors="replace")
  if "json" in (reply.headers.get("Content-Type") or ""):
    body = {name: value for name, value in reply.json.items() if name not in ("instance", "request_id")}
  return reply.status, headers, body


def ask(client, route, parameters, film):
  body = BODIES.get(route.name, {}) if route.body != "NONE" else None
  body = {"media_id": film} if body is None and route.body != "NONE" else body
  return client.request(route.method, route.fill(**parameters), body)


def test_somebody_elses_is_the_same_as_nobodys(server, people, things, film):
  before, compared, wrong, covered = things.state(), 0, [], set()
  for route in ROUTES:
    for mine in things.ids(route):
      covered.add(route.name)
      absent = {**mine, next(iter(mine)): str(uuid.uuid4())}
      for role, client in people.items():
        theirs, nobodys = ask(client, route, mine, film), ask(client, route, absent, film)
        compared += 1
        if (role, route.name) == ("admin", "GET /api/v1/tasks/{id}"):
          assert (theirs.status, nobodys.status) == (200, 404)  # jobs are the machine's, and so an admin's
          continue
        if theirs.status != 404 or look(theirs) != look(nobodys):
          wrong.append((role, route.name, theirs, nobodys))
        for spelling in SPELLINGS:
          name = next(iter(mine))
          bent = ask(client, route, {**mine, name: spelling(mine[name])}, film)
          compared += 1
          if bent.status not in (400, 404, 405):
            wrong.append((role, route.name, "another spelling", bent))
  print(f"{compared} comparisons over {len(covered)} routes")
  assert not wrong, "\n".join(map(str, wrong[:30]))
  assert things.state() == before
  assert len(covered) >= 18


def test_lists_are_of_ones_own(people, things):
  for role, client in people.items():
    for path in ("/downloads", "/library/favorites", "/library/watchlist", "/history/watched", "/history/continue", "/auth/api-keys"):
      assert client.ok("GET", path)["items"] == [], (role, path)
    names = [item["id"] for item in client.ok("GET", "/collections")["items"]]
    assert things.private not in names, role


def test_nothing_kept_for_one_is_shown_to_another(people, things):
  """Every list and page of the API, asked by its owner first, so that whatever is cached is warm; and the owner's cursors and versions."""
  me = things.client
  mine = [things.search, things.download, things.task, things.stream, things.watch, things.private, things.key_id, me.user["id"], me.user["email"]]
  count = 0
  for route in ROUTES:
    if route.method != "GET" or route.parameters or route.who not in "US":
      continue
    for query in ("", "?per_page=1", "?per_page=200", "?user_id=" + me.user["id"], "?owner=" + me.user["id"]):
      own = me.get(route.fill() + query)
      for role, client in people.items():
        headers = {"If-None-Match": own.headers["ETag"]} if "ETag" in own.headers else {}
        replies = [client.get(route.fill() + query), client.get(route.fill() + query, headers=headers)]
        if own.status == 200 and own.json.get("next_cursor"):
          replies.append(client.get(f"{route.fill()}?per_page=200&cursor={own.json['next_cursor']}"))
        for reply in replies:
          if route.path == "/api/v1/collections" and reply.status == 200:
            assert {item["id"] for item in reply.json["items"]} <= {things.public}  # which says whose it is
            continue
          assert not [one for one in mine if one in reply.body.decode()], (role, route.name, query, reply)
          count += 1
  print(f"{count} answers without anybody else's")


def test_one_cannot_put_an_answer_into_anothers_mouth(people, things):
  """A question that reads like two, asked first, does not decide what the two parameters answer later."""
  asked = iter(f"nobody asked for this {number}" for number in range(100))
  for crooked in ("?q=Paper{0}%0Aper_page%3D7", "?q=Paper{0}%26per_page%3D7", "?q=Paper{0}%0Dper_page=7", "?q=Paper{0}%00per_page=7", "?q%3DPaper{0}=%0Aper_page=7", "?q=Paper{0}%0A&per_page=7"):
    word = "%20" + next(asked).replace(" ", "%20")
    people["user"].get("/media" + crooked.format(word))
    straight = things.client.ok("GET", f"/media?q=Paper{word}&per_page=7")
    assert straight["per_page"] == 7, (crooked, straight)


def test_an_idempotency_key_is_ones_own(server, people, things):
  """The same key from another account is another request, and tells nothing of the first one's answer."""
  headers, body = {"Idempotency-Key": str(uuid.uuid4())}, {"info_hash": "cd" * 20}
  first = things.client.ok("POST", "/downloads/start", body, headers=headers)
  assert things.client.ok("POST", "/downloads/start", body, headers=headers) == first
  for role, client in people.items():
    theirs = client.ok("POST", "/downloads/start", body, headers=headers)
    assert theirs["download_id"] != first["download_id"], role
    other = client.request("POST", "/downloads/start", {"info_hash": "ce" * 20}, headers=headers)
    assert first["download_id"] not in other.body.decode()
    for item in client.ok("GET", "/downloads")["items"]:
      assert item["id"] != first["download_id"]
      client.ok("POST", f"/downloads/{item['id']}/cancel")


def test_public_collections_are_read_by_all_and_written_by_their_owner(people, things, film):
  before = things.client.ok("GET", f"/collections/{things.public}")
  for role, client in people.items():
    assert client.ok("GET", f"/collections/{things.public}")["id"] == things.public
    for method, path, body in (("PUT", "", {"name": "x"}), ("PUT", "", {"is_public": False}), ("DELETE", "", None),
                               ("POST", "/media", {"media_id": film, "position": 5}), ("DELETE", f"/media/{film}", None)):
      reply = client.request(method, f"/collections/{things.public}{path}", body)
      assert reply.status in (403, 404), (role, method, path, reply)
  assert things.client.ok("GET", f"/collections/{things.public}") == before


def test_a_strangers_favorites_are_not_removed_by_the_works_id(people, things, film):
  """These routes are about the caller's own entry for a work that all can see."""
  for client in people.values():
    for route in ("/library/favorites", "/library/watchlist"):
      assert_problem(client.delete(f"{route}/{film}"), 404)
  assert things.client.ok("GET", "/library/favorites")["total"] == 1


def test_ids_inside_of_bodies_and_queries_open_nothing(people, things, film):
  result = things.results[0]["id"]
  own = things.client.ok("GET", f"/streaming/direct/{film}?source={things.direct['file']['media_file_id']}")
  assert own["stream_id"]
  for role, client in people.items():
    theirs = client.post("/downloads/start", {"search_result_id": result})
    nobodys = client.post("/downloads/start", {"search_result_id": 999999999})
    assert theirs.status in (404, 422) and look(theirs) == look(nobodys), (role, theirs, nobodys)
    theirs = client.get(f"/streaming/direct/{film}?source={things.download}")
    nobodys = client.get(f"/streaming/direct/{film}?source={uuid.uuid4()}")
    assert theirs.status == 404 and look(theirs) == look(nobodys), (role, theirs, nobodys)
    for path in ("/history/watch", "/library/favorites", "/library/watchlist"):
      body = {"media_id": str(uuid.uuid4()), "progress_seconds": 1, "total_seconds": 2} if "watch" in path and "list" not in path else {"media_id": str(uuid.uuid4())}
      assert_problem(client.post(path, body), 404)
    # Whose it is cannot be said in a body.
    me = client.user["id"]
    for path, body in (("/collections", {"name": "Forged", "user_id": things.client.user["id"], "owner_id": things.client.user["id"]}),
                       ("/history/watch", {"media_id": film, "progress_seconds": 99, "total_seconds": 100, "user_id": things.client.user["id"]}),
                       ("/library/favorites", {"media_id": film, "user_id": things.client.user["id"]})):
      reply = client.post(path, body)
      assert reply.status in (200, 201, 422), (path, reply)
      assert things.client.user["id"] not in reply.body.decode(), reply
      if reply.status == 201 and path == "/collections":
        assert reply.json.get("user_id", me) == me
        client.ok("DELETE", f"/collections/{reply.json['id']}")
    client.delete(f"/library/favorites/{film}")
    for item in client.ok("GET", "/history/watched")["items"]:
      client.ok("DELETE", f"/history/{item['id']}")
  assert things.client.ok("GET", "/history/watched")["total"] == 0


def test_a_role_cannot_be_given_to_oneself(server):
  client = server.account("climber")
  for path, body in (("/auth/me", {"role": "admin"}), ("/auth/me", {"email": "climber@example.com", "role": "admin", "is_active": True, "id": str(uuid.uuid4())})):
    reply = client.put(path, body)
    assert reply.status in (200, 422), reply
  assert client.ok("GET", "/auth/me")["role"] == "user"
  for extra in ({"role": "admin"}, {"is_admin": True}, {"setup_token": ""}, {"setup_token": None}):
    name = "a" + uuid.uuid4().hex[:8]
    reply = server.client().post("/auth/register", {"username": name, "email": f"{name}@example.org", "password": "correct horse battery", **extra})
    assert reply.status in (201, 403, 422), reply
    if reply.status == 201:
      assert reply.json["role"] == "user"


# --- Signed URLs of streams.

def parts(url):
  match = re.fullmatch(r"/stream/([^/]+)/([^?]+)\?expires=(\d+)&signature=([\w-]+)", url)
  assert match, url
  return match.groups()


def test_signed_links_cannot_be_made_or_mended(server, people, things, film):
  stream, name, expires, signature = parts(things.direct["url"])
  other_stream, _, other_expires, other_signature = parts(people["user"].ok("GET", f"/streaming/direct/{film}")["url"])
  client, tried = server.client(), 0
  assert client.get("/" + things.direct["url"]).status == 200
  forged = [
    f"/stream/{stream}/{name}", f"/stream/{stream}/{name}?expires={expires}", f"/stream/{stream}/{name}?signature={signature}",
    f"/stream/{stream}/{name}?expires={expires}&signature=", f"/stream/{stream}/{name}?expires={expires}&signature={other_signature}",
    f"/stream/{other_stream}/{name}?expires={expires}&signature={signature}", f"/stream/{stream}/{name}?expires={other_expires}&signature={other_signature}",
    f"/stream/{uuid.uuid4()}/{name}?expires={expires}&signature={signature}", f"/stream/{stream}/{name}?expires={int(expires) + 1}&signature={signature}",
    f"/stream/{stream}/{name}?expires={int(expires) * 10}&signature={signature}", f"/stream/{stream}/{name}?expires=-1&signature={signature}",
    f"/stream/{stream}/{name}?expires=0&signature={signature}", f"/stream/{stream}/{name}?expires=99999999999999999999&signature={signature}",
    f"/stream/{stream}/{name}?expires={expires}e0&signature={signature}", f"/stream/{stream}/{name}?expires={expires}&signature={signature}%00",
    f"/stream/{stream}/{name}?expires={expires}&signature={signature}=", f"/stream/{stream}/{name}?expires={expires}&signature={signature[:-1]}",
    f"/stream/{stream}/{name}?expires={expires}&signature=%20{signature}", f"/stream/{stream}/{name}?expires={expires}&signature=x&signature={signature}",
    f"/stream/{stream}/{name}?expires=1&expires={expires}&signature={signature}", f"/stream/{stream.replace('-', '')}/{name}?expires={expires}&signature={signature}",
    f"/stream/{stream}%20/{name}?expires={expires}&signature={signature}", f"/stream//{name}?expires={expires}&signature={signature}",
  ]
  if stream.upper() != stream:
    forged.append(f"/stream/{stream.upper()}/{name}?expires={expires}&signature={signature}")
  forged += [f"/stream/{stream}/{name}?expires={expires}&signature={signature[:at]}{'A' if signature[at] != 'A' else 'B'}{signature[at + 1:]}" for at in range(len(signature))]
  forged.append(f"/stream/{stream}/{name}?expires={expires}&signature={signature[:-1]}" + {"A": "B", "Q": "R"}.get(signature[-1], chr(ord(signature[-1]) + 1)))
  for method in ("GET", "HEAD"):
    for url in forged:
      reply = client.request(method, "/" + url, headers={"Range": "bytes=0-9"})
      assert reply.status in (400, 403, 404), (url, reply)
      tried += 1
  print(f"{tried} forged links")
  assert client.get("/" + things.direct["url"]).status == 200


def test_a_link_ends_with_its_session(server, film):
  client = server.account("leaving")
  link = client.ok("GET", f"/streaming/direct/{film}")["url"]
  assert server.client().get("/" + link).status == 200
  client.ok("POST", "/auth/logout")
  assert_problem(server.client().get("/" + link), 403)


def test_a_link_ends_with_its_api_key(server, film):
  client = server.account("scripted")
  key = client.ok("POST", "/auth/api-keys", {"name": "player"}, status=201)
  script = {"X-Api-Key": key["key"]}
  link = server.client().ok("GET", f"/streaming/direct/{film}", headers=script)["url"]
  assert server.client().get("/" + link).status == 200
  client.ok("DELETE", f"/auth/api-keys/{key['id']}")
  wait_until(lambda: server.client().get("/" + link).status == 403, 10, what="the end of the link")


# --- Tickets.

def refused(server, path, **headers):
  try:
    WebSocket(server.port, path, headers=headers).close()
  except Refused as refusal:
    return refusal.status
  return 101


def test_tickets_are_good_once_and_cannot_be_guessed(server, people):
  ticket = people["user"].ok("POST", "/auth/ws-ticket")["ticket"]
  for wrong in ("", "x", ticket[:-1], ticket + "A", ticket.swapcase(), ticket[::-1], "%00" + ticket, ticket + "%00", "%2e%2e", people["user"].token,
                people["user"].refresh_token, str(uuid.uuid4()), "A" * 43, "ws_ticket%0a" + ticket, "*"):
    assert refused(server, f"/ws?ticket={wrong}") in (400, 401), wrong
  assert refused(server, f"/ws?ticket=&ticket={ticket}") == 401
  WebSocket(server.port, f"/ws?ticket={ticket}").close()
  assert refused(server, f"/ws?ticket={ticket}") == 401
  assert_problem(server.client().get("/auth/me", headers={"Authorization": f"Bearer {people['user'].ok('POST', '/auth/ws-ticket')['ticket']}"}), 401)


def test_events_are_ones_own(server, people, things):
  """Another account's subscriptions name its searches and downloads in vain."""
  socket = server.socket(people["user"])
  try:
    socket.send({"subscribe": ["downloads", f"search:{things.search}", f"download:{things.download}", "*", "admin", "alert", f"user:{things.client.user['id']}"]})
    things.client.ok("POST", f"/downloads/{things.download}/pause")
    things.client.ok("POST", f"/downloads/{things.download}/resume")
    server.search(things.client, "Paper Lantern", year=2019)
    own = server.download(people["user"], info_hash="ab" * 20)
    socket.send({"subscribe": ["downloads"]})
    people["user"].ok("POST", f"/downloads/{own}/cancel")
    # Their own event comes; what was before it would have come before.
    deadline = wait_until(lambda: socket.pump(0.5) or True, 5)
    assert deadline
    text = json.dumps(socket.events)
    for theirs in (things.search, things.download, things.client.user["id"], things.task):
      assert theirs not in text, text
  finally:
    socket.close()
