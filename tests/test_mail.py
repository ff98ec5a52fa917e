"""A forgotten password, through a real mail server: the link in the mail works, and nothing else gives anything away."""

import json
import re
import time

import pytest

from harness import npm
from harness.http import assert_problem
from harness.mail import MailServer, SilentServer, certificate
from harness.process import wait_until
from harness.ws import WebSocket

FRESH = "another battery staple"
LOGGED = re.compile(r"http[^\"\s]*/reset\?token=([\w-]+)")


@pytest.fixture(scope="module", autouse=True)
def packages():
  missing = npm.packages()
  if missing:
    pytest.skip(missing)


@pytest.fixture
def mail(keep):
  """mail(**options): a mail server of the test's own."""
  return lambda **options: keep(MailServer(**options))


def with_mail(start, post, **more):
  server = start(smtp_url=post.url, smtp_from="Films at home <films@example.org>", **more)
  server.admin()
  return server


def forget(server, address, **options):
  return server.client().post("/auth/password/forgot", {"email": address}, **options)


def reset(server, token, password=FRESH, **more):
  return server.client().post("/auth/password/reset", {"token": token, "password": password, **more})


def signs_in(server, name, password):
  return server.client().post("/auth/login", {"username": name, "password": password}).status == 200


def log_lines(server, text):
  return [json.loads(line) for line in server.log().splitlines() if line.startswith("{") and text in line]


def test_the_link_in_the_mail_gives_a_new_password(start, mail):
  post = mail()
  server = with_mail(start, post, public_url="https://films.example.org/")
  user = server.account("ada")
  socket = server.socket(user)
  assert forget(server, "ADA@example.org").status == 202
  got = post.wait()
  assert got.sender == "films@example.org" and got.to == ["ada@example.org"] and not got.secure
  message = got.message
  assert message["From"].addresses[0].display_name == "Films at home" and message["To"].addresses[0].addr_spec == "ada@example.org"
  assert abs(message["Date"].datetime.timestamp() - time.time()) < 300 and re.fullmatch(r"<[\w-]+@example\.org>", message["Message-ID"])
  assert message["Subject"] and "ada" in got.text and not message.defects
  assert got.link.startswith("https://films.example.org/reset?token=")
  assert reset(server, got.token).status == 204
  assert signs_in(server, "ada", FRESH) and not signs_in(server, "ada", "correct horse battery")
  assert socket.wait_closed() == 4401
  assert_problem(user.get("/auth/me"), 401)
  assert_problem(server.client().post("/auth/refresh", {"refresh_token": user.refresh_token}), 401)
  problem = assert_problem(reset(server, got.token, "a third password"), 422)
  assert [error["field"] for error in problem["errors"]] == ["token"]
  actions = [row["action"] for row in server.rows("SELECT action FROM audit_logs WHERE resource_id = ? ORDER BY id", user.user["id"])]
  assert [action for action in actions if action.startswith("password")] == ["password_reset_requested", "password_reset"]
  assert got.token not in server.log() and "correct horse" not in server.log()
  assert got.token not in json.dumps(server.rows("SELECT * FROM password_resets"))


def test_a_newer_link_makes_the_older_worthless_and_three_an_hour_are_enough(start, mail):
  post = mail()
  server = with_mail(start, post)
  for count in range(1, 4):
    forget(server, "admin@example.org")
    post.wait(count)
  assert forget(server, "admin@example.org").status == 202
  wait_until(lambda: log_lines(server, '"rate_limited"'), 20, 0.05, "the fourth to be held back")
  tokens = [got.token for got in post.mails]
  assert len(tokens) == len(set(tokens)) == 3
  for token in tokens[:2]:
    assert_problem(reset(server, token), 422)
  assert_problem(reset(server, tokens[2], "short"), 422)
  assert reset(server, tokens[2]).status == 204


def test_keys_stay_unless_asked_otherwise(start, mail):
  post = mail()
  server = with_mail(start, post)
  user = server.account("scripted")
  key = user.ok("POST", "/auth/api-keys", {"name": "x"})["key"]
  headers = {"X-Api-Key": key}
  socket = WebSocket(server.port, "/ws", headers)
  for count, (more, status) in enumerate((({}, 200), ({"end_api_keys": True}, 401)), 1):
    forget(server, "scripted@example.org")
    assert_problem(reset(server, post.wait(count).token, end_api_keys="yes"), 422)
    assert reset(server, post.wait(count).token, **more).status == 204
    assert server.client().get("/auth/me", headers=headers).status == status
  assert socket.wait_closed() == 4401


def test_unknown_addresses_look_the_same_and_get_nothing(start, mail):
  post = mail()
  server = with_mail(start, post)
  known = forget(server, "admin@example.org")
  post.wait()
  for address in ("nobody@example.org", "admin", "no address", "x" * 900, "admin@example.org\r\nBcc: eve@example.org"):
    reply = forget(server, address)
    assert (reply.status, reply.body) == (known.status, known.body), address
    assert set(reply.headers.keys()) == set(known.headers.keys())
  wait_until(lambda: len(log_lines(server, '"not_found"')) >= 5, 20, 0.05, "all of them to be looked at")
  assert len(post.mails) == 1
  for body in ({}, {"email": 5}, {"email": ""}, {"email": "x" * 2000}):
    assert_problem(server.client().post("/auth/password/forgot", body), 422)


