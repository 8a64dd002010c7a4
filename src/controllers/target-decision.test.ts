import { describe, expect, test } from 'vitest'
import type {
  Condition,
  TracardiResource,
  TracardiResourceSpec,
  TracardiResourceStatus,
} from '../api/tracardi-resource.ts'
import type { SecretSnapshot } from '../credentials/secret-cache.ts'
import { Sensitive } from '../credentials/sensitive.ts'
import type { Provenance, SourceVersion, TargetObservation } from '../credentials/target.ts'
import { decideTarget } from './target-decision.ts'
import type { TargetDecision, TargetInput } from './target-decision.ts'

// The end of the uid is the end of every id.
const uid = '0b1f6c1e-8d55-4a34-9c1b-2f7b00b4f2c9'

type Contents = Readonly<Record<string, string>>

function sensitive(contents: Contents): Map<string, Sensitive> {
  return new Map(Object.entries(contents).map(([key, value]) => [key, Sensitive.of(Buffer.from(value))]))
}

const live: SourceVersion = { name: 'live', uid: 'source-uid', resourceVersion: '10' }
const rotated: SourceVersion = { ...live, resourceVersion: '11' }
const old: Contents = { URL: 'old' }
const fresh: Contents = { URL: 'new' }

function resource(
  status?: TracardiResourceStatus,
  generation = 1,
  target: TracardiResourceSpec['target'] = {},
): TracardiResource {
  return {
    metadata: { name: 'queue', namespace: 'marketing', uid, resourceVersion: '1', generation },
    spec: { service: 'redis', credentials: { secretRef: { name: 'live' } }, target },
    ...(status !== undefined && { status }),
  }
}

/** What the status says once an id is in force. */
function knows(id: string, observedGeneration = 1, sources: SourceVersion[] = [live]): TracardiResourceStatus {
  return { observedGeneration, credentialsId: id, versions: [id], sources, target: { name: 'queue-credentials' } }
}

function ready(reason: string): Condition {
  return { type: 'Ready', status: 'False', reason, message: '', lastTransitionTime: '2026-01-01T00:00:00Z' }
}

function ours(options: {
  id?: string | undefined
  contents?: Contents
  edited?: boolean
  provenance?: Provenance | undefined
  resourceUid?: string
  generation?: number
  sources?: SourceVersion[]
}): TargetObservation {
  const { id, contents = old, edited = false, resourceUid = uid, generation = 1, sources = [live] } = options
  const secret: SecretSnapshot = {
    name: 'queue-credentials',
    uid: 'target-uid',
    resourceVersion: '5',
    type: 'Opaque',
    labels: {},
    annotations: {},
    ownerReferences: [],
    managedFields: [],
    data: sensitive(contents),
    [Symbol.dispose]: () => undefined,
  }
  const made = { resourceUid, generation, sources, keys: Object.keys(contents).sort() }
  return { state: 'Ours', secret, id, provenance: 'provenance' in options ? options.provenance : made, edited }
}

function decide(input: Partial<Omit<TargetInput, 'contents'>> & { contents?: Contents }): TargetDecision {
  const { contents, ...rest } = input
  return decideTarget({
    resource: resource(),
    target: { state: 'Absent' },
    targetName: 'queue-credentials',
    sources: [live],
    stamps: [],
    stampsHidden: false,
    contents: contents === undefined ? undefined : sensitive(contents),
    ...rest,
  })
}

/** A decision in one line: action, why or how, id, and what would be written. */
function told(decision: TargetDecision): string {
  switch (decision.action) {
    case 'Keep':
      return `Keep announced=${String(decision.announced)}`
    case 'Create':
    case 'Update': {
      const values = [...decision.desire.contents].map(
        ([key, value]) => `${key}=${Buffer.from(value.reveal()).toString()}`,
      )
      const { generation, sources } = decision.desire.provenance
      const from = sources.map((source) => `${source.name}@${source.resourceVersion}`).join(',')
      return `${decision.action} ${decision.why} ${decision.desire.id} ${values.join(',')} of ${from} gen ${String(generation)}`
    }
    case 'Conflict':
      return `Conflict announced=${decision.announced}`
    case 'Hold':
      return `Hold announced=${decision.announced}`
    case 'Elsewhere':
      return `Elsewhere ${decision.installation}`
    case 'Lost':
      return `Lost ${decision.how} announced=${decision.announced}`
  }
}

