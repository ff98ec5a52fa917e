"""Requests that somebody who means harm would send: each begins as a valid one, made from docs/api/openapi.json and the
route table, and is then made wrong in one to three ways."""

import base64
import json
import re

from .fields import Document

MIB = 1 << 20
NOBODY = "0190d3a0-0000-7000-8000-000000000000"
NUMBERS = [0, -1, 1, 2**31, -2**31 - 1, 2**53 + 1, 2**63 - 1, 2**63, -2**63, -2**63 - 1, 2**64, 10**30, 0.5, -0.0, 1e308, 5e-324]
TEXTS = ["", " ", "x", "\x01\x1f", "\x7f", "é" * 300, "👁" * 100, "\u202eabc", "\ufeff", "\uffff", "a\nb\r\nX-Evil: 1", "%s%n%x%p", "' OR 1=1 --", "'; DROP TABLE users; --",
         "../../../../etc/passwd", "C:\\..\\x", "<script>alert(1)</script>", "${jndi:ldap://127.0.0.1/}", "{{7*7}}", "x" * 4000, "a" * MIB, "null", "true", "-1", "1e400",
         "0x10", "2026-13-45T99:99:99Z", "0000-00-00T00:00:00.000Z", "99999-01-01T00:00:00.000Z", "2026-01-01T00:00:00+99:99", "2026-02-30", NOBODY, NOBODY.upper(),
         "{" + NOBODY + "}", "http://127.0.0.1:1/", "http://[::1]:1/", "file:///etc/passwd", "gopher://127.0.0.1/", "http://a@b:c/", "magnet:?xt=urn:btih:" + "a" * 40,
         "magnet:?" + "xt=urn:btih:zz&" * 200, "0.0.0.0/0", "::/0", "1.2.3.4/33", "::ffff:127.0.0.1/96", "127.0.0.1/-1", "256.1.1.1", "a@b", "@", "a" * 70 + "@example.org"]
SHAPES = [None, True, False, [], {}, [None], [[]], {"a": 1}, [1, "a", None], ["x"] * 500, {"": ""}, {"$ref": "#"}, {"a": {"b": {"c": []}}}]
# Bodies that are no JSON, or JSON that no handler expects.
BODIES = [b"", b" ", b"{", b"}", b"[", b'{"a"', b'{"a":', b'{"a":1,}', b"{'a':1}", b"{a:1}", b"nul", b"NaN", b'{"a":NaN}', b'{"a":Infinity}', b'{"a":1e400}', b'{"a":-1e400}',
          b'{"a":01}', b'{"a":+1}', b'{"a":.5}', b'{"a":0x10}', b'{"a":' + b"9" * 5000 + b"}", b'{"a":"\xff\xfe"}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\xc0\xaf"}', b'{"a":"\xf5\x80\x80\x80"}',
          b'{"a":"\\ud800"}', b'{"a":"\\udc00\\ud800"}', b'{"a":"\\u0000"}', b'{"a\\u0000b":1}', b'{"a":"\\x41"}', b'{"a":"\x01"}', b'{"a":"\0"}', b'{"a":1}\0', b'\0{"a":1}',
          b'{"a":1} trailing', b'{"a":1}{"a":1}', b"\xef\xbb\xbf{}", '{"a":1}'.encode("utf-16"), b"[]", b"null", b"3", b'"x"', b"true", b"[" * 10_000, b'{"a":' * 10_000,
          b"[" * 10_000 + b"]" * 10_000, b'{"a":' * 60 + b"1" + b"}" * 60, b"[" + b"0," * 7000 + b"0]", b"{" + b",".join(b'"%d":0' % n for n in range(1500)) + b"}",
          b'{"a":"' + b"x" * MIB + b'"}', b"//\n{}", b"<xml/>", b"a=b&c=d", bytes(range(256)), b"\x1f\x8b\x08\0\0\0\0\0"]
KINDS = [b"text/plain", b"application/xml", b"application/x-www-form-urlencoded", b"multipart/form-data", b"multipart/form-data; boundary=", b"multipart/form-data; boundary=" + b"b" * 200,
         b'multipart/form-data; boundary="', b"APPLICATION/JSON", b"application/json;charset=utf-16", b"application/json; " + b"a=b;" * 500, b"application/jsonx", b"", b",", b"*/*",
         b"application/problem+json", b"image/png"]
