"""Pages of other sites: whatever a browser can be made to send, with the cookie and without, changes nothing and shows nothing."""

import hashlib
import http.server
import itertools
import json
import re
import threading

import pytest

from harness.browser import Page
from harness.routes import table
from harness.sokoul import ROOT
from harness.ws import Refused, WebSocket

ROUTES = table()
PASSWORD = "correct horse battery"
TABLES = re.findall(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)", "".join(path.read_text() for path in sorted((ROOT / "src" / "data" / "schema").glob("*.sql"))))
MOVING = {"samples", "workers", "alert_watches"}  # rows that come by themselves


@pytest.fixture(scope="module")
def victim(server, admin):
  """Somebody signed in, with the cookie as a browser holds it."""
  client = server.account("victim")
  reply = server.client().post("/auth/login", {"username": "victim", "password": PASSWORD})
  client.cookie = reply.headers["Set-Cookie"].split(";")[0]
  client.collection = client.ok("POST", "/collections", {"name": "Mine"})["id"]
  return client


def state(server):
  """{table: (number of rows, their digest)}."""
  found = {}
  for name in set(TABLES) - MOVING:
    rows = sorted(map(repr, server.rows(f"SELECT * FROM {name}")))
    found[name] = (len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest())
  assert len(found) > 15
  return found


