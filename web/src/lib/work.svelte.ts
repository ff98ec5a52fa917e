// Something a page asks of the server: whether it is under way, and what was wrong with it.

import { ApiError } from './api'

export class Work {
  busy = $state(false)
  error = $state('')
  fields = $state<Record<string, string>>({})
  #shown: string[]

  // `shown`: the fields whose mistakes stand beside them. All others are named in `error`.
  constructor(...shown: string[]) {
    this.#shown = shown
  }

  // Does it, and says whether all was well.
  async run(work: () => Promise<unknown>): Promise<boolean> {
    this.busy = true
    this.error = ''
    this.fields = {}
    try {
      await work()
      return true
    } catch (failure) {
      this.#tell(failure as Error)
      return false
    } finally {
      this.busy = false
    }
  }

  #tell(failure: Error) {
    const wrong = failure instanceof ApiError ? failure.fields : {}
    const elsewhere = Object.entries(wrong).filter(([field]) => !this.#shown.includes(field))
    this.fields = wrong
    if (elsewhere.length) this.error = elsewhere.map(([field, what]) => `${field} ${what}`).join('; ')
    else if (!Object.keys(wrong).length) this.error = failure.message
  }
}
