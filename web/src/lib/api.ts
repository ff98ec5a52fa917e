// The HTTP API as the pages see it. The access token lives in memory only; the refresh token is an HttpOnly cookie.

export interface User {
  id: string
  username: string
  email: string
  role: 'user' | 'moderator' | 'admin'
  avatar_url: string | null
}

export interface Reason {
  reason: string
  points: number
}

export interface Result {
  id: number
  media_id: string
  provider: string
  title: string
  protocol: 'torrent' | 'http'
  size_bytes?: number
  seeders?: number
  leechers?: number
  published_at?: string | null
  parsed: { resolution?: string; source?: string; video_codec?: string; hdr?: string[]; group?: string }
  score: number
  score_breakdown: Reason[]
  ai_validated: boolean
  duplicates: { provider: string; guid: string }[]
}

export interface ProviderState {
  name: string
  status: string
  results: number
  latency_ms?: number
  error?: string | null
}

export interface Search {
  search_id: string
  media_id: string
  status: 'pending' | 'running' | 'completed' | 'failed'
  providers: ProviderState[]
  results: Result[]
}

export interface Download {
  id: string
  media_id: string | null
  title: string
  status: 'queued' | 'downloading' | 'paused' | 'importing' | 'seeding' | 'completed' | 'failed' | 'cancelled'
  progress: number
  size_bytes: number
  downloaded_bytes: number
  download_speed: number
  upload_speed: number
  peers: number
  seeds: number
  ratio: number
  eta_seconds: number | null
  error: string | null
}

export interface Media {
  id: string
  media_type: 'movie' | 'tv' | 'episode'
  title: string
  year?: number | null
  overview?: string | null
  poster_url?: string | null
  season_number?: number | null
  episode_number?: number | null
}

export interface Playable {
  stream_id: string
  url: string
  mime_type: string
  size_bytes: number
  duration_seconds: number | null
}

export interface Continue {
  media_id: string
  progress_seconds: number
  total_seconds: number
  media?: Media
}

export interface ApiKey {
  id: string
  name: string
  prefix: string
  created_at: string
  expires_at: string | null
  last_used_at: string | null
}

export interface List<T> {
  items: T[]
  total: number
  next_cursor: string | null
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly fields: Record<string, string> = {},
  ) {
    super(message)
  }
}

let accessToken: string | null = null
let onSignedOut = () => {}

export function setSignedOutHandler(handler: () => void) {
  onSignedOut = handler
}

async function send(method: string, path: string, body?: unknown): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json' }
  if (accessToken) headers.Authorization = `Bearer ${accessToken}`
  const isForm = body instanceof FormData
  if (body !== undefined && !isForm) headers['Content-Type'] = 'application/json'
  try {
    return await fetch(`/api/v1${path}`, { method, headers, body: isForm ? body : body === undefined ? null : JSON.stringify(body) })
  } catch {
    throw new ApiError(0, 'unreachable', 'Sokoul does not answer. Is it running, and is this device connected?')
  }
}

// What a proxy says in Sokoul's place is no problem document.
async function failure(reply: Response): Promise<ApiError> {
  const problem = await reply.json().catch(() => ({}))
  const fields: Record<string, string> = {}
  for (const wrong of problem.errors ?? []) fields[wrong.field] = wrong.message
  const said = problem.detail ?? problem.title ?? `Sokoul cannot answer now (${reply.status}). Try again in a moment.`
  return new ApiError(reply.status, problem.code ?? 'unknown', said, fields)
}

// One refresh at a time, in this page and in the browser's other ones: a rotated token used twice would end the
// session. Where a page has no locks (plain http from another machine), only its own are in order.
let refreshing: Promise<boolean> | null = null

// False: the session has ended. A server that cannot answer now says nothing about the session.
async function refreshOnce(): Promise<boolean> {
  const reply = await send('POST', '/auth/refresh', {})
  if (reply.status >= 500 || reply.status === 429) throw await failure(reply)
  if (!reply.ok) return false
  accessToken = (await reply.json()).access_token
  return true
}

