"""The pages when the way to the server is cut and comes back: nothing stale stays, nobody is signed out, nobody has to load anew."""

import pytest
from harness.browser import Page
from harness.process import wait_until
from harness.relay import Relay
from harness.scene import Torznab, release, settings_for

NAME = "Paper.Lantern.2019.720p.WEB-DL.x264-OWN"
LOST = "The connection to Sokoul is interrupted."


@pytest.fixture
def page(folder, keep):
  return keep(Page(folder))


@pytest.fixture
def indexer(keep):
  return keep(Torznab([release(NAME, 1, seeders=5)]))


@pytest.fixture
def scene(start, keep, indexer):
  """A server behind a relay, and ada who looks at it from elsewhere, too."""
  server = start(**settings_for([indexer]))
  ada = server.admin("ada")
  return server, ada, keep(Relay(server.port))


def sign_in(page, relay, path):
  page.sign_in(relay, "ada", path)


def mark(page):
  """A page that is loaded anew has no mark any more."""
  page.driver.execute_script("window.marked = true")


def is_marked(page):
  return page.driver.execute_script("return window.marked === true")


def back(page):
  page.until(lambda: LOST not in page.text(), "the page does not find back")
  assert is_marked(page), "the page was loaded anew"


def test_downloads_are_as_they_are_when_the_connection_is_back(scene, page):
  server, ada, relay = scene
  found = server.search(ada, "Paper Lantern")["results"][0]
  sign_in(page, relay, "/downloads")
  page.sees("Nothing yet.")
  mark(page)
  relay.set("cut")
  page.sees(LOST)
  server.download(ada, search_result_id=found["id"], media_id=found["media_id"])
  relay.set("whole")
  page.sees(NAME)
  back(page)
  # The other way round: what is gone meanwhile, goes.
  relay.set("cut")
  page.sees(LOST)
  (download,) = ada.ok("GET", "/downloads")["items"]
  ada.ok("POST", f"/downloads/{download['id']}/cancel")
  relay.set("whole")
  page.until(lambda: "cancelled" in page.text() and "Pause" not in page.text(), "the download as it is now")
  back(page)


def test_a_search_that_ends_meanwhile_is_shown_and_actions_say_what_is_wrong(scene, page, indexer):
  server, ada, relay = scene
  sign_in(page, relay, "/")
  page.sees("What would you like to watch?")
  mark(page)
  relay.set("cut")
  page.sees(LOST)
  page.fill("Title", "Paper Lantern")
  page.press("Search", "form")
  page.sees("Sokoul does not answer.")
  page.press("Downloads", "header")
  page.until(lambda: page.find("main [role=alert]"), "what is wrong with the list")
  page.press("Library", "header")
  page.until(lambda: page.find("main [role=alert]"), "what is wrong with the library")
  relay.set("whole")
  page.until(lambda: "None yet." in page.text() and not page.driver.find_elements("css selector", "[role=alert]"), "the library, and no word of what was")
  back(page)
  page.press("Search", "header")
  page.fill("Title", "Paper Lantern")
  page.press("Search", "form")
  page.sees(NAME)
  assert is_marked(page)


def test_a_proxy_without_a_server_signs_nobody_out(scene, page):
  server, ada, relay = scene
  sign_in(page, relay, "/downloads")
  page.sees("Nothing yet.")
  relay.set("broken")
  page.driver.get(f"http://127.0.0.1:{relay.port}/downloads")
  page.sees("Sokoul cannot answer now (502).")
  mark(page)
  assert not page.driver.find_elements("css selector", "input[type=password]"), "nobody is asked for a password"
  relay.set("whole")
  page.sees("Nothing yet.")
  assert is_marked(page)


def test_a_restart_of_the_program_is_got_over(start, page):
  server = start()
  ada = server.admin("ada")
  page.sign_in(server, "ada", "/admin/addresses")
  page.press("Downloads", "header")
  page.sees("Nothing yet.")
  mark(page)
  server.stop()
  page.sees(LOST)
  server.start()
  page.until(lambda: LOST not in page.text(), "the page does not find back", 60)
  page.press("Library", "header")
  page.until(lambda: "None yet." in page.text(), "the library")
  assert is_marked(page) and not page.driver.find_elements("css selector", "[role=alert]")


def test_pages_left_behind_hold_no_connection_and_come_back_as_things_are(scene, page):
  server, ada, _ = scene
  found = server.search(ada, "Paper Lantern")["results"][0]
  page.sign_in(server, "ada", "/downloads")
  page.sees("Nothing yet.")
  for path in ("/library", "/keys", "/downloads"):
    page.driver.get(f"http://127.0.0.1:{server.port}{path}")
    page.find("header .account")
  page.sees("Nothing yet.")
  wait_until(lambda: ada.ok("GET", "/admin/system/stats")["websockets"] == 1, 60, what="the last page's connection to be the only one")
  page.driver.get(f"http://127.0.0.1:{server.port}/docs")
  page.sees("operations")
  wait_until(lambda: ada.ok("GET", "/admin/system/stats")["websockets"] == 0, 60, what="no connection, since no page needs one")
  server.download(ada, search_result_id=found["id"], media_id=found["media_id"])
  page.driver.back()
  page.sees(NAME)
  page.until(lambda: LOST not in page.text(), "the connection")
