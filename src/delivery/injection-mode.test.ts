import { describe, expect, test } from 'vitest'
import type { KubeClient } from '../kube/client.ts'
import { KubeError } from '../kube/errors.ts'
import { FakeClock } from '../kube/fake-clock.ts'
import { resourceName } from '../kube/objects.ts'
import type { KubeObject, ResourceType } from '../kube/objects.ts'
import { silentLogger } from '../telemetry/log.ts'
import { InjectionMode } from './injection-mode.ts'
import type { InjectionModeOptions } from './injection-mode.ts'

const all = ['mutatingadmissionpolicies', 'mutatingadmissionpolicybindings'].flatMap((plural) =>
  ['inject-pods', 'stamp-jobs', 'stamp-workloads'].map((name) => `${plural} ${name}.operator.system`),
)

function world(options: Partial<InjectionModeOptions> = {}) {
  const clock = new FakeClock()
  const asked: string[] = []
  const changes: (string | undefined)[] = []
  /** What stands in the way of the one or other policy: a status code. */
  const failures = new Map<string, number>()
  const get = (type: ResourceType<KubeObject>, namespace: string | undefined, name: string) => {
    const object = `${type.plural} ${name}`
    asked.push(object)
    const status = failures.get(object)
    const { promise, resolve, reject } = Promise.withResolvers<KubeObject>()
    if (status === undefined) resolve({ metadata: { name, uid: 'u', resourceVersion: '1' } })
    else reject(new KubeError({ verb: 'get', resource: resourceName(type), namespace, name, status }))
    return promise
  }
  const mode: InjectionMode = new InjectionMode({
    client: { get } as Pick<KubeClient, 'get'>,
    wanted: 'Auto',
    policies: 'operator.system',
    periodMs: 600_000,
    clock,
    random: () => 0.5,
    log: silentLogger,
    onChange: () => changes.push(mode.current),
    ...options,
  })
  return { clock, asked, changes, failures, mode }
}

describe('what decides', () => {
  test.each<[string, Partial<InjectionModeOptions>, string | undefined]>([
    ['Policy', { wanted: 'Policy' }, 'Policy'],
    ['Patch', { wanted: 'Patch' }, 'Patch'],
    ['Auto, without policies', { policies: '' }, 'Patch'],
  ])('%s: known at once, and nobody is asked', async (_, options, expected) => {
    const { mode, asked, clock } = world(options)
    expect(mode.current).toBe(expected)
    await mode.run(new AbortController().signal)
    expect([asked, clock.pending]).toEqual([[], 0])
  })

  test('Auto: every policy and every binding has to be there', async () => {
    const { mode, asked, failures } = world()
    expect(mode.current).toBeUndefined()
    await mode.look()
    expect([mode.current, [...asked].sort()]).toEqual(['Policy', [...all].sort()])
    for (const one of all) {
      for (const status of [403, 404]) {
        failures.set(one, status)
        expect(await mode.look()).toBe(true)
        expect(mode.current).toBe('Patch')
        failures.clear()
        await mode.look()
        expect(mode.current).toBe('Policy')
      }
    }
  })

  test.each([0, 429, 500, 503])('no answer (%s) changes nothing', async (status) => {
    const { mode, failures } = world()
    failures.set(all[0] ?? '', status)
    expect([await mode.look(), mode.current]).toEqual([false, undefined])
    failures.clear()
    await mode.look()
    failures.set(all[0] ?? '', status)
    expect([await mode.look(), mode.current]).toEqual([false, 'Policy'])
  })
})

test('it looks in each period, sooner when there was no answer, and tells of changes alone', async () => {
  const { mode, clock, asked, failures, changes } = world()
  const stop = new AbortController()
  failures.set(all[0] ?? '', 500)
  const running = mode.run(stop.signal)
  await clock.advance(0)
  expect(asked).toHaveLength(6)
  failures.clear()
  await clock.advance(2000)
  expect([asked.length, changes]).toEqual([12, ['Policy']])
  await clock.advance(599_000)
  expect(asked).toHaveLength(12)
  await clock.advance(2000)
  expect([asked.length, changes]).toEqual([18, ['Policy']])
  failures.set(all[5] ?? '', 404)
  await clock.advance(600_000)
  expect(changes).toEqual(['Policy', 'Patch'])
  stop.abort()
  await running
  expect(clock.pending).toBe(0)
})
