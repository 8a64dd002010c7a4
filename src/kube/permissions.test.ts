import { beforeEach, describe, expect, it } from 'vitest'
import type { Logger } from '../telemetry/log.ts'
import { KubeError, type KubeErrorOptions } from './errors.ts'
import { FakeClock } from './fake-clock.ts'
import { Permissions, describePermission, grantText } from './permissions.ts'
import type { CallDescription, CallOptions } from './transport.ts'

const getA: CallDescription = { verb: 'get', resource: 'secrets', namespace: 'shop', name: 'a' }
const getB = { ...getA, name: 'b' }
const list: CallDescription = { verb: 'list', resource: 'deployments.apps', namespace: 'shop' }
const status: CallDescription = {
  verb: 'patch',
  resource: 'tracardiresources.tracardi.com/status',
  namespace: 'shop',
  name: 'mail',
}
const denied = { status: 403, unauthorized: true }

let clock: FakeClock
let said: string[]
let granted: string[]
/** Of the metric. */
let missing: Set<string>
let reviews: unknown[]
let review: () => unknown
let answer: Partial<KubeErrorOptions> | undefined
let permissions: Permissions

beforeEach(() => {
  clock = new FakeClock()
  said = []
  granted = []
  missing = new Set()
  reviews = []
  review = () => ({ status: { allowed: false } })
  const say = (level: string) => (fields: object, text: string) => {
    const { verb, resource, namespace } = fields as Record<string, string>
    said.push(`${level} ${verb ?? ''} ${resource ?? ''} ${namespace ?? ''}: ${text.split(':')[0] ?? ''}`)
  }
  const log = { warn: say('warn'), info: say('info'), child: () => log } as unknown as Logger
  const respond = ({ describe: call }: { describe: CallDescription }): Promise<never> =>
    answer === undefined
      ? (Promise.resolve('well') as Promise<never>)
      : Promise.reject(new KubeError({ ...call, status: 500, ...answer }))
  permissions = new Permissions({
    connection: {
      request: (options: CallOptions) => {
        if (options.describe.resource !== 'selfsubjectaccessreviews.authorization.k8s.io') return respond(options)
        reviews.push((options.body as { spec: { resourceAttributes: unknown } }).spec.resourceAttributes)
        return new Promise((resolve) => {
          resolve(review())
        })
      },
      stream: respond,
    },
    clock,
    random: () => 0.5,
    log,
    metrics: {
      missing: (permission, isMissing) => {
        if (isMissing) missing.add(describePermission(permission))
        else missing.delete(describePermission(permission))
      },
    },
    onGranted: (permission) => granted.push(`${permission.verb} ${permission.resource}`),
  })
})

async function call(describe: CallDescription, failure?: Partial<KubeErrorOptions>): Promise<unknown> {
  answer = failure
  const result = permissions.request({ method: 'GET', path: '/', describe })
  return failure === undefined ? await result : await result.catch((error: unknown) => error)
}

