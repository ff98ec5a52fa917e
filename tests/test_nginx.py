"""nginx as deploy/nginx ships it, in front of two API processes: TLS, limits, addresses, and restarts that nobody notices."""

import gzip
import http.client
import json
import pathlib
import re
import socket
import ssl
import subprocess
import threading
import time

import pytest

from harness.fleet import Fleet
from harness.front import NAME, Front, Secure
from harness.process import SLOW, free_port, wait_until
from harness.scene import Torznab, release, settings_for
from harness.sokoul import ROOT

ROUNDS = 3


@pytest.fixture
def indexer(keep):
  return keep(Torznab([release("Paper.Lantern.2019.1080p.BluRay.x264-GRP", 1)]))


@pytest.fixture
def fleet(folder, keep, indexer):
  return keep(Fleet(folder / "fleet", workers=("scout",), trusted_proxies="127.0.0.1/32", public_url=f"https://{NAME}", **settings_for([indexer])))


@pytest.fixture
def front(folder, keep, fleet):
  return keep(Front(folder / "front", [member.port for member in fleet.api]))


def bearer(client):
  return "-H", f"Authorization: Bearer {client.token}"


def test_tls_1_3_and_http_2_and_nothing_older(front):
  assert front.curl("/health", "--http2")[1].startswith("HTTP/2 200")
  assert front.curl("/health", "--tls-max", "1.2")[0] == 0
  plain = http.client.HTTPConnection("127.0.0.1", front.plain_port, timeout=10)
  plain.request("GET", "/library", headers={"Host": NAME})
  answer = plain.getresponse()
  assert (answer.status, answer.getheader("Location")) == (308, f"https://{NAME}/library")


def test_a_certificate_authority_is_answered_in_plain(front, folder):
  challenges = front.folder / "challenges" / ".well-known" / "acme-challenge"
  challenges.mkdir(parents=True)
  (challenges / "a-token_1").write_text("a-token_1.thumbprint")
  for path in (folder, *folder.rglob("*")):
    path.chmod(0o755 if path.is_dir() else path.stat().st_mode | 0o044)

  def ask(path):
    plain = http.client.HTTPConnection("127.0.0.1", front.plain_port, timeout=10)
    plain.request("GET", path, headers={"Host": NAME})
    answer = plain.getresponse()
    return answer.status, answer.getheader("Content-Type"), answer.read()
  assert ask("/.well-known/acme-challenge/a-token_1") == (200, "text/plain", b"a-token_1.thumbprint")
  assert ask("/.well-known/acme-challenge/no-token")[0] == 404
  assert ask("/.well-known/acme-challenge/..%2f..%2f..%2fprivkey.pem")[0] in (400, 403, 404)
  assert ask("/.well-known/other")[0] == 308


def test_debians_own_nginx_takes_the_files_as_they_lie_in_its_folder(folder):
  """nginx -t with /etc/nginx/nginx.conf, but for the paths it may not write to and the ports."""
  subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={NAME}", "-keyout", folder / "privkey.pem", "-out",
                  folder / "fullchain.pem"], check=True, capture_output=True, timeout=60)
  (folder / "conf.d").mkdir()
  for shipped in (ROOT / "deploy" / "nginx").glob("*.conf"):
    text = shipped.read_text().replace("/etc/ssl/sokoul", str(folder)).replace("/var/log/nginx", str(folder))
    text = re.sub(r"listen \[::\]:\d+.*\n", "", text)
    (folder / "conf.d" / shipped.name).write_text(re.sub(r"listen (80|443)\b", lambda match: f"listen 127.0.0.1:{free_port()}", text))
  text = pathlib.Path("/etc/nginx/nginx.conf").read_text()
  for old, new in ((r"/etc/nginx/conf\.d/", f"{folder}/conf.d/"), (r"include /etc/nginx/sites-enabled/.*", ""), (r"/var/log/nginx", str(folder)),
                   (r"/run/nginx\.pid", f"{folder}/nginx.pid"),
                   (r"http \{", "http {" + "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")))):
    text, changed = re.subn(old, new, text)
    assert changed, old
  (folder / "nginx.conf").write_text(text)
  done = subprocess.run(["/usr/sbin/nginx", "-t", "-e", folder / "error.log", "-c", folder / "nginx.conf"], capture_output=True, text=True, timeout=60)
  assert done.returncode == 0 and "syntax is ok" in done.stderr and "[warn]" not in done.stderr.replace('the "user" directive', ""), done.stderr


