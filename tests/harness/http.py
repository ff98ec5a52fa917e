"""A small HTTP client: one connection a request, nothing hidden."""

import http.client
import json
import urllib.parse
import uuid

from . import replies
from .process import SLOW


class Reply:
  def __init__(self, status, headers, body):
    self.status = status
    self.headers = headers
    self.body = body

  @property
  def json(self):
    return json.loads(self.body)

  def __repr__(self):
    return f"{self.status} {self.headers.get('Content-Type')} {self.body[:600]!r}"


class Client:
  """Speaks to one server; `token` is sent as bearer when it is there."""

  def __init__(self, port, token=None, host="127.0.0.1", timeout=30):
    self.host, self.port, self.token, self.timeout = host, port, token, timeout
    self.user = None

  def connection(self, host, port, timeout):
    return http.client.HTTPConnection(host, port, timeout=timeout)

  def request(self, method, path, body=None, headers=None, token=..., raw=None, timeout=None):
    """`body` is sent as JSON, `raw` as it is. Paths without a leading /stream, /health, ... are under /api/v1."""
    sent = {}
    token = self.token if token is ... else token
    if token:
      sent["Authorization"] = f"Bearer {token}"
    if body is not None:
      raw = json.dumps(body).encode()
      sent["Content-Type"] = "application/json"
    sent.update(headers or {})
    if path.startswith("http"):
      parts = urllib.parse.urlsplit(path)
      host, port, path = parts.hostname, parts.port, parts.path + ("?" + parts.query if parts.query else "")
    else:
      host, port = self.host, self.port
      path = path[1:] if path.startswith("//") else "/api/v1" + path
    connection = self.connection(host, port, timeout or self.timeout * SLOW)
    try:
      connection.request(method, path, raw, sent)
      answer = connection.getresponse()
      reply = Reply(answer.status, answer.headers, answer.read())
    finally:
      connection.close()
    replies.note(method, path, reply)
    return reply

  def get(self, path, **options):
    return self.request("GET", path, **options)

  def post(self, path, body=None, **options):
    return self.request("POST", path, body, **options)

  def put(self, path, body=None, **options):
    return self.request("PUT", path, body, **options)

  def delete(self, path, **options):
    return self.request("DELETE", path, **options)

  def ok(self, method, path, body=None, status=(200, 201, 202, 204), **options):
    """The JSON of a reply that must be good."""
    reply = self.request(method, path, body, **options)
    assert reply.status in ((status,) if isinstance(status, int) else status), (method, path, reply)
    return reply.json if reply.body else None

  def upload(self, path, field, filename, content, fields=None, content_type="application/octet-stream", method="POST", headers=None):
    """multipart/form-data with one file."""
    boundary = uuid.uuid4().hex
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
             for name, value in (fields or {}).items()]
    parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{filename}"\r\n'
                 f"Content-Type: {content_type}\r\n\r\n".encode() + content + b"\r\n")
    parts.append(f"--{boundary}--\r\n".encode())
    return self.request(method, path, raw=b"".join(parts),
                        headers={"Content-Type": f"multipart/form-data; boundary={boundary}", **(headers or {})})


def assert_problem(reply, status, code=None):
  """The reply is a problem document (RFC 9457) with everything the API promises of one."""
  assert reply.status == status, reply
  assert reply.headers["Content-Type"].split(";")[0] == "application/problem+json", reply
  problem = reply.json
  for field in ("type", "title", "status", "detail", "instance", "code", "request_id"):
    assert field in problem, (field, problem)
  assert problem["status"] == status
  assert problem["request_id"] == reply.headers["X-Request-ID"]
  if code:
    assert problem["code"] == code, problem
  text = reply.body.decode().lower()
  for leak in ("select ", "insert into", "sqlite", ".c:", "backtrace", "/src/"):
    assert leak not in text, problem
  return problem
