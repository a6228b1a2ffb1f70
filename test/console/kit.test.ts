import fc from 'fast-check'
import t from 'tap'
import { charKind, cleanJson, cleanText, maxTextLength } from '../../console/clean-text.js'
import { editLine, insertText, lineOf } from '../../console/line-edit.js'
import {
  arrange,
  moveSelection,
  parseFilter,
  selectedIndex,
  tableState,
  windowTop,
} from '../../console/table.js'
import { drawnTiers } from '../../console/tier.js'
import { barText } from '../../console/ui/bar.js'
import { capsFor } from '../../console/ui/caps.js'
import { glyphsOf, widthOf } from '../../console/ui/cells.js'
import { Frame } from '../../console/ui/frame.js'
import { InputDecoder, maxPaste, type Input } from '../../console/ui/input.js'
import { blockHeights, wrapSpans } from '../../console/ui/layout.js'
import { span, type Block } from '../../console/view.js'
import { bytesWords, durationWords, fractionDone, instantWords, percentWords } from '../../console/words.js'
import { injections } from './injections.js'

void t.test('sanitising', async t => {
  t.equal(cleanText('web\u001b[31m-01'), 'web?[31m-01', 'ESC')
  t.equal(cleanText('a\u009b2Jb'), 'a?2Jb', 'C1')
  t.equal(cleanText('a\u200b\u200c\u202eb'), 'a?b', 'a run is one mark')
  t.not(cleanText('ab'), cleanText('a\u200bb'), 'a hidden difference is seen')
  t.equal(cleanText('e\u0301'), 'é', 'composed where that exists')
  t.equal(cleanText('x\u0301\u0302'), 'x?', 'marks without a composed form')
  t.equal(cleanText('a\nb\tc\r'), 'a?b?c?')
  t.equal(cleanText('\ud800x'), '?x', 'half a surrogate pair')
  t.equal(cleanText('x'.repeat(maxTextLength + 50)).length, maxTextLength)
  t.same(cleanJson({ 'k\u0007': ['\u001b', 1, null, { deep: '\u009d' }] }), {
    'k?': ['?', 1, null, { deep: '?' }],
  })
  for (const [index, text] of injections.entries()) {
    for (const tier of drawnTiers) {
      const drawn = glyphsOf(text, tier)
        .map(glyph => glyph.char)
        .join('')
      t.notMatch(
        drawn,
        /[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/u,
        `${tier}: corpus ${index}`,
      )
    }
  }
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.constantFrom(...drawnTiers),
      (text, tier) => {
        const glyphs = glyphsOf(text, tier)
        const safe = glyphs.every(({ char, width }) => {
          const kind = charKind(char)
          return Array.from(char).length === 1 && (width === 2 ? kind === 'wide' : kind === 'plain')
        })
        const clean = Array.from(cleanText(text)).every(char => charKind(char) !== 'hidden')
        const ascii = tier !== 'ascii' || glyphs.every(({ char }) => char <= '~')
        return safe && clean && ascii
      },
    ),
  )
})

void t.test('a frame never writes outside a row, and wide characters are whole or absent', async t => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          fc.integer({ min: -3, max: 14 }),
          fc.string({ unit: fc.constantFrom('a', '日', 'é', '\u001b') }),
        ),
        { maxLength: 6 },
      ),
      writes => {
        const frame = new Frame(12, 1, 'rich')
        for (const [x, text] of writes) frame.put(x, 0, text)
        const cells = frame.row(0)
        return (
          cells.length === 12 &&
          cells.every((cell, x) =>
            cell.char === ''
              ? widthOf(cells[x - 1]?.char ?? '', 'rich') === 2
              : widthOf(cell.char, 'rich') === 1 || cells[x + 1]?.char === '',
          )
        )
      },
    ),
  )
  const frame = new Frame(6, 1, 'ascii')
  frame.put(0, 0, 'abcdefgh')
  t.equal(frame.text(), 'abcde~', 'a cut is marked')
})

