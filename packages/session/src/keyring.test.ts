import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createKeyring, decrypt, encrypt, readKey, sealOverhead } from './keyring.ts'

const bytes = (text: string) => new Uint8Array(Buffer.from(text))
const key = (id: string, fill: number, length = 32) => ({ id, bytes: new Uint8Array(length).fill(fill) })
const context = bytes('prefix')
const anyBytes = (maxLength: number) => fc.uint8Array({ maxLength })
const invalid = expect.objectContaining({ code: 'ERR_INVALID_OPTION' })

test('what was sealed opens again, with keys of both lengths', () => {
  fc.assert(
    fc.property(anyBytes(300), anyBytes(50), fc.constantFrom(16, 32), (plain, associated, length) => {
      const ring = createKeyring([key('a', 1, length)])
      const sealed = ring.seal(plain, associated)
      expect(sealed.keyId).toBe('a')
      expect(sealed.bytes.length).toBe(plain.length + sealOverhead)
      expect(new Uint8Array(ring.open('a', sealed.bytes, associated) as Uint8Array)).toEqual(plain)
    }),
  )
})

test('a change of any single bit, and any cut, does not open', () => {
  const ring = createKeyring([key('a', 1)])
  const { bytes: sealed } = ring.seal(bytes('hello'), context)
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const damaged = sealed.slice()
    damaged[bit >> 3]! ^= 1 << (bit & 7)
    expect(ring.open('a', damaged, context)).toBeUndefined()
  }
  for (let length = 0; length < sealed.length; length += 1) {
    expect(ring.open('a', sealed.slice(0, length), context)).toBeUndefined()
  }
})

test('other associated data does not open', () => {
  const ring = createKeyring([key('a', 1)])
  expect(ring.open('a', ring.seal(bytes('hello'), context).bytes, bytes('prefiy'))).toBeUndefined()
})

test('opening bytes that nobody sealed never throws', () => {
  const ring = createKeyring([key('a', 1)])
  fc.assert(fc.property(anyBytes(100), (any) => ring.open('a', any, context) === undefined))
})

test('the first key writes, all of them read, and an unknown one is told apart from damage', () => {
  const old = createKeyring([key('k1', 1)])
  const both = createKeyring([key('k2', 2, 16), key('k1', 1)])
  const sealed = old.seal(bytes('hello'), context)
  expect(both.writes).toBe('k2')
  expect(both.seal(bytes('x'), context).keyId).toBe('k2')
  expect(Buffer.from(both.open('k1', sealed.bytes, context) as Uint8Array).toString()).toBe('hello')
  expect(both.open('k2', sealed.bytes, context)).toBeUndefined()
  expect(old.open('k2', sealed.bytes, context)).toBe('unknown-key')
  expect([old.has('k1'), old.has('k2')]).toEqual([true, false])
})

test('derived bytes are the same for the same purpose, context and key, and differ otherwise', () => {
  const ring = createKeyring([key('k2', 2), key('k1', 1)])
  const again = createKeyring([key('k2', 2)])
  const hex = (derived: Uint8Array | 'unknown-key') => Buffer.from(derived as Uint8Array).toString('hex')
  expect(hex(ring.derive('wrap', context))).toBe(hex(again.derive('wrap', context)))
  expect(hex(ring.derive('wrap', context, 'k2'))).toBe(hex(again.derive('wrap', context)))
  const others = [ring.derive('pend', context), ring.derive('wrap', bytes('x')), ring.derive('wrap', context, 'k1')]
  expect(new Set([ring.derive('wrap', context), ...others].map(hex)).size).toBe(4)
  expect(again.derive('wrap', context, 'k1')).toBe('unknown-key')
  expect(ring.derive('wrap', context).length).toBe(32)
})

test('nonces do not repeat', () => {
  const nonces = Array.from({ length: 2000 }, () =>
    encrypt(key('a', 1).bytes, new Uint8Array(0), context).subarray(0, 12),
  )
  expect(new Set(nonces.map((nonce) => Buffer.from(nonce).toString('hex'))).size).toBe(2000)
})

test('a ring keeps its keys when the caller wipes the bytes it gave', () => {
  const given = key('a', 1)
  const ring = createKeyring([given])
  const sealed = ring.seal(bytes('hello'), context)
  const derived = ring.derive('wrap', context)
  given.bytes.fill(0)
  expect(ring.open('a', sealed.bytes, context)).toBeInstanceOf(Uint8Array)
  expect(ring.derive('wrap', context)).toEqual(derived)
})

test.each([
  ['no key', []],
  ['an id twice', [key('a', 1), key('a', 2)]],
  ['an id with a dot', [key('a.b', 1)]],
  ['an empty id', [key('', 1)]],
  ['an id of 33 characters', [key('a'.repeat(33), 1)]],
  ['a key of 24 bytes', [key('a', 1, 24)]],
  ['a key of 0 bytes', [key('a', 1, 0)]],
])('%s is refused', (_, keys) => {
  expect(() => createKeyring(keys)).toThrow(invalid)
})

test('decrypt() opens what encrypt() made, under the same key alone', () => {
  const sealed = encrypt(key('a', 1).bytes, bytes('hello'), context)
  expect(decrypt(key('a', 1).bytes, sealed, context)).toEqual(Buffer.from('hello'))
  expect(decrypt(key('a', 2).bytes, sealed, context)).toBeUndefined()
})

test('a key is read however people keep it, with or without a newline at its end', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.constantFrom(16, 32),
      fc.constantFrom('', '\n', '\r\n'),
      (random, length, end) => {
        const raw = Buffer.from(random.subarray(0, length))
        const texts = [
          raw.toString('hex'),
          raw.toString('hex').toUpperCase(),
          raw.toString('base64'),
          raw.toString('base64').replaceAll('=', ''),
          raw.toString('base64url'),
        ]
        for (const text of texts) {
          expect(readKey(text + end)).toEqual(new Uint8Array(raw))
          expect(readKey(Buffer.from(text + end))).toEqual(new Uint8Array(raw))
        }
      },
    ),
  )
})

test('raw bytes are a key as they are, also when the last one looks like a newline', () => {
  const raw = new Uint8Array(32).fill(0xf0)
  raw[31] = 0x0a
  expect(readKey(raw)).toEqual(raw)
  expect(readKey(Buffer.concat([raw, Buffer.from('\n')]))).toEqual(raw)
  expect(readKey('sixteen letters!')).toEqual(bytes('sixteen letters!'))
  expect(readKey('sixteen letters!\n')).toEqual(bytes('sixteen letters!'))
})

test.each([
  ['nothing', ''],
  ['a newline', '\n'],
  ['too short', 'secret-key-1'],
  ['31 letters and a newline, which is not 32 bytes', `${'s'.repeat(31)}\n`],
  ['two newlines', `${'s'.repeat(32)}\n\n`],
  ['hex of 24 bytes', 'ab'.repeat(24)],
  ['base64 of 31 bytes', Buffer.alloc(31, 7).toString('base64')],
  ['base64 whose last letter holds bits that are not the key', `${'A'.repeat(42)}B=`],
  ['base64 padded wrongly', `${'A'.repeat(22)}=`],
  ['text beyond ASCII', 'ключ'.repeat(9)],
])('%s is no key, and the message does not show it', (_, text) => {
  let message = ''
  try {
    readKey(text)
  } catch (error) {
    message = (error as Error).message
    expect(error).toEqual(invalid)
  }
  expect(message).toContain('16 or 32 bytes')
  const shown = text.trim()
  if (shown !== '') expect(message).not.toContain(shown)
})