def test_pages_and_their_parts_are_kept_by_browsers_and_asked_about(front):
  page = front.curl("/")[2].decode()
  asset = re.search(r'src="(/assets/[^"]+)"', page)[1]
  status, head, body = front.curl(asset, "-H", "Accept-Encoding: gzip")
  assert status == 200 and "content-encoding: gzip" in head.lower() and "vary: accept-encoding" in head.lower()
  plain = front.curl(asset)
  assert gzip.decompress(body) == plain[2] and len(body) < len(plain[2])
  for answered in (head, plain[1]):  # nginx makes the tag of what it compresses a weak one
    tag = re.search(r"^etag: (\S+)", answered, re.M | re.I)[1]
    assert front.curl(asset, "-H", f"If-None-Match: {tag}")[0] == 304


def test_one_address_has_so_many_connections(front):
  """The 101st request that is being answered is refused; when one of the others ends, there is room again."""
  context = ssl.create_default_context(cafile=str(front.certificate))
  held = []

  def go_on():  # a byte each, so that none is ended for its silence
    for connection in held:
      connection.sendall(b" ")
  try:
    for _ in range(100):
      connection = context.wrap_socket(socket.create_connection(("127.0.0.1", front.port), 10), server_hostname="127.0.0.1")
      # It is counted from its header on: the body does not come.
      connection.sendall(f"POST /api/v1/auth/login HTTP/1.1\r\nHost: {NAME}\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n".encode())
      held.append(connection)
      if len(held) % 20 == 0:
        go_on()
    wait_until(lambda: go_on() or front.curl("/health")[0] == 429, 30, what="the end of one address's share")
    held.pop().close()
    wait_until(lambda: go_on() or front.curl("/health")[0] == 200, 30, what="room again")
  finally:
    for connection in held:
      connection.close()


def test_who_has_less_to_do_gets_the_next_and_who_is_gone_costs_nobody_anything(fleet, front):
  admin = fleet.admin()
  fleet.api[0].stop()
  try:
    for number in range(20):
      assert front.curl("/api/v1/auth/me", *bearer(admin))[0] == 200
      # Nothing was sent to the one that refused the connection: what changes something may go to the other, too.
      status, _, body = front.curl("/api/v1/collections", *bearer(admin), "-H", "Content-Type: application/json", "-d", json.dumps({"name": f"c{number}"}))
      assert status == 201, body
    # A try at the one that is gone is in the log, with what came of it at the other.
    lines = [json.loads(line) for line in front.lines()]
    assert any(line["upstream"].startswith(f"127.0.0.1:{fleet.api[0].port}, ") and line["upstream_status"].startswith("502, 2") for line in lines), lines[-5:]
  finally:
    fleet.api[0].start()
  assert len(admin_at(fleet).ok("GET", "/collections?limit=100")["items"]) == 20, "each was made once"
  since = len(front.lines())
  for _ in range(40):
    assert front.curl("/health")[0] == 200
  asked = {json.loads(line)["upstream"] for line in front.lines()[since:]}
  assert asked >= {f"127.0.0.1:{member.port}" for member in fleet.api}


def admin_at(fleet):
  return fleet.api[1].login("admin")


