"""Whose request it is by address: headers that lie about it, and the limits that count by it, exactly at their edges."""

import concurrent.futures
import json
import time
import uuid

import pytest

from harness.http import assert_problem
from harness.process import wait_until
from harness.routes import table
from harness.wire import Wire

REAL, REAL6 = "203.0.113.9", "2001:db8:1:2::9"
FORGED = ("198.51.100.7", "198.51.100.8", "2001:db8:bad::1")  # what clients make up; no answer or log may believe one
PASSWORD = "correct horse battery"


def raw(port, lines, method="GET", path="/api/v1/auth/me", body=b"", source="127.0.0.1"):
  """One request with exactly these header lines; its status, its headers and the id it went under."""
  id_ = str(uuid.uuid4())
  head = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"X-Request-ID: {id_}", "Connection: close"]
  if body:
    head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
  text = "\r\n".join(head + list(lines)).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body
  with Wire(port, source) as wire:
    wire.send(text)
    reply = wire.final(method)
  return reply.status, reply.headers, reply.body, id_


def values():
  a, b, c = FORGED
  yield from (
    a, f" {a}", f"{a},", f",{a}", f"{a}, {b}", f"{a},,{b}", f"{a} ,{b}", f"{a}:1234", f"{a}:", f":{a}", f"[{c}]", f"[{c}]:443", c, f"{c}:443", f"[{c}", f"{c}]",
    f"::ffff:{a}", "::ffff:c633:6407", f"[::ffff:{a}]:80", f"{c}%eth0", "fe80::1%eth0", f"{a}%lo", f'"{a}"', f"'{a}'", f"for={a}", f'for="[{c}]:4711"', f"for={a};proto=https;by={b}",
    "unknown", f"unknown, {a}", f"{a}, unknown", "_hidden", "127.0.0.1", f"{a}, 127.0.0.1", "::1", "localhost", "0x7f000001", "2130706433", "0177.0.0.1", "127.1", "0.0.0.0", "::",
    f"{a}\t", f"{a};{b}", f"{a} {b}", f"{a}/32", f"http://{a}/", f"{a}\x01", f"{a}\x7f", "256.1.1.1", "1.2.3", "1.2.3.4.5", "-", "", ",", ",,,", ", ,", "null", "undefined",
    "\u0661\u0669\u0668.51.100.7", "198\u3002100\u30021\u30027", "${jndi:ldap://x}", "' OR 1=1 --", "<script>", "%31%39%38.51.100.7", "../../etc/passwd", ", ".join([a] * 400), "," * 3000,
    "A" * 6000, f"{a}" + " " * 2000, "9" * 4000, f"10.0.0.1, {a}", f"{a}, 10.0.0.1", f"{a}, ::1", f"{a}, ::ffff:127.0.0.1", f"{a}, [::1]:9", f"{a}, 127.0.0.1:80")


def shapes():
  """[header lines] that a client could send to be taken for somebody else."""
  a, b, c = FORGED
  for value in values():
    for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded"):
      yield [f"{name}: {value}"]
  for name in ("x-forwarded-for", "X-FORWARDED-FOR", "X_Forwarded_For", "X-Forwarded", "Forwarded-For", "X-Client-IP", "Client-IP", "True-Client-IP", "CF-Connecting-IP", "CF-Connecting-IPv6",
               "Fastly-Client-IP", "X-Cluster-Client-IP", "X-Original-Forwarded-For", "X-Originating-IP", "X-Remote-IP", "X-Remote-Addr", "Remote-Addr", "REMOTE_ADDR", "X-ProxyUser-Ip", "Via",
               "X-Host", "X-Forwarded-Host", "X-Forwarded-Server", "WL-Proxy-Client-IP", "Proxy-Client-IP", "X-Azure-ClientIP", "X-Envoy-External-Address", "X-Forwarded-By", "x-real-ip", "From"):
    yield [f"{name}: {a}"]
  for pair in ((a, b), (a, ""), ("", a), ("junk", a), (a, "junk"), (c, a), (a, a)):
    yield [f"X-Forwarded-For: {pair[0]}", f"X-Forwarded-For: {pair[1]}"]
    yield [f"X-Real-IP: {pair[0]}", f"X-Real-IP: {pair[1]}"]
    yield [f"X-Forwarded-For: {pair[0]}", f"X-Real-IP: {pair[1]}"]
    yield [f"X-Real-IP: {pair[0]}", f"Forwarded: for={pair[1]}", f"X-Forwarded-For: {pair[1]}"]
  yield [f"X-Forwarded-For: {a}"] * 40
  yield [f"X-Forwarded-For: {a}", " , 198.51.100.8"]  # a folded line
  yield [f"X-Forwarded-For : {a}"]
  yield [f"X-Forwarded-For:{a}", f"X-Forwarded-For:\t{b}"]


