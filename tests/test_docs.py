"""The API's page in a real browser: every operation is there, can be tried, and nothing comes from or goes to another server."""

import json

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from harness.browser import Page
from harness.sokoul import ROOT

PASSWORD = "correct horse battery"
DOCUMENT = json.loads((ROOT / "docs" / "api" / "openapi.json").read_text())
OPERATIONS = {operation["operationId"]: (method.upper(), path) for path, item in DOCUMENT["paths"].items() for method, operation in item.items()}


@pytest.fixture
def page(folder, keep):
  return keep(Page(folder))


@pytest.fixture
def docs(start, page):
  """docs(hash): a server with the account ada, and its page opened."""
  server = start()
  server.admin("ada")

  def opened(place=""):
    page.driver.get(f"http://127.0.0.1:{server.port}/docs{place}")
    page.sees(f"{len(OPERATIONS)} of {len(OPERATIONS)} operations")
    return server
  return opened


def operation(page, name):
  """The opened box of an operation."""
  box = page.find(f"#{name}")
  if not box.get_attribute("open"):
    box.find_element(By.TAG_NAME, "summary").click()
  page.find(f"#{name} form")
  return box


def fill(page, box, label, value):
  field = next(one for one in box.find_elements(By.TAG_NAME, "label") if one.text.split("\n")[0].strip() .removesuffix("required").strip() == label)
  field = field.find_element(By.CSS_SELECTOR, "input, select, textarea")
  if field.tag_name != "select":
    page.driver.execute_script("arguments[0].value = ''; arguments[0].dispatchEvent(new Event('input'))", field)
  field.send_keys(value)


def send(page, box):
  """Presses Send; the status and the body of the reply."""
  next(one for one in box.find_elements(By.TAG_NAME, "button") if one.text == "Send").click()
  reply = page.find(f"#{box.get_attribute('id')} .reply")
  status = int(reply.find_element(By.TAG_NAME, "strong").text)
  body = page.until(lambda: reply.find_elements(By.CSS_SELECTOR, "[role=region]"), "the body of the reply") if status != 204 else []
  return status, json.loads(body[0].text) if body else None


def sign_in(page):
  page.fill("Username or email", "ada")
  page.fill("Password", PASSWORD)
  page.press("Sign in", "form")
  page.sees("Signed in as ada")


def test_every_operation_is_there_and_can_be_found(docs, page):
  docs()
  shown = {box.get_attribute("id"): box.find_element(By.TAG_NAME, "summary").text for box in page.driver.find_elements(By.CSS_SELECTOR, "details.card")}
  assert shown.keys() == OPERATIONS.keys()
  for name, (method, path) in OPERATIONS.items():
    assert method in shown[name] and path in shown[name], shown[name]
  page.fill("Find", "post collections")
  wanted = {name for name, (method, path) in OPERATIONS.items() if method == "POST" and "/collections" in path}
  page.until(lambda: {box.get_attribute("id") for box in page.driver.find_elements(By.CSS_SELECTOR, "details.card")} == wanted, wanted)


def test_every_operation_opens(docs, page):
  """All at once: whatever the document says, the page can draw."""
  docs()
  page.driver.execute_script("document.querySelectorAll('details.card').forEach(one => { one.open = true })")
  page.until(lambda: len(page.driver.find_elements(By.CSS_SELECTOR, "details.card > form")) == len(OPERATIONS) - 1, "a form each, but for /ws")
  # Every inner part, too: fields within fields.
  page.until(lambda: page.driver.execute_script(
    "const shut = [...document.querySelectorAll('main details:not([open])')]; shut.forEach(one => { one.open = true }); return shut.length") == 0, "all to open")
  errors = [line for line in page.driver.get_log("browser") if line["level"] == "SEVERE"]
  assert errors == []


def test_signing_in_and_asking(docs, page):
  server = docs("#getMe")
  me = operation(page, "getMe")
  assert send(page, me)[0] == 401
  sign_in(page)
  status, body = send(page, me)
  assert (status, body["username"]) == (200, "ada")
  page.until(lambda: me.find_element(By.XPATH, ".//summary[text()='Headers']").click() or True, "the headers to open")
  assert "x-request-id: " in me.find_element(By.CSS_SELECTOR, ".reply pre").text

  new = operation(page, "createCollection")
  fill(page, new, "Body", json.dumps({"name": "Evenings"}))
  status, made = send(page, new)
  assert (status, made["name"]) == (201, "Evenings")
  assert send(page, new)[0] == 201
  one = operation(page, "getCollection")
  fill(page, one, "id", made["id"])
  fill(page, one, "per_page", "1")
  assert f"/api/v1/collections/{made['id']}?per_page=1" in one.find_element(By.CSS_SELECTOR, ".curl").text
  assert send(page, one) == (200, one_of(server, made["id"]))
  gone = operation(page, "removeCollection")
  fill(page, gone, "id", made["id"])
  assert send(page, gone) == (204, None)
  assert send(page, one)[0] == 404

  page.press("Sign out", "section")
  page.sees("Username or email")
  assert send(page, me)[0] == 401


