// A server of embeddings on loopback for one test: the real llama.cpp, as npm's @node-llama-cpp/linux-x64 has it built, behind as much of
// llama-server's HTTP as is asked for (shapes and errors as recorded in tests/fixtures/llama-server). Options as JSON in the first argument: model
// (path of a GGUF file), port, batch (tokens that one text may have). One line of JSON on standard output when it listens.

import http from 'node:http'
import { createRequire } from 'node:module'
import path from 'node:path'
import { getBinsDir } from '@node-llama-cpp/linux-x64'

const options = JSON.parse(process.argv[2])
const folder = path.join(getBinsDir().binsDir, 'linux-x64')
const llama = createRequire(import.meta.url)(path.join(folder, 'llama-addon.node'))
llama.setLogger(() => {})
llama.loadBackends()
await llama.init()
llama.loadBackends(folder)
const model = new llama.AddonModel(options.model, { addonExports: llama, gpuLayers: 0 })
if (!(await model.init())) throw new Error(`llama.cpp does not load ${options.model}`)
const context = new llama.AddonContext(model, { contextSize: options.batch, batchSize: options.batch, sequences: 1, embeddings: true, threads: 1 })
if (!(await context.init())) throw new Error('llama.cpp makes no context')

class Refusal extends Error {
  constructor(code, type, message) {
    super(message)
    Object.assign(this, { code, type })
  }
}

async function embed(text) {
  const tokens = Uint32Array.from([model.tokenBos(), ...model.tokenize(text, false), model.tokenEos()])
  if (tokens.length > options.batch) {
    throw new Refusal(500, 'server_error', `input (${tokens.length} tokens) is too large to process. increase the physical batch size (current batch size: ${options.batch})`)
  }
  context.disposeSequence(0)
  context.initBatch(tokens.length)
  context.addToBatch(0, 0, tokens, Uint32Array.from(tokens.keys()))
  await context.decodeBatch()
  const vector = Array.from(context.getEmbedding(tokens.length))
  const length = Math.hypot(...vector) || 1
  return { tokens: tokens.length, vector: vector.map(number => number / length) }
}

async function answer(body) {
  let asked
  try {
    asked = JSON.parse(body)
  } catch (error) {
    throw new Refusal(400, 'invalid_request_error', error.message)
  }
  const texts = typeof asked.input === 'string' ? [asked.input] : asked.input
  if (!Array.isArray(texts) || !texts.length || texts.some(text => typeof text !== 'string')) {
    throw new Refusal(400, 'invalid_request_error', '"input" or "content" must be provided')
  }
  const made = []
  for (const text of texts) made.push(await embed(text))
  const tokens = made.reduce((sum, one) => sum + one.tokens, 0)
  return {
    model: asked.model ?? options.model,
    object: 'list',
    usage: { prompt_tokens: tokens, total_tokens: tokens },
    data: made.map(({ vector }, index) => ({ embedding: vector, index, object: 'embedding' })),
  }
}

let last = Promise.resolve() // one request after the other: there is one context

const server = http.createServer((request, response) => {
  const say = (status, object) => response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' }).end(JSON.stringify(object))
  if (request.method === 'GET' && request.url === '/health') return say(200, { status: 'ok' })
  if (request.method !== 'POST' || request.url !== '/v1/embeddings') {
    return say(404, { error: { code: 404, message: 'File Not Found', type: 'not_found_error' } })
  }
  const parts = []
  request.on('data', part => parts.push(part))
  request.on('end', () => {
    last = last.then(async () => {
      try {
        say(200, await answer(Buffer.concat(parts).toString()))
      } catch (error) {
        const code = error.code ?? 500
        say(code, { error: { code, message: error.message, type: error.type ?? 'server_error' } })
      }
    })
  })
})
server.listen(options.port, '127.0.0.1', () => process.stdout.write(JSON.stringify({ port: server.address().port }) + '\n'))
