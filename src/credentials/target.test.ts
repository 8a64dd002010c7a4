import { describe, expect, test } from 'vitest'
import type { ServiceDefinition } from '../catalogue/definition.ts'
import type { ManagedFieldsEntry, OwnerReference } from '../kube/objects.ts'
import type { ResolvedField } from './resolve.ts'
import type { SecretSnapshot } from './secret-cache.ts'
import { Sensitive } from './sensitive.ts'
import {
  formatProvenance,
  isVersion,
  newTarget,
  newVersion,
  observeTarget,
  ownerOf,
  ownerPatch,
  parseProvenance,
  sameContents,
  sameSources,
  targetContents,
  targetPatch,
} from './target.ts'
import type { Provenance, TargetDesire, TargetOwner } from './target.ts'

const owner: TargetOwner = {
  installation: 'green',
  namespace: 'marketing',
  resource: 'queue',
  resourceUid: 'uid-4f2c9',
}
const provenance: Provenance = {
  resourceUid: 'uid-4f2c9',
  generation: 3,
  sources: [
    { name: 'live', uid: 'b6f1', resourceVersion: '10' },
    { name: 'shared', uid: 'a0e2', resourceVersion: '7' },
  ],
  keys: ['REDIS_HOST', 'REDIS_PORT'],
}

const labels = { 'app.kubernetes.io/managed-by': 'tracardi-operator', 'tracardi.com/resource': 'queue' }
const annotations = {
  'tracardi.com/owner': 'green/marketing/queue',
  'tracardi.com/credentials-id': '3-4f2c9',
  'tracardi.com/source': formatProvenance(provenance),
}

