/** The session package stands alone and the model imports nothing, so both have defaults: they are the same. */
import { defaultCookieName, defaultSessionSpec, defaults } from '@coatcheck/model'
import { createSessions, resolveCookie, sessionDefaults } from '@coatcheck/session'
import { memoryRecords } from '@coatcheck/session/stores/memory'
import { sealedCookies } from '@coatcheck/session/stores/sealed-cookie'
import { expect, test } from 'vitest'

test('a session that nothing is said of is the same in a configuration and in the library', () => {
  // What only one of them has is named here, so that a default which is added to one is asked for in the other.
  const { mode: _mode, forward: _forward, ...ofModel } = defaults.session
  const {
    prefix: _prefix,
    serverKeys: _keys,
    patience: _patience,
    cache: _cache,
    sqlite: _sqlite,
    lookup,
    cookie,
    memory,
    redis,
    sealedCookie,
    ...own
  } = sessionDefaults
  expect(own).toEqual(ofModel)
  expect(cookie).toEqual(defaults.cookie)
  expect({ maxSessions: memory.maxEntries, maxBytes: memory.maxBytes }).toEqual(defaults.memory)
  expect(redis.timeouts).toEqual(defaults.redis.timeouts)
  expect(sealedCookie).toEqual(defaults.sealedCookie)
  expect(lookup).toEqual(defaultSessionSpec('default', undefined).lookup)
})

test('a cookie that nothing is said of has the same name and attributes', () => {
  const { attributes: _, ...cookie } = resolveCookie()
  expect(cookie).toEqual(defaultSessionSpec('default', undefined).cookie)
  for (const secure of [true, false]) {
    for (const path of ['/', '/shop']) {
      for (const domain of [undefined, 'shop.example']) {
        const { name } = resolveCookie({ secure, path, domain })
        expect(name).toBe(defaultCookieName('default', { secure, path, domain }))
      }
    }
  }
})

test('the defaults that the library states are those that it takes', async () => {
  const { timeouts, rotateAfter, maxBytes, sealedCookie } = sessionDefaults
  let now = 0
  const store = memoryRecords({ clock: () => now })
  const sessions = createSessions({ store, clock: () => now })
  const session = await sessions.open({})
  expect(() => session.start()).not.toThrow()
  expect(session.expiresIn).toBe(timeouts.idle / 1000)
  const { setCookie } = await session.commit()
  let cookie = setCookie[0]!.split(';')[0]!
  const rotations: number[] = []
  while (now + 60_000 < timeouts.lifetime) {
    now += 60_000
    const opened = await sessions.open({ cookie })
    expect(opened.state).toBe('open')
    const told = (await opened.commit()).setCookie[0]?.split(';')[0]
    if (told !== undefined && told !== cookie) rotations.push(now)
    cookie = told ?? cookie
  }
  expect(rotations[0]).toBe(rotateAfter)
  now = timeouts.lifetime
  expect((await sessions.open({ cookie })).state).toBe('none')

  const large = await sessions.open({})
  large.set('a', 'x'.repeat(maxBytes))
  await expect(large.commit()).rejects.toThrow(`maxBytes is ${maxBytes}`)
  expect(sealedCookies({ keys: [{ id: 'k1', bytes: new Uint8Array(16) }] }).maxParts).toBe(sealedCookie.maxParts)
})
