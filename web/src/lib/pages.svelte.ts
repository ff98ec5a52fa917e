// A list of the API that is shown page by page, and what may go wrong on the way.

import type { List } from './api'
import { Work } from './work.svelte'

export class Pages<T> extends Work {
  items = $state<T[]>([])
  total = $state(0)
  cursor = $state<string | null>(null)
  loaded = $state(false)
  #load: (cursor: string | null) => Promise<List<T>>

  constructor(load: (cursor: string | null) => Promise<List<T>>) {
    super()
    this.#load = load
  }

  more = () => this.run(() => this.#add(this.cursor))

  first = () => this.run(() => this.#add(null))

  async #add(cursor: string | null) {
    const page = await this.#load(cursor)
    this.items = cursor ? [...this.items, ...page.items] : page.items
    this.total = page.total
    this.cursor = page.next_cursor
    this.loaded = true
  }
}
