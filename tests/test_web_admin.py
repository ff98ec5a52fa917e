"""The pages for those who look after the server, in a real browser."""

import datetime

import pytest
from harness.browser import Page
from harness.process import wait_until
from harness.scene import Torznab, release, settings_for

NAME = "Paper.Lantern.2019.720p.WEB-DL.x264-OWN"


@pytest.fixture
def page(folder, keep):
  return keep(Page(folder))


def test_an_admin_looks_after_the_server(start, keep, page):
  indexer = keep(Torznab([release(NAME, 1)]))
  server = start(**settings_for([indexer]))
  admin = server.admin("ada")
  server.account("bob")
  page.sign_in(server, "ada")
  page.press("Admin", "header")
  page.sees("2, 2 active")
  page.sees(indexer.name)

  page.press("Users", "main")
  page.sees("bob@example.org")
  page.choose("Role of bob", "moderator")
  wait_until(lambda: [one["role"] for one in admin.ok("GET", "/admin/users")["items"] if one["username"] == "bob"] == ["moderator"], 30, what="the role")
  page.choose("Role of ada", "user")
  page.sees("last")  # the last admin stays one, and the page says so
  page.until(lambda: page.driver.execute_script("return document.querySelector(\"[aria-label='Role of ada']\").value") == "admin", "the role is shown as it is")

  page.press("Providers", "main")
  page.sees("of the environment")
  page.press("Test", "main")
  page.sees("Works (")
  address = lambda: page.driver.execute_script("return document.querySelector('input[type=url]').outerHTML")  # noqa: E731
  assert "https://…" in address(), "an indexer has no address of its own"
  page.driver.execute_script("const box = document.querySelector('main form select'); box.value = 'tmdb'; box.dispatchEvent(new Event('change'))")
  page.until(lambda: "the kind's own" in address(), "what tmdb has")
  page.driver.execute_script("const box = document.querySelector('main form select'); box.value = 'torznab'; box.dispatchEvent(new Event('change'))")
  page.fill("Name", "second")
  page.press("Add", "main")
  page.sees("is missing")
  page.fill("Address", "http://127.0.0.1:9/")
  page.press("Add", "main")
  page.sees("second")
  page.press("Turn off")
  page.press("Remove")
  page.press("Yes, remove")
  page.until(lambda: "second" not in page.text(), "it is gone")

  page.press("Settings", "main")
  page.fill("rate_search", "many")
  page.find("[aria-label='Save rate_search']").click()
  page.sees("must be a whole number")
  page.fill("rate_search", "77")
  page.find("[aria-label='Save rate_search']").click()
  page.sees("Saved.")
  assert admin.ok("GET", "/admin/settings")["rate_search"]["value"] == 77
  page.press("Back to 0", "main")
  wait_until(lambda: not admin.ok("GET", "/admin/settings")["rate_search"]["overridden"], 30, what="the setting of before")

  page.press("Audit trail", "main")
  page.sees("settings.update")
  page.fill("Address", "nowhere")
  page.press("Show", "main")
  page.sees("must be an address")
  page.fill("Address", "127.0.0.1")
  page.fill("Action", "user.role")
  page.press("Show", "main")
  page.until(lambda: "settings.update" not in page.text() and "user.role" in page.text(), "what was asked for")
  assert page.violations() == []


