// The WebSocket: events as they happen. What was missed while there was none is not asked for: every page that
// listens is told `live.back`, and loads what it shows anew.

import { api } from './api'

export interface LiveEvent {
  type: string
  data: Record<string, unknown>
}

type Listener = (event: LiveEvent) => void

const SOON_MS = 500
const LATE_MS = 5000 // the longest between two tries
const ANSWER_MS = 5000 // a connection that says nothing for so long when it is asked is none

const listeners = new Set<Listener>()

class Live {
  lost = $state(false) // there was a connection, or should be, and there is none
  #wanted = false
  #socket: WebSocket | null = null
  #connecting = false
  #delay = SOON_MS
  #timer = 0
  #silence = 0

  constructor() {
    // After a sleep or with another network a connection may look alive that is not.
    addEventListener('online', () => this.#ask())
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.#ask())
    // A page that the browser keeps for the way back listens to nothing meanwhile.
    addEventListener('pagehide', () => {
      clearTimeout(this.#timer)
      this.lost = this.#wanted
      this.#drop()
    })
    addEventListener('pageshow', ({ persisted }) => persisted && this.#connect())
  }

  start() {
    this.#wanted = true
    void this.#connect()
  }

  stop() {
    this.#wanted = this.lost = false
    clearTimeout(this.#timer)
    this.#drop()
  }

  async #connect() {
    clearTimeout(this.#timer)
    if (!this.#wanted || this.#socket || this.#connecting) return
    this.#connecting = true
    try {
      const { ticket } = await api.wsTicket()
      if (this.#wanted) this.#open(ticket)
    } catch {
      this.#later()
    } finally {
      this.#connecting = false
    }
  }

  #open(ticket: string) {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    const socket = new WebSocket(`${scheme}://${location.host}/ws?ticket=${encodeURIComponent(ticket)}`)
    this.#socket = socket
    socket.onopen = () => {
      this.#delay = SOON_MS
      if (!this.lost) return
      this.lost = false
      tell({ type: 'live.back', data: {} })
    }
    socket.onmessage = (message) => {
      clearTimeout(this.#silence)
      tell(JSON.parse(message.data) as LiveEvent)
    }
    socket.onclose = () => {
      if (this.#socket !== socket) return
      this.#drop()
      this.#later()
    }
  }

  #drop() {
    clearTimeout(this.#silence)
    const socket = this.#socket
    this.#socket = null
    socket?.close()
  }

  #later() {
    if (!this.#wanted) return
    this.lost = true
    this.#timer = setTimeout(() => this.#connect(), this.#delay)
    this.#delay = Math.min(this.#delay * 2, LATE_MS)
  }

  // Subscribing to everything changes nothing, and is answered.
  #ask() {
    if (this.#socket?.readyState !== WebSocket.OPEN) return void this.#connect()
    clearTimeout(this.#silence)
    this.#socket.send('{"subscribe":["all"]}')
    this.#silence = setTimeout(() => {
      this.#drop()
      this.#later()
    }, ANSWER_MS)
  }
}

export const live = new Live()

function tell(event: LiveEvent) {
  for (const listener of listeners) listener(event)
}

// Calls `listener` for events whose type begins with `prefix`, and for `live.back`; returns the function that ends it.
export function listen(prefix: string, listener: Listener): () => void {
  const filtered: Listener = (event) => (event.type === 'live.back' || event.type.startsWith(prefix)) && listener(event)
  listeners.add(filtered)
  return () => listeners.delete(filtered)
}
