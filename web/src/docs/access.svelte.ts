// Who the page speaks as. A token or key lives in this page's memory only: no cookie is set or sent, nothing is stored.

export interface Sent {
  method: string
  url: string
  headers: Record<string, string>
  body?: BodyInit
}

export const send = ({ method, url, headers, body }: Sent): Promise<Response> =>
  fetch(url, { method, headers, body: body ?? null, credentials: 'omit', redirect: 'manual', cache: 'no-store' })

class Access {
  kind = $state<'none' | 'token' | 'key'>('none')
  secret = $state('')
  name = $state('')

  get headers(): Record<string, string> {
    if (this.kind === 'token') return { Authorization: `Bearer ${this.secret}` }
    return this.kind === 'key' ? { 'X-Api-Key': this.secret } : {}
  }

  async signIn(username: string, password: string) {
    const headers = { 'Content-Type': 'application/json' }
    const reply = await send({ method: 'POST', url: '/api/v1/auth/login', headers, body: JSON.stringify({ username, password }) })
    const answer = await reply.json()
    if (!reply.ok) throw new Error(answer.detail ?? `it did not work: ${reply.status}`)
    this.use('token', answer.access_token, answer.user.username)
  }

  use(kind: 'token' | 'key', secret: string, name = '') {
    this.kind = kind
    this.secret = secret
    this.name = name
  }

  async signOut() {
    // A session that the page began ends with it; a token or key from elsewhere is only forgotten.
    if (this.name) await send({ method: 'POST', url: '/api/v1/auth/logout', headers: this.headers }).catch(() => {})
    this.kind = 'none'
    this.secret = this.name = ''
  }
}

export const access = new Access()