def proxied(lines, how):
  """What a proxy at 127.0.0.1 makes of a client's lines; the client came from REAL."""
  if how == "own line":  # HAProxy's forwardfor
    return [*lines, f"X-Forwarded-For: {REAL}"]
  if how == "appends":  # nginx' $proxy_add_x_forwarded_for: one line, the client's first
    mine = [line.split(":", 1)[1].strip() for line in lines if line.lower().startswith("x-forwarded-for:")]
    rest = [line for line in lines if not line.lower().startswith(("x-forwarded-for:", "x-forwarded-for :", " "))]
    return [*rest, f"X-Forwarded-For: {', '.join([*mine, REAL])}"]
  rest = [line for line in lines if not line.lower().startswith(("x-forwarded-for", "x-real-ip", " "))]
  return [*rest, f"X-Real-IP: {REAL}"]


def access_log(server):
  """{request id: address} of every request the log speaks of."""
  found = {}
  for line in server.log().splitlines():
    if line.startswith("{"):
      entry = json.loads(line)
      if "ip" in entry and "request_id" in entry:
        found[entry["request_id"]] = entry["ip"]
  return found


def believed(server, sent, allowed):
  """Which of the requests were taken for somebody they were not."""
  wait_until(lambda: set(sent) <= set(access_log(server)), 20, 0.2, "the access log")
  log = access_log(server)
  return [(lines, log[id_]) for id_, lines in sent.items() if log[id_] not in allowed]


def send_all(server, change, source="127.0.0.1"):
  sent, refused = {}, 0
  for lines in shapes():
    status, _, _, id_ = raw(server.port, change(lines), source=source)
    assert status in (400, 401, 413, 431), (status, lines)
    if status == 401:
      sent[id_] = lines
    refused += status != 401
  return sent, refused


def test_nobody_is_believed_without_a_trusted_proxy(start):
  for settings, source in (({}, "127.0.0.1"), ({"trusted_proxies": "127.0.0.1/32,10.0.0.0/8"}, "127.0.0.2")):
    server = start(**settings)
    sent, refused = send_all(server, lambda lines: lines, source)
    print(f"{len(sent)} header shapes from {source}, {refused} more refused as malformed")
    assert len(sent) >= 200
    assert not believed(server, sent, {source})
    for forged in FORGED:
      assert not [ip for ip in access_log(server).values() if ip == forged]
    server.kill()


@pytest.mark.parametrize("how", ["own line", "appends", "replaces with X-Real-IP"])
def test_a_trusted_proxys_word_counts_and_not_its_clients(start, how):
  server = start(trusted_proxies="127.0.0.1")
  sent, refused = send_all(server, lambda lines: proxied(lines, how))
  print(f"{len(sent)} header shapes through a proxy that {how}, {refused} more refused as malformed")
  assert len(sent) >= 200
  assert not believed(server, sent, {REAL})


def test_two_x_real_ip_are_none(start):
  """Whoever added the second one, nobody can say which is the proxy's."""
  server = start(trusted_proxies="127.0.0.1")
  sent = {}
  for lines in (["X-Real-IP: 198.51.100.7", f"X-Real-IP: {REAL}"], [f"X-Real-IP: {REAL}", "X-Real-IP: 198.51.100.7"]):
    sent[raw(server.port, lines)[3]] = lines
  assert not believed(server, sent, {"127.0.0.1"})


