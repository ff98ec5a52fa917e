// Who is signed in. `ready` turns true once we know.

import { api, refresh, setSignedOutHandler, type User } from './api'

class Session {
  user = $state<User | null>(null)
  ready = $state(false)

  constructor() {
    setSignedOutHandler(() => (this.user = null))
  }

  async restore() {
    try {
      if (await refresh()) this.user = await api.me()
    } catch {
      this.user = null // the server cannot be reached; the sign-in page says so on the next try
    }
    this.ready = true
  }

  async signIn(username: string, password: string) {
    this.user = await api.login(username, password)
  }

  async signOut() {
    await api.logout().catch(() => {})
    this.user = null
  }
}

export const session = new Session()
