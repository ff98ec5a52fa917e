// A list of the API that is shown page by page, and what may go wrong on the way.

import type { List } from './api'

export class Pages<T> {
  items = $state<T[]>([])
  total = $state(0)
  cursor = $state<string | null>(null)
  loaded = $state(false)
  busy = $state(false)
  error = $state('')
  #load: (cursor: string | null) => Promise<List<T>>

  constructor(load: (cursor: string | null) => Promise<List<T>>) {
    this.#load = load
  }

  more = () => this.run(() => this.#add(this.cursor))

  first = () => this.run(() => this.#add(null))

  // Does something, shows what is wrong with it, and says whether all was well.
  async run(work: () => Promise<unknown>): Promise<boolean> {
    this.busy = true
    this.error = ''
    try {
      await work()
      return true
    } catch (failure) {
      const wrong = Object.entries((failure as { fields?: Record<string, string> }).fields ?? {})
      this.error = wrong.length ? wrong.map(([field, what]) => `${field} ${what}`).join('; ') : (failure as Error).message
      return false
    } finally {
      this.busy = false
    }
  }

  async #add(cursor: string | null) {
    const page = await this.#load(cursor)
    this.items = cursor ? [...this.items, ...page.items] : page.items
    this.total = page.total
    this.cursor = page.next_cursor
    this.loaded = true
  }
}