def changed(before, after):
  return {name: (before.get(name), after.get(name)) for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def origins(server):
  """Whence a request may come that is not from our page."""
  here = f"127.0.0.1:{server.port}"
  foreign = ["null", "http://evil.example", "https://evil.example", f"http://{here}.evil.example", f"http://evil.example/{here}", f"http://{here}@evil.example", f"http://evil.example@{here}",
             f"http://127.0.0.1:{server.port + 1}", "http://127.0.0.1", f"http://localhost:{server.port}", f"http://[::1]:{server.port}", "file://", "", "http://", here, f"{here}/",
             f"http://evil.example http://{here}", f"http://{here} http://evil.example", f"http://{here}, http://evil.example", f"http://{here}/", f"http://{here}#", f"http://{here}:80"]
  for origin in foreign:
    yield {"Origin": origin}
    yield {"Origin": origin, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Referer": "http://evil.example/page"}
  for site in ("cross-site", "same-site", "Cross-Site"):
    yield {"Sec-Fetch-Site": site, "Referer": "http://evil.example/page"}


FORMS = [
  ("application/x-www-form-urlencoded", b"username=evil&email=evil%40example.org&password=correct+horse+battery&name=x&query=x&media_id=x"),
  ("application/x-www-form-urlencoded", b'{"query":"x","name":"x","username":"evil","email":"evil@example.org","password":"correct horse battery","a":"=b"}'),
  ("text/plain", b'{"query":"x","name":"x","username":"evil","email":"evil@example.org","password":"correct horse battery","a":"=b"}'),
  ("text/plain;charset=UTF-8", b'{"query":"x","info_hash":"0123456789abcdef0123456789abcdef01234567"}'),
  ("text/plain; application/json", b'{"query":"x","name":"x"}'),
  ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="info_hash"\r\n\r\n0123456789abcdef0123456789abcdef01234567\r\n--b--\r\n'),
  (None, b'{"query":"x","name":"x"}'),
  (None, None),
]


def writing(routes):
  return [route for route in routes if route.method != "GET"]


def test_forms_of_other_sites_change_nothing(server, victim):
  before, sent, wrong = state(server), 0, []
  sources = list(origins(server))
  for route in writing(ROUTES):
    path = route.fill(id=victim.collection) if "/collections/" in route.path else route.fill()
    for number, ((kind, body), cookie) in enumerate(itertools.product(FORMS, (victim.cookie, None))):
      headers = {**sources[(sent + number) % len(sources)]}
      if kind:
        headers["Content-Type"] = kind
      if cookie:
        headers["Cookie"] = cookie
      reply = server.client().request(route.method, path, raw=body, headers=headers)
      sent += 1
      if reply.status < 400 or any(name.lower().startswith("access-control") for name in reply.headers):
        wrong.append((route.name, headers, reply))
  print(f"{sent} requests from other sites")
  assert not wrong, wrong[:10]
  assert not changed(before, state(server))


def test_the_cookie_alone_opens_one_route_and_only_to_our_own_page(server, victim):
  before, count = state(server), 0
  for headers in origins(server):
    for body in (None, {}):
      reply = server.client().request("POST", "/auth/refresh", body, headers={**headers, "Cookie": victim.cookie})
      assert reply.status == 403 and "access_token" not in reply.body.decode() and "Set-Cookie" not in reply.headers, (headers, reply)
      count += 1
  print(f"{count} tries to use the cookie")
  assert not changed(before, state(server))
  for route in ROUTES:
    if route.method == "GET" and route.who not in "P":
      headers = {"Cookie": victim.cookie, "Origin": f"http://127.0.0.1:{server.port}", "Via": "1.1 x"}
      assert server.client().get(route.fill(), headers=headers).status in (400, 401, 403), route.name
  # And to our own page it does: the tests above do not fail for want of a good cookie.
  reply = server.client().request("POST", "/auth/refresh", headers={"Cookie": victim.cookie, "Origin": f"http://127.0.0.1:{server.port}", "Sec-Fetch-Site": "same-origin"})
  assert reply.status == 200, reply
  victim.cookie = reply.headers["Set-Cookie"].split(";")[0]


def test_images_and_links_change_nothing(server, victim):
  """GET is safe, also with parameters that pretend to be another method."""
  before = state(server)
  for route in ROUTES:
    for query, headers in (("?_method=DELETE", {"X-HTTP-Method-Override": "DELETE"}), ("?method=POST&name=x&query=x", {"X-HTTP-Method": "POST", "X-Method-Override": "PUT"})):
      path = route.fill(id=victim.collection) if "/collections/" in route.path else route.fill()
      server.client().get(path + query, headers={"Cookie": victim.cookie, **headers})
      # With a token the answer may be good; it still changes nothing.
      if "/streaming/" not in path:
        victim.get(path + query, headers=headers)
  assert not changed(before, state(server))


def test_strangers_are_not_told_that_they_may_read(server, victim):
  count = 0
  for route in ROUTES:
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null", "Cookie": victim.cookie}, {"Origin": "http://evil.example", "Authorization": f"Bearer {victim.token}"}):
      for method in ("OPTIONS", route.method if route.method == "GET" else "OPTIONS"):
        preflight = {"Access-Control-Request-Method": route.method, "Access-Control-Request-Headers": "authorization,content-type,x-api-key"} if method == "OPTIONS" else {}
        reply = server.client().request(method, route.fill(), headers={**headers, **preflight})
        assert not [name for name in reply.headers if name.lower().startswith("access-control")], (route.name, reply.headers)
        assert method == "GET" or reply.status in (403, 404, 405), (route.name, reply)
        count += 1
  print(f"{count} cross-origin requests and preflights")


FOREIGN_HOSTS = ("evil.example", "evil.example:{port}", "127.0.0.1.evil.example:{port}", "localhost.evil.example", "evil.example.", "EVIL.example:80", "1.2.3.4.5", "sokoul.example.org:{port}")


def test_a_name_that_is_not_ours_is_not_answered(server, victim):
  """DNS rebinding: the page's origin, its cookies and its token are all of the foreign name."""
  before, count = state(server), 0
  for route in ROUTES:
    for host in FOREIGN_HOSTS:
      name = host.format(port=server.port)
      for headers in ({}, {"Cookie": victim.cookie}, {"Authorization": f"Bearer {victim.token}"}):
        body = {"username": "rebound", "email": "rebound@example.org", "password": PASSWORD, "name": "x", "query": "x"} if route.body != "NONE" else None
        reply = server.client().request(route.method, route.fill(), body, headers={**headers, "Host": name, "Origin": f"http://{name}"})
        count += 1
        assert reply.status == 403 and reply.json["code"] == "host_refused", (route.name, name, reply)
  print(f"{count} requests by a foreign name")
  assert not changed(before, state(server))


def test_names_of_the_local_network_and_configured_ones_are_answered(start):
  server = start(public_url="https://films.example.org/", host_names="media.example.net, *.example.com")
  for name in ("localhost", f"localhost:{server.port}", "127.0.0.1", f"[::1]:{server.port}", "192.168.1.7", "nas", "nas:3000", "nas.local", "NAS.LAN:8080", "sokoul.home.arpa", "films.example.org",
               "films.example.org:443", "MEDIA.example.net", "a.example.com", "a.b.example.com"):
    reply = server.client().get("/openapi.json", headers={"Host": name})
    assert reply.status == 200, (name, reply)
  for name in ("example.com", "example.org", "x.films.example.org", "media.example.net.evil.example"):
    assert server.client().get("/openapi.json", headers={"Host": name}).status == 403, name
  code, _, err = server.run("config", "check", settings={"SOKOUL_HOST_NAMES": "https://films.example.org"})
  assert code == 1 and "SOKOUL_HOST_NAMES" in err
  assert start(host_names="*").client().get("/openapi.json", headers={"Host": "evil.example"}).status == 200


def test_sockets_of_other_sites_are_refused(server, victim):
  before, count = state(server), 0
  ticket = victim.ok("POST", "/auth/ws-ticket")["ticket"]
  for headers in origins(server):
    for path, more in ((f"/ws?ticket={ticket}", {}), ("/ws", {"Authorization": f"Bearer {victim.token}"}), (f"/ws?ticket={ticket}", {"Cookie": victim.cookie}), ("/ws", {"Cookie": victim.cookie})):
      with pytest.raises(Refused) as refused:
        WebSocket(server.port, path, headers={**headers, **more}).close()
      assert refused.value.status in (401, 403), headers
      count += 1
  for name in FOREIGN_HOSTS:
    name = name.format(port=server.port)
    with pytest.raises(Refused) as refused:
      WebSocket(server.port, f"/ws?ticket={ticket}", headers={"Host": name, "Origin": f"http://{name}"}).close()
    assert refused.value.status == 403
    count += 1
  print(f"{count} sockets from other sites")
  assert not changed(before, state(server))
  # None of them used the ticket up.
  WebSocket(server.port, f"/ws?ticket={ticket}", headers={"Origin": f"http://127.0.0.1:{server.port}"}).close()


# --- A real browser.

ATTACK = """<!doctype html><meta charset="utf-8"><title>working</title><body><script>
const there = "%(there)s", found = [], wait = ms => new Promise(done => setTimeout(done, ms));
function form(path, type, fields) {
  return new Promise(done => {
    const frame = document.createElement("iframe"), form = document.createElement("form");
    frame.name = "f" + Math.random(); document.body.append(frame);
    Object.assign(form, {action: there + path, method: "POST", enctype: type, target: frame.name});
    for (const [name, value] of Object.entries(fields)) {
      const input = document.createElement("input"); input.name = name; input.value = value; form.append(input);
    }
    document.body.append(form);
    frame.onload = () => done(); setTimeout(done, 5000);
    form.submit();
  });
}
async function call(path, options) {
  try {
    const reply = await fetch(there + path, {credentials: "include", ...options});
    found.push([path, reply.type, reply.status, reply.type == "opaque" ? "" : await reply.text()]);
  } catch (problem) { found.push([path, "refused", 0, ""]); }
}
function socket(path) {
  return new Promise(done => {
    const ws = new WebSocket(there.replace("http", "ws") + path);
    ws.onopen = () => { found.push([path, "socket", 101, "open"]); ws.close(); done(); };
    ws.onerror = () => { found.push([path, "socket", 0, ""]); done(); };
  });
}
function tag(name, attribute, path) {
  return new Promise(done => {
    const one = document.createElement(name);
    one.onload = () => { found.push([path, name, 200, "loaded"]); done(); };
    one.onerror = () => done(); setTimeout(done, 3000);
    one[attribute] = there + path; document.body.append(one);
  });
}
(async () => {
  const fields = {username: "evil", email: "evil@example.org", password: "correct horse battery", name: "evil", query: "evil"};
  const json = JSON.stringify(fields);
  for (const path of %(paths)s) {
    for (const type of ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]) await form(path, type, fields);
    await form(path, "text/plain", {[json.slice(0, -1) + ',"a":"']: '"}'});
    for (const type of ["text/plain", "application/x-www-form-urlencoded"])
      await call(path, {method: "POST", mode: "no-cors", headers: {"Content-Type": type}, body: json});
    await call(path, {method: "POST", mode: "no-cors"});
    await call(path, {method: "POST", headers: {"Content-Type": "application/json"}, body: json});
    await call(path, {method: "POST"});
    await call(path, {method: "DELETE"});
    navigator.sendBeacon(there + path, json);
    navigator.sendBeacon(there + path, new Blob([json], {type: "text/plain"}));
  }
  for (const path of ["/api/v1/auth/me", "/api/v1/collections", "/metrics", "/health/deep", "/api/v1/openapi.json", "/health"]) await call(path, {});
  for (const path of ["/ws", "/ws?ticket=x"]) await socket(path);
  await tag("script", "src", "/api/v1/auth/me"); await tag("img", "src", "/api/v1/auth/me"); await tag("iframe", "src", "/");
  await wait(500);
  window.found = found; document.title = "done";
})();
</script>"""


class Stranger:
  """Another site: one page on another loopback port."""

  def __init__(self, content):
    class Handler(http.server.BaseHTTPRequestHandler):
      def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(content.encode())

      def log_message(self, *_):
        pass
    self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    self.port = self.server.server_address[1]
    threading.Thread(target=self.server.serve_forever, daemon=True).start()

  def kill(self):
    self.server.shutdown()
    self.server.server_close()


REFRESH = """const done = arguments[arguments.length - 1];
fetch("/api/v1/auth/refresh", {method: "POST"}).then(reply => done(reply.status)).catch(() => done(0));"""
LOGIN = """const done = arguments[arguments.length - 1];
fetch("/api/v1/auth/login", {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({username: "victim", password: "correct horse battery"})})
  .then(reply => done(reply.status)).catch(() => done(0));"""


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])  # another port of the same site, whose requests carry the cookie, and another site
def test_a_hostile_page_in_a_real_browser(server, victim, folder, keep, name):
  paths = ["/api/v1/auth/refresh", "/api/v1/auth/logout", "/api/v1/auth/register", "/api/v1/collections", "/api/v1/search", "/api/v1/downloads/start", f"/api/v1/collections/{victim.collection}"]
  there = f"http://127.0.0.1:{server.port}"
  stranger = keep(Stranger(ATTACK % {"there": there, "paths": json.dumps(paths)}))
  page = keep(Page(folder))
  page.driver.get(there + "/docs")  # a page of ours that does not sign in by itself
  assert page.driver.execute_async_script(LOGIN) == 200
  assert page.driver.execute_async_script(REFRESH) == 200  # the cookie is there, and good
  before = state(server)
  page.driver.get(f"http://{name}:{stranger.port}/")
  page.until(lambda: page.driver.title == "done", "the end of the attack", 90)
  found = page.driver.execute_script("return window.found")
  assert len(found) > 40
  for path, kind, status, text in found:
    assert kind in ("opaque", "refused", "socket", "iframe") and not text.startswith("{") and status != 101, (path, kind, status, text)
  assert not changed(before, state(server))
  page.driver.get(there + "/docs")
  assert page.driver.execute_async_script(REFRESH) == 200  # the session is still there