def test_answers_are_compressed_and_cookies_secure(fleet, front):
  admin = fleet.admin()
  assert "content-encoding: gzip" in front.curl("/api/v1/openapi.json", "-H", "Accept-Encoding: gzip")[1].lower()
  login = json.dumps({"username": "admin", "password": "correct horse battery"})
  status, head, _ = front.curl("/api/v1/auth/login", "-H", "Content-Type: application/json", "-d", login)
  cookie = next(line for line in head.splitlines() if line.lower().startswith("set-cookie"))
  assert status == 200 and "Secure" in cookie and "HttpOnly" in cookie
  assert "strict-transport-security" in front.curl("/api/v1/auth/me", *bearer(admin))[1].lower()
  assert front.curl("/metrics", *bearer(admin))[0] == 404, "not through this door"


def test_the_address_is_the_one_nginx_sees(fleet, front):
  admin = fleet.admin()
  for header in ("X-Forwarded-For: 192.0.2.1", "X-Real-IP: 192.0.2.1", "Forwarded: for=192.0.2.1"):
    assert front.curl("/api/v1/auth/me", *bearer(admin), "-H", header, "-H", "X-Request-ID: spoof-1")[0] == 200
  lines = [json.loads(line) for member in fleet.api for line in member.log().splitlines() if '"spoof-1"' in line]
  assert len(lines) == 3 and {line["ip"] for line in lines} == {"127.0.0.1"}, lines
  ours = [json.loads(line) for line in front.lines() if '"spoof-1"' in line]
  assert len(ours) == 3 and {line["ip"] for line in ours} == {"127.0.0.1"}


def problem_of(answer, status):
  """What nginx refuses by itself is a problem document like any other."""
  got, head, body = answer
  headers = {name.lower(): value for name, value in re.findall(r"^([\w-]+): ([^\r\n]*)", head, re.M)}
  problem = json.loads(body)
  assert (got, problem["status"], headers["content-type"]) == (status, status, "application/problem+json"), answer
  assert problem["request_id"] == headers["x-request-id"] and set(problem) == {"type", "title", "status", "detail", "instance", "code", "request_id"}
  return problem, headers


def test_a_flood_from_one_address_stops_here(front):
  context = ssl.create_default_context(cafile=str(front.certificate))
  connection = http.client.HTTPSConnection("127.0.0.1", front.port, context=context, timeout=10)
  statuses = []
  while 429 not in statuses and len(statuses) < 20000:
    connection.request("GET", "/health", headers={"Host": NAME})
    answer = connection.getresponse()
    body = answer.read()
    statuses.append(answer.status)
  assert set(statuses[:500]) == {200} and statuses[-1] == 429, statuses.count(429)
  head = "".join(f"{name}: {value}\n" for name, value in answer.getheaders())
  problem, headers = problem_of((answer.status, head, body), 429)
  assert problem["code"] == "rate_limited" and problem["instance"] == "/health" and headers["retry-after"] == "1"


def test_what_nginx_refuses_by_itself_is_said_as_the_program_would(fleet, front, folder):
  large = folder / "large"
  large.write_bytes(b"x" * (13 << 20))
  problem, headers = problem_of(front.curl("/api/v1/auth/me/avatar?a=%22", "-X", "PUT", "--data-binary", f"@{large}", "-H", "X-Request-ID: too-much"), 413)
  assert (problem["code"], problem["instance"], problem["request_id"]) == ("too_large", "/api/v1/auth/me/avatar", "too-much") and "retry-after" not in headers
  assert problem_of(front.curl('/api/v1/"\\x', "-g", "-X", "PUT", "--data-binary", f"@{large}"), 413)[0]["instance"] == "", "no text that could break out"
  for member in fleet.api:
    member.stop()
  problem, headers = problem_of(front.curl("/api/v1/media"), 503)
  assert problem["code"] == "unavailable" and headers["retry-after"] == "1"