function contents(values: Record<string, string>): Map<string, Sensitive> {
  return new Map(Object.entries(values).map(([key, value]) => [key, Sensitive.of(Buffer.from(value))]))
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

function claims(manager: string, fieldsV1: Record<string, unknown>): ManagedFieldsEntry {
  return { manager, operation: 'Update', fieldsV1 }
}
const oursAlone = claims('tracardi-operator', {
  'f:data': { '.': {}, 'f:REDIS_HOST': {}, 'f:REDIS_PORT': {} },
  'f:metadata': { 'f:annotations': { 'f:tracardi.com/credentials-id': {} } },
})

function snapshot(change: Partial<SecretSnapshot> = {}): SecretSnapshot {
  return {
    name: 'queue-credentials',
    uid: 'target-uid',
    resourceVersion: '12',
    type: 'Opaque',
    labels,
    annotations,
    ownerReferences: [],
    managedFields: [oursAlone],
    data: contents({ REDIS_HOST: 'h', REDIS_PORT: '1' }),
    [Symbol.dispose]: () => undefined,
    ...change,
  }
}

describe('whose it is', () => {
  const managedBy = 'app.kubernetes.io/managed-by'
  test.each<[string, SecretSnapshot | undefined, object]>([
    ['absent', undefined, { state: 'Absent' }],
    ['bare', snapshot({ labels: {}, annotations: {} }), { state: 'Foreign' }],
    ['ours', snapshot(), { state: 'Ours', id: '3-4f2c9', provenance, edited: false }],
    ['with labels of others as well', snapshot({ labels: { ...labels, team: 'x' } }), { state: 'Ours' }],
    ['managed by somebody else', snapshot({ labels: { ...labels, [managedBy]: 'Helm' } }), { state: 'Foreign' }],
    ['not labelled as managed', snapshot({ labels: { 'tracardi.com/resource': 'queue' } }), { state: 'Foreign' }],
    ['of another resource', snapshot({ labels: { ...labels, 'tracardi.com/resource': 'mail' } }), { state: 'Foreign' }],
    ['labels alone', snapshot({ annotations: {} }), { state: 'Foreign' }],
    [
      'copied from another namespace',
      snapshot({ annotations: { ...annotations, 'tracardi.com/owner': 'green/sales/queue' } }),
      { state: 'Foreign' },
    ],
    [
      'copied from another resource',
      snapshot({ annotations: { ...annotations, 'tracardi.com/owner': 'green/marketing/mail' } }),
      { state: 'Foreign' },
    ],
    [
      'of another installation',
      snapshot({ annotations: { ...annotations, 'tracardi.com/owner': 'blue/marketing/queue' } }),
      { state: 'Elsewhere', installation: 'blue' },
    ],
    [
      'of no installation',
      snapshot({ annotations: { ...annotations, 'tracardi.com/owner': '/marketing/queue' } }),
      { state: 'Foreign' },
    ],
  ])('%s', (_, secret, expected) => {
    expect(observeTarget(secret, owner)).toMatchObject(expected)
  })

  test('the owner is told by installation, namespace and name, not by uid: a recreated resource takes it up', () => {
    expect(ownerOf(owner)).toBe('green/marketing/queue')
    expect(observeTarget(snapshot(), { ...owner, resourceUid: 'another' })).toMatchObject({
      state: 'Ours',
      edited: false,
    })
  })
})

describe('whether somebody else had a hand in it', () => {
  const without = (key: string) => Object.fromEntries(Object.entries(annotations).filter(([name]) => name !== key))
  const metadata = (key: string) => ({ 'f:metadata': { 'f:annotations': { [`f:${key}`]: {} } } })
  test.each<[string, Partial<SecretSnapshot>, boolean]>([
    ['nobody', {}, false],
    ['the operator itself, in several entries', { managedFields: [oursAlone, oursAlone] }, false],
    [
      'a label',
      { managedFields: [oursAlone, claims('kubectl-label', { 'f:metadata': { 'f:labels': { 'f:team': {} } } })] },
      false,
    ],
    ['an annotation of theirs', { managedFields: [oursAlone, claims('kubectl', metadata('note'))] }, false],
    ['the type', { managedFields: [oursAlone, claims('kubectl', { 'f:type': {} })] }, false],
    ['an entry without fields', { managedFields: [oursAlone, { manager: 'kubectl' }] }, false],
    ['a value', { managedFields: [oursAlone, claims('kubectl-edit', { 'f:data': { 'f:REDIS_HOST': {} } })] }, true],
    [
      'a value, before ours',
      { managedFields: [claims('argocd', { 'f:data': { 'f:REDIS_HOST': {} } }), oursAlone] },
      true,
    ],
    ['a value, by an entry without a name', { managedFields: [oursAlone, { fieldsV1: { 'f:data': {} } }] }, true],
    [
      'a value, but before the operator wrote last: a backup that was restored, a manifest that was applied',
      {
        managedFields: [
          { ...claims('velero', { 'f:data': { 'f:REDIS_HOST': {} } }), time: '2026-11-24T07:00:00Z' },
          { ...oursAlone, time: '2026-11-24T07:00:01Z' },
        ],
      },
      false,
    ],
    [
      'a value, in the second in which the operator wrote last',
      {
        managedFields: [
          { ...claims('kubectl-edit', { 'f:data': { 'f:REDIS_HOST': {} } }), time: '2026-11-24T07:00:01Z' },
          { ...oursAlone, time: '2026-11-24T07:00:01Z' },
        ],
      },
      true,
    ],
    ['the id', { managedFields: [oursAlone, claims('kubectl', metadata('tracardi.com/credentials-id'))] }, true],
    ['the provenance', { managedFields: [oursAlone, claims('kubectl', metadata('tracardi.com/source'))] }, true],
    ['the record was wiped', { managedFields: [] }, true],
    ['the record holds others alone', { managedFields: [claims('velero', { 'f:metadata': {} })] }, true],
    [
      'a key was added, and the record lost it',
      { data: contents({ REDIS_HOST: 'h', REDIS_PORT: '1', MORE: 'x' }) },
      true,
    ],
    ['a key was taken away, which leaves no trace', { data: contents({ REDIS_HOST: 'h' }) }, true],
    ['everything was taken away', { data: new Map() }, true],
    ['the order of keys means nothing', { data: contents({ REDIS_PORT: '1', REDIS_HOST: 'h' }) }, false],
    ['no id', { annotations: without('tracardi.com/credentials-id') }, true],
    ['no id that could be one', { annotations: { ...annotations, 'tracardi.com/credentials-id': 'latest' } }, true],
    ['no provenance', { annotations: without('tracardi.com/source') }, true],
    ['no provenance that can be read', { annotations: { ...annotations, 'tracardi.com/source': '{' } }, true],
  ])('%s', (_, change, edited) => {
    expect(observeTarget(snapshot(change), owner)).toMatchObject({ state: 'Ours', edited })
  })

  test('an id that is none is not taken', () => {
    const odd = { ...annotations, 'tracardi.com/credentials-id': '3-4f2c9; rm' }
    expect(observeTarget(snapshot({ annotations: odd }), owner)).toMatchObject({ id: undefined })
  })
})

describe('provenance', () => {
  test('comes back as it was', () => {
    expect(parseProvenance(formatProvenance(provenance))).toEqual(provenance)
    const bare = { resourceUid: 'u', generation: 0, sources: [], keys: [] }
    expect(parseProvenance(formatProvenance(bare))).toEqual(bare)
  })

  test('is the same text, whatever the order, so that nothing is written for it', () => {
    const text = formatProvenance(provenance)
    expect(
      formatProvenance({ ...provenance, sources: provenance.sources.toReversed(), keys: ['REDIS_PORT', 'REDIS_HOST'] }),
    ).toBe(text)
    expect(formatProvenance(parseProvenance(text)!)).toBe(text)
  })

  const parts = JSON.parse(formatProvenance(provenance)) as Record<string, unknown>
  test.each<[string, string | undefined]>([
    ['nothing', undefined],
    ['empty', ''],
    ['no JSON', 'live=b6f1/10'],
    ['null', 'null'],
    ['a number', '3'],
    ['a list', '[]'],
    ...Object.keys(parts).map((key): [string, string] => [
      `without ${key}`,
      JSON.stringify({ ...parts, [key]: undefined }),
    ]),
    ...Object.keys(parts).map((key): [string, string] => [`odd ${key}`, JSON.stringify({ ...parts, [key]: { a: 1 } })]),
    ['keys that are no texts', JSON.stringify({ ...parts, keys: [1] })],
    ['sources that are no texts', JSON.stringify({ ...parts, sources: [null] })],
    ...[
      'live',
      'live=b6f1',
      'live=b6f1/',
      '=b6f1/10',
      'live=/10',
      'live=b6f1/x',
      'live=b6f1/10/2',
      'live=b6f1/10\n',
    ].map((source): [string, string] => [
      `the source ${JSON.stringify(source)}`,
      JSON.stringify({ ...parts, sources: [source] }),
    ]),
  ])('%s is none', (_, text) => {
    expect(parseProvenance(text)).toBeUndefined()
  })
})

test('sameSources: name, uid and resourceVersion, in any order', () => {
  const [live, shared] = provenance.sources as [Provenance['sources'][number], Provenance['sources'][number]]
  expect(sameSources([live, shared], [shared, live])).toBe(true)
  expect(sameSources([], [])).toBe(true)
  for (const other of [
    [live],
    [],
    [live, live],
    [live, { ...shared, name: 'x' }],
    [live, { ...shared, uid: 'x' }],
    [live, { ...shared, resourceVersion: '8' }],
  ])
    expect(sameSources([live, shared], other)).toBe(false)
})

test('sameContents', () => {
  const one = contents({ A: '1', B: '2' })
  expect(sameContents(one, contents({ B: '2', A: '1' }))).toBe(true)
  for (const other of [{ A: '1' }, { A: '1', B: '3' }, { A: '1', C: '2' }, { A: '1', B: '2', C: '3' }, {}])
    expect(sameContents(one, contents(other as Record<string, string>))).toBe(false)
})

describe('targetContents', () => {
  const service: ServiceDefinition = {
    id: 'queue',
    title: 'Queue',
    description: '',
    variants: [],
    getCredential: '',
    tracardi: [],
    fields: [
      { name: 'url', aliases: [], secret: true, description: '', env: ['QUEUE_URL', 'BROKER_URL'] },
      { name: 'onBehalfOf', aliases: [], secret: false, description: '', env: [] },
    ],
  }
  const field = (name: string, value: string): [string, ResolvedField] => [
    name,
    { name, value: Sensitive.of(Buffer.from(value)), secret: 'live', key: name },
  ]
  const fields = new Map([field('url', 'u'), field('onBehalfOf', 'o')])
  const defaults = { QUEUE_URL: 'u', BROKER_URL: 'u', QUEUE_ON_BEHALF_OF: 'o' }

  test.each<[string, Record<string, string | null> | null | undefined, Record<string, string>, string[]]>([
    ['every default', undefined, defaults, []],
    ['null counts as absent', null, defaults, []],
    ['null of a field too', { url: null }, defaults, []],
    ['a key of its own takes the place of all defaults', { url: 'MINE' }, { MINE: 'u', QUEUE_ON_BEHALF_OF: 'o' }, []],
    ['of a field that is not there', { other: 'X' }, defaults, []],
    ['two under one key', { url: 'QUEUE_ON_BEHALF_OF' }, { QUEUE_ON_BEHALF_OF: 'o' }, ['QUEUE_ON_BEHALF_OF']],
    ['two under a default', { onBehalfOf: 'BROKER_URL' }, { QUEUE_URL: 'u', BROKER_URL: 'o' }, ['BROKER_URL']],
  ])('%s', (_, keys, expected, conflicts) => {
    const made = targetContents(service, fields, keys)
    expect(
      Object.fromEntries([...made.contents].map(([key, value]) => [key, Buffer.from(value.reveal()).toString()])),
    ).toEqual(expected)
    expect(made.conflicts).toEqual(conflicts)
  })

  test('only fields that were found', () => {
    expect([...targetContents(service, new Map([field('url', 'u')]), null).contents.keys()]).toEqual([
      'QUEUE_URL',
      'BROKER_URL',
    ])
  })
})

const desire: TargetDesire = {
  id: '3-4f2c9',
  provenance,
  contents: contents({ REDIS_HOST: 'h', REDIS_PORT: '1' }),
  deleteWithResource: false,
}

const ownReference: OwnerReference = {
  apiVersion: 'tracardi.com/v1beta1',
  kind: 'TracardiResource',
  name: 'queue',
  uid: 'uid-4f2c9',
  controller: true,
  blockOwnerDeletion: false,
}

describe('newTarget', () => {
  test('is complete', () => {
    expect(newTarget('queue-credentials', desire, owner)).toStrictEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'queue-credentials', namespace: 'marketing', labels, annotations },
      type: 'Opaque',
      data: { REDIS_HOST: base64('h'), REDIS_PORT: base64('1') },
    })
  })

  test('goes with its resource if that is wanted', () => {
    expect(newTarget('x', { ...desire, deleteWithResource: true }, owner)).toMatchObject({
      metadata: { ownerReferences: [ownReference] },
    })
  })

  test('what is created is read as ours and untouched', () => {
    const made = newTarget('queue-credentials', desire, owner) as {
      metadata: Pick<SecretSnapshot, 'labels' | 'annotations'>
    }
    expect(observeTarget(snapshot(made.metadata), owner)).toMatchObject({
      state: 'Ours',
      edited: false,
      id: '3-4f2c9',
      provenance,
    })
  })

  test('bytes go as they are', () => {
    const bytes = Buffer.from([0, 255, 10, 128])
    // A view into a larger buffer, as Buffer.from often gives.
    const view = Sensitive.of(Buffer.concat([Buffer.from('before'), bytes, Buffer.from('after')]).subarray(6, 10))
    expect(newTarget('x', { ...desire, contents: new Map([['KEY', view]]) }, owner)).toMatchObject({
      data: { KEY: bytes.toString('base64') },
    })
  })
})