def test_a_chain_of_trusted_proxies_is_walked_to_the_first_stranger(start):
  server = start(trusted_proxies="127.0.0.0/8, 10.0.0.0/8 ,2001:db8:1::/48")
  sent = {raw(server.port, [f"X-Forwarded-For: {chain}"], source=source)[3]: (chain, want) for chain, source, want in (
    (f"198.51.100.7, {REAL}, 10.1.1.1, 127.0.0.3", "127.0.0.2", REAL), (f"198.51.100.7, {REAL}, junk, 10.0.0.1", "127.0.0.1", "10.0.0.1"),
    (f"{REAL}, ::ffff:10.0.0.1", "127.0.0.1", REAL), (f"198.51.100.7,{REAL},[2001:db8:1::7]:5,10.0.0.1:99", "127.0.0.1", REAL), ("10.0.0.1, 10.0.0.2", "127.0.0.1", "10.0.0.1"))}
  wait_until(lambda: set(sent) <= set(access_log(server)), 20, 0.2, "the access log")
  log = access_log(server)
  assert {id_: want for id_, (_, want) in sent.items()} == {id_: log[id_] for id_ in sent}


def test_the_audit_log_has_the_sockets_address(start):
  server = start()
  server.admin()
  for number, lines in enumerate(shapes()):
    if number % 6:
      continue
    body = json.dumps({"username": f"new{number}", "email": f"new{number}@example.org", "password": PASSWORD}).encode()
    status, _, content, _ = raw(server.port, lines, "POST", "/api/v1/auth/register", body)
    assert status in (201, 400, 413, 431), (status, content)
  rows = server.rows("SELECT ip_address, COUNT(*) AS n FROM audit_logs GROUP BY 1")
  assert [row["ip_address"] for row in rows] == ["127.0.0.1"] and rows[0]["n"] > 30, rows
  assert {row["client_ip"] for row in server.rows("SELECT client_ip FROM sessions")} == {"127.0.0.1"}


def login_as(port, lines, source="127.0.0.1"):
  return raw(port, lines, "POST", "/api/v1/auth/login", json.dumps({"username": "nobody", "password": "wrong wrong"}).encode(), source)


def test_limits_are_not_dodged_by_made_up_addresses(start):
  for settings, change in (({}, lambda lines: lines), ({"trusted_proxies": "127.0.0.1"}, lambda lines: proxied(lines, "own line"))):
    server = start(rate_auth=4, **settings)
    statuses = [login_as(server.port, change(lines))[0] for lines in shapes()]
    assert statuses.count(401) == 4, statuses
    assert set(statuses) <= {401, 429, 400, 413, 431}
    server.kill()


@pytest.mark.skipif("POST /api/v1/admin/security/blacklist" not in {route.name for route in table()}, reason="no rules")
def test_a_blocked_address_stays_blocked_whatever_it_says(start):
  server = start(trusted_proxies="127.0.0.1")
  admin = server.admin()
  admin.ok("POST", "/admin/security/blacklist", {"cidr": "203.0.113.0/24", "reason": "test"}, status=201)
  for lines in shapes():
    status, _, content, _ = raw(server.port, proxied(lines, "own line"))
    assert status in (403, 400, 413, 431), (lines, status, content)
  for address in (f"::ffff:{REAL}", "::ffff:cb00:7109", f"[::ffff:{REAL}]:1", f"{REAL}:80"):
    assert raw(server.port, [f"X-Forwarded-For: {address}"])[0] == 403, address
  assert raw(server.port, ["X-Forwarded-For: 203.0.114.9"])[0] == 401


# --- The limits.

def get(server, token=None, address=None, method="GET", path="/auth/me"):
  headers = {"X-Forwarded-For": address} if address else {}
  return server.client(token).request(method, path, headers=headers)


