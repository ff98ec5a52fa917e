"""Every page for those who use a keyboard, a screen reader, or strong light: axe-core finds nothing serious, with and without data."""

import pytest
from harness import npm
from harness.browser import Page
from harness.scene import GIB, Torznab, release, settings_for
from selenium.webdriver.common.keys import Keys

NAME = "Paper.Lantern.2019.720p.WEB-DL.x264-OWN"
SECTIONS = ("system", "users", "providers", "settings", "addresses", "jobs", "audit")


@pytest.fixture
def page(folder, keep):
  return keep(Page(folder))


@pytest.fixture(scope="module")
def axe():
  missing = npm.packages()
  if missing:
    pytest.skip(missing)
  return (npm.FOLDER / "node_modules" / "axe-core" / "axe.min.js").read_text()


def look(page, axe, where):
  """What is wrong with the page as it is, in dark and in light."""
  wrong = []
  page.until(lambda: "Loading…" not in page.text(), f"{where} is loading")
  page.driver.execute_script("window.axe || (0, eval)(arguments[0])", axe)
  for scheme in ("dark", "light"):
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    found = page.driver.execute_async_script("""const done = arguments[0]
      axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => done(violations), error => done(String(error)))""")
    assert isinstance(found, list), found
    wrong += [f"{where}, {scheme}: {one['id']} ({one['impact']}): {one['help']}: {node['html'][:160]} {node['failureSummary'][:200]}"
              for one in found for node in one["nodes"][:3]]
  assert page.driver.title not in ("", "Sokoul") and page.nameless() == [], (where, page.driver.title, page.nameless())
  return wrong


def test_no_page_keeps_anybody_out(start, keep, page, axe):
  indexer = keep(Torznab([release(NAME, 1, seeders=7), release("Paper.Lantern.2019.HDCAM.x264-CAM", 2, size=GIB)]))
  server = start(**settings_for([indexer]))
  home = f"http://127.0.0.1:{server.port}"
  token, wrong = server.setup_token(), []

  def at(path, sees):
    page.driver.get(home + path)
    page.sees(sees)
    return look(page, axe, path.split("?")[0])
  wrong += at("/setup", "setup:") + at(f"/setup?token={token}", "Username") + at("/reset", "Forgot") + at("/reset?token=x", "New password")
  ada = server.admin("ada")
  server.account("bob")
  server.put_film()
  server.scan(ada)
  wrong += at("/", "Sign in to Sokoul")
  page.fill("Username or email", "ada")
  page.fill("Password", "not the password")
  page.press("Sign in", "form")
  page.find("[role=alert]")
  wrong += look(page, axe, "a refused sign-in")
  page.sign_in(server, "ada")
  page.sees("What would you like to watch?")
  wrong += look(page, axe, "/")
  page.find("header .account").click()
  page.sees("ada@example.org")
  wrong += look(page, axe, "the account")
  wrong += at("/keys", "No keys yet.") + at("/library", "Paper Lantern (2019)") + at("/downloads", "Nothing yet.")
  for section in SECTIONS:
    wrong += at(f"/admin/{section}", "Audit trail")
  wrong += at("/admin/nothing", "There is no such page") + at("/watch/0190d3a0-0000-7000-8000-000000000001", "no such media")
  page.driver.get(home + "/admin/addresses")
  page.fill("Address or network", "192.0.2.7/24")
  page.press("Keep out", "form")
  page.sees("for all of it")
  wrong += look(page, axe, "a refused rule")
  page.driver.get(home + "/")
  page.fill("Title", "Paper Lantern")
  page.press("Search", "form")
  page.sees(NAME)
  wrong += look(page, axe, "a search")
  page.press("Download", ".result")
  page.find(".result a.button")
  page.press("Downloads", "header")
  page.sees("Cancel")
  wrong += look(page, axe, "a download")
  page.press("Library", "header")
  page.press("Watch", "main")
  page.until(lambda: page.video(), "the film")
  wrong += look(page, axe, "a film")
  assert not wrong, "\n".join(wrong)
  page.driver.execute_script("document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=/favicon.svg>')")
  assert [line.split(": ")[1] for line in look(page, axe, "a mistake")] == 2 * ["image-alt (critical)"], "it would have been found"


def test_the_keyboard_is_enough(start, page):
  """From signing in to a rule that is made and taken away, without a mouse."""
  server = start()
  ada = server.admin("ada")
  page.driver.get(f"http://127.0.0.1:{server.port}/admin/addresses")
  page.find("input[type=password]")
  focused = lambda: page.driver.switch_to.active_element  # noqa: E731

  def name():
    return page.driver.execute_script("const one = document.activeElement; return one.getAttribute('aria-label') ?? one.labels?.[0]?.textContent.trim() ?? one.textContent.trim()")

  def tab_to(wanted, most=40):
    passed = []
    for _ in range(most):
      focused().send_keys(Keys.TAB)
      passed.append(name())
      if passed[-1] == wanted:
        assert page.driver.execute_script("return getComputedStyle(document.activeElement).outlineStyle") != "none", f"{wanted} does not show its focus"
        return
    raise AssertionError(f"Tab does not come to {wanted}, but to {passed}")
  tab_to("Username or email")
  focused().send_keys("ada", Keys.TAB, "correct horse battery", Keys.ENTER)
  page.sees("Nobody is kept out.")
  tab_to("Address or network")
  focused().send_keys("192.0.2.0/24", Keys.ENTER)
  page.sees("192.0.2.0/24")
  tab_to("Remove 192.0.2.0/24")
  focused().send_keys(Keys.ENTER)
  page.until(lambda: name() == "Yes, remove", "the question has the focus")
  focused().send_keys(Keys.ESCAPE)
  page.until(lambda: name() == "Remove 192.0.2.0/24", "Escape goes back to the button")
  assert ada.ok("GET", "/admin/security/blacklist")["total"] == 1
  focused().send_keys(Keys.ENTER)
  page.until(lambda: name() == "Yes, remove", "the question has the focus")
  focused().send_keys(Keys.ENTER)
  page.sees("Nobody is kept out.")
  assert ada.ok("GET", "/admin/security/blacklist")["total"] == 0
  page.driver.execute_script("document.activeElement.blur(); scrollTo(0, 0)")
  page.driver.refresh()
  page.sees("Nobody is kept out.")
  tab_to("To the content")
  focused().send_keys(Keys.ENTER)
  page.until(lambda: page.driver.execute_script("return document.activeElement.id") == "content", "the content has the focus")
