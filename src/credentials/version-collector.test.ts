import { expect, test } from 'vitest'
import { KubeError } from '../kube/errors.ts'
import type { KubeClient } from '../kube/client.ts'
import { collectVersion } from './version-collector.ts'

const owner = { installation: 'green', namespace: 'shop', resource: 'mail', resourceUid: 'u' }

function client(options: { named?: string; ownerAnnotation?: string; get?: number; delete?: number }) {
  const calls: string[] = []
  const failure = (verb: string, status: number): KubeError =>
    new KubeError({ verb, resource: 'secrets', namespace: 'shop', name: 'mail-credentials-1-aaaaa', status })
  const fake = {
    list: (type: { plural: string }, { labelSelector, limit, metadataOnly }: Record<string, unknown>) => {
      calls.push(`list ${type.plural} ${String(labelSelector)} ${String(limit)} ${String(metadataOnly)}`)
      return Promise.resolve({ items: options.named === type.plural ? [{}] : [] })
    },
    get: (_type: unknown, namespace: string, name: string) => {
      calls.push(`get ${namespace}/${name}`)
      if (options.get !== undefined) return Promise.reject(failure('get', options.get))
      const labels = { 'app.kubernetes.io/managed-by': 'tracardi-operator', 'tracardi.com/resource': 'mail' }
      const annotations = {
        'tracardi.com/owner': options.ownerAnnotation ?? 'green/shop/mail',
        'tracardi.com/credentials-id': '1-aaaaa',
      }
      return Promise.resolve({ metadata: { name, uid: 'its', resourceVersion: '7', labels, annotations } })
    },
    delete: (_type: unknown, namespace: string, name: string, { uid, resourceVersion }: Record<string, unknown>) => {
      calls.push(`delete ${namespace}/${name} ${String(uid)} ${String(resourceVersion)}`)
      return options.delete === undefined ? Promise.resolve() : Promise.reject(failure('delete', options.delete))
    },
  }
  return { fake: fake as unknown as KubeClient, calls }
}

const lists = ['replicasets', 'controllerrevisions', 'pods'].map(
  (plural) => `list ${plural} credentials.tracardi.com/mail=1-aaaaa 1 true`,
)
const get = 'get shop/mail-credentials-1-aaaaa'
const deletion = 'delete shop/mail-credentials-1-aaaaa its 7'

test.each<[string, Parameters<typeof client>[0], 'Kept' | 'Gone' | number, string[]]>([
  ['nothing names it', {}, 'Gone', [...lists, get, deletion]],
  ['a ReplicaSet names it', { named: 'replicasets' }, 'Kept', lists.slice(0, 1)],
  ['a ControllerRevision names it', { named: 'controllerrevisions' }, 'Kept', lists.slice(0, 2)],
  ['a pod names it', { named: 'pods' }, 'Kept', lists],
  ['it is gone already', { get: 404 }, 'Gone', [...lists, get]],
  ["it is somebody else's", { ownerAnnotation: 'blue/shop/mail' }, 'Gone', [...lists, get]],
  ['it goes meanwhile', { delete: 404 }, 'Gone', [...lists, get, deletion]],
  ['it changes meanwhile', { delete: 409 }, 'Kept', [...lists, get, deletion]],
  ['it may not be deleted', { delete: 403 }, 403, [...lists, get, deletion]],
])('%s', async (_, options, expected, calls) => {
  const api = client(options)
  const version = { targetName: 'mail-credentials', id: '1-aaaaa', owner }
  const collected = collectVersion(api.fake, version, new AbortController().signal)
  if (typeof expected === 'number') await expect(collected).rejects.toMatchObject({ status: expected })
  else expect(await collected).toBe(expected)
  expect(api.calls).toEqual(calls)
})