def assert_limited(reply, limit):
  """A 429 says when to come back, and to whom which limit belongs."""
  assert reply.status == 429, reply
  if reply.body:
    assert_problem(reply, 429)
  now = time.time()
  assert 1 <= int(reply.headers["Retry-After"]) <= 60
  assert int(reply.headers["X-RateLimit-Limit"]) == limit and int(reply.headers["X-RateLimit-Remaining"]) == 0
  assert now - 1 <= int(reply.headers["X-RateLimit-Reset"]) <= now + 62


def assert_exactly(limit, call):
  """`limit` calls pass, counting down, and the next ones do not."""
  for number in range(limit):
    reply = call()
    assert reply.status not in (429, 500, 503), (number, reply)
    assert (int(reply.headers["X-RateLimit-Limit"]), int(reply.headers["X-RateLimit-Remaining"])) == (limit, limit - 1 - number), (number, dict(reply.headers))
  for _ in range(3):
    assert_limited(call(), limit)


def test_the_api_limit_is_per_user_and_exact(start):
  server = start(rate_api=12, trusted_proxies="127.0.0.1")
  one, two = server.admin(), server.account("two")
  addresses = iter(f"203.0.113.{number}" for number in range(1, 250))
  assert_exactly(12, lambda: get(server, one.token, next(addresses)))  # from wherever the user comes
  assert_exactly(12, lambda: get(server, two.token, "203.0.113.1"))
  assert_limited(get(server, one.token, method="HEAD"), 12)
  again = server.login("two").token  # another session is the same user
  assert_limited(get(server, again), 12)
  assert get(server, one.token, path="//health").status == 200


def test_head_counts_like_get(start):
  server = start(rate_api=6)
  one = server.admin()
  methods = iter(["GET", "HEAD"] * 20)
  assert_exactly(6, lambda: get(server, one.token, method=next(methods)))


def test_the_search_limit_is_its_own(start):
  server = start(rate_search=3, rate_api=5)
  one = server.admin()
  assert_exactly(3, lambda: one.post("/search", {}))
  assert_exactly(5, lambda: get(server, one.token))


def test_the_sign_in_limit_is_per_address_whoever_is_tried(start):
  server = start(rate_auth=5, trusted_proxies="127.0.0.1")
  names = iter(f"name{number}" for number in range(100))

  def attempt(address):
    return server.client().post("/auth/login", {"username": next(names), "password": "wrong wrong"}, headers={"X-Forwarded-For": address})
  assert_exactly(5, lambda: attempt(REAL))
  for spelling in (f"::ffff:{REAL}", "::ffff:cb00:7109", f"[::ffff:{REAL}]:443", f"{REAL}:1"):
    assert_limited(attempt(spelling), 5)
  hosts = iter(f"2001:db8:1:2:{number:x}::{number:x}" for number in range(1, 100))
  assert_exactly(5, lambda: attempt(next(hosts)))  # one household has a /64
  assert attempt("2001:db8:1:3::1").status == 401
  reply = server.client().post("/auth/register", {"username": "x"}, headers={"X-Forwarded-For": REAL})
  assert_limited(reply, 5)  # the class is one: registering does not get around it


def test_a_body_that_is_no_json_counts_too(start):
  server = start(rate_auth=4)
  assert_exactly(4, lambda: server.client().request("POST", "/auth/login", raw=b"{", headers={"Content-Type": "application/json"}))
  server = start(rate_auth=4)
  assert_exactly(4, lambda: server.client().request("POST", "/auth/login", raw=b"a=b", headers={"Content-Type": "text/plain"}))


def test_who_is_not_signed_in_has_no_body_read(start):
  server = start()
  one = server.admin()
  for raw_body, type_, status in ((b"{", "application/json", 400), (b"a=b", "text/plain", 415), (b"x" * 20000, "application/json", 413)):
    headers = {"Content-Type": type_}
    assert_problem(server.client().request("POST", "/search", raw=raw_body, headers=headers), 401)
    assert_problem(one.request("POST", "/search", raw=raw_body, headers=headers), status)
  # A body that is only announced: the answer comes without it.
  status, _, content, _ = raw(server.port, ["Content-Type: application/json", "Content-Length: 10000000", "Expect: 100-continue"], "POST", "/api/v1/downloads/start")
  assert status == 401, (status, content)