describe('targetPatch', () => {
  const fence = { uid: 'target-uid', resourceVersion: '12' }

  test('nothing differs: nothing is written', () => {
    expect(targetPatch(snapshot(), desire, owner)).toBeUndefined()
    expect(
      targetPatch(
        snapshot({ annotations: { ...annotations, note: 'x' }, labels: { ...labels, team: 'x' } }),
        desire,
        owner,
      ),
    ).toBeUndefined()
    expect(
      targetPatch(snapshot({ data: contents({ REDIS_PORT: '1', REDIS_HOST: 'h' }) }), desire, owner),
    ).toBeUndefined()
  })

  test('a rotation: id, provenance and contents in one write, with the fence', () => {
    const next = { ...provenance, generation: 4 }
    const patch = targetPatch(
      snapshot(),
      { ...desire, id: '4-4f2c9', provenance: next, contents: contents({ REDIS_HOST: 'new', REDIS_PORT: '1' }) },
      owner,
    )
    expect(patch).toStrictEqual({
      metadata: {
        ...fence,
        annotations: {
          'tracardi.com/owner': 'green/marketing/queue',
          'tracardi.com/credentials-id': '4-4f2c9',
          'tracardi.com/source': formatProvenance(next),
        },
      },
      data: { REDIS_HOST: base64('new'), REDIS_PORT: base64('1') },
    })
  })

  test('a record that is renewed carries no contents', () => {
    const patch = targetPatch(snapshot(), { ...desire, provenance: { ...provenance, generation: 4 } }, owner)
    expect(patch).toMatchObject({ metadata: fence })
    expect(patch).not.toHaveProperty('data')
  })

  test('keys that are not wanted any more, or never were, are taken out', () => {
    const patch = targetPatch(snapshot({ data: contents({ REDIS_HOST: 'h', OLD: 'o', FOREIGN: 'f' }) }), desire, owner)
    expect(patch).toMatchObject({
      metadata: fence,
      data: { REDIS_HOST: base64('h'), REDIS_PORT: base64('1'), OLD: null, FOREIGN: null },
    })
  })

  const other: OwnerReference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'queue', uid: 'other' }
  const namesake: OwnerReference = { ...ownReference, apiVersion: 'example.com/v1', uid: 'namesake' }
  const stale: OwnerReference = { ...ownReference, uid: 'of-the-one-before' }
  test.each<[string, OwnerReference[], boolean, OwnerReference[] | undefined]>([
    ['none, none wanted', [], false, undefined],
    ['none, wanted', [], true, [ownReference]],
    ['there, wanted', [ownReference], true, undefined],
    ['there, not wanted', [ownReference], false, []],
    ['of the resource before this one', [stale], true, [ownReference]],
    ['of the resource before this one, not wanted', [stale], false, []],
    ['others stay', [other], true, [other, ownReference]],
    ['others stay when ours goes', [ownReference, other], false, [other]],
    ['others and ours, wanted', [other, ownReference], true, undefined],
    ['others alone, not wanted', [other, namesake], false, undefined],
    ['one of another group is not ours', [namesake], true, [namesake, ownReference]],
  ])('ownerReferences: %s', (_, present, deleteWithResource, expected) => {
    const patch = targetPatch(snapshot({ ownerReferences: present }), { ...desire, deleteWithResource }, owner)
    if (expected === undefined) expect(patch).toBeUndefined()
    else expect(patch).toEqual({ metadata: { ...fence, annotations, ownerReferences: expected } })
  })
})

