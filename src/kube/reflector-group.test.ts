import { describe, expect, it } from 'vitest'
import { ReflectorGroup } from './reflector-group.ts'

class Member {
  hasSynced = false
  isServed = true
  lastConfirmed: number | undefined
  refusal: { verb: string; resource: string; namespace: string | undefined } | undefined
  retries = 0
  readonly settled = Promise.withResolvers<undefined>()
  isRunning = false

  retryNow(): void {
    this.retries++
  }

  run(): Promise<void> {
    this.isRunning = true
    return Promise.resolve()
  }

  async waitForSettled(): Promise<void> {
    await this.settled.promise
  }

  refuse(namespace: string | undefined): void {
    this.refusal = { verb: 'list', resource: 'secrets', namespace }
    this.settled.resolve(undefined)
  }

  sync(): void {
    this.hasSynced = true
    this.settled.resolve(undefined)
  }
}

function group(...namespaces: (string | undefined)[]) {
  return groupWith({}, ...namespaces)
}

function groupWith(options: ConstructorParameters<typeof ReflectorGroup>[3], ...namespaces: (string | undefined)[]) {
  const members = new Map<string | undefined, Member>()
  const make = (namespace: string | undefined) => {
    const member = new Member()
    members.set(namespace, member)
    return member
  }
  const made = new ReflectorGroup('secrets', namespaces, make, options)
  const member = (namespace: string | undefined): Member => members.get(namespace) ?? new Member()
  return { made, member }
}

const { signal } = new AbortController()

describe('a group of namespaces', () => {
  it('is settled when each is filled or refused', async () => {
    const { made, member } = group('a', 'b')
    let isSettled = false
    const waiting = made.waitForSettled(signal).then(() => (isSettled = true))
    member('a').sync()
    await Promise.resolve()
    expect([isSettled, made.hasAny, made.granted.length]).toEqual([false, true, 2])
    member('b').refuse('b')
    await waiting
    expect([isSettled, made.granted, made.members.length]).toEqual([true, [member('a')], 2])
    expect([made.refusal('a'), made.refusal('b')?.namespace, made.refusal('c')]).toEqual([undefined, 'b', undefined])
  })

  it('has nothing while all are refused', () => {
    const { made, member } = group('a')
    member('a').refuse('a')
    expect([made.hasAny, made.granted]).toEqual([false, []])
  })

  it('begins in each namespace after another group has settled there', async () => {
    const first = group('a', 'b')
    const second = group('a', 'b')
    const running = second.made.run(signal, first.made)
    first.member('b').refuse('b')
    await new Promise(setImmediate)
    expect([second.member('a').isRunning, second.member('b').isRunning]).toEqual([false, true])
    first.member('a').sync()
    await running
    expect(second.member('a').isRunning).toBe(true)
  })

  it.each([
    ['a', [1, 0]],
    [undefined, [1, 1]],
  ])('tries again in %s', (namespace, retries) => {
    const { made, member } = group('a', 'b')
    made.retryNow(namespace)
    expect([member('a').retries, member('b').retries]).toEqual(retries)
  })
})

it('knows where the kind is not served', () => {
  const { made, member } = group('a', 'b')
  member('a').isServed = false
  expect(['a', 'b', 'elsewhere'].map((namespace) => made.isServed(namespace))).toEqual([false, true, true])
})

it('one for all namespaces speaks for each', () => {
  const { made, member } = group(undefined)
  member(undefined).refuse(undefined)
  expect(made.refusal('anywhere')).toMatchObject({ verb: 'list' })
  made.retryNow('anywhere')
  expect(member(undefined).retries).toBe(1)
})

it('one without namespaces has nothing to wait for', async () => {
  const { made } = group()
  await made.waitForSettled(signal)
  await made.run(signal)
  expect([made.members, made.refusal('a')]).toEqual([[], undefined])
})

describe('one that begins when it is wanted', () => {
  it('is not there before, and begins in that namespace alone', async () => {
    const begun: (string | undefined)[] = []
    const { made, member } = groupWith({ isLazy: true, onBegun: (namespace) => begun.push(namespace) }, 'a', 'b')
    await made.waitForSettled(signal)
    const end = new AbortController()
    const running = made.run(end.signal)
    expect([made.members, made.granted, made.isSettled('a')]).toEqual([[], [], false])

    made.want('a')
    made.want('a')
    await new Promise(setImmediate)
    expect([member('a').isRunning, member('b').isRunning, made.members]).toEqual([true, false, [member('a')]])
    expect([made.isSettled('a'), begun]).toEqual([false, []])
    member('a').sync()
    await new Promise(setImmediate)
    expect([made.isSettled('a'), made.isSettled('b'), begun]).toEqual([true, false, ['a']])

    end.abort()
    await running
    expect(member('b').isRunning).toBe(false)
  })

  it('waits for what was wanted before it ran, and is settled by a refusal', async () => {
    const { made, member } = groupWith({ isLazy: true }, undefined)
    made.want('anywhere')
    let isSettled = false
    const waiting = made.waitForSettled(signal).then(() => (isSettled = true))
    await new Promise(setImmediate)
    expect(isSettled).toBe(false)
    member(undefined).refuse(undefined)
    await waiting
    expect(made.isSettled('elsewhere')).toBe(true)
  })

  it('knows nothing of a namespace that is not watched', () => {
    const { made } = groupWith({ isLazy: true }, 'a')
    made.want('b')
    expect([made.members, made.isSettled('b')]).toEqual([[], true])
  })
})
