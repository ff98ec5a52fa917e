"""The routes as the program has them, and who may call each as the contract says it.

WHO is written by hand and never derived from the code: a route that is not in it, or that says something else, fails
the tests until somebody has thought about who may call it.
"""

import re
import uuid

from .sokoul import ROOT

ROW = re.compile(r'ROUTE\(SOK_(GET|POST|PUT|DELETE),\s*(API\s*)?"([^"]+)",\s*SOK_POLICY_(\w+),\s*SOK_RATE_(\w+),\s*SOK_LANE_\w+,\s*SOK_BODY_(\w+)')

# P everybody · U any account · S an account at a keyboard, no API key · M moderator, admin · A admin · O operator: this
# machine, a whitelisted address or an admin · T ticket or bearer · X a signature in the URL. + behind it: the contract's table
# is silent about it; one thing of a list it has, for whoever may see the list.
WHO = {line.split(None, 1)[1].strip(): line[0] for line in """
P GET /health
P GET /health/deep
O GET /metrics
T GET /ws
P GET /.well-known/jwks.json
X GET /stream/{stream_id}/{rest...}
P GET /avatars/{name}
P GET /
P GET /setup
P GET /reset
P GET /downloads
P GET /library
P+ GET /keys
P+ GET /admin
P+ GET /admin/{section}
P GET /watch/{media_id}
P GET /docs
P GET /assets/{rest...}
P GET /favicon.svg
P GET /api/v1/openapi.json
P POST /api/v1/auth/register
P POST /api/v1/auth/login
P POST /api/v1/auth/refresh
S POST /api/v1/auth/logout
P POST /api/v1/auth/password/forgot
P POST /api/v1/auth/password/reset
U GET /api/v1/auth/me
S PUT /api/v1/auth/me
U PUT /api/v1/auth/me/avatar
U DELETE /api/v1/auth/me/avatar
S PUT /api/v1/auth/me/password
S GET /api/v1/auth/api-keys
S POST /api/v1/auth/api-keys
S DELETE /api/v1/auth/api-keys/{id}
U POST /api/v1/auth/ws-ticket
U POST /api/v1/search
U GET /api/v1/search/{search_id}
U GET /api/v1/search/{search_id}/results
U GET /api/v1/search/{search_id}/providers
U POST /api/v1/search/{search_id}/score
U GET /api/v1/media
A POST /api/v1/media
A POST /api/v1/media/scan
U GET /api/v1/media/{id}
A PUT /api/v1/media/{id}
A DELETE /api/v1/media/{id}
U GET /api/v1/media/{id}/files
U GET /api/v1/media/{id}/episodes
A POST /api/v1/media/{id}/enrich
U GET /api/v1/recommendations
U POST /api/v1/downloads/start
U GET /api/v1/downloads
U GET /api/v1/downloads/{id}
U POST /api/v1/downloads/{id}/pause
U POST /api/v1/downloads/{id}/resume
U POST /api/v1/downloads/{id}/cancel
U GET /api/v1/streaming/direct/{media_id}
U GET /api/v1/streaming/providers/{media_id}
U POST /api/v1/streaming/{stream_id}/start
U POST /api/v1/streaming/{stream_id}/stop
U POST /api/v1/history/watch
U GET /api/v1/history/continue
U GET /api/v1/history/watched
U DELETE /api/v1/history/{watch_id}
U GET /api/v1/library/favorites
U POST /api/v1/library/favorites
U DELETE /api/v1/library/favorites/{media_id}
U GET /api/v1/library/watchlist
U POST /api/v1/library/watchlist
U DELETE /api/v1/library/watchlist/{media_id}
U GET /api/v1/collections
U POST /api/v1/collections
U GET /api/v1/collections/{id}
U PUT /api/v1/collections/{id}
U DELETE /api/v1/collections/{id}
U POST /api/v1/collections/{id}/media
U DELETE /api/v1/collections/{id}/media/{media_id}
U GET /api/v1/tasks/{id}
M GET /api/v1/admin/audit-logs
M GET /api/v1/admin/users
A GET /api/v1/admin/users/{id}
A PUT /api/v1/admin/users/{id}
A DELETE /api/v1/admin/users/{id}
A PUT /api/v1/admin/users/{id}/role
A GET /api/v1/admin/security/whitelist
A POST /api/v1/admin/security/whitelist
A+ GET /api/v1/admin/security/whitelist/{id}
A DELETE /api/v1/admin/security/whitelist/{id}
A GET /api/v1/admin/security/blacklist
A POST /api/v1/admin/security/blacklist
A+ GET /api/v1/admin/security/blacklist/{id}
A DELETE /api/v1/admin/security/blacklist/{id}
A GET /api/v1/admin/system/stats
A POST /api/v1/admin/cache/clear
A GET /api/v1/admin/providers
A POST /api/v1/admin/providers
A+ GET /api/v1/admin/providers/{id}
A PUT /api/v1/admin/providers/{id}
A DELETE /api/v1/admin/providers/{id}
A POST /api/v1/admin/providers/{id}/test
A GET /api/v1/admin/settings
A PUT /api/v1/admin/settings
A GET /api/v1/admin/dead-letters
A POST /api/v1/admin/dead-letters/{id}/retry
""".strip().splitlines()}


class Route:
  def __init__(self, method, path, body):
    self.method, self.path, self.body = method, path, body
    self.name = f"{method} {path}"
    self.parameters = re.findall(r"\{(\w+)(?:\.\.\.)?\}", path)

  @property
  def who(self):
    return WHO[self.name]

  def fill(self, **values):
    """The path as the harness' client wants it; what is not given is an id that nothing has."""
    path = re.sub(r"\{(\w+)(?:\.\.\.)?\}", lambda match: str(values.get(match[1]) or uuid.uuid4()), self.path)
    return path.removeprefix("/api/v1") if path.startswith("/api/v1/") else "/" + path


def table():
  """The rows of the program's own route table."""
  code = (ROOT / "src" / "api" / "routes.c").read_text()
  routes = [Route(method, ("/api/v1" if api else "") + path, body) for method, api, path, _, _, body in ROW.findall(code)]
  assert len(routes) == len(re.findall(r"SOK_POLICY_", code)) >= 90, "a row of the table is not understood"
  return routes