describe('versions', () => {
  const desire = { id: '3-4f2c9', contents: contents({ REDIS_HOST: 'h' }), deleteWithResource: false }
  const version = { 'tracardi.com/owner': 'green/marketing/queue', 'tracardi.com/credentials-id': '3-4f2c9' }

  test('an immutable copy, under a name of its own', () => {
    expect(newVersion('queue-credentials', desire, owner)).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'queue-credentials-3-4f2c9', namespace: 'marketing', labels, annotations: version },
      type: 'Opaque',
      immutable: true,
      data: { REDIS_HOST: base64('h') },
    })
  })

  test('one that goes with its resource', () => {
    const made = newVersion('queue-credentials', { ...desire, deleteWithResource: true }, owner)
    expect(made).toMatchObject({ metadata: { ownerReferences: [{ kind: 'TracardiResource', uid: 'uid-4f2c9' }] } })
  })

  test.each<[string, boolean, Record<string, string>, Record<string, string>]>([
    ['its own', true, labels, version],
    ['with more beside', true, { ...labels, a: 'b' }, { ...version, a: 'b' }],
    ['of another id', false, labels, { ...version, 'tracardi.com/credentials-id': '4-4f2c9' }],
    ['of another installation', false, labels, { ...version, 'tracardi.com/owner': 'blue/marketing/queue' }],
    ['of another resource', false, { ...labels, 'tracardi.com/resource': 'other' }, version],
    ['not marked as managed', false, { 'tracardi.com/resource': 'queue' }, version],
    ['of nobody', false, {}, {}],
  ])('one %s: %s', (_, expected, its, notes) => {
    expect(isVersion({ labels: its, annotations: notes }, '3-4f2c9', owner)).toBe(expected)
  })

  const foreign: OwnerReference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'x' }
  const its: OwnerReference = {
    apiVersion: 'tracardi.com/v1beta1',
    kind: 'TracardiResource',
    name: 'queue',
    uid: 'uid-4f2c9',
    controller: true,
    blockOwnerDeletion: false,
  }
  test.each<[string, OwnerReference[], boolean, OwnerReference[] | undefined]>([
    ['stays', [foreign], false, undefined],
    ['goes', [foreign, its], true, undefined],
    ['shall go', [foreign], true, [foreign, its]],
    ['shall stay', [foreign, its], false, [foreign]],
    ['goes with one that is gone', [{ ...its, uid: 'before' }], true, [its]],
  ])('one that %s', (_, ownerReferences, deleteWithResource, expected) => {
    const patch = ownerPatch({ uid: 'u', resourceVersion: '7', ownerReferences }, { deleteWithResource }, owner)
    expect(patch).toEqual(
      expected === undefined ? undefined : { metadata: { uid: 'u', resourceVersion: '7', ownerReferences: expected } },
    )
  })
})
