// Which page is shown: the path of the address bar. Links are ordinary <a href>; App intercepts them.

class Route {
  path = $state(location.pathname)
  query = $state(location.search)

  constructor() {
    addEventListener('popstate', () => this.#read())
  }

  go(href: string, replace = false) {
    if (replace) history.replaceState(null, '', href)
    else history.pushState(null, '', href)
    this.#read()
    scrollTo(0, 0)
  }

  #read() {
    this.path = location.pathname
    this.query = location.search
  }
}

export const route = new Route()