interface Thing {
  readonly id: string
  readonly name: string
  readonly size: number
}
const spec = {
  id: (thing: Thing) => thing.id,
  text: (thing: Thing) => thing.name,
  fields: { size: (thing: Thing) => String(thing.size) },
  sortKeys: [(thing: Thing) => thing.name, (thing: Thing) => thing.size],
}

void t.test('table: order, filter, selection, window', async t => {
  const things: Thing[] = [
    { id: '3', name: 'web', size: 1 },
    { id: '1', name: 'db', size: 30 },
    { id: '2', name: 'web', size: 4 },
  ]
  const names = (filter: string, column = 0, descending = false): string =>
    arrange(things, spec, { selectedId: null, filter, sort: { column, descending } })
      .map(thing => thing.id)
      .join('')
  t.equal(names(''), '123', 'by name, equal names by id')
  t.equal(names('', 1), '321', 'numbers as numbers')
  t.equal(names('', 1, true), '123')
  t.equal(names('web'), '23')
  t.equal(names('WEB !size:4'), '3')
  t.equal(names('!web'), '1')
  t.equal(names('nofield:x'), '')
  t.same(parseFilter('  a:b  !  ', ['a']), [{ field: 'a', word: 'b', negated: false }])
  const ids = ['1', '2', '3']
  t.equal(selectedIndex(ids, { ...tableState(), selectedId: '9' }), 0)
  t.equal(selectedIndex([], tableState()), -1)
  t.equal(moveSelection(ids, tableState(), -5).selectedId, '1')
  t.equal(moveSelection(ids, tableState(), 99).selectedId, '3')
  fc.assert(
    fc.property(fc.nat(5000), fc.nat(5000), fc.integer({ min: 1, max: 60 }), (count, at, height) => {
      const selected = Math.min(at, Math.max(0, count - 1))
      const top = windowTop(count, selected, height)
      return (
        top >= 0 &&
        (count === 0 || (selected >= top && selected < top + height)) &&
        top <= Math.max(0, count - height)
      )
    }),
  )
  const many = Array.from({ length: 5000 }, (_, id) => ({ id: String(id), name: `vm-${id % 977}`, size: id }))
  const start = performance.now()
  t.equal(
    arrange(many, spec, { selectedId: null, filter: 'vm-1 !size:3', sort: { column: 0, descending: true } })
      .length > 0,
    true,
  )
  t.ok(performance.now() - start < 200, '5,000 rows in good time')
})

const feed = (text: string | Buffer, decoder = new InputDecoder(50, false), nowMs = 0): string[] =>
  decoder.feed(Buffer.from(text as string), nowMs).map(word)
const word = (input: Input): string => (input.kind === 'key' ? input.key : `paste:${input.text}`)

void t.test('input: keys', async t => {
  t.same(feed('\u001b[A\u001bOB\u001b[5~\u001b[[A\u001b[Z\u001b[1~\u001b[F'), [
    'up',
    'down',
    'pageup',
    'f1',
    'backtab',
    'home',
    'end',
  ])
  t.same(feed('\r'), ['enter'])
  t.same(feed('\u007f\u0008\t\u000c'), ['backspace', 'backspace', 'tab', 'ctrl-l'])
  t.same(feed('é'), ['é'])
  t.same(feed('jjjjjjj'), Array.from('jjjjjjj'), 'a key held down')
})

void t.test('input: what is no key stays silent', async t => {
  const silent = [
    '\u001b[?1;2c',
    '\u001b[24;80R',
    '\u001b[M !!',
    '\u001b[<0;10;10M',
    '\u001b[<0;10;10m',
    '\u001b[I',
    '\u001b[1;5A',
    '\u001bq',
    '\u001b]52;c;cXF4\u0007',
    '\u001bP1$r0m\u001b\\',
    '\u001b_hello\u001b\\',
    '\u009b5n',
    '\u009d0;q\u009c',
    '\u0000\u001c\u001d',
    `\u001b[${'1;'.repeat(5000)}A`,
    `\u001b]${'q'.repeat(100_000)}\u0007`,
  ]
  for (const text of silent) t.same(feed(text), [], `sequence ${silent.indexOf(text)}`)
  t.same(feed(Buffer.from([0xff, 0xfe, 0x9b, 0xc3, 0x28])), ['('], 'broken UTF-8 loses only itself')
})

