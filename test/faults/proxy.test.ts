import { KubeConfig } from '@kubernetes/client-node'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { KubeClient } from '../../src/kube/client.ts'
import { systemClock } from '../../src/kube/clock.ts'
import { KubeError } from '../../src/kube/errors.ts'
import { secrets } from '../../src/kube/objects.ts'
import { Transport } from '../../src/kube/transport.ts'
import { createNamespace, secret } from '../operator/support/fixtures.ts'
import { Kube, waitFor } from '../operator/support/kube.ts'
import { startFaultProxy, statusBody, type FaultProxy } from './proxy.ts'

let parts: AsyncDisposableStack
let kube: Kube
let proxy: FaultProxy
let client: KubeClient
let namespace: string

beforeEach(async () => {
  parts = new AsyncDisposableStack()
  kube = parts.use(await Kube.connect(inject('kubeconfig')))
  proxy = parts.use(await startFaultProxy({ kubeconfig: inject('kubeconfig') }))
  const kubeConfig = new KubeConfig()
  kubeConfig.loadFromFile(await proxy.kubeconfig())
  const transport = new Transport({ kubeConfig, userAgent: 'proxy-test', clock: systemClock, requestTimeoutMs: 1_000 })
  client = new KubeClient(parts.use(transport))
  namespace = await createNamespace(kube, 'proxy')
  await kube.create('secrets', namespace, secret('one', { key: 'value' }))
})

afterEach(async () => {
  await parts.disposeAsync()
})

const read = () => client.get(secrets, namespace, 'one')
const create = (name: string) => client.create(secrets, namespace, secret(name, {}))

async function reasonOf(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => 'success',
    (failure: unknown) => failure,
  )
  return error instanceof KubeError ? error.reason : String(error)
}

describe('a proxy in front of the API server', () => {
  it('passes calls and watches on, and says what they were', async () => {
    const { resourceVersion } = (await client.list(secrets, { namespace })) as { resourceVersion: string }
    const stop = new AbortController()
    const watch = await client.watch(secrets, { namespace, resourceVersion, timeoutSeconds: 60, signal: stop.signal })
    await create('two')
    const seen: string[] = []
    for await (const event of watch) {
      if (event.type === 'ERROR') throw new Error('an ERROR event')
      seen.push(`${event.type} ${event.object.metadata.name}`)
      stop.abort()
    }
    expect(seen).toEqual(['ADDED two'])
    expect(proxy.calls.map(({ verb, resource, name }) => ({ verb, resource, name }))).toEqual([
      { verb: 'list', resource: 'secrets', name: undefined },
      { verb: 'watch', resource: 'secrets', name: undefined },
      { verb: 'create', resource: 'secrets', name: undefined },
    ])
    expect(proxy.calls[2]).toMatchObject({ namespace, userAgent: 'proxy-test', body: { metadata: { name: 'two' } } })
  })

  it('does to one call what the script says', async () => {
    const exists = async (name: string) => (await kube.get('secrets', namespace, name)) !== undefined
    proxy.before = () => ({ kind: 'Reset', when: 'BeforeForwarding' })
    expect([await reasonOf(create('a')), await exists('a')]).toEqual(['Unreachable', false])
    proxy.before = () => ({ kind: 'Reset', when: 'BeforeAnswer' })
    expect([await reasonOf(create('b')), await exists('b')]).toEqual(['Unreachable', true])
    proxy.before = () => ({ kind: 'Reset', when: 'AmidBody' })
    expect(await reasonOf(read())).toBe('Unreachable')
    proxy.before = () => ({ kind: 'Dark', when: 'BeforeAnswer' })
    expect([await reasonOf(create('c')), await exists('c')]).toEqual(['DeadlineExceeded', true])
    proxy.before = () => ({ kind: 'Answer', status: 503, body: statusBody(503, 'ServiceUnavailable') })
    expect(await reasonOf(read())).toBe('ServiceUnavailable')
    proxy.before = () => ({ kind: 'Alter', alter: (body) => body.subarray(0, 20) })
    expect(await reasonOf(read())).toBe('InvalidResponse')
    proxy.before = () => ({ kind: 'Trickle', bytes: 100, everyMs: 1 })
    expect(await reasonOf(read())).toBe('success')
  })

  it('holds calls back before the server sees them, and answers before the client does', async () => {
    const held = Promise.withResolvers<undefined>()
    proxy.before = async () => {
      await held.promise
      return { kind: 'Forward' }
    }
    // The client gives up; the call arrives all the same, as it would on a slow network.
    expect(await reasonOf(create('late'))).toBe('DeadlineExceeded')
    expect(await kube.get('secrets', namespace, 'late')).toBeUndefined()
    held.resolve(undefined)
    await waitFor(
      'the late call',
      () => kube.get('secrets', namespace, 'late'),
      (found) => found !== undefined,
    )
    proxy.before = () => ({ kind: 'Forward' })
    const answered: number[] = []
    proxy.after = (_call, status) => {
      answered.push(status)
    }
    await read()
    expect(answered).toEqual([200])
  })

  it('refuses connections, lets them go dark, forgets them, and is back', async () => {
    expect(await reasonOf(read())).toBe('success')
    proxy.after = () => {
      proxy.forgetConnections()
    }
    expect(await reasonOf(read())).toBe('DeadlineExceeded')
    proxy.after = () => undefined
    // Every connection of the pool that was forgotten costs a call.
    await waitFor(
      'a new connection',
      () => reasonOf(read()),
      (reason) => reason === 'success',
    )
    await proxy.partition('Refuse')
    expect(await reasonOf(read())).toBe('Unreachable')
    await proxy.partition('Open')
    expect(await reasonOf(read())).toBe('success')
    await proxy.partition('Dark')
    expect(await reasonOf(read())).toBe('DeadlineExceeded')
    await proxy.partition('Open')
    expect(await reasonOf(read())).toBe('success')
  })

  it('has other certificates and other tokens when it is told', async () => {
    await read()
    proxy.replaceCertificate()
    expect(await reasonOf(read())).toBe('Unreachable')
    await proxy.publishCertificate()
    await waitFor(
      'trust',
      () => reasonOf(read()),
      (reason) => reason === 'success',
    )
    proxy.expireTokens()
    expect(await reasonOf(read())).toBe('Unauthorized')
    await proxy.publishTokens()
    expect(await reasonOf(read())).toBe('success')
  })
})