def one_of(server, collection):
  return server.login("ada").ok("GET", f"/collections/{collection}?per_page=1")


def test_a_pasted_token_works_and_nothing_is_kept(docs, page):
  server = docs()
  token = server.login("ada").token
  page.until(lambda: page.find("section select").send_keys("an access token") or True, "the ways")
  page.fill("Access token", token)
  page.press("Use it", "form")
  page.sees("With an access token")
  me = operation(page, "getMe")
  assert send(page, me)[0] == 200
  assert token not in page.text(), "a secret is not shown"
  assert page.driver.get_cookies() == [] and page.driver.execute_script("return localStorage.length + sessionStorage.length") == 0
  page.driver.refresh()
  page.sees("Username or email")


def test_signing_in_here_leaves_no_cookie(docs, page):
  docs()
  sign_in(page)
  assert page.driver.get_cookies() == [] and page.driver.execute_script("return localStorage.length + sessionStorage.length") == 0


def test_bodies_are_prefilled_so_that_they_can_be_sent(docs, page):
  docs("#startSearch")
  sign_in(page)
  box = operation(page, "startSearch")
  status, body = send(page, box)
  assert status == 202 and body["search_id"], body


def test_the_events_come_in(docs, page):
  server = docs("#openWebSocket")
  sign_in(page)
  page.press("Connect", "#openWebSocket")
  page.press("Send", "#openWebSocket")
  page.until(lambda: '"type":"subscribed"' in page.find("#openWebSocket [role=log]").text, "the answer")
  page.press("Close", "#openWebSocket")
  page.until(lambda: "closed: " in page.find("#openWebSocket [role=log]").text, "the end")
  assert server.client().get("//health").status == 200


def test_nothing_leaves_the_server_and_the_policy_holds(docs, page):
  server = docs()
  sign_in(page)
  assert send(page, operation(page, "getMe"))[0] == 200
  home = f"http://127.0.0.1:{server.port}/"
  asked = page.driver.execute_script("return performance.getEntriesByType('resource').map(one => one.name)")
  assert len(asked) >= 4 and all(one.startswith(home) for one in asked), asked
  said = [line for line in page.driver.get_log("browser") if "Content Security Policy" in line["message"] or "violates" in line["message"]]
  assert said == []
  policy = server.client().get("//docs").headers["Content-Security-Policy"]
  assert "script-src 'self';" in policy and "connect-src 'self';" in policy and "unsafe" not in policy, policy


def test_it_is_lean(start):
  client = start().client()
  bytes_sent = sum(len(client.get(path, headers={"Accept-Encoding": "gzip"}).body) for path in ("//docs", "//assets/docs.js", "//assets/docs.css"))
  assert bytes_sent < 400 * 1024
  assert "docs" not in client.get("//").body.decode(), "the main page does not load it"


def test_the_keyboard_and_a_narrow_screen_are_enough(docs, page):
  page.driver.set_window_size(360, 740)
  page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True})
  docs()
  box = page.find("#getHealth")
  page.driver.execute_script("arguments[0].querySelector('summary').focus()", box)

  def press(keys):
    page.driver.switch_to.active_element.send_keys(keys)
  press(Keys.ENTER)
  page.find("#getHealth form")
  for _ in range(2):
    if page.driver.switch_to.active_element.text == "Send":
      break
    press(Keys.TAB)
  assert page.driver.switch_to.active_element.text == "Send"
  press(Keys.ENTER)
  assert page.find("#getHealth .reply strong").text == "200"
  page.driver.execute_script("document.querySelectorAll('details.card').forEach(one => { one.open = true })")
  page.until(lambda: len(page.driver.find_elements(By.CSS_SELECTOR, "details.card > form")) == len(OPERATIONS) - 1, "a form each, but for /ws")
  assert page.driver.execute_script("return document.documentElement.scrollWidth") <= 360, "nothing is wider than the screen"