def test_the_address_limit_is_over_everything(start):
  server = start(rate_ip=20, trusted_proxies="127.0.0.1")
  server.setup_token()
  paths = ["/auth/me", "/openapi.json", "/downloads", "//.well-known/jwks.json", "//health/deep"]
  statuses = [get(server, None, REAL, path=paths[number % len(paths)]).status for number in range(25)]
  assert statuses[:20].count(429) == 0 and statuses[20:] == [429] * 5, statuses
  assert_limited(get(server, "not a token", REAL), 20)
  assert get(server, None, "203.0.113.10").status == 401
  assert get(server, None, REAL, path="//health").status == 200


@pytest.mark.parametrize("setting,limit", [("rate_api", 40), ("rate_ip", 40), ("rate_auth", 24)])
def test_sixty_four_at_once_find_the_exact_edge(start, setting, limit):
  server = start(**{setting: limit}, trusted_proxies="127.0.0.1")
  server.setup_token()
  body = {"username": "x"} if setting == "rate_auth" else None

  def one(number):
    if setting == "rate_auth":
      return server.client().post("/auth/register", body, headers={"X-Forwarded-For": REAL}).status
    return get(server, None, f"::ffff:{REAL}" if number % 2 else REAL, path="/openapi.json", method="HEAD" if number % 3 else "GET").status
  with concurrent.futures.ThreadPoolExecutor(64) as pool:
    statuses = list(pool.map(one, range(limit + 64)))
  passed = [status for status in statuses if status != 429]
  # What passed may still find the slow lane full: that is another limit, and its own answer.
  assert len(passed) == limit and set(passed) <= ({422, 503} if setting == "rate_auth" else {200}), {status: statuses.count(status) for status in set(statuses)}


def test_sixty_four_sessions_of_one_user_share_its_limit(start):
  server = start(rate_api=50)
  server.admin()
  tokens = [server.login("admin").token for _ in range(4)]
  with concurrent.futures.ThreadPoolExecutor(64) as pool:
    statuses = list(pool.map(lambda number: get(server, tokens[number % 4]).status, range(50 + 64)))
  assert (statuses.count(200), statuses.count(429)) == (50, 64), statuses


def test_a_proxy_that_nobody_trusts_opens_the_metrics_to_nobody(start):
  server = start(trusted_proxies="127.0.0.1, 10.0.0.0/8", metrics_allow="192.0.2.0/24")
  for status, *lines in (
    (200, "X-Forwarded-For: 192.0.2.7"),
    (200, "X-Forwarded-For: 192.0.2.7, 10.1.1.1, 10.2.2.2", "Via: 1.1 a", "Via: 1.1 b, 1.1 c"),
    (200, "X-Real-IP: 192.0.2.7"),
    (401, f"X-Forwarded-For: {REAL}, 192.0.2.7"),
    (401, f"X-Forwarded-For: {REAL}", "X-Forwarded-For: 192.0.2.7, 10.1.1.1"),
    (401, "X-Forwarded-For: 192.0.2.9, 192.0.2.7"),
    (401, "X-Forwarded-For: unknown, 192.0.2.7"),
    (401, "X-Forwarded-For: 192.0.2.7", "Via: 1.1 stranger, 1.1 ours"),
    (401, "X-Forwarded-For: 192.0.2.7", f"Forwarded: for={REAL}, for=192.0.2.7"),
  ):
    assert raw(server.port, lines, path="/metrics")[0] == status, lines


def test_a_second_proxy_beside_the_trusted_one_speaks_for_strangers(start):
  server = start(trusted_proxies="127.0.0.1", metrics_allow="127.0.0.0/8")
  assert raw(server.port, [], path="/metrics", source="127.0.0.2")[0] == 200
  for line in (f"X-Forwarded-For: {REAL}", "X-Forwarded-For: 127.0.0.2", f"X-Real-IP: {REAL}", f"Forwarded: for={REAL}", "Via: 1.1 stranger"):
    assert raw(server.port, [line], path="/metrics", source="127.0.0.2")[0] == 401, line
