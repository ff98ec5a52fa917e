"""What others notice of a flood of sign-ins; their own quiet time is the peer."""

from common import Row
from harness.others import Flood, measure, p99_ms, thread_seconds
from harness.sokoul import Sokoul

SECONDS = 5
PER_SECOND = 200


def login(place):
  with place.running(Sokoul(place.new("sokoul"), trusted_proxies="127.0.0.1", bcrypt_cost=12)) as server:
    server.admin()
    user = server.account("known")
    quiet = measure(server.port, user.token, SECONDS)
    before = sum(thread_seconds(server.process.pid, "sok-hash"))
    with place.running(Flood(server.port, PER_SECOND, ["known", "admin"])) as flood:
      flooded = measure(server.port, user.token, SECONDS)
      done = flood.end()
    hashing = (sum(thread_seconds(server.process.pid, "sok-hash")) - before) / done["seconds"]
  return [Row(f"p99 of others, {PER_SECOND} sign-ins/s", "ms", p99_ms(flooded), p99_ms(quiet), "without them", len(flooded)),
          Row("cores that hash", "", hashing, 1.0, "the limit", 1)]
