import * as fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { FakeClock } from './fake-clock.ts'
import type { KubeObject } from './objects.ts'
import { Store } from './store.ts'

interface Thing extends KubeObject {
  colours?: string[]
  secret?: string
}

function thing(
  name: string,
  resourceVersion: number,
  options: { uid?: string; colours?: string[]; secret?: string } = {},
): Thing {
  const { uid = `uid-${name}`, ...rest } = options
  return { metadata: { namespace: 'shop', name, uid, resourceVersion: String(resourceVersion) }, ...rest }
}

let clock: FakeClock
let log: string[]
let store: Store<Thing>

function id({ metadata: { name, resourceVersion, uid } }: Thing): string {
  return `${name}@${resourceVersion}${uid === `uid-${name}` ? '' : `(${uid})`}`
}

function create(options: Partial<ConstructorParameters<typeof Store<Thing>>[0]> = {}): Store<Thing> {
  const created = new Store<Thing>({ clock, indexers: { colour: (object) => object.colours ?? [] }, ...options })
  created.addEventHandler({
    onAdd: (object) => log.push(`+${id(object)}`),
    onUpdate: (old, object) => log.push(`${id(old)}>${id(object)}`),
    onDelete: (object) => log.push(`-${id(object)}`),
  })
  return created
}

/** What the handlers were told since the last call. */
function told(): string[] {
  return log.splice(0)
}

beforeEach(() => {
  clock = new FakeClock()
  log = []
  store = create()
})

describe('what the reflector brings', () => {
  it('is added, updated, deleted', () => {
    store.upsert(thing('a', 1))
    store.upsert(thing('a', 2))
    store.upsert(thing('b', 3))
    store.remove(thing('a', 4))
    store.remove(thing('a', 4))
    expect(told()).toEqual(['+a@1', 'a@1>a@2', '+b@3', '-a@2'])
    expect([store.size, store.get('shop/a'), store.get('shop/b')]).toEqual([1, undefined, thing('b', 3)])
  })

  it('is no news with the same resourceVersion', () => {
    store.upsert(thing('a', 1))
    told()
    store.upsert(thing('a', 1))
    store.replace([thing('a', 1)], '9')
    expect(told()).toEqual([])
  })

  it('a list adds, updates, deletes, and tells after all of it is in place', () => {
    store.replace([thing('a', 1), thing('b', 1), thing('c', 1)], '1')
    told()
    const sizes: number[] = []
    store.addEventHandler({ onUpdate: () => sizes.push(store.size), onDelete: () => sizes.push(store.size) })
    store.replace([thing('a', 1), thing('b', 5), thing('d', 5)], '5')
    expect(told().toSorted()).toEqual(['+d@5', '-c@1', 'b@1>b@5'])
    expect(sizes).toEqual([3, 3])
  })

  it('a list of one namespace says nothing of the others', () => {
    const inBlog = (name: string, resourceVersion: number): Thing => {
      const { metadata } = thing(name, resourceVersion, { uid: `uid-${name}` })
      return { metadata: { ...metadata, namespace: 'blog' } }
    }
    store.replace([thing('a', 1), thing('b', 2)], '2', { namespace: 'shop' })
    store.replace([inBlog('a', 3), inBlog('c', 4)], '4', { namespace: 'blog' })
    expect(told()).toEqual(['+a@1', '+b@2', '+a@3', '+c@4'])
    store.replace([thing('b', 2)], '9', { namespace: 'shop' })
    expect(told()).toEqual(['-a@1'])
    store.replace([], '10', { namespace: 'blog' })
    expect(told().toSorted()).toEqual(['-a@3', '-c@4'])
    expect(store.list()).toEqual([thing('b', 2)])
    store.replace([], '11', { namespace: 'elsewhere' })
    expect(told()).toEqual([])
    store.replace([], '12')
    expect(told()).toEqual(['-b@2'])
  })

  it('another uid under the same name is a deletion and an addition', () => {
    store.upsert(thing('a', 1))
    told()
    store.replace([thing('a', 5, { uid: 'second' })], '5')
    store.upsert(thing('a', 7, { uid: 'third' }))
    expect(told()).toEqual(['-a@1', '+a@5(second)', '-a@5(second)', '+a@7(third)'])
  })

  it('a late deletion does not hit the successor', () => {
    store.upsert(thing('a', 5, { uid: 'second' }))
    told()
    store.remove(thing('a', 3, { uid: 'first' }))
    expect(told()).toEqual([])
    store.remove(thing('a', 9, { uid: 'unseen' }))
    expect(told()).toEqual(['-a@5(second)'])
  })

  it('goes back to an older resourceVersion when the cluster was restored', () => {
    store.replace([thing('a', 100)], '100')
    told()
    store.replace([thing('a', 50)], '60')
    store.upsert(thing('a', 40))
    expect(told()).toEqual(['a@100>a@50', 'a@50>a@40'])
  })
})

