// Holds the JSON document on standard input against a JSON schema (draft 7): `node schema.js SCHEMA-FILE`. One line a mistake; exit 1 with any.
import { readFileSync } from 'node:fs'
import Ajv from 'ajv'

const schema = JSON.parse(readFileSync(process.argv[2], 'utf8'))
delete schema.$schema // Compose writes it with https, which is another name to ajv
const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false })
const check = ajv.compile(schema)
if (!check(JSON.parse(readFileSync(0, 'utf8')))) {
  for (const error of check.errors) console.log(`${error.instancePath || '/'} ${error.message}`)
  process.exitCode = 1
}