def test_the_admins_pages_fit_a_phone_and_name_all_they_have(start, page):
  server = start()
  admin = server.admin("ada")
  server.change("INSERT INTO dead_letters (id, task_id, task_type, payload, tries, error_message, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [("0190d3a0-0000-7000-8000-000000000001", "0190d3a0-0000-7000-8000-000000000002", "monitor", '{"kind":"scan"}', 3, "the folder is gone", 1)])
  page.sign_in(server, "ada", "/admin")
  for section, seen in (("System", "Storage"), ("Users", "ada@example.org"), ("Providers", "No providers"), ("Settings", "torrent_max_active"),
                        ("Addresses", "Nobody is kept out."), ("Failed jobs", "the folder is gone"), ("Audit trail", "login")):
    page.press(section, "main nav")
    page.sees(seen)
    page.narrow()
    assert page.nameless() == [], section
    page.narrow(False)
  assert admin.ok("GET", "/admin/dead-letters")["total"] == 1 and page.violations() == []


def test_who_may_not_is_told_so(start, page):
  server = start()
  server.admin("ada")
  server.account("bob")
  page.sign_in(server, "bob", "/admin/users")
  page.sees("These pages are for those who look after the server.")
  assert "Admin" not in page.find("header").text


def test_a_moderator_sees_who_is_active_and_what_was_done(start, page):
  server = start()
  admin, bob = server.admin("ada"), server.account("bob")
  admin.ok("PUT", f"/admin/users/{bob.user['id']}/role", {"role": "moderator"})
  page.sign_in(server, "bob", "/admin")
  page.sees("2, 2 active; 1 admins, 1 moderators, 0 users")
  page.sees("0 downloads, 0 searches this week")
  assert "@" not in page.text(), "addresses are the admin's"
  page.narrow()
  page.narrow(False)
  page.press("Audit trail", "main")
  page.sees("user.role")
  assert "Settings" not in page.find("main nav").text and page.violations() == []


OUT, IN = "form[aria-label='Keep out']", "form[aria-label='Let in']"


def rules(admin, kind):
  return [(rule["cidr"], rule["reason"]) for rule in admin.ok("GET", f"/admin/security/{kind}")["items"]]


def test_addresses_are_kept_out_and_let_in(start, page):
  server = start()
  admin = server.admin("ada")
  page.sign_in(server, "ada", "/admin/addresses")
  page.sees("Nobody is kept out.")
  page.fill("Address or network", "192.0.2.7/24", OUT)
  page.set_time("Ends", datetime.datetime.now() - datetime.timedelta(days=1), OUT)
  page.press("Keep out", OUT)
  page.sees("write 192.0.2.0/24 for all of it")  # each at its own field
  page.sees("must be in the future")
  assert len(page.driver.find_elements("css selector", f"{OUT} [aria-invalid=true]")) == 2
  later = (datetime.datetime.now() + datetime.timedelta(days=30)).replace(second=0, microsecond=0)
  page.fill("Address or network", "192.0.2.0/24", OUT)
  page.fill("Reason", "guesses passwords", OUT)
  page.set_time("Ends", later, OUT)
  page.press("Keep out", OUT)
  page.until(lambda: "192.0.2.0/24 guesses passwords" in page.text(), "the rule in the list")
  assert not page.driver.find_elements("css selector", "[role=alert]")
  (rule,) = admin.ok("GET", "/admin/security/blacklist")["items"]
  assert (rule["cidr"], rule["reason"]) == ("192.0.2.0/24", "guesses passwords")
  assert datetime.datetime.fromisoformat(rule["expires_at"].replace("Z", "+00:00")).timestamp() == later.timestamp()

  # Nobody locks themselves out by mistake, on either list.
  page.fill("Address or network", "127.0.0.0/8", OUT)
  page.press("Keep out", OUT)
  page.sees("this would keep out the address you call from")
  page.fill("Address or network", "127.0.0.1", IN)
  page.fill("Reason", "the office", IN)
  page.press("Let in", IN)
  page.sees("127.0.0.1/32 the office")
  page.press("Keep out", OUT)
  page.sees("127.0.0.0/8")
  assert rules(admin, "whitelist") == [("127.0.0.1/32", "the office")] and ("127.0.0.0/8", None) in rules(admin, "blacklist")

  def remove(cidr):
    page.until(lambda: page.driver.execute_script("""const row = [...document.querySelectorAll('li')].find(one => one.textContent.includes(arguments[0]))
      row?.querySelector('button').click()
      return !!row""", cidr), f"the row of {cidr}")
    page.press("Yes, remove")
  remove("127.0.0.1/32")
  page.sees("whitelist that first")
  assert rules(admin, "whitelist") == [("127.0.0.1/32", "the office")]
  remove("127.0.0.0/8")
  page.until(lambda: "127.0.0.0/8" not in page.find("main").text, "it is gone")
  remove("127.0.0.1/32")
  page.until(lambda: "the office" not in page.text(), "it is gone")
  remove("192.0.2.0/24")
  page.sees("Nobody is kept out.")
  assert rules(admin, "blacklist") == rules(admin, "whitelist") == [] and page.violations() == []


def test_caches_are_cleared_all_or_one(start, page):
  server = start()
  admin = server.admin("ada")
  page.sign_in(server, "ada", "/admin/system")
  page.press("Clear", "main")
  page.sees("Cleared: ")
  every = admin.ok("POST", "/admin/cache/clear", {})["cleared"]
  page.sees(f"Cleared: {', '.join(every)}.")
  offered = page.driver.execute_script("return [...document.querySelectorAll(\"select[aria-label='Which cache'] option\")].map(one => one.value)")
  assert offered == ["all", *every], "the page offers what there is"
  page.choose("Which cache", "media")
  page.press("Clear", "main")
  page.sees("Cleared: media.")
  assert [row["new_value"] for row in server.rows("SELECT new_value FROM audit_logs WHERE action = 'cache.clear' AND resource_id = 'media'")] == [
    '{"cleared":["media"]}']
  assert page.violations() == []


def test_a_job_that_failed_for_good_is_started_again(start, keep, page):
  indexer = keep(Torznab([release(NAME, 1)], fault="500"))
  server = start(**settings_for([indexer]))
  admin = server.admin("ada")
  search = server.search(admin, "Paper Lantern", limit_s=90)
  assert search["status"] == "failed"
  (letter,) = wait_until(lambda: admin.ok("GET", "/admin/dead-letters")["items"], 90, what="a dead letter")
  page.sign_in(server, "ada", "/admin/jobs")
  page.sees(letter["error"])
  indexer.fault = None
  page.press("Try again")
  page.sees("The search job is started again.")
  page.sees("None: every job ended well, or is being tried.")
  found = server.wait_search(admin, search["search_id"])
  assert found["status"] == "completed" and [one["title"] for one in found["results"]] == [NAME]
  page.driver.refresh()
  page.sees("None: every job ended well, or is being tried.")
  page.find("main input[type=checkbox]").click()
  page.sees("started again ")
  page.until(lambda: letter["error"] in page.text() and "Try again" not in page.text(), "the letter, without a button")
  assert admin.ok("GET", "/admin/dead-letters")["items"][0]["retried_at"] and page.violations() == []