describe('handlers', () => {
  it('get what is there already', () => {
    store.replace([thing('a', 1), thing('b', 2)], '2')
    const late: string[] = []
    store.addEventHandler({ onAdd: (object) => late.push(id(object)) })
    expect(late).toEqual(['a@1', 'b@2'])
  })

  it('do not harm one another, nor the store', () => {
    const errors: unknown[] = []
    const wrong = new Error('handler')
    store = new Store({ clock, onHandlerError: (error) => errors.push(error) })
    store.addEventHandler({
      onAdd() {
        throw wrong
      },
    })
    store.addEventHandler({ onAdd: (object) => log.push(id(object)) })
    store.upsert(thing('a', 1))
    expect([errors, told(), store.size]).toEqual([[wrong], ['a@1'], 1])
  })
})

describe('indexes', () => {
  it('follow additions, changes and deletions', () => {
    store.replace([thing('a', 1, { colours: ['red', 'blue', 'red'] }), thing('b', 1, { colours: ['red'] })], '1')
    const names = (value: string) => store.byIndex('colour', value).map((object) => object.metadata.name)
    expect([names('red'), names('blue'), names('green')]).toEqual([['a', 'b'], ['a'], []])
    store.upsert(thing('a', 2, { colours: ['green'] }))
    expect([names('red'), names('blue'), names('green')]).toEqual([['b'], [], ['a']])
    store.remove(thing('b', 3))
    store.replace([], '4')
    expect([names('red'), names('green')]).toEqual([[], []])
  })

  it('that do not exist are a mistake of the program', () => {
    expect(() => store.byIndex('size', 'xl')).toThrow(RangeError)
  })
})

describe('keep', () => {
  it('drops what it refuses; what was stored is gone', () => {
    store = create({ keep: (object) => object.colours?.includes('red') ?? false })
    store.replace([thing('a', 1, { colours: ['red'] }), thing('b', 1)], '1')
    store.upsert(thing('c', 2))
    store.observe(thing('d', 2))
    expect(told()).toEqual(['+a@1'])
    store.upsert(thing('a', 3, { colours: ['blue'] }))
    expect([told(), store.size, store.byIndex('colour', 'red')]).toEqual([['-a@1'], 0, []])
    // It may come back.
    store.upsert(thing('a', 4, { colours: ['red'] }))
    expect(told()).toEqual(['+a@4'])
  })
})