SEGMENTS = [b"1", b"0", b"-1", b"x" * 3000, b"%00", b"a%00b", b"%ff", b"%2e%2e%2f", b"..", b".", b"..%2f..%2fetc%2fpasswd", b"%c0%ae%c0%ae", b"%", b"%z", b"%zz", b"%25%30%30",
            b"%F0%9F%8E%AC", b"%ED%A0%80", b"%27%20OR%201=1", b";a=b", b"", b"%20", b"%0d%0aX-Evil:%201", b"%7f", b"\xff\xfe", b"\xc3\xa9", b"~", b"*", b"{id}", b"null", b"undefined",
            NOBODY.encode(), NOBODY.upper().encode(), b"%30190d3a0-0000-7000-8000-000000000000", b"9" * 40, b"\\..\\", b"a/b/c/d/e"]
QUERIES = [b"&", b"&&&===", b"=", b"a", b"a[]=1&a[]=2", b"%", b"a=%zz", b"a=%00", b"%00=a", b"a=%ff", b"a=" + b"x" * 8000, b"&".join(b"p%d=%d" % (n, n) for n in range(100)),
           b"a&" * 4000, b"?", b"page=1&page=2", b"a=b#c", b"+", b"a=%ED%A0%80", b"a=%F0%9F%8E%AC", b"\xff=\xff", b";" * 50]
TAGS = [b"*", b'"', b'W/"', b'""', b'W/""', b"abc", b'"a", "b', b'"a" "b"', b",,,", b", ".join(b'"%d"' % n for n in range(900)), b'"' + b"x" * 8000 + b'"', b'W/*', b"\xff", b'"\t"', b""]
RANGES = [b"bytes=0-", b"bytes=-", b"bytes=-0", b"bytes=9-1", b"bytes=a-b", b"bytes=0-99999999999999999999", b"bytes=99999999999999999999-", b"bytes=--1", b"bytes=" + b"0-0," * 1000 + b"0-0",
          b"bytes= 0 - 1", b"items=0-1", b"bytes", b"bytes=", b"bytes=0-0,,1-1", b"bytes=-99999999999999999999", b"=0-1", b"\xff"]