class Load:
  """Readers on kept connections through nginx; every answer that is not 200 is noted."""

  def __init__(self, front, token, threads=6):
    self.front, self.token = front, token
    self.context = ssl.create_default_context(cafile=str(front.certificate))
    self.answered, self.failures, self.over = 0, [], threading.Event()
    self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(threads)]
    for thread in self.threads:
      thread.start()

  def run(self):
    connection = http.client.HTTPSConnection("127.0.0.1", self.front.port, context=self.context, timeout=30 * SLOW)
    paths = ["/api/v1/downloads", "/api/v1/media", "/api/v1/auth/me", "/"]
    while not self.over.is_set():
      path = paths[self.answered % len(paths)]
      try:
        connection.request("GET", path, headers={"Host": NAME, "Authorization": f"Bearer {self.token}"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
          self.failures.append((path, answer.status))
      except (OSError, http.client.HTTPException) as problem:
        self.failures.append((path, repr(problem)))
        connection.close()
      self.answered += 1

  def end(self):
    self.over.set()
    for thread in self.threads:
      thread.join(60)


class Listener:
  """A WebSocket that comes back with the last id it saw."""

  def __init__(self, fleet, front, admin):
    self.fleet, self.front, self.admin = fleet, front, admin
    self.seen, self.longest_gap, self.last_id, self.over = {}, 0.0, None, threading.Event()
    self.socket = None
    self.thread = threading.Thread(target=self.run, daemon=True)
    self.connect()
    self.thread.start()

  def connect(self):
    began = time.monotonic()
    while not self.over.is_set():
      try:
        status, _, body = self.front.curl("/api/v1/auth/ws-ticket", *bearer(self.admin), "-X", "POST")
        if status == 200:
          self.socket = Secure(self.front, json.loads(body)["ticket"], self.last_id)
          break
      except (OSError, AssertionError, RuntimeError):
        pass
      time.sleep(0.05)
    if self.last_id:
      self.longest_gap = max(self.longest_gap, time.monotonic() - began)

  def run(self):
    while not self.over.is_set():
      try:
        self.socket.pump(0.2)
      except OSError:
        self.socket.closed = self.socket.closed or 1006
      for event in self.socket.events:
        self.last_id = event["id"]
        if event["type"] == "search.completed":
          self.seen[event["data"]["search_id"]] = self.seen.get(event["data"]["search_id"], 0) + 1
      self.socket.events.clear()
      if self.socket.closed:
        self.connect()


def test_a_rolling_restart_fails_no_request_and_loses_no_event(fleet, folder, keep):
  front = keep(Front(folder / "fast", [member.port for member in fleet.api], rate=100000))
  admin = fleet.admin()
  load, listener = Load(front, admin.token), Listener(fleet, front, admin)
  searches, began = [], time.monotonic()
  for _ in range(ROUNDS):
    for member in fleet.api:
      search = ("/api/v1/search", *bearer(admin), "-H", "Content-Type: application/json", "-d", '{"query": "Paper Lantern", "year": 2019}')
      status, _, body = front.curl(*search)
      assert status == 202, (status, body)
      searches.append(json.loads(body)["search_id"])
      member.stop()
      status, _, body = front.curl(*search)
      assert status == 202, (status, body)
      searches.append(json.loads(body)["search_id"])
      member.start()
  seconds = time.monotonic() - began
  load.end()
  wait_until(lambda: set(searches) <= set(listener.seen), 30, what=lambda: f"all events: {set(searches) - set(listener.seen)} of {len(searches)} missing")
  listener.over.set()
  listener.thread.join(30)
  print(f"rolling restart: {2 * ROUNDS} restarts in {seconds:.1f} s, {load.answered / seconds:.0f} requests/s, {len(load.failures)} of {load.answered} failed; "
        f"WebSocket away for {listener.longest_gap:.2f} s at most, {len(searches)} of {len(searches)} events")
  assert not load.failures, load.failures[:5]
  assert listener.longest_gap < 30 * SLOW, "it came back while the other process was being restarted"
