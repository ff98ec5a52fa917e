// The parts of an OpenAPI 3.1 document that the page shows, and what it works out from them.

export interface Schema {
  $ref?: string
  type?: string | string[]
  format?: string
  enum?: unknown[]
  const?: unknown
  description?: string
  default?: unknown
  example?: unknown
  examples?: unknown[]
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  additionalProperties?: Schema | boolean
  allOf?: Schema[]
  anyOf?: Schema[]
  oneOf?: Schema[]
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  pattern?: string
  contentMediaType?: string
}

export interface Parameter {
  $ref?: string
  name: string
  in: 'path' | 'query' | 'header' | 'cookie'
  required?: boolean
  description?: string
  schema?: Schema
  example?: unknown
}

export interface Media {
  schema?: Schema
  example?: unknown
  examples?: Record<string, { value?: unknown }>
}

export interface Response {
  $ref?: string
  description: string
  headers?: Record<string, { $ref?: string; description?: string }>
  content?: Record<string, Media>
}

export interface Operation {
  operationId: string
  summary: string
  description?: string
  tags: string[]
  parameters?: Parameter[]
  requestBody?: { $ref?: string; required?: boolean; description?: string; content: Record<string, Media> }
  responses: Record<string, Response>
  security?: Record<string, string[]>[]
  'x-policy'?: string
}

export interface Document {
  info: { title: string; version: string; summary?: string; description?: string }
  tags: { name: string; description?: string }[]
  paths: Record<string, Record<string, Operation>>
  components: Record<string, Record<string, unknown>>
}

export interface Entry {
  method: string
  path: string
  operation: Operation
}

let document: Document | null = null

export async function load(): Promise<Document> {
  const reply = await fetch('/api/v1/openapi.json')
  if (!reply.ok) throw new Error(`the document could not be had: ${reply.status}`)
  return (document = await reply.json())
}

export function entries(from: Document): Entry[] {
  return Object.entries(from.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  )
}

/** What a $ref leads to; the value itself when it is none. */
export function resolve<T extends { $ref?: string }>(value: T): T {
  let place: unknown = value
  while (place && typeof place === 'object' && '$ref' in place && typeof place.$ref === 'string') {
    const parts = place.$ref.slice(2).split('/')
    place = parts.reduce<unknown>(
      (at, part) => (at as Record<string, unknown>)?.[part.replaceAll('~1', '/').replaceAll('~0', '~')],
      document,
    )
  }
  return place as T
}

export const refName = (schema: Schema): string => schema.$ref?.split('/').pop() ?? ''

/** "string (uuid)", "Media[]", "integer 1…200": a schema in a few words. */
export function typeText(schema: Schema | undefined): string {
  if (!schema) return 'anything'
  if (schema.$ref) return refName(schema)
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.items) return `${typeText(schema.items)}[]` + (typeof schema.type === 'object' && schema.type.includes('null') ? ' or null' : '')
  const branches = schema.oneOf ?? schema.anyOf ?? schema.allOf
  if (branches && !schema.properties) return branches.map(typeText).join(schema.allOf ? ' and ' : ' or ')
  let text = ([] as string[]).concat(schema.type ?? 'anything').join(' or ')
  if (schema.format) text += ` (${schema.format})`
  if (schema.minimum !== undefined || schema.maximum !== undefined) text += ` ${schema.minimum ?? ''}…${schema.maximum ?? ''}`
  if (schema.maxLength !== undefined) text += `, at most ${schema.maxLength} characters`
  return text
}

const SAMPLES: Record<string, unknown> = {
  uuid: '01902f3a-0000-7000-8000-000000000000',
  'date-time': '2026-01-31T18:30:00.000Z',
  date: '2026-01-31',
  'idn-email': 'ada@example.org',
  password: 'correct horse battery',
}

/** A value that goes with the schema: what it gives as its example, or one made up; optional fields only as examples. */
export function sample(schema: Schema | undefined, all = false, depth = 0): unknown {
  if (!schema || depth > 8) return null
  const one = resolve(schema)
  for (const given of [one.example, one.examples?.[0], one.const, one.default, one.enum?.[0]]) if (given !== undefined) return given
  const branch = one.oneOf?.[0] ?? one.anyOf?.[0]
  if (one.properties || one.allOf) {
    const value: Record<string, unknown> = {}
    for (const part of one.allOf ?? []) Object.assign(value, sample(part, all, depth + 1))
    const required = [...(one.required ?? []), ...(branch?.required ?? [])]
    for (const [name, child] of Object.entries(one.properties ?? {}))
      if (all || required.includes(name)) value[name] = sample(child, all, depth + 1)
    return value
  }
  if (branch) return sample(branch, all, depth + 1)
  const type = Array.isArray(one.type) ? one.type[0] : one.type
  if (type === 'array') return [sample(one.items, all, depth + 1)]
  if (type === 'integer' || type === 'number') return one.minimum ?? 0
  if (type === 'boolean') return true
  if (type === 'object') return {}
  return SAMPLES[one.format ?? ''] ?? 'text'
}

export function bodySample(media: Media): unknown {
  if (media.example !== undefined) return media.example
  const first = Object.values(media.examples ?? {})[0]
  return first?.value !== undefined ? first.value : sample(media.schema)
}

const WHO: Record<string, string> = {
  public: 'everybody',
  user: 'anybody signed in',
  session: 'anybody signed in, not with an API key',
  moderator: 'moderators and admins',
  admin: 'admins',
  operator: 'this machine, whitelisted addresses and admins',
  signed_url: 'whoever has the signed address',
}

export const whoMay = (operation: Operation): string => WHO[operation['x-policy'] ?? ''] ?? operation['x-policy'] ?? 'everybody'
