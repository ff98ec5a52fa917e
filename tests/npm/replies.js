// Holds replies of the program, and the messages of its WebSockets, against docs/api/openapi.json with ajv. Reads one JSON object a
// line: an exchange {test, method, path, status, headers, body, sent}, a message {test, message}, or {flush: true}, which is
// answered with one line: {checked, answered, mismatches: [...]} of what came since the flush before; answered: the operations that were, well.
//
// node replies.js DOCUMENT
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import Ajv from 'ajv/dist/2020.js'
import formats from 'ajv-formats'

const [, , documentPath] = process.argv
const MOST = 40 // mismatches told of in one answer
const METHODS = { GET: 'get', HEAD: 'get', POST: 'post', PUT: 'put', DELETE: 'delete' } // in capitals only, as HTTP has them

const openapi = JSON.parse(readFileSync(documentPath, 'utf8'))

// Clients ignore fields they do not know; here a field that is not described is a mistake. A schema of ours that says nothing of
// further properties is closed, except as a branch of allOf, where another branch may describe the rest.
function closed(value, branch = false) {
  if (Array.isArray(value)) return value.map((item) => closed(item))
  if (!value || typeof value !== 'object') return value
  const copy = {}
  for (const [key, child] of Object.entries(value)) {
    if (key === 'allOf') copy[key] = child.map((item) => closed(item, true))
    else if (key === 'properties') copy[key] = Object.fromEntries(Object.entries(child).map(([name, item]) => [name, closed(item)]))
    else if (['example', 'examples', 'enum', 'const', 'default'].includes(key)) copy[key] = child
    else copy[key] = closed(child)
  }
  if (branch && typeof copy.$ref === 'string') copy.$ref = copy.$ref.replace('#/components/schemas/', '#/components/branches/')
  const says = 'additionalProperties' in copy || 'unevaluatedProperties' in copy
  if (!branch && !says && (copy.properties || copy.allOf)) copy.unevaluatedProperties = false
  return copy
}

const ajv = new Ajv({ strict: true, strictRequired: false, strictTypes: false, allErrors: true, validateSchema: true })
formats(ajv)
ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) // RFC 3339 as the API promises it: UTC, milliseconds
ajv.addFormat('idn-email', /^[^\s@]+@[^\s@]+$/) // RFC 6531: names and hosts in any script
ajv.addFormat('binary', true)
ajv.addFormat('password', true)
for (const word of ['openapi', 'info', 'servers', 'tags', 'paths', 'components', 'example', 'externalDocs', 'discriminator', 'xml', 'security'])
  ajv.addKeyword(word)
const components = structuredClone(openapi.components.schemas)
const everything = {
  $id: 'sokoul:openapi',
  components: {
    schemas: Object.fromEntries(Object.entries(components).map(([name, schema]) => [name, closed(schema)])),
    branches: Object.fromEntries(Object.entries(components).map(([name, schema]) => [name, closed(schema, true)])),
  },
}
ajv.addSchema(everything)

const compiled = new Map()
function validator(schema) {
  let found = compiled.get(schema)
  if (!found) {
    const absolute = JSON.parse(JSON.stringify(closed(schema)).replaceAll('"#/components/', '"sokoul:openapi#/components/'))
    found = ajv.compile(absolute)
    compiled.set(schema, found)
  }
  return found
}

function wrong(schema, value, what) {
  const validate = validator(schema)
  if (validate(value)) return []
  return validate.errors.slice(0, 8).map((error) => {
    const extra = error.params.unevaluatedProperty ?? error.params.additionalProperty ?? error.params.allowedValues?.join(', ')
    return `${what}${error.instancePath || ''} ${error.message}${extra === undefined ? '' : ` (${extra})`}`
  })
}

function resolve(node) {
  while (node && node.$ref) {
    let place = openapi
    for (const part of node.$ref.slice(2).split('/')) place = place[part.replaceAll('~1', '/').replaceAll('~0', '~')]
    node = place
  }
  return node
}