const takeTurn = async (): Promise<boolean> =>
  navigator.locks ? navigator.locks.request('sokoul-refresh', refreshOnce) : refreshOnce()

export function refresh(): Promise<boolean> {
  refreshing ??= takeTurn().finally(() => (refreshing = null))
  return refreshing
}

export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const token = accessToken
  let reply = await send(method, path, body)
  if (reply.status === 401 && token) {
    if (accessToken !== token || (await refresh())) reply = await send(method, path, body)
    else {
      accessToken = null
      onSignedOut()
    }
  }
  if (!reply.ok) throw await failure(reply)
  return reply.status === 204 ? (undefined as T) : reply.json()
}

export const get = <T>(path: string) => call<T>('GET', path)
export const next = (path: string, cursor: string | null) =>
  cursor ? `${path}${path.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(cursor)}` : path
export const post = <T>(path: string, body: unknown = {}) => call<T>('POST', path, body)

export const api = {
  register: (input: { username: string; email: string; password: string; setup_token?: string }) =>
    post<User>('/auth/register', input),
  async login(username: string, password: string): Promise<User> {
    const reply = await post<{ access_token: string; user: User }>('/auth/login', { username, password })
    accessToken = reply.access_token
    return reply.user
  },
  async logout() {
    await post('/auth/logout')
    accessToken = null
  },
  forgotPassword: (email: string) => post('/auth/password/forgot', { email }),
  resetPassword: (token: string, password: string, end_api_keys: boolean) =>
    post('/auth/password/reset', { token, password, end_api_keys }),
  me: () => get<User>('/auth/me'),
  changeMe: (change: { email: string }) => call<User>('PUT', '/auth/me', change),
  changePassword: (current_password: string, new_password: string) => call<void>('PUT', '/auth/me/password', { current_password, new_password }),
  setAvatar(file: File) {
    const form = new FormData()
    form.append('avatar', file)
    return call<User>('PUT', '/auth/me/avatar', form)
  },
  removeAvatar: () => call<void>('DELETE', '/auth/me/avatar'),
  keys: () => get<List<ApiKey>>('/auth/api-keys'),
  createKey: (input: { name: string; expires_at?: string }) => post<ApiKey & { key: string }>('/auth/api-keys', input),
  revokeKey: (id: string) => call<void>('DELETE', `/auth/api-keys/${id}`),
  wsTicket: () => post<{ ticket: string }>('/auth/ws-ticket'),

  startSearch: (input: { query: string; year?: number; media_type?: string; season?: number; episode?: number }) =>
    post<{ search_id: string }>('/search', input),
  search: (id: string) => get<Search>(`/search/${id}`),

  startDownload: (result: Result) =>
    post<{ download_id: string }>('/downloads/start', { search_result_id: result.id, media_id: result.media_id }),
  downloads: (cursor: string | null) => get<List<Download>>(next('/downloads?sort=-created_at', cursor)),
  downloadAction: (id: string, action: 'pause' | 'resume' | 'cancel') => post<Download>(`/downloads/${id}/${action}`),

  media: (kind: 'movie' | 'tv', title: string, cursor: string | null) =>
    get<List<Media>>(next(`/media?sort=title&has_files=true&media_type=${kind}${title ? `&q=${encodeURIComponent(title)}` : ''}`, cursor)),
  mediaOne: (id: string) => get<Media>(`/media/${id}`),
  episodes: (id: string, cursor: string | null = null) => get<List<Media>>(next(`/media/${id}/episodes?per_page=200`, cursor)),

  play: (mediaId: string) => get<Playable>(`/streaming/direct/${mediaId}`),
  streamStart: (id: string) => post(`/streaming/${id}/start`),
  streamStop: (id: string, seconds: number) => post(`/streaming/${id}/stop`, { position_seconds: Math.floor(seconds) }),
  watched: (mediaId: string, progress: number, total: number) =>
    post('/history/watch', { media_id: mediaId, progress_seconds: Math.floor(progress), total_seconds: Math.floor(total) }),
  continueWatching: () => get<List<Continue>>('/history/continue'),
}
