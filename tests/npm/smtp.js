// A mail server on loopback for one test. Options as JSON in the first argument: user and pass (it asks for them), cert and key (paths; STARTTLS
// with them, or TLS from the first byte with `secure`), refuse (the answer to RCPT, for the first `times` mails). One line of JSON on standard
// output when it listens, one for each mail: the envelope, what came before it, and the message in base64.

import fs from 'node:fs'
import { SMTPServer } from 'smtp-server'

const options = JSON.parse(process.argv[2])
const say = line => process.stdout.write(JSON.stringify(line) + '\n')
let refusals = options.times ?? (options.refuse ? Infinity : 0)

const server = new SMTPServer({
  secure: options.secure ?? false,
  key: options.key && fs.readFileSync(options.key),
  cert: options.cert && fs.readFileSync(options.cert),
  authOptional: !options.user,
  allowInsecureAuth: true,
  disabledCommands: [...(options.cert ? [] : ['STARTTLS']), ...(options.user ? [] : ['AUTH'])],
  disableReverseLookup: true,
  closeTimeout: 100,
  onAuth({ username, password }, session, done) {
    const right = username === options.user && password === options.pass
    done(right ? null : new Error('wrong'), right ? { user: username } : undefined)
  },
  onRcptTo(address, session, done) {
    if (refusals-- <= 0) return done()
    say({ refused: address.address })
    done(Object.assign(new Error('not now'), { responseCode: options.refuse }))
  },
  onData(stream, session, done) {
    const parts = []
    stream.on('data', part => parts.push(part))
    stream.on('end', () => {
      const { mailFrom, rcptTo } = session.envelope
      say({
        from: mailFrom.address,
        to: rcptTo.map(({ address }) => address),
        secure: session.secure,
        user: session.user ?? null,
        message: Buffer.concat(parts).toString('base64'),
      })
      done()
    })
  },
})

server.on('error', error => say({ error: error.message }))
server.listen(0, '127.0.0.1', () => say({ port: server.server.address().port }))