// The routes, literal segments before parameters, as the program's router prefers them. {rest} stands for what is left.
const routes = Object.entries(openapi.paths).map(([path, item]) => ({
  path, item, parameters: (path.match(/{/g) ?? []).length,
  pattern: new RegExp('^' + path.replace(/[.]/g, '\\.').replace(/{rest}/g, '.+').replace(/{\w+}/g, '[^/]+') + '$'),
})).sort((a, b) => a.parameters - b.parameters)

// A segment a time: what is an escaped slash stays one.
function decoded(path) {
  const segment = (text) => decodeURIComponent(text).replaceAll('/', '%2F')
  try { return path.split('/').map(segment).join('/') } catch { return path }
}

const header = (exchange, name) => exchange.headers[name.toLowerCase()]
const parse = (text) => { try { return { value: JSON.parse(text) } } catch (error) { return { error: String(error) } } }

function problemDocument(exchange, kind) {
  if (exchange.method === 'HEAD') return []
  if (kind !== 'application/problem+json') return [`${exchange.status} came as ${kind}, not as a problem document`]
  const body = parse(exchange.body ?? '')
  if (body.error) return [`the problem is no JSON: ${body.error}`]
  const found = wrong({ $ref: '#/components/schemas/Problem' }, body.value, 'problem')
  if (body.value.status !== exchange.status) found.push(`the problem says ${body.value.status}`)
  if (body.value.request_id !== header(exchange, 'x-request-id')) found.push("the problem's request_id is not X-Request-ID")
  if (exchange.status === 422 && !(body.value.errors?.length > 0)) found.push('422 names no field')
  return found
}

function always(exchange, kind) {
  const found = []
  if (!header(exchange, 'x-request-id')) found.push('no X-Request-ID')
  const isFindings = exchange.status === 503 && exchange.path.split('?')[0] === '/health/deep' && kind === 'application/json' // what fails, part by part
  if (exchange.status >= 400 && !isFindings) found.push(...problemDocument(exchange, kind))
  if (exchange.status >= 500 && ![503, 505, 507].includes(exchange.status)) found.push('a failure of our own')
  const needs = { 401: 'www-authenticate', 405: 'allow', 429: 'retry-after', 503: 'retry-after' }[exchange.status]
  if (needs && !header(exchange, needs)) found.push(`${exchange.status} without ${needs}`)
  return found
}

// What the server says of any request, whatever its route; the document's introduction tells of it once.
const OF_ALL = [414, 431, 505]

function described(exchange, operation, kind) {
  if (OF_ALL.includes(exchange.status) || (exchange.status === 413 && !operation.requestBody)) return []
  const response = resolve(operation.responses[String(exchange.status)])
  if (!response) return [`${exchange.status} is not described`]
  const found = []
  for (const [name, reference] of Object.entries(response.headers ?? {})) {
    const one = resolve(reference), value = header(exchange, name)
    if (value === undefined) { if (one.required) found.push(`no header ${name}`); continue }
    const type = one.schema?.type
    found.push(...wrong(one.schema ?? {}, ['integer', 'number'].includes(type) ? Number(value) : value, `header ${name}`))
  }
  if (exchange.method === 'HEAD' || exchange.status === 101) return found // the messages come one by one
  if (!response.content) return exchange.size ? [...found, `a body of ${exchange.size} bytes, though none is described`] : found
  const content = response.content[kind] ?? response.content['*/*']
  if (!content) return [...found, `${kind} is not described (${Object.keys(response.content).join(', ')} is)`]
  if (/[/+]json$/.test(kind) && exchange.status < 400) {
    const body = parse(exchange.body ?? '')
    found.push(...(body.error ? [`no JSON: ${body.error}`] : wrong(content.schema ?? {}, body.value, 'body')))
  }
  return found
}

function check(exchange) {
  const path = decoded(exchange.path.split('?')[0])
  const kind = (header(exchange, 'content-type') ?? '').split(';')[0].trim().toLowerCase()
  const found = always(exchange, kind)
  const route = routes.find((one) => one.pattern.test(path))
  const method = METHODS[exchange.method]
  if (!route) {
    if (exchange.status < 400) found.push(`${exchange.status} of a path that is not described`)
    return found
  }
  if (!method || !route.item[method]) {
    if (exchange.status < 400) found.push(`${exchange.status} of a method that is not described`)
    return found
  }
  found.push(...described(exchange, route.item[method], kind))
  if (exchange.status < 400) answered.add(route.item[method].operationId)
  if (exchange.sent !== undefined && exchange.status < 300) {
    const content = resolve(route.item[method].requestBody)?.content?.['application/json']
    found.push(...(content ? wrong(content.schema, exchange.sent, 'sent') : ['a body was sent, none is described']))
  }
  return found
}

// Of Event's branches the one of the message's type: its own problems, not those of every other.
function checkMessage(message) {
  const branches = openapi.components.schemas.Event.oneOf
  const branch = branches.find((one) => {
    const type = resolve(one).properties.type
    return type.const === message?.type || type.enum?.includes(message?.type)
  })
  return branch ? wrong(branch, message, 'message') : [`no ${message?.type} is described`]
}

let checked = 0
let answered = new Set() // operationIds
let mismatches = []
createInterface({ input: process.stdin }).on('line', (line) => {
  const one = JSON.parse(line)
  if (one.flush) {
    process.stdout.write(JSON.stringify({ checked, answered: [...answered], mismatches: mismatches.slice(0, MOST) }) + '\n')
    checked = 0
    answered = new Set()
    mismatches = []
    return
  }
  checked++
  const found = one.message === undefined ? check(one) : checkMessage(one.message)
  if (!found.length) return
  const what = one.message === undefined ? `${one.method} ${one.path.slice(0, 200)}: ${one.status}` : `a WebSocket's ${one.message?.type}`
  mismatches.push({ test: one.test, what, problems: found.slice(0, 12), body: (one.body ?? JSON.stringify(one.message) ?? '').slice(0, 500) })
})