void t.test('input: split and broken sequences', async t => {
  const decoder = new InputDecoder(50, false)
  t.same(feed('\u001b', decoder), [])
  t.equal(decoder.waitMs, 50)
  t.same(feed('[', decoder, 5), [])
  t.same(feed('A', decoder, 9), ['up'], 'put together again')
  t.same(feed('\u001b', decoder, 100), [])
  t.same(decoder.expire(150).map(word), ['escape'], 'a lone ESC is the Esc key')
  t.same(feed('[A', decoder, 300), [], 'its late rest is not a command')
  t.same(feed('[A', decoder, 2000), ['[', 'A'])
  t.same(feed('\u001b[12', decoder, 3000), [])
  t.same(decoder.expire(3100), [], 'half a sequence is dropped')
  t.same(feed('q', decoder, 3200), ['q'], 'and does not swallow what follows')
  t.same(feed('\u001b]0;evil', decoder, 4000), [])
  t.equal(decoder.waitMs, 500)
  t.same(decoder.expire(5000), [])
  t.equal(decoder.waitMs, null)
  const letters = feed(Buffer.from([0xc3]), decoder, 6000)
  t.same([...letters, ...feed(Buffer.from([0xa9]), decoder, 6010)], ['é'], 'a letter in two reads')
})

void t.test('input: pastes never become keys', async t => {
  t.same(feed('\u001b[200~q\rq\r\u001b[201~'), ['paste:q\rq\r'])
  t.same(feed('sq\r'), ['paste:sq\n'], 'without brackets, by its speed')
  t.same(feed('q\r\r\r'), ['paste:q\n\n\n'])
  const decoder = new InputDecoder(50, false)
  t.same(feed('ab'.repeat(2000), decoder, 0).length, 1)
  t.same(feed('q', decoder, 10), ['paste:q'], 'its last byte in a read of its own')
  t.same(feed('q', decoder, 1000), ['q'])
  t.same(
    feed('/erp\r', new InputDecoder(50, true)),
    ['/', 'e', 'r', 'p', 'enter'],
    'where brackets are sure, fast is just fast',
  )
  const big = feed(`\u001b[200~${'x'.repeat(1_000_000)}\u001b[201~`)
  t.equal(big.length, 1)
  t.ok(big[0]!.length <= maxPaste + 10, 'bounded')
  const endless = new InputDecoder(50, false)
  feed('\u001b[200~abc', endless)
  t.same(endless.expire(2000).map(word), ['paste:abc'], 'one that never ends does not hold the keyboard')
})

void t.test('input: any bytes, cut anywhere, give known keys only and no error', async () => {
  const known =
    /^(up|down|left|right|home|end|insert|delete|page(up|down)|f\d{1,2}|enter|tab|backtab|backspace|escape|ctrl-[a-z])$/
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 12 }).map(bytes => Buffer.from(bytes)),
    fc
      .constantFrom(
        '\u001b',
        '\u001b[',
        '\u001b[200~',
        '\u001b[201~',
        '\u001b]',
        '\u001bP',
        '\u009b',
        '\u001b[M',
        'q',
        '\r',
        '日',
      )
      .map(text => Buffer.from(text)),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(piece, fc.boolean(), fc.nat(900)), { maxLength: 30 }), reads => {
      const decoder = new InputDecoder(50, false)
      let nowMs = 0
      for (const [bytes, expires, gapMs] of reads) {
        nowMs += gapMs
        const inputs = [...decoder.feed(bytes, nowMs), ...(expires ? decoder.expire(nowMs) : [])]
        for (const input of inputs) {
          if (
            input.kind === 'paste'
              ? input.text.length > maxPaste
              : !(known.test(input.key) || (Array.from(input.key).length === 1 && input.key > '\u001f'))
          )
            return false
        }
      }
      return true
    }),
    { numRuns: 2000 },
  )
})