interface Row {
  status?: TracardiResourceStatus
  generation?: number
  target?: TargetObservation
  /** Absent: the credentials did not pass. */
  contents?: Contents
  sources?: SourceVersion[]
  stamps?: string[]
}

const table: Record<string, Record<string, [Row, string]>> = {
  'nothing under the name': {
    'valid, nothing ever in force': [{ contents: old }, 'Create First 1-4f2c9 URL=old of live@10 gen 1'],
    'valid, the first id was announced': [
      { contents: old, status: { observedGeneration: 1, versions: ['1-4f2c9'] } },
      'Create First 1-4f2c9 URL=old of live@10 gen 1',
    ],
    'valid, an id far above was announced': [
      { contents: old, status: { observedGeneration: 1, versions: ['9-4f2c9'] } },
      'Create First 9-4f2c9 URL=old of live@10 gen 1',
    ],
    'valid, a stamp is newer than what was announced': [
      { contents: old, status: { observedGeneration: 1, versions: ['3-4f2c9'] }, stamps: ['5-4f2c9'] },
      'Create First 6-4f2c9 URL=old of live@10 gen 1',
    ],
    'valid, a stamp equals what was announced': [
      { contents: old, status: { observedGeneration: 1, versions: ['5-4f2c9'] }, stamps: ['5-4f2c9'] },
      'Create First 6-4f2c9 URL=old of live@10 gen 1',
    ],
    'valid, what was announced is no id': [
      { contents: old, status: { observedGeneration: 1, versions: ['latest'] } },
      'Create First 1-4f2c9 URL=old of live@10 gen 1',
    ],
    'valid, consumers carry stamps of a resource of that name that is gone': [
      { contents: old, stamps: ['3-aaaaa', '7-aaaaa', 'junk'] },
      'Create First 8-4f2c9 URL=old of live@10 gen 1',
    ],
    'deleted by hand, same source and spec': [
      { contents: old, status: knows('3-4f2c9'), stamps: ['3-4f2c9'] },
      'Create Recreated 3-4f2c9 URL=old of live@10 gen 1',
    ],
    'deleted by hand, the source has changed': [
      { contents: fresh, sources: [rotated], status: knows('3-4f2c9') },
      'Create Lost 4-4f2c9 URL=new of live@11 gen 1',
    ],
    'deleted by hand, the source was recreated': [
      { contents: old, sources: [{ ...live, uid: 'other' }], status: knows('3-4f2c9') },
      'Create Lost 4-4f2c9 URL=old of live@10 gen 1',
    ],
    'deleted by hand, one source more': [
      { contents: old, sources: [live, { ...live, name: 'shared' }], status: knows('3-4f2c9') },
      'Create Lost 4-4f2c9 URL=old of live@10,shared@10 gen 1',
    ],
    'deleted by hand, the spec has changed': [
      { contents: old, generation: 2, status: knows('3-4f2c9') },
      'Create Lost 4-4f2c9 URL=old of live@10 gen 2',
    ],
    'deleted by hand, the source has changed, a stamp is ahead': [
      { contents: fresh, sources: [rotated], status: knows('3-4f2c9'), stamps: ['6-4f2c9', '2-4f2c9'] },
      'Create Lost 7-4f2c9 URL=new of live@11 gen 1',
    ],
    'the id in status is nonsense': [
      { contents: old, status: knows('latest') },
      'Create First 1-4f2c9 URL=old of live@10 gen 1',
    ],
    'invalid, nothing ever in force': [{}, 'Keep announced=1-4f2c9'],
    'invalid, an id was announced': [
      { status: { observedGeneration: 1, versions: ['4-4f2c9'] } },
      'Keep announced=4-4f2c9',
    ],
    'invalid, nothing in force but stamps': [{ stamps: ['4-aaaaa'] }, 'Keep announced=5-4f2c9'],
    'invalid, deleted by hand': [{ status: knows('3-4f2c9') }, 'Lost Deleted announced=4-4f2c9'],
    'invalid, deleted by hand, and the status says so already': [
      {
        status: {
          observedGeneration: 1,
          versions: ['4-4f2c9'],
          target: { name: 'queue-credentials' },
          conditions: [ready('TargetLost')],
        },
      },
      'Lost Deleted announced=4-4f2c9',
    ],
    'valid again after it was lost': [
      {
        contents: fresh,
        sources: [rotated],
        status: {
          observedGeneration: 1,
          versions: ['4-4f2c9'],
          target: { name: 'queue-credentials' },
          conditions: [ready('TargetLost')],
        },
      },
      'Create First 4-4f2c9 URL=new of live@11 gen 1',
    ],
    'invalid, waiting for the first': [
      {
        status: {
          observedGeneration: 1,
          versions: ['1-4f2c9'],
          target: { name: 'queue-credentials' },
          conditions: [ready('TrailingNewline')],
        },
      },
      'Keep announced=1-4f2c9',
    ],
    'invalid, deleted by hand, a stamp is ahead': [
      { status: knows('3-4f2c9'), stamps: ['8-4f2c9'] },
      'Lost Deleted announced=9-4f2c9',
    ],
  },
  'ours, untouched': {
    'same source, same spec': [
      { contents: old, status: knows('3-4f2c9'), target: ours({ id: '3-4f2c9' }) },
      'Update Recorded 3-4f2c9 URL=old of live@10 gen 1',
    ],
    'same source and spec, another version of the operator names keys otherwise': [
      { contents: { REDIS_URL: 'old' }, status: knows('3-4f2c9'), target: ours({ id: '3-4f2c9' }) },
      'Update Recorded 3-4f2c9 URL=old of live@10 gen 1',
    ],
    'the source was touched, the contents are the same': [
      { contents: old, sources: [rotated], status: knows('3-4f2c9'), target: ours({ id: '3-4f2c9' }) },
      'Update Recorded 3-4f2c9 URL=old of live@11 gen 1',
    ],
    'the spec was touched, the contents are the same': [
      { contents: old, generation: 2, status: knows('3-4f2c9'), target: ours({ id: '3-4f2c9' }) },
      'Update Recorded 3-4f2c9 URL=old of live@10 gen 2',
    ],
    'the source has other contents': [
      { contents: fresh, sources: [rotated], status: knows('3-4f2c9'), target: ours({ id: '3-4f2c9' }) },
      'Update Rotated 4-4f2c9 URL=new of live@11 gen 1',
    ],
    'the spec names other keys': [
      { contents: { OTHER: 'old' }, generation: 2, status: knows('3-4f2c9'), target: ours({ id: '3-4f2c9' }) },
      'Update Rotated 4-4f2c9 OTHER=old of live@10 gen 2',
    ],
    'one key more': [
      { contents: { ...old, HOST: 'h' }, generation: 2, status: knows('3-4f2c9'), target: ours({ id: '3-4f2c9' }) },
      'Update Rotated 4-4f2c9 URL=old,HOST=h of live@10 gen 2',
    ],
    'rotated, the status lags behind the target': [
      { contents: fresh, sources: [rotated], status: knows('2-4f2c9'), target: ours({ id: '3-4f2c9' }) },
      'Update Rotated 4-4f2c9 URL=new of live@11 gen 1',
    ],
    'rotated, the status is ahead of the target (restored from a backup)': [
      { contents: fresh, sources: [rotated], status: knows('8-4f2c9'), target: ours({ id: '3-4f2c9' }) },
      'Update Rotated 9-4f2c9 URL=new of live@11 gen 1',
    ],
    'rotated, a stamp is ahead of both': [
      {
        contents: fresh,
        sources: [rotated],
        status: knows('3-4f2c9'),
        target: ours({ id: '3-4f2c9' }),
        stamps: ['12-4f2c9', '3-4f2c9'],
      },
      'Update Rotated 13-4f2c9 URL=new of live@11 gen 1',
    ],
    'the status was not written after the target was': [
      { contents: old, status: { observedGeneration: 1, versions: ['1-4f2c9'] }, target: ours({ id: '1-4f2c9' }) },
      'Update Recorded 1-4f2c9 URL=old of live@10 gen 1',
    ],
    invalid: [
      { sources: [rotated], status: knows('3-4f2c9'), target: ours({ id: '3-4f2c9' }) },
      'Update Recorded 3-4f2c9 URL=old of live@10 gen 1',
    ],
    'invalid, the status says nothing': [
      { sources: [], target: ours({ id: '3-4f2c9' }) },
      'Update Recorded 3-4f2c9 URL=old of live@10 gen 1',
    ],
    'invalid, the spec was touched': [
      { generation: 5, status: knows('3-4f2c9'), target: ours({ id: '3-4f2c9' }) },
      'Update Recorded 3-4f2c9 URL=old of live@10 gen 1',
    ],
  },
  'a recreated resource and its retained target': {
    'takes it up with its id': [
      { contents: old, target: ours({ id: '3-aaaaa', resourceUid: 'uid-of-the-one-before' }), stamps: ['3-aaaaa'] },
      'Update Recorded 3-aaaaa URL=old of live@10 gen 1',
    ],
    'takes it up although generation and source have moved': [
      {
        contents: old,
        sources: [rotated],
        target: ours({ id: '3-aaaaa', resourceUid: 'uid-of-the-one-before', generation: 17 }),
      },
      'Update Recorded 3-aaaaa URL=old of live@11 gen 1',
    ],
    'other contents get a revision above it': [
      {
        contents: fresh,
        sources: [rotated],
        target: ours({ id: '3-aaaaa', resourceUid: 'uid-of-the-one-before', generation: 17 }),
      },
      'Update Rotated 4-4f2c9 URL=new of live@11 gen 1',
    ],
    // It begins at generation 1 again, where the old one may have been, over the same Secrets.
    'another spec with the same number of generation is compared': [
      {
        contents: { OTHER: 'old' },
        target: ours({ id: '3-aaaaa', resourceUid: 'uid-of-the-one-before', generation: 1 }),
      },
      'Update Rotated 4-4f2c9 OTHER=old of live@10 gen 1',
    ],
  },
  'ours, edited by somebody': {
    'same source and spec': [
      { contents: old, status: knows('3-4f2c9'), target: ours({ id: '3-4f2c9', edited: true, contents: fresh }) },
      'Update Mended 3-4f2c9 URL=old of live@10 gen 1',
    ],
    'the edit raised the id: the status is the witness': [
      { contents: old, status: knows('3-4f2c9'), target: ours({ id: '9-4f2c9', edited: true }) },
      'Update Mended 3-4f2c9 URL=old of live@10 gen 1',
    ],
    'the edit took id and provenance away': [
      { contents: old, status: knows('3-4f2c9'), target: ours({ edited: true, provenance: undefined }) },
      'Update Mended 3-4f2c9 URL=old of live@10 gen 1',
    ],
    'not marked as edited, but without id': [
      { contents: old, status: knows('3-4f2c9'), target: ours({ id: undefined }) },
      'Update Mended 3-4f2c9 URL=old of live@10 gen 1',
    ],
    'not marked as edited, but without provenance': [
      { contents: old, status: knows('3-4f2c9'), target: ours({ id: '3-4f2c9', provenance: undefined }) },
      'Update Mended 3-4f2c9 URL=old of live@10 gen 1',
    ],
    'the source has changed as well': [
      {
        contents: fresh,
        sources: [rotated],
        status: knows('3-4f2c9'),
        target: ours({ id: '3-4f2c9', edited: true, contents: { URL: 'foreign' } }),
      },
      'Update Rotated 4-4f2c9 URL=new of live@11 gen 1',
    ],
    'the source has changed, the edit raised the id': [
      {
        contents: fresh,
        sources: [rotated],
        status: knows('3-4f2c9'),
        target: ours({ id: '9-4f2c9', edited: true }),
      },
      'Update Rotated 10-4f2c9 URL=new of live@11 gen 1',
    ],
    'the spec has changed as well': [
      {
        contents: old,
        generation: 2,
        status: knows('3-4f2c9'),
        target: ours({ id: '3-4f2c9', edited: true, contents: fresh }),
      },
      'Update Rotated 4-4f2c9 URL=old of live@10 gen 2',
    ],
    'the status knows nothing, the target still tells that it was made of the same': [
      { contents: old, target: ours({ id: '3-4f2c9', edited: true, contents: fresh }) },
      'Update Mended 3-4f2c9 URL=old of live@10 gen 1',
    ],
    'the status knows nothing, and the target was made for a resource of that name that is gone': [
      { contents: old, target: ours({ id: '3-aaaaa', edited: true, resourceUid: 'gone', contents: fresh }) },
      'Update Rotated 4-4f2c9 URL=old of live@10 gen 1',
    ],
    'nothing is known at all': [
      { contents: old, target: ours({ edited: true, provenance: undefined }), stamps: ['2-aaaaa'] },
      'Update Rotated 3-4f2c9 URL=old of live@10 gen 1',
    ],
    // The pods run what the id stood for before somebody wrote the target: the same new value in both needs a restart.
    'edited to what the source holds now': [
      { contents: old, sources: [rotated], status: knows('3-4f2c9'), target: ours({ id: '3-4f2c9', edited: true }) },
      'Update Rotated 4-4f2c9 URL=old of live@11 gen 1',
    ],
    'the edit came to nothing, the spec was touched': [
      { contents: old, generation: 2, status: knows('3-4f2c9'), target: ours({ id: '3-4f2c9', edited: true }) },
      'Update Recorded 3-4f2c9 URL=old of live@10 gen 2',
    ],
    'restored from a backup, with another source': [
      {
        contents: old,
        sources: [{ ...live, uid: 'restored' }],
        target: ours({ id: '3-4f2c9', edited: true, resourceUid: 'before-the-restore' }),
      },
      'Update Rotated 4-4f2c9 URL=old of live@10 gen 1',
    ],
    'invalid: nothing foreign is blessed': [
      { status: knows('3-4f2c9'), target: ours({ id: '3-4f2c9', edited: true }) },
      'Lost Edited announced=4-4f2c9',
    ],
    'invalid, without id': [
      { status: knows('3-4f2c9'), target: ours({ id: undefined }), stamps: ['5-4f2c9'] },
      'Lost Edited announced=6-4f2c9',
    ],
  },
  'not ours': {
    'valid, foreign': [{ contents: old, target: { state: 'Foreign' } }, 'Conflict announced=1-4f2c9'],
    'invalid, foreign': [{ target: { state: 'Foreign' } }, 'Conflict announced=1-4f2c9'],
    'foreign, something was in force and stamped': [
      { contents: old, target: { state: 'Foreign' }, status: knows('3-4f2c9'), stamps: ['3-4f2c9'] },
      'Conflict announced=4-4f2c9',
    ],
    'foreign, the same once the status says so': [
      {
        contents: old,
        target: { state: 'Foreign' },
        status: { observedGeneration: 1, versions: ['4-4f2c9'] },
        stamps: ['3-4f2c9'],
      },
      'Conflict announced=4-4f2c9',
    ],
    'foreign, an id was announced': [
      { contents: old, target: { state: 'Foreign' }, status: { observedGeneration: 1, versions: ['4-4f2c9'] } },
      'Conflict announced=4-4f2c9',
    ],
    'valid, of another installation': [
      { contents: old, target: { state: 'Elsewhere', installation: 'blue' } },
      'Elsewhere blue',
    ],
    'invalid, of another installation': [
      { status: knows('3-4f2c9'), target: { state: 'Elsewhere', installation: 'blue' } },
      'Elsewhere blue',
    ],
  },
}

