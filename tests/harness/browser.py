"""A real Chromium, without a window, that a test looks at and presses things in."""

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from .process import SLOW


class Page:
  def __init__(self, folder, *arguments):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
                     "--disable-background-networking", "--autoplay-policy=no-user-gesture-required", f"--user-data-dir={folder}/chromium", *arguments):
      options.add_argument(argument)
    self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)

  def kill(self):
    self.driver.quit()

  def until(self, condition, what, seconds=30):
    """Waits for a condition to hold; a page that redraws under it makes it look again."""
    wait = WebDriverWait(self.driver, seconds * SLOW, poll_frequency=0.2, ignored_exceptions=[StaleElementReferenceException])
    try:
      return wait.until(lambda _: condition())
    except TimeoutException:
      raise AssertionError(f"{what}; the page says: {self.text()[:800]}") from None

  def find(self, css):
    return self.until(lambda: next((one for one in self.driver.find_elements(By.CSS_SELECTOR, css) if one.is_displayed()), None), css)

  def fill(self, label, value, inside="body"):
    box = self.until(lambda: next((one for one in self.driver.find_elements(By.CSS_SELECTOR, f"{inside} input")
                                   if label in (one.get_attribute("aria-label") or one.find_element(By.XPATH, "..").text)), None), label)
    box.clear()
    box.send_keys(value)

  def set_time(self, label, when, inside="body"):
    """A date and time of day, past the locale's way of typing them."""
    self.until(lambda: self.driver.execute_script("""const box = [...document.querySelectorAll(arguments[0] + ' input')].find(one =>
      one.parentElement.textContent.includes(arguments[1]))
      if (box) { box.value = arguments[2]; box.dispatchEvent(new Event('input', { bubbles: true })) }
      return !!box""", inside, label, when.strftime("%Y-%m-%dT%H:%M")), label)

  def choose(self, label, option):
    self.until(lambda: self.driver.find_elements(By.CSS_SELECTOR, f"select[aria-label='{label}']"), label)[0].send_keys(option)

  def press(self, text, inside="body"):
    self.until(lambda: self._press(text, inside), f"something to press called {text}")

  def _press(self, text, inside):
    for one in self.driver.find_elements(By.CSS_SELECTOR, f"{inside} button, {inside} a"):
      if one.is_displayed() and one.text.strip() == text:
        one.click()
        return True
    return False

  def sign_in(self, server, name, path="/", password="correct horse battery"):
    self.driver.get(f"http://127.0.0.1:{server.port}{path}")
    self.fill("Username or email", name)
    self.fill("Password", password)
    self.press("Sign in", "form")

  def text(self):
    return self.driver.find_element(By.TAG_NAME, "body").text

  def sees(self, text, seconds=30):
    self.until(lambda: text in self.text(), f"the page does not say {text!r}", seconds)

  def narrow(self, is_narrow=True):
    """As on a phone of 360 pixels; nothing may stick out at its side."""
    if not is_narrow:
      self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
      return
    self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True})
    self.until(lambda: self.driver.execute_script("return document.documentElement.scrollWidth") <= 360, "the page is wider than the window")

  def nameless(self):
    """Fields and buttons that a screen reader could not call anything."""
    return self.driver.execute_script("""return [...document.querySelectorAll('input, select, textarea, button, a')].filter(one =>
      one.offsetParent && !one.getAttribute('aria-label') && !(one.labels && one.labels.length) && !one.textContent.trim()).map(one => one.outerHTML)""")

  def violations(self):
    """What the browser refused by the page's own policy, since the last time it was asked."""
    return [line["message"] for line in self.driver.get_log("browser") if "Content Security Policy" in line["message"]]

  def video(self):
    return self.driver.execute_script(
      "const v = document.querySelector('video'); return v && {at: v.currentTime, width: v.videoWidth, error: v.error && v.error.message}")
