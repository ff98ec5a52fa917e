// What admins ask of the HTTP API, and moderators of its audit trail.

import { call, get, next, post, type List, type User } from './api'

export interface Person extends User {
  is_active: boolean
  created_at: string
  last_login_at: string | null
}

export interface Activity {
  id: string
  username: string
  role: User['role']
  is_active: boolean
  last_login_at: string | null
  downloads: number
  searches: number
}

export interface Figures {
  total: number
  active: number
  by_role: Record<User['role'], number>
  signed_in: { day: number; week: number; month: number }
  new_per_month: { month: string; count: number }[]
}

export interface Provider {
  id: string
  name: string
  kind: string
  base_url: string | null
  has_key: boolean
  enabled: boolean
  priority: number
  origin: 'database' | 'environment'
  last_ok_at: string | null
  last_error_at: string | null
  last_error: string | null
}

export const providerKinds = ['torznab', 'prowlarr', 'jackett', 'archive_org', 'tmdb', 'tvmaze']
export const hasNoAddress = ['torznab', 'prowlarr', 'jackett'] // of its own: each server of these has another one

export interface Setting {
  value: unknown
  configured: unknown
  overridden: boolean
  kind: 'integer' | 'per_minute' | 'number' | 'boolean' | 'choice' | 'text' | 'words' | 'pattern'
  help: string
  min?: number
  max?: number
  choices?: string[]
  example?: string
}

export type Settings = Record<string, Setting | Record<string, Setting>>

export interface DeadLetter {
  id: string
  task_type: string
  payload: Record<string, unknown>
  tries: number
  error: string | null
  created_at: string
  retried_at: string | null
}

export interface AuditEntry {
  id: string
  username: string | null
  action: string
  resource: string
  resource_id: string | null
  old_value: unknown
  new_value: unknown
  ip_address: string | null
  created_at: string
}

export type RuleList = 'blacklist' | 'whitelist'

export interface Rule {
  id: string
  cidr: string
  reason: string | null
  expires_at: string | null
  created_at: string
}

export const cacheKinds = {
  count: 'lengths of lists',
  history: 'what was watched, and goes on',
  media: 'pages of the catalogue',
  response: 'other answers: lists, recommendations',
  search: 'titles that a text may mean',
  stats: 'figures for admins',
  version: 'versions of the tables that answers are made from',
}

export interface Stats {
  started_at: string
  sessions: number
  websockets: number
  users: { total: number; active: number }
  media: { by_type: Record<string, number>; files: number; bytes: number; missing_files: number }
  downloads: Record<string, number>
  storage: { purpose: string; path: string; total_bytes: number; free_bytes: number; error: string | null }[]
  queues: Record<string, { pending: number; running: number; dead: number }>
  workers: { roles: string[]; pools: { name: string; threads: number; busy: number }[] }
  cache: { kinds: { kind: string; hits: number; misses: number; hit_rate: number }[]; bytes: number }
  providers: Pick<Provider, 'name' | 'kind' | 'enabled' | 'last_ok_at' | 'last_error_at' | 'last_error'>[]
  versions: Record<string, string | number>
}

const put = <T>(path: string, body: unknown) => call<T>('PUT', path, body)
const at = (id: string) => encodeURIComponent(id)

export const admin = {
  people: (cursor: string | null) => get<List<Person>>(next('/admin/users?sort=username', cursor)),
  activity: (cursor: string | null) => get<List<Activity> & { statistics: Figures }>(next('/admin/users?sort=username', cursor)),
  setRole: (id: string, role: string) => put<Person>(`/admin/users/${at(id)}/role`, { role }),
  setActive: (id: string, is_active: boolean) => put<Person>(`/admin/users/${at(id)}`, { is_active }),
  removePerson: (id: string) => call<void>('DELETE', `/admin/users/${at(id)}`),

  providers: () => get<List<Provider>>('/admin/providers'),
  addProvider: (input: Record<string, unknown>) => post<Provider>('/admin/providers', input),
  changeProvider: (id: string, input: Record<string, unknown>) => put<Provider>(`/admin/providers/${at(id)}`, input),
  removeProvider: (id: string) => call<void>('DELETE', `/admin/providers/${at(id)}`),
  testProvider: (id: string) => post<{ ok: boolean; latency_ms: number; error: string | null }>(`/admin/providers/${at(id)}/test`),

  settings: () => get<Settings>('/admin/settings'),
  setSettings: (change: Record<string, unknown>) => put<Settings>('/admin/settings', change),

  deadLetters: (withRetried: boolean, cursor: string | null) =>
    get<List<DeadLetter>>(next(`/admin/dead-letters${withRetried ? '' : '?retried=false'}`, cursor)),
  retry: (id: string) => post<{ task_id: string }>(`/admin/dead-letters/${at(id)}/retry`),

  audit: (filter: Record<string, string>, cursor: string | null) => {
    const query = new URLSearchParams(Object.entries(filter).filter(([, value]) => value))
    return get<List<AuditEntry>>(next(`/admin/audit-logs?${query}`, cursor))
  },
  rules: (list: RuleList, cursor: string | null) => get<List<Rule>>(next(`/admin/security/${list}?sort=-created_at`, cursor)),
  addRule: (list: RuleList, input: Record<string, string>) => post<Rule>(`/admin/security/${list}`, input),
  removeRule: (list: RuleList, id: string) => call<void>('DELETE', `/admin/security/${list}/${at(id)}`),

  clearCache: (kind: string) => post<{ cleared: string[] }>('/admin/cache/clear', { kind }),

  stats: () => get<Stats>('/admin/system/stats'),
}