for (const [state, rows] of Object.entries(table)) {
  describe(state, () => {
    test.each(Object.entries(rows))('%s', (_, [row, expected]) => {
      const { status, generation, ...input } = row
      expect(told(decide({ resource: resource(status, generation), ...input }))).toBe(expected)
    })
  })
}

test('a resource that only checks wants nothing', () => {
  for (const contents of [old, undefined])
    expect(
      decideTarget({
        resource: resource(),
        target: undefined,
        targetName: undefined,
        contents: contents && sensitive(contents),
        sources: [live],
        stamps: ['3-4f2c9'],
        stampsHidden: true,
      }),
    ).toEqual({
      action: 'Keep',
      announced: undefined,
    })
})

test('what is in force is told with the sources that it was made of, not with those of now', () => {
  const kept = decide({ sources: [rotated], resource: resource(knows('3-4f2c9')), target: ours({ id: '3-4f2c9' }) })
  expect(kept).toMatchObject({ action: 'Update', why: 'Recorded', desire: { provenance: { sources: [live] } } })
})

test('another order of the same sources is no change', () => {
  const shared = { name: 'shared', uid: 'u', resourceVersion: '4' }
  const decision = decide({
    contents: fresh,
    sources: [shared, live],
    resource: resource(knows('3-4f2c9', 1, [live, shared])),
    target: ours({ id: '3-4f2c9', sources: [live, shared] }),
  })
  expect(told(decision)).toMatch(/^Update Recorded 3-4f2c9 URL=old /)
})

