// A list of the API that is shown page by page, and what may go wrong on the way.

import type { List } from './api'
import { Work } from './work.svelte'

export class Pages<T> extends Work {
  items = $state<T[]>([])
  total = $state(0)
  cursor = $state<string | null>(null)
  loaded = $state(false)
  #asked = 0
  #load: (cursor: string | null) => Promise<List<T>>

  constructor(load: (cursor: string | null) => Promise<List<T>>) {
    super()
    this.#load = load
  }

  more = () => this.run(() => this.#add(this.cursor))

  first = () => this.run(() => this.#add(null))

  // As much as is shown, as it is now.
  anew = () => this.run(() => this.#again())

  async #again() {
    const pages: List<T>[] = []
    const mine = ++this.#asked
    let cursor: string | null = null
    let count = 0
    do {
      const page: List<T> = await this.#load(cursor)
      pages.push(page)
      count += page.items.length
      cursor = page.next_cursor
    } while (cursor && count < this.items.length)
    if (mine === this.#asked) this.#show(pages.flatMap((page) => page.items), pages.at(-1)!)
  }

  async #add(cursor: string | null) {
    const mine = ++this.#asked
    const page = await this.#load(cursor)
    if (mine === this.#asked) this.#show(cursor ? [...this.items, ...page.items] : page.items, page)
  }

  // Of two answers that overtake each other the one that was asked for last counts.
  #show(items: T[], page: List<T>) {
    this.items = items
    this.total = page.total
    this.cursor = page.next_cursor
    this.loaded = true
  }
}