KEYS = [b"", b" ", b"x", b"x" * 255, b"x" * 256, b"x" * 9000, b"a b", b"\xff\xfe", b"same", b"' OR 1=1 --", b"a,b", b'"quoted"']
# Headers and what hostile clients write into them; the names that a route knows come from the document, too.
HEADERS = {
  b"If-Match": TAGS, b"If-None-Match": TAGS, b"If-Range": TAGS, b"Range": RANGES, b"Idempotency-Key": KEYS,
  b"If-Modified-Since": [b"", b"never", b"Thu, 32 Foo 2026 99:99:99 GMT", b"0", b"x" * 3000],
  b"Authorization": [b"", b"Bearer", b"Bearer ", b"bearer x", b"Bearer " + b"x" * 9000, b"Bearer a.b.c", b"Bearer ..", b"Bearer " + b"e" * 100 + b".e.e", b"Basic YTpi", b"Bearer \xff",
                     b"Bearer a b", b"Digest x=y", b"Bearer " + base64.b64encode(b'{"alg":"none"}').rstrip(b"=") + b".e30."],
  b"X-Api-Key": KEYS + [b"sok_" + b"a" * 64], b"X-Request-ID": KEYS + [b"x" * 128, b"x" * 129], b"Cookie": [b"", b"=", b";;;", b"a", b"refresh_token=", b"refresh_token=%00", b"a=b; " * 500, b"\xff=\xff", b'a="b'],
  b"traceparent": [b"", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-00", b"00-" + b"g" * 32 + b"-" + b"1" * 16 + b"-01", b"x" * 5000, b"ff-" + b"1" * 32 + b"-" + b"1" * 16 + b"-01"],
  b"X-Forwarded-For": [b"", b",", b"127.0.0.1", b"::1, 127.0.0.1", b"unknown", b"1.2.3.4:99999", b"[::1", b"," * 3000, b"\xff", b"1.2.3.4, " * 400], b"X-Real-IP": [b"", b"127.0.0.1", b"x"],
  b"Forwarded": [b"for=127.0.0.1", b'for="[::1]"'], b"X-Forwarded-Proto": [b"https", b"", b"x" * 300], b"Origin": [b"null", b"", b"http://", b"https://evil.example", b"\xff", b"x" * 3000],
  b"Sec-Fetch-Site": [b"cross-site", b"same-site", b"none", b""], b"Accept": [b"", b"*/*", b"text/html", b"x" * 3000], b"Accept-Encoding": [b"gzip", b"x" * 3000],
  b"Content-Encoding": [b"gzip", b"identity", b"br, gzip", b""], b"Expect": [b"100-continue", b"magic", b""], b"Connection": [b"close", b"keep-alive", b"upgrade", b"close, keep-alive", b""],
  b"Upgrade": [b"websocket", b"h2c", b""], b"Sec-WebSocket-Key": [b"", b"x", b"x" * 3000, b"dGhlIHNhbXBsZSBub25jZQ=="], b"Sec-WebSocket-Version": [b"13", b"8", b""],
  b"X-Evil": [b"x" * 7000, b"\x01", b"\xff" * 100, b""],
}
METHODS = [b"GET", b"POST", b"PUT", b"DELETE", b"HEAD", b"PATCH", b"OPTIONS", b"TRACE", b"get", b"PROPFIND", b"X" * 100, b"G\xc3\x89T"]
HOSTS = [b"", b"a b", b"x:99999", b"[::1", b"x" * 1000, b"evil.example", b"127.0.0.1", b"\xff", b"localhost:0", b"a@b"]


class Request:
  def __init__(self, route, method, path, query=b""):
    self.route, self.method, self.path, self.query = route, method, path, query
    self.host, self.headers, self.kind, self.body = b"localhost", [], None, None
    self.wrongs = []

  @property
  def is_head(self):
    return self.method == b"HEAD"

  def bytes(self, authorization=None):
    target = self.path + (b"?" + self.query if self.query else b"")
    lines = [self.method + b" " + target.replace(b" ", b"%20") + b" HTTP/1.1", b"Host: " + self.host]
    if authorization and not any(name == b"Authorization" for name, _ in self.headers):
      lines.append(b"Authorization: Bearer " + authorization.encode())
    if self.kind is not None:
      lines.append(b"Content-Type: " + self.kind)
    lines += [name + b": " + value for name, value in self.headers]
    if self.body is not None:
      lines.append(b"Content-Length: %d" % len(self.body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + (self.body or b"")

  def __repr__(self):
    return f"{self.wrongs} {self.bytes()[:1500]!r}"


class Maker:
  """`pools` has real ids by the name of what they are of: the first part of the path behind /api/v1, or a field's name."""

  def __init__(self, rng, routes, pools):
    self.rng, self.routes, self.pools = rng, routes, pools
    self.document = Document()
    self.cursors = []

  def operation(self, route):
    path = re.sub(r"\{(\w+)\.\.\.\}", r"{\1}", route.path)
    return self.document.root["paths"].get(path, {}).get(route.method.lower(), {})

  def resolve(self, value):
    return self.document.resolve(value)

  # --- What is right

  def id_of(self, *names):
    for name in names:
      if self.pools.get(name):
        return self.rng.choice(self.pools[name])
    return NOBODY

  def value(self, schema, name=""):
    schema = self.resolve(schema)
    for kind in ("oneOf", "anyOf"):
      if kind in schema:
        rest = {key: value for key, value in schema.items() if key != kind}
        return self.value({**rest, **self.resolve(self.rng.choice(schema[kind]))}, name)
    if "enum" in schema:
      return self.rng.choice(schema["enum"])
    kind = schema.get("type", "object")
    kind = self.rng.choice(kind) if isinstance(kind, list) else kind
    if kind == "object":
      required = schema.get("required", [])
      return {key: self.value(child, key) for key, child in schema.get("properties", {}).items() if key in required or self.rng.random() < 0.4}
    if kind == "array":
      return [self.value(schema.get("items", {}), name) for _ in range(self.rng.randrange(3))]
    if kind in ("integer", "number"):
      low = schema.get("minimum", 0)
      return self.rng.randint(int(low), int(min(schema.get("maximum", low + 100), low + 1000)))
    return {"boolean": self.rng.random() < 0.5, "null": None}.get(kind, self.text(schema, name) if kind == "string" else None)

  def text(self, schema, name):
    special = {"uuid": lambda: self.id_of(name, name.removesuffix("_id")), "email": lambda: f"h{self.rng.randrange(10**9)}@example.org",
               "date-time": lambda: "2031-01-02T03:04:05.000Z", "date": lambda: "2024-05-06"}.get(schema.get("format"))
    if special:
      return special()
    known = {"username": lambda: f"h{self.rng.randrange(10**9)}", "info_hash": lambda: f"{self.rng.getrandbits(160):040x}", "cidr": lambda: f"192.0.2.{self.rng.randrange(250)}/32",
             "torrent_url": lambda: "http://127.0.0.1:9/a.torrent", "url": lambda: "http://127.0.0.1:9/", "magnet_link": lambda: f"magnet:?xt=urn:btih:{self.rng.getrandbits(160):040x}"}.get(name)
    made = known() if known else self.rng.choice(["Paper Lantern", "a film", "Ω", "abcdefgh12"])
    return made.ljust(schema.get("minLength", 0), "x")[:schema.get("maxLength", 10**6)]

  def parameters(self, operation, where):
    return [found for found in (self.resolve(one) for one in operation.get("parameters", [])) if found["in"] == where]

  def valid(self, route):
    operation = self.operation(route)
    parts = route.path.removeprefix("/api/v1").strip("/").split("/")

    def one(match):
      name = match[1]
      if name == "rest":
        return self.rng.choice(["film.mkv", "app.js", "favicon.svg", "x"])
      return str(self.id_of(name if name != "id" else parts[1] if parts[0] in ("admin", "auth") and len(parts) > 1 else parts[0], parts[-2] if len(parts) > 1 else parts[0]))
    request = Request(route, route.method.encode(), re.sub(r"\{(\w+)(?:\.\.\.)?\}", one, route.path).encode())
    chosen = [one for one in self.parameters(operation, "query") if self.rng.random() < 0.25]
    request.query = "&".join(f"{one['name']}={self.value(one.get('schema', {}), one['name'])}" for one in chosen).replace(" ", "+").encode()
    content = operation.get("requestBody", {}).get("content", {})
    if content:
      kind = self.rng.choice(list(content))
      schema = content[kind].get("schema", {})
      if kind == "application/json":
        request.kind, request.body = kind.encode(), json.dumps(self.value(schema)).encode()
      else:
        self.put_form(request, self.fields(schema))
    elif route.body != "NONE":  # not in the document yet
      request.kind, request.body = b"application/json", b"{}"
    return request

  def fields(self, schema):
    names = list(self.resolve(schema).get("properties", {"file": {}}))
    return [(name, self.rng.choice([b"x", b"d4:infod6:lengthi1e4:name1:aee", b"\x89PNG\r\n\x1a\n" + b"\0" * 40, b"\xff\xd8\xff\xe0" + b"\0" * 40, NOBODY.encode()])) for name in names]

  def put_form(self, request, fields):
    request.kind = b"multipart/form-data; boundary=edge"
    request.body = b"".join(b'--edge\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n' % (name.encode(), b'; filename="a"' if len(value) > 3 else b"") + value + b"\r\n"
                            for name, value in fields) + b"--edge--\r\n"

  # --- What is wrong

  def wild(self):
    rng = self.rng
    return rng.choice([lambda: rng.choice(NUMBERS), lambda: rng.choice(TEXTS), lambda: rng.choice(SHAPES), lambda: rng.choice(TEXTS)[:2000]])()

  def spoil_field(self, request):
    try:
      body = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
      return
    schema = self.operation(request.route).get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    names = list(self.resolve(schema).get("properties", {})) + list(body if isinstance(body, dict) else [])
    if not isinstance(body, dict):
      return
    body[self.rng.choice(names or ["x"])] = self.wild()
    request.kind, request.body = b"application/json", json.dumps(body).encode()

  def spoil_text(self, request):
    """A number, text or name of the body as bytes that JSON does not have."""
    raw = [b"1e400", b"-1e400", b"9" * 400, b'"\xff\xfe"', b'"\\ud800"', b'"\\u0000"', b'"' + b"x" * MIB + b'"', b"[" * 200 + b"]" * 200, b"tru", b'"\x00"', b"00", b"NaN"]
    request.body = re.sub(rb':\s*("[^"]*"|-?[\d.]+|true|false|null)', lambda match: b":" + self.rng.choice(raw), request.body or b'{"a":1}', 1)
    request.kind = b"application/json"

  def add_unknown(self, request):
    body = (request.body or b"{}").strip()
    if body.startswith(b"{") and body.endswith(b"}"):
      more = self.rng.choice([b'"unknown":1', b'"__proto__":{}', b'"id":"x"', b'"role":"admin"', b'"user_id":"' + NOBODY.encode() + b'"', b'"\\u0000":1', b'"' + b"k" * 5000 + b'":1'])
      request.body, request.kind = b"{" + more + (b"," if len(body) > 2 else b"") + body[1:], b"application/json"

  def double_a_field(self, request):
    match = re.search(rb'"\w+":\s*("[^"]*"|-?[\d.]+|true|false|null)', request.body or b"")
    field = match[0] if match else b'"a":1'
    request.body, request.kind = b"{" + field + b"," + field + b"}", b"application/json"

  def drop_a_field(self, request):
    try:
      body = json.loads(request.body or b"{}")
      del body[self.rng.choice(list(body))]
    except (ValueError, IndexError, TypeError, KeyError, RecursionError):
      return
    request.body = json.dumps(body).encode()

  def stuff(self, request):
    """Well-formed and far too much."""
    request.body = self.rng.choice([b'{"query":"' + b"x" * MIB + b'"}', b'{"torrent_url":"http://a/' + b"x" * MIB + b'"}', b'{"providers":[' + b'"x",' * (MIB // 4) + b'"x"]}',
                                    b"{" + b",".join(b'"%d":[]' % n for n in range(80_000)) + b"}", b" " * MIB + b"{}"])
    request.kind = b"application/json"

  def put_body(self, request):
    request.body, request.kind = self.rng.choice(BODIES), self.rng.choice([b"application/json", b"application/json", request.kind])

  def cut_body(self, request):
    if request.body:
      request.body = request.body[:self.rng.randrange(len(request.body))]

  def flip_bytes(self, request):
    body = bytearray(request.body or b"{}")
    for _ in range(self.rng.randrange(1, 6)):
      body[self.rng.randrange(len(body))] = self.rng.randrange(256)
    request.body = bytes(body)

  def put_kind(self, request):
    request.kind = self.rng.choice(KINDS)
    request.body = request.body if request.body is not None else b"{}"

  def break_form(self, request):
    rng = self.rng
    self.put_form(request, [(rng.choice(["torrent", "avatar", "file", "media_id", "x"]), rng.choice([b"", b"x", b"d" * 3000, bytes(range(256)), b"\x89PNG\r\n\x1a\n", b"GIF89a"]))
                            for _ in range(rng.randrange(1, 4))])
    body = request.body
    request.body = rng.choice([
      body[:-4], body[:rng.randrange(len(body))], body.replace(b"\r\n", b"\n"), body.replace(b"form-data", b"attachment"), body.replace(b"name=", b"nom="), body * 30,
      body.replace(b'"', b""), body.replace(b"\r\n\r\n", b"\r\nX-A: " + b"a" * 5000 + b"\r\n\r\n"), b"--edge--\r\n", b"--edge", b"\r\n--edge\r\n\r\n\r\n--edge--", body.replace(b'name="', b'name="\0'),
      body.replace(b'name="', b'name="\xff'), b"--edge\r\n" * 5000, b"x" * 300_000, body.replace(b"--edge--", b"--edge\r\n"), body.replace(b'filename="a"', b'filename="../../etc/passwd"'),
      body.replace(b'filename="a"', b"filename*=utf-8''%ff%00"), b""])

  def put_segment(self, request):
    parts = request.path.split(b"/")
    if len(parts) < 2:
      return
    parts[self.rng.randrange(1, len(parts))] = self.rng.choice(SEGMENTS)
    request.path = b"/".join(parts)

  def bend_path(self, request):
    path = request.path
    request.path = self.rng.choice([path + b"/", b"/" + path, path.upper(), path + b"/.", path + b"%2f", path.replace(b"/", b"//"), path.replace(b"/", b"/./"), b"/x/.." + path, path + b"/" + b"a/" * 2000,
                                    path + b"a" * 12_000, path + b"a" * 30_000, path.replace(b"a", b"%61"), path.replace(b"/", b"%2F"), path + b"%00", path + b";x", b"/%2e%2e" + path])

  def put_query(self, request):
    request.query = self.rng.choice(QUERIES)

  def spoil_parameter(self, request):
    names = [one["name"] for one in self.parameters(self.operation(request.route), "query")] or ["page", "per_page", "sort", "q", "cursor", "from", "to"]
    value = self.rng.choice([b"%00", b"%ff", b"-1", b"0", b"99999999999999999999", b"1e9", b"x" * 2000, b"", b"%27%20OR%201=1", b"2026-13-45T99:99:99Z", b"0000-00-00", b"%F0%9F%8E%AC", b"true", b"a,b,c",
                             b"-", b"--created_at", b"password_hash", b"1;", b"%25", b"*", b"%22%22", b"AND+OR+NOT", b"%22", b"a*b%3Ac", b"(", b"NEAR(a,b)", b"x" * 7000])
    request.query += b"&" + self.rng.choice(names).encode() + b"=" + value

  def spoil_cursor(self, request):
    cursor = self.rng.choice(self.cursors) if self.cursors else base64.urlsafe_b64encode(b'["x",1]').decode()
    wrong = self.rng.choice([cursor[:-1], cursor + "A", cursor[::-1], "", "A", "=" * 8, "A" * 999, "A" * 1001, "-_-_", cursor.lower(), base64.urlsafe_b64encode(bytes(range(60))).decode(),
                             base64.urlsafe_b64encode(b'{"a":' * 50).decode(), cursor[:4] + "zzzz" + cursor[8:], cursor])
    request.query = f"cursor={wrong}&per_page=1&sort={self.rng.choice(['title', '-created_at', 'x', ''])}".encode()

  def put_header(self, request):
    name = self.rng.choice(list(HEADERS))
    request.headers.append((name, self.rng.choice(HEADERS[name])))

  def put_known_header(self, request):
    names = [one["name"].encode() for one in self.parameters(self.operation(request.route), "header")]
    names = [name for name in names if name in HEADERS] or [b"If-Match", b"If-None-Match", b"Idempotency-Key", b"Range"]
    name = self.rng.choice(names)
    request.headers.append((name, self.rng.choice(HEADERS[name])))

  def put_method(self, request):
    request.method = self.rng.choice(METHODS)

  def put_host(self, request):
    request.host = self.rng.choice(HOSTS)

  def make(self, route):
    request = self.valid(route)
    has_body = request.body is not None
    bodies = [self.spoil_field] * 6 + [self.spoil_text] * 2 + [self.add_unknown, self.double_a_field, self.drop_a_field, self.put_body, self.put_body, self.stuff, self.stuff, self.cut_body, self.flip_bytes, self.put_kind]
    others = [self.put_segment, self.bend_path, self.put_query, self.spoil_parameter, self.spoil_parameter, self.spoil_cursor, self.put_header, self.put_header, self.put_known_header,
              self.put_known_header, self.put_method, self.put_host]
    if "MULTIPART" in route.body:
      bodies += [self.break_form] * 8
    for _ in range(self.rng.choice([1, 1, 1, 2, 3])):
      wrong = self.rng.choice(bodies if has_body and self.rng.random() < 0.75 else others + [self.put_body, self.put_kind])
      wrong(request)
      request.wrongs.append(wrong.__name__)
    return request