void t.test('line editing', async t => {
  let line = insertText(lineOf('ac'), '')
  line = editLine(line, 'left')!
  line = insertText(line, 'b')
  t.same(line, { text: 'abc', cursor: 2 })
  t.same(editLine(line, 'delete'), { text: 'ab', cursor: 2 })
  t.same(editLine(line, 'ctrl-u'), { text: 'c', cursor: 0 })
  t.same(editLine(editLine(line, 'home')!, 'backspace'), { text: 'abc', cursor: 0 })
  t.equal(editLine(line, 'f5'), null)
  t.equal(insertText(lineOf(''), 'x'.repeat(1000)).text.length, 200)
})

void t.test('words', async t => {
  t.same(
    [0n, 1023n, 1024n, 1536n, 10n * 1024n * 1024n, 1181116006n, 5n * 1024n ** 4n, 2n ** 64n - 1n].map(
      bytesWords,
    ),
    ['0 B', '1023 B', '1.00 KiB', '1.50 KiB', '10.0 MiB', '1.09 GiB', '5.00 TiB', '15.9 EiB'],
  )
  t.same([0, 59.9, 60, 252, 3600, 90_061, -5].map(durationWords), [
    '0s',
    '59s',
    '1m 00s',
    '4m 12s',
    '1h 00m',
    '1d 01h',
    '0s',
  ])
  t.equal(fractionDone(5n, null), null, 'unknown is not 0')
  t.equal(fractionDone(0n, 0n), 1, 'nothing to move is done')
  t.equal(percentWords(fractionDone(2n ** 62n - 1n, 2n ** 62n)), '99 %', '100 % only when all is done')
  t.equal(percentWords(0.29), '29 %')
  t.equal(percentWords(null), 'unknown')
  t.equal(instantWords('2026-11-24T01:50:04.123Z'), '2026-11-24 01:50:04')
  t.equal(instantWords('soon'), 'soon')
  t.equal(barText(null, 10), '[   ?    ]')
  t.equal(barText(0.5, 10), '[████░░░░]')
})

void t.test('layout', async t => {
  const text = (width: number, indent: number): string[] =>
    wrapSpans([span('the quick '), span('brown fox-over-the-lazy-dog')], width, indent).map(line =>
      line.map(each => each.text).join(''),
    )
  t.same(text(12, 0), ['the quick ', 'brown ', 'fox-over-the', '-lazy-dog'])
  t.same(text(80, 0), ['the quick brown fox-over-the-lazy-dog'])
  const table: Block = {
    kind: 'table',
    columns: [],
    rows: { length: 9, at: () => undefined },
    selected: -1,
    focused: false,
    marked: false,
    empty: '',
    maxRows: null,
    sort: null,
  }
  t.same(blockHeights([{ kind: 'gap' }, table, { kind: 'gap' }], 80, 20), [1, 18, 1])
  t.same(blockHeights([{ kind: 'gap' }, table, { kind: 'gap' }], 80, 1), [1, 0, 0])
})

void t.test('terminals', async t => {
  const caps = (term: string, locale = 'C.UTF-8') =>
    capsFor({ term, locale, noColour: false, wantedTier: null })
  t.match(caps('xterm-256color'), { tier: 'rich', terminal: 'xterm', alternateScreen: true, colour: true })
  t.match(caps('tmux-256color'), { tier: 'rich', terminal: 'xterm' })
  t.match(caps('linux'), { tier: 'vt', terminal: 'linux', alternateScreen: false })
  t.match(caps('vt220'), { tier: 'ascii', terminal: 'vt100', colour: false, escapeWaitMs: 100 })
  t.match(caps('xterm', 'C'), { tier: 'ascii', terminal: 'xterm' })
  t.match(caps('../../etc/passwd'), { terminal: 'vt100' }, 'the user’s TERM is never passed on')
  t.equal(caps('dumb'), null)
  t.equal(caps(''), null)
})
