// Who is signed in. `ready` turns true once we know.

import { api, refresh, setSignedOutHandler, type User } from './api'

class Session {
  user = $state<User | null>(null)
  ready = $state(false)
  trouble = $state('') // why we do not know yet

  constructor() {
    setSignedOutHandler(() => (this.user = null))
  }

  // A server that does not answer is asked until it does: nobody is signed out by its restart.
  async restore() {
    try {
      this.user = (await refresh()) ? await api.me() : null
      this.trouble = ''
      this.ready = true
    } catch (failure) {
      this.trouble = (failure as Error).message
      setTimeout(() => this.restore(), 2000)
    }
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