test('an upgrade of the operator writes nothing: contents and provenance go back as they were read', () => {
  const target = ours({ id: '3-4f2c9' })
  const decision = decide({ contents: { OTHER: 'x' }, resource: resource(knows('3-4f2c9')), target })
  if (decision.action !== 'Update' || target.state !== 'Ours') throw new Error('not decided as expected')
  expect(decision.desire.contents).toBe(target.secret.data)
  expect(decision.desire.provenance).toBe(target.provenance)
})

test.each([
  [undefined, false],
  [null, false],
  ['Retain' as const, false],
  ['Delete' as const, true],
])('deletionPolicy %s', (deletionPolicy, deleteWithResource) => {
  const spec = deletionPolicy === undefined ? {} : { deletionPolicy }
  const created = decide({ contents: old, resource: resource(undefined, 1, spec) })
  const kept = decide({ contents: old, resource: resource(knows('3-4f2c9'), 1, spec), target: ours({ id: '3-4f2c9' }) })
  for (const decision of [created, kept]) expect(decision).toMatchObject({ desire: { deleteWithResource } })
})

test('the keys of the provenance are those that are written, sorted', () => {
  expect(decide({ contents: { B: '1', A: '2' } })).toMatchObject({ desire: { provenance: { keys: ['A', 'B'] } } })
})