def test_both_limits_hold_for_asking(start, mail):
  server = start(rate_auth=5, trusted_proxies="127.0.0.1/32")
  server.setup_token()
  for address in ("nobody@example.org", "somebody@example.org"):
    statuses = [forget(server, address, headers={"X-Forwarded-For": f"198.51.100.{number}"}).status for number in range(7)]
    assert statuses == [202] * 5 + [429] * 2
  statuses = [forget(server, f"a{number}@example.org", headers={"X-Forwarded-For": "203.0.113.5"}).status for number in range(6)]
  assert statuses == [202] * 5 + [429]
  statuses = [server.client().post("/auth/password/reset", {"token": "x", "password": FRESH}, headers={"X-Forwarded-For": "203.0.113.6"}).status
              for _ in range(6)]
  assert statuses == [422] * 5 + [429]


def test_without_a_mail_server_the_link_goes_to_the_log(start):
  server = start()
  server.admin()
  assert forget(server, "admin@example.org").status == 202
  link = wait_until(lambda: LOGGED.search(server.log()), 20, 0.05, "the link in the log")
  assert link[0].startswith(f"http://127.0.0.1:{server.port}/reset?token=")
  assert [line["level"] for line in log_lines(server, "/reset?token=")] == ["warn"]
  assert server.client().get(link[0]).status == 200
  assert reset(server, link[1]).status == 204 and signs_in(server, "admin", FRESH)


def test_a_forged_host_does_not_get_into_the_link(start):
  server = start()
  server.admin()
  forget(server, "admin@example.org", headers={"Host": f"localhost:{server.port}", "X-Forwarded-Host": "evil.example"})
  link = wait_until(lambda: LOGGED.search(server.log()), 20, 0.05, "the link in the log")
  assert link[0].startswith(f"http://127.0.0.1:{server.port}/")


def test_signing_in_at_the_mail_server(start, mail):
  post = mail(user="films", **{"pass": "s3cret-of-the-mail-server"})
  server = with_mail(start, post)
  forget(server, "admin@example.org")
  assert post.wait().user == "films"
  assert "s3cret-of-the-mail-server" not in server.log()


def test_a_wrong_password_there_is_said_once_and_not_repeated(start, mail):
  post = mail(user="films", **{"pass": "right"})
  post.url = post.url.replace(":right@", ":wrong-one@")
  server = with_mail(start, post)
  assert forget(server, "admin@example.org").status == 202
  (line,) = wait_until(lambda: log_lines(server, "was given up"), 30, 0.05, "the error in the log")
  assert line["level"] == "error" and "does not take the user name and password" in json.dumps(line)
  assert "wrong-one" not in server.log() and not post.mails


@pytest.mark.parametrize("secure", [False, True])
def test_tls_needs_a_certificate_that_is_trusted(start, mail, folder, secure):
  files = certificate(folder)
  post = mail(secure=secure, **files)
  server = with_mail(start, post)
  forget(server, "admin@example.org")
  (line,) = wait_until(lambda: log_lines(server, "was given up"), 30, 0.05, "the error in the log")
  assert "certificate" in json.dumps(line) and "SOKOUL_SMTP_CA" in json.dumps(line)
  assert not post.mails
  trusting = start(smtp_url=post.url, smtp_ca=files["cert"])
  trusting.admin()
  forget(trusting, "admin@example.org")
  assert post.wait().secure and post.mails[0].sender == "sokoul@localhost"


def test_a_password_needs_tls_but_on_this_machine(start, mail):
  """0.0.0.0 leads here, but it is no loopback address: no STARTTLS, so no password and no mail."""
  post = mail(user="films", **{"pass": "in-clear"})
  post.url = post.url.replace("127.0.0.1", "0.0.0.0")
  server = with_mail(start, post)
  forget(server, "admin@example.org")
  (line,) = wait_until(lambda: log_lines(server, "was given up"), 30, 0.05, "the error in the log")
  assert "STARTTLS" in json.dumps(line) and not post.mails


def test_a_server_that_puts_it_off_is_asked_again(start, mail):
  post = mail(refuse=451, times=1)
  server = with_mail(start, post)
  forget(server, "admin@example.org")
  assert reset(server, post.wait().token).status == 204
  assert len(post.refused) == 1 and log_lines(server, "(451)")


def test_a_server_that_refuses_is_not_asked_again(start, mail):
  post = mail(refuse=550)
  server = with_mail(start, post)
  assert forget(server, "admin@example.org").status == 202
  assert wait_until(lambda: log_lines(server, "was given up"), 30, 0.05, "the error in the log")
  assert len(post.refused) == 1


def test_a_server_that_hangs_holds_up_nothing_but_the_mails(start, keep):
  silent = keep(SilentServer())
  server = with_mail(start, silent)
  for number in range(64):
    assert forget(server, "admin@example.org" if number < 2 else "nobody@example.org").status == 202
  wait_until(lambda: silent.taken, 20, 0.05, "the connection to the mail server")
  replies = [forget(server, "nobody@example.org") for _ in range(4)]
  assert {reply.status for reply in replies} <= {202, 503} and replies[-1].status == 503
  assert int(replies[-1].headers["Retry-After"]) > 0
  assert signs_in(server, "admin", "correct horse battery")
  server.stop()  # and it does not wait for the mail server
  assert log_lines(server, "was given up")


def test_a_server_that_is_not_there_is_said(start, mail):
  post = mail()
  post.kill()
  server = with_mail(start, post)
  assert forget(server, "admin@example.org").status == 202
  assert wait_until(lambda: log_lines(server, "was given up"), 60, 0.05, "the error in the log")
  assert len(log_lines(server, "could not be sent")) == 3
