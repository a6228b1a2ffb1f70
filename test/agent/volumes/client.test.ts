import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { fenceToken } from '../../../agent/domain/fence.js'
import { volumedLink } from '../../../agent/volumes/client.js'
import { temporaryDir } from '../../lib/nbdkit.js'
import { codeOf } from '../../lib/code-of.js'
import { never, volume } from '../../lib/volumed.js'

/** Something on a socket that answers each connection as told; undefined: nothing listens. */
async function linkTo(t: Test, answer: ((socket: Socket) => void) | undefined, timeoutMs = 5_000) {
  const socketPath = join(await temporaryDir(t), 'volumed.sock')
  if (answer !== undefined) {
    const open = new Set<Socket>()
    const server = createServer(socket => {
      open.add(socket)
      socket.on('error', () => undefined)
      socket.once('data', () => answer(socket))
    })
    await new Promise<void>(resolve => server.listen(socketPath, resolve))
    t.teardown(() => {
      for (const socket of open) socket.destroy()
      server.close()
    })
  }
  const link = volumedLink(socketPath, timeoutMs)
  t.teardown(() => link.disconnect())
  return link
}

const reply = (status: string, body: string) => (socket: Socket) =>
  socket.end(`HTTP/1.1 ${status}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)

void t.test('a daemon that is absent, hangs or talks nonsense has a name of its own', async t => {
  const opened = '{"socket":"/s","exportName":"0123456789abcdef0123456789abcdef","sizeBytes":"5"}'
  const refusal = '{"code":"VOLUME_FENCED","message":"m","next":"n","requestId":"r"}'
  const endless = (socket: Socket): void => {
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')
    const chunk = `100000\r\n${' '.repeat(0x100000)}\r\n`
    for (let count = 0; count < 6; count += 1) socket.write(chunk)
  }
  const cases: readonly [string, ((socket: Socket) => void) | undefined, string][] = [
    ['absent', undefined, 'VOLUMED_UNREACHABLE'],
    ['hangs up', socket => socket.destroy(), 'VOLUMED_UNREACHABLE'],
    ['not HTTP', socket => socket.end('hello\r\n\r\n'), 'VOLUMED_UNREACHABLE'],
    [
      'half an answer',
      socket => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{'),
      'VOLUMED_UNREACHABLE',
    ],
    ['not JSON', reply('200 OK', 'hello'), 'VOLUMED_PROTOCOL'],
    ['nothing', reply('200 OK', ''), 'VOLUMED_PROTOCOL'],
    ['another shape', reply('200 OK', '{"socket":5}'), 'VOLUMED_PROTOCOL'],
    ['a size that is a number', reply('200 OK', opened.replace('"5"', '5')), 'VOLUMED_PROTOCOL'],
    ['an error without a code', reply('500 Oops', '{"oops":1}'), 'VOLUMED_PROTOCOL'],
    ['an unknown code', reply('500 Oops', refusal.replace('FENCED', 'EATEN')), 'VOLUMED_PROTOCOL'],
    ['endless', endless, 'VOLUMED_PROTOCOL'],
    ['its own code', reply('409 Conflict', refusal), 'VOLUME_FENCED'],
    ['good', reply('200 OK', opened), 'no error'],
  ]
  for (const [name, answer, code] of cases) {
    const link = await linkTo(t, answer)
    t.equal(await codeOf(link.open(volume, 1n, fenceToken(1n), never)), code, name)
  }
  const hanging = await linkTo(t, () => undefined, 50)
  t.equal(await codeOf(hanging.open(volume, 1n, fenceToken(1n), never)), 'VOLUMED_UNREACHABLE')
  t.equal(await codeOf(hanging.close(volume, fenceToken(1n), never)), 'VOLUMED_UNREACHABLE')
  const stalled = await linkTo(
    t,
    socket => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{'),
    50,
  )
  t.equal(await codeOf(stalled.close(volume, fenceToken(1n), never)), 'VOLUMED_UNREACHABLE')
})

void t.test('an aborted call rejects with the reason of its signal', async t => {
  const link = await linkTo(t, () => undefined)
  const abort = new AbortController()
  const reason = new Error('stopping')
  const call = link.open(volume, 1n, fenceToken(1n), abort.signal)
  abort.abort(reason)
  await t.rejects(call, reason)
})