test('a renamed target was not lost: the new one has not been there yet', () => {
  const status = { ...knows('3-4f2c9'), target: { name: 'before' } }
  expect(told(decide({ resource: resource(status, 2) }))).toBe('Keep announced=4-4f2c9')
})

describe('while stamps cannot be seen', () => {
  test.each<[string, Parameters<typeof decide>[0], string]>([
    ['the first contents wait', { contents: fresh }, 'Hold announced=1-4f2c9'],
    [
      'contents whose target is gone wait',
      { resource: resource(knows('4-4f2c9')), contents: fresh, sources: [rotated] },
      'Hold announced=5-4f2c9',
    ],
    [
      'contents in place of edited ones wait',
      { target: ours({ id: '4-4f2c9', edited: true }), contents: fresh, sources: [rotated] },
      'Hold announced=5-4f2c9',
    ],
  ])('%s: an id could be given twice', (_, input, expected) => {
    expect(told(decide({ ...input, stampsHidden: true }))).toBe(expected)
  })

  test('a target that nobody touched tells the last id, and one that is mended keeps its own', () => {
    const rotation = { target: ours({ id: '4-4f2c9' }), contents: fresh, sources: [rotated] }
    const rows: Parameters<typeof decide>[0][] = [
      rotation,
      { target: ours({ id: '4-4f2c9' }) },
      { resource: resource(knows('4-4f2c9')), contents: old },
      { resource: resource(knows('4-4f2c9')), target: ours({ id: '4-4f2c9', edited: true }), contents: fresh },
      {},
      { target: { state: 'Foreign' }, contents: fresh },
    ]
    for (const row of rows) {
      expect(told(decide({ ...row, stampsHidden: true }))).toBe(told(decide(row)))
      expect(told(decide(row))).not.toContain('Hold')
    }
    expect(told(decide({ ...rotation, stampsHidden: true }))).toContain('Update Rotated 5-4f2c9')
  })
})