describe('what is missing', () => {
  it('is said once, however often it is refused, and once when it is there', async () => {
    for (let times = 0; times < 3; times++)
      expect(await call(list, { status: 403 })).toMatchObject({ status: 403, lacksPermission: true })
    expect(permissions.missing).toEqual([{ verb: 'list', resource: 'deployments.apps', namespace: 'shop' }])
    expect([...missing]).toEqual(['the verb list on deployments.apps in the namespace shop'])
    expect(await call(list)).toBe('well')
    await call(list)
    expect([...missing, ...permissions.missing]).toEqual([])
    expect(said).toEqual([
      'warn list deployments.apps shop: a permission is missing',
      'info list deployments.apps shop: a permission that was missing is there',
    ])
    expect(granted).toEqual(['list deployments.apps'])
  })

  it.each<[string, CallDescription, Partial<KubeErrorOptions>, boolean]>([
    ['reading', getA, { status: 403 }, true],
    ['writing, by the authorizer', status, denied, true],
    ['writing, by a quota or a policy', status, { status: 403 }, false],
    ['signed out', getA, { status: 401 }, false],
    ['absent', getA, { status: 404 }, false],
    ['no answer', getA, { status: 0 }, false],
    ['an error', getA, { status: 500 }, false],
  ])('is told from other failures: %s', async (_, describe, failure, isMissing) => {
    await call(describe, failure)
    expect(missing.size === 1).toBe(isMissing)
  })

  it.each<[Partial<KubeErrorOptions>, boolean]>([
    [{ status: 404 }, true],
    [{ status: 409 }, true],
    [{ status: 422 }, true],
    [{ status: 403 }, true],
    [{ status: 401 }, false],
    [{ status: 429 }, false],
    [{ status: 500 }, false],
    [{ status: 0 }, false],
  ])('is there when the API server went on to say %o', async (failure, isGranted) => {
    await call(status, denied)
    await call(status, failure)
    expect(missing.size === 0).toBe(isGranted)
  })

  it('counts for a watch as for any call', async () => {
    answer = { status: 403 }
    const watch = { verb: 'watch', resource: 'secrets', namespace: 'shop' }
    const options = { path: '/', signal: new AbortController().signal, describe: watch }
    await expect(permissions.stream(options)).rejects.toThrow('watch secrets in shop')
    expect(missing.size).toBe(1)
    answer = undefined
    expect(await permissions.stream(options)).toBe('well')
    expect(missing.size).toBe(0)
  })

  it('may be granted for single names: one that is read says nothing of another', async () => {
    await call(getB, { status: 403 })
    for (let times = 0; times < 3; times++) {
      await call(getA)
      await call(getB, { status: 403 })
    }
    expect([said.length, missing.size, granted.length]).toEqual([1, 1, 0])
    await call(getA, { status: 403 })
    await call(getB)
    // Who else waits is woken by the first, not by each.
    expect([missing.size, granted.length]).toEqual([1, 1])
    await call(getA)
    expect([said.length, missing.size, granted.length]).toEqual([2, 0, 1])
  })

  it('is bounded', async () => {
    for (let index = 0; index < 1100; index++) await call({ ...list, namespace: `n${String(index)}` }, { status: 403 })
    expect(missing.size).toBe(1000)
  })
})

describe('the review', () => {
  it('asks once in 20 seconds for each right, and for nothing when all is there', async () => {
    await call(getA)
    await clock.advance(60_000)
    expect(reviews).toEqual([])
    for (const describe of [getA, getB, status, { verb: 'watch', resource: 'deployments.apps' }])
      await call(describe, denied)
    await clock.advance(20_000)
    expect(reviews).toEqual([
      { verb: 'get', resource: 'secrets', namespace: 'shop' },
      { verb: 'patch', group: 'tracardi.com', resource: 'tracardiresources', subresource: 'status', namespace: 'shop' },
      { verb: 'watch', group: 'apps', resource: 'deployments' },
    ])
    await clock.advance(20_000)
    expect(reviews).toHaveLength(6)
    review = () => ({ status: { allowed: true } })
    await clock.advance(20_000)
    expect([...missing]).toEqual([])
    expect(granted).toHaveLength(3)
    await clock.advance(60_000)
    expect([reviews.length, clock.pending]).toEqual([9, 0])
  })

  it.each([
    [
      'cannot be had',
      () => {
        throw new KubeError({ verb: 'create', resource: 'x', status: 403 })
      },
    ],
    ['makes no sense', () => 'yes'],
  ])('that %s leaves all as it is', async (_, made) => {
    await call(list, { status: 403 })
    review = made
    await clock.advance(100_000)
    expect(missing.size).toBe(1)
    expect(said).toHaveLength(1)
  })

  it('lets go of a name that nobody asks for any more', async () => {
    await call(getA, { status: 403 })
    await clock.advance(1_100_000)
    expect(missing.size).toBe(1)
    await clock.advance(200_000)
    expect(missing.size).toBe(0)
    expect(said.at(-1)).toContain('needed no more')
  })

  it('ends with the operator', async () => {
    await call(list, { status: 403 })
    permissions.close()
    await call(getA, { status: 403 })
    await clock.advance(100_000)
    expect([reviews, clock.pending]).toEqual([[], 0])
  })
})

it('says what to grant, and where', () => {
  const permission = { verb: 'list', resource: 'secrets', namespace: undefined }
  expect(grantText(permission)).toBe(
    "Grant the operator's ServiceAccount the verb list on secrets in all namespaces; it goes on by itself then.",
  )
})
