"""A flood of sign-ins, 200 a second from as many addresses: everybody else is served, and hashing stays on one core."""

import pytest

from harness.others import Flood, measure, p99_ms, thread_seconds
from harness.process import SLOW, wait_until
from harness.sokoul import BINARY

SECONDS = 6
PER_SECOND = 200


@pytest.mark.parametrize("limits", ["limited", "unlimited"])
def test_a_login_flood_harms_nobody_else(start, keep, limits):
  rates = {"rate_auth": "5/min"} if limits == "limited" else {}
  server = start(trusted_proxies="127.0.0.1", bcrypt_cost=12, **rates)
  admin = server.admin()
  user = server.account("known")
  assert thread_seconds(server.process.pid, "sok-hash"), "there is no thread for hashing"
  quiet = measure(server.port, user.token, 2)
  before, total = thread_seconds(server.process.pid, "sok-hash"), sum(thread_seconds(server.process.pid, ""))
  flood = keep(Flood(server.port, PER_SECOND, ["known", "admin"]))
  times = measure(server.port, user.token, SECONDS * SLOW)
  done = flood.end()
  after, total = thread_seconds(server.process.pid, "sok-hash"), sum(thread_seconds(server.process.pid, "")) - total
  hashing = sum(after) - sum(before)
  flood.check(done.pop("answers"))
  print(f"\n{limits}: {done['sent']} sign-ins in {done['seconds']:.1f} s: {done['statuses']}; hashing {hashing:.1f} s, all {total:.1f} s of processor time; "
        f"p99 of {len(times)} others {p99_ms(times):.1f} ms, {p99_ms(quiet):.1f} ms before: {p99_ms(times) / p99_ms(quiet):.1f} times")
  assert done["sent"] > PER_SECOND * SECONDS / 2
  assert set(done["statuses"]) <= {"401", "429", "503"}, done  # each has its answer, nobody got in
  assert done["statuses"].get("401", 0) > 0
  assert len(times) > 50
  assert hashing <= done["seconds"] * 1.1 + 0.2
  if "san" not in BINARY.parent.name:  # the others' requests and the refusals are the rest
    assert total <= done["seconds"] * 1.6 + 1, (total, done)
  # Nobody is locked out for good.
  assert admin.get("/auth/me").status == 200
  if limits == "unlimited":
    wait_until(lambda: server.client().post("/auth/login", {"username": "known", "password": "correct horse battery"}).status == 200, 30, what="a sign-in afterwards")
