// The WebSocket: events as they happen, with reconnects that wait longer each time.

import { api } from './api'

export interface LiveEvent {
  type: string
  data: Record<string, unknown>
}

type Listener = (event: LiveEvent) => void

const listeners = new Set<Listener>()
let socket: WebSocket | null = null
let wanted = false
let delay = 500

async function connect() {
  if (!wanted || socket) return
  try {
    const { ticket } = await api.wsTicket()
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    socket = new WebSocket(`${scheme}://${location.host}/ws?ticket=${encodeURIComponent(ticket)}`)
    socket.onopen = () => (delay = 500)
    socket.onmessage = (message) => {
      const event = JSON.parse(message.data) as LiveEvent
      for (const listener of listeners) listener(event)
    }
    socket.onclose = () => {
      socket = null
      retry()
    }
  } catch {
    retry()
  }
}

function retry() {
  if (!wanted) return
  setTimeout(connect, delay)
  delay = Math.min(delay * 2, 15000)
}

export function startLive() {
  wanted = true
  void connect()
}

export function stopLive() {
  wanted = false
  socket?.close()
}

// Calls `listener` for events whose type begins with `prefix`; returns the function that ends it.
export function listen(prefix: string, listener: Listener): () => void {
  const filtered: Listener = (event) => event.type.startsWith(prefix) && listener(event)
  listeners.add(filtered)
  return () => listeners.delete(filtered)
}