describe('read your own writes', () => {
  it('an answer is seen at once, and its event is no news', () => {
    store.upsert(thing('a', 1))
    store.observe(thing('a', 5))
    store.upsert(thing('a', 5))
    expect(told()).toEqual(['+a@1', 'a@1>a@5'])
  })

  it('an event that was under way does not undo it', () => {
    store.upsert(thing('a', 1))
    store.observe(thing('a', 5))
    told()
    store.upsert(thing('a', 3))
    expect(store.get('shop/a')?.metadata.resourceVersion).toBe('5')
    store.upsert(thing('a', 6))
    expect(told()).toEqual(['a@5>a@6'])
    // That was confirmed: from now on the watch is right whatever it says.
    store.upsert(thing('a', 4))
    expect(told()).toEqual(['a@6>a@4'])
  })

  it('an older answer changes nothing', () => {
    store.upsert(thing('a', 5))
    told()
    store.observe(thing('a', 4))
    store.observe(thing('a', 5))
    expect(told()).toEqual([])
  })

  it.each([
    ['an older list without it', [], '4', []],
    ['an older list with what it was', [thing('a', 1)], '4', []],
    ['a newer list without it', [], '6', ['-a@5']],
    ['a newer list with something newer', [thing('a', 6)], '6', ['a@5>a@6']],
    ['the list that confirms it', [thing('a', 5)], '5', []],
  ])('and %s', (_name, list, resourceVersion, expected) => {
    store.observe(thing('a', 5))
    told()
    store.replace(list, resourceVersion)
    expect(told()).toEqual(expected)
  })

  it('stands against an older list for sixty seconds, not for ever', async () => {
    store.observe(thing('a', 5))
    told()
    await clock.advance(60_000)
    store.replace([], '4')
    expect(told()).toEqual([])
    await clock.advance(1)
    store.replace([], '4')
    expect(told()).toEqual(['-a@5'])
  })

  it('a list that confirms it ends its privilege', () => {
    store.observe(thing('a', 5))
    store.replace([thing('a', 5)], '5')
    told()
    store.replace([], '4')
    expect(told()).toEqual(['-a@5'])
  })

  it('an answer that comes after the deletion does not bring it back', () => {
    store.upsert(thing('a', 1))
    store.remove(thing('a', 7))
    store.observe(thing('a', 5))
    expect(store.size).toBe(0)
    store.observe(thing('a', 8, { uid: 'second' }))
    expect(store.get('shop/a')?.metadata.uid).toBe('second')
  })

  it('an answer that comes after a list without it does not bring it back', () => {
    store.upsert(thing('a', 1))
    store.replace([], '7')
    store.observe(thing('a', 5))
    expect(store.size).toBe(0)
  })

  it('a list that was asked for afterwards has it, or the cluster was restored from a backup', async () => {
    store.upsert(thing('a', 1))
    store.observe(thing('a', 5))
    store.observe(thing('b', 6))
    store.upsert(thing('c', 1))
    store.observeAbsent('shop/c', 'uid-c')
    expect(store.hasUnconfirmed).toBe(true)
    told()
    const before = clock.monotonic()
    await clock.advance(1)
    const list = [thing('a', 1), thing('c', 1)]
    expect(store.replace(list, '4', { askedAt: before - 1 })).toEqual({ isRewound: false })
    expect(told()).toEqual([])
    const options = { askedAt: before + 1, namespace: 'blog' }
    expect(store.replace([], '4', options)).toEqual({ isRewound: false })
    expect(store.replace(list, '4', { askedAt: before + 1 })).toEqual({ isRewound: true })
    expect(told().toSorted()).toEqual(['+c@1', '-b@6', 'a@5>a@1'])
    store.upsert(thing('c', 2))
    expect([told(), store.hasUnconfirmed]).toEqual([['c@1>c@2'], false])
  })

  it('a 404 removes that uid only, and events under way do not bring it back for a minute', async () => {
    store.upsert(thing('a', 1))
    told()
    store.observeAbsent('shop/a', 'another')
    store.observeAbsent('shop/b', 'uid-b')
    expect(told()).toEqual([])
    store.observeAbsent('shop/a', 'uid-a')
    store.upsert(thing('a', 2))
    store.replace([thing('a', 2)], '2')
    expect(told()).toEqual(['-a@1'])
    await clock.advance(60_001)
    store.replace([thing('a', 2)], '2')
    expect(told()).toEqual(['+a@2'])
  })

  it('is stripped like the rest', () => {
    store = create({
      transform: ({ metadata, colours }) => ({ metadata, ...(colours === undefined ? {} : { colours }) }),
    })
    store.observe(thing('a', 1, { colours: ['red'], secret: 'value' }))
    expect(store.get('shop/a')).toEqual(thing('a', 1, { colours: ['red'] }))
  })
})

it('ends equal to the cluster, and indexes fit, whatever came in which order', () => {
  const step = fc.record({
    name: fc.constantFrom('a', 'b', 'c'),
    kind: fc.constantFrom('write', 'delete', 'list', 'lag'),
    colours: fc.subarray(['red', 'blue']),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const tested = new Store<Thing>({
        clock: new FakeClock(),
        indexers: { colour: (object) => object.colours ?? [] },
      })
      const mirror = new Map<string, Thing>()
      tested.addEventHandler({
        onAdd: (object) => mirror.set(object.metadata.name, object),
        onUpdate: (_old, object) => mirror.set(object.metadata.name, object),
        onDelete: (object) => mirror.delete(object.metadata.name),
      })
      const cluster = new Map<string, Thing>()
      const events: (() => void)[] = []
      let version = 0
      let uids = 0
      for (const { name, kind, colours } of steps) {
        version++
        const current = cluster.get(name)
        if (kind === 'write') {
          const object = thing(name, version, { uid: current?.metadata.uid ?? `uid-${uids++}`, colours })
          cluster.set(name, object)
          tested.observe(object)
          events.push(() => {
            tested.upsert(object)
          })
        } else if (kind === 'delete' && current !== undefined) {
          cluster.delete(name)
          const gone = { ...current, metadata: { ...current.metadata, resourceVersion: String(version) } }
          events.push(() => {
            tested.remove(gone)
          })
        } else if (kind === 'list') {
          events.length = 0
          tested.replace([...cluster.values()], String(version))
        } else {
          events.shift()?.()
        }
      }
      for (const event of events) event()
      const expected = [...cluster.values()].map(id).toSorted()
      expect(tested.list().map(id).toSorted()).toEqual(expected)
      expect([...mirror.values()].map(id).toSorted()).toEqual(expected)
      for (const colour of ['red', 'blue']) {
        const coloured = [...cluster.values()].filter((object) => object.colours?.includes(colour))
        expect(tested.byIndex('colour', colour).map(id).toSorted()).toEqual(coloured.map(id).toSorted())
      }
    }),
    { numRuns: 300 },
  )
})