describe('the name of a version is taken', () => {
  const spent = ['3-4f2c9']
  test.each<[string, Partial<Omit<TargetInput, 'contents'>> & { contents?: Contents }, string]>([
    [
      'the announced one',
      { resource: resource({ versions: ['3-4f2c9'] }), contents: fresh, spent },
      'Create First 4-4f2c9 URL=new of live@10 gen 1',
    ],
    [
      'the next one',
      {
        resource: resource(knows('2-4f2c9')),
        target: ours({ id: '2-4f2c9' }),
        contents: fresh,
        sources: [rotated],
        spent,
      },
      'Update Rotated 4-4f2c9 URL=new of live@11 gen 1',
    ],
    [
      'the one in force, with the same contents',
      { resource: resource(knows('3-4f2c9')), target: ours({ id: '3-4f2c9' }), contents: old, spent },
      'Update Rotated 4-4f2c9 URL=old of live@10 gen 1',
    ],
    [
      'the one in force, and a source with the same contents',
      {
        resource: resource(knows('3-4f2c9')),
        target: ours({ id: '3-4f2c9' }),
        contents: old,
        sources: [rotated],
        spent,
      },
      'Update Rotated 4-4f2c9 URL=old of live@11 gen 1',
    ],
    [
      'the one in force, while the source is bad',
      { resource: resource(knows('3-4f2c9')), target: ours({ id: '3-4f2c9' }), sources: [rotated], spent },
      'Update Rotated 4-4f2c9 URL=old of live@10 gen 1',
    ],
    [
      'the one that was in force, and the target is gone',
      { resource: resource(knows('3-4f2c9')), contents: old, spent },
      'Create Lost 4-4f2c9 URL=old of live@10 gen 1',
    ],
    [
      'the one in force, and the target is edited',
      { resource: resource(knows('3-4f2c9')), target: ours({ id: '3-4f2c9', edited: true }), contents: old, spent },
      'Update Rotated 4-4f2c9 URL=old of live@10 gen 1',
    ],
  ])('%s', (_, input, expected) => {
    expect(told(decide(input))).toBe(expected)
  })

  test.each<[string, TracardiResourceStatus, string]>([
    ['older versions', { ...knows('2-4f2c9'), versions: ['2-4f2c9', '9-4f2c9'] }, '10-4f2c9'],
    // Announced, and not given yet; beside it what was given before.
    ['an announced one', { versions: ['5-4f2c9', '4-4f2c9'] }, '5-4f2c9'],
    ['an announced one that was given since', { versions: ['4-4f2c9', '4-4f2c9'] }, '5-4f2c9'],
  ])('%s count among the ids that were given', (_, status, expected) => {
    expect(told(decide({ resource: resource(status), contents: fresh, sources: [rotated] }))).toContain(expected)
  })
})
