import { describe, expect, it } from 'vitest'
import { judge, type FinalState, type History, type TargetVersion, type Verdict } from './judge.ts'

/** A resource `sms` with one consumer, whose credentials were rotated once. */
const targets: readonly TargetVersion[] = [written('first', '1-aaaaa'), written('second', '2-aaaaa')]
const templates = [{}, { sms: '1-aaaaa' }, { sms: '2-aaaaa' }].map(template)
const history: History = {
  targets,
  templates,
  accepted: { targets: { sms: 2 }, workloads: { app: 2 } },
  valid: { sms: new Set(['first', 'second', 'third']) },
}
const final: FinalState = {
  resources: [
    {
      name: 'sms',
      wanted: 'second',
      target: { id: '2-aaaaa', contents: 'second' },
      reported: '2-aaaaa',
      consumers: ['app'],
    },
  ],
  workloads: [{ name: 'app', stamps: { sms: '2-aaaaa' }, pods: [{ sms: '2-aaaaa' }], rollouts: 3 }],
  strays: [],
}

function written(contents: string, id: string | undefined, more: Partial<TargetVersion> = {}): TargetVersion {
  return { resource: 'sms', contents, id, byOther: false, deleted: false, ...more }
}

function template(stamps: Record<string, string>) {
  return { workload: 'app', stamps }
}

const clean: Verdict = { lost: [], doubled: [], invalid: [], leftBehind: [], unseen: [] }

/** The verdict, but only the lists in which there is something. */
function faults(changedHistory: Partial<History>, changedFinal: Partial<FinalState> = {}): Partial<Verdict> {
  const verdict = judge({ ...history, ...changedHistory }, { ...final, ...changedFinal })
  return Object.fromEntries(Object.entries(verdict).filter(([, list]) => (list as string[]).length > 0))
}

const [resource, workload] = [final.resources[0]!, final.workloads[0]!]

describe('a history without faults', () => {
  it('has none', () => {
    expect(judge(history, final)).toEqual(clean)
  })

  it.each<[string, Partial<History>, Partial<FinalState>?]>([
    ['a rotation that was overtaken by the next', { valid: { sms: new Set(['first', 'second', 'between']) } }],
    ['an invalid source: what is in force stays', {}, { resources: [{ ...resource, wanted: undefined }] }],
    ['rollouts that the workload’s controller saw as one', {}, { workloads: [{ ...workload, rollouts: 2 }] }],
    [
      'a target edited by somebody, mended with another id',
      {
        targets: [targets[0]!, written('garbage', '1-aaaaa', { byOther: true }), written('first', '2-aaaaa')],
        valid: { sms: new Set(['first']) },
      },
      { resources: [{ ...resource, wanted: 'first', target: { id: '2-aaaaa', contents: 'first' } }] },
    ],
    [
      'a target deleted by somebody, made again with the same id',
      {
        targets: [...targets, written('second', '2-aaaaa', { deleted: true }), written('second', '2-aaaaa')],
        accepted: { targets: { sms: 3 }, workloads: { app: 2 } },
      },
    ],
    [
      'a write that only records another version of the source',
      { targets: [...targets, targets[1]!], accepted: { targets: { sms: 3 }, workloads: { app: 2 } } },
    ],
    [
      'a resource that was made again while the last stamp of the one before was on its way',
      {
        targets: [...targets, written('second', '2-aaaaa', { deleted: true }), written('third', '2-bbbbb')],
        templates: [...templates, template({ sms: '2-bbbbb' })],
        accepted: { targets: { sms: 3 }, workloads: { app: 3 } },
      },
      {
        resources: [
          { ...resource, wanted: 'third', target: { id: '2-bbbbb', contents: 'third' }, reported: '2-bbbbb' },
        ],
        workloads: [{ ...workload, stamps: { sms: '2-bbbbb' }, pods: [{ sms: '2-bbbbb' }], rollouts: 4 }],
      },
    ],
    ['nothing in force yet', {}, { resources: [{ ...resource, wanted: undefined, target: undefined }] }],
  ])('%s', (_what, changedHistory, changedFinal) => {
    expect(faults(changedHistory, changedFinal)).toEqual({})
  })
})

describe('finds', () => {
  it.each<[string, Partial<FinalState>, string[]]>([
    [
      'a workload with an older stamp',
      { workloads: [{ ...workload, stamps: { sms: '1-aaaaa' } }] },
      ['app: 1-aaaaa of sms instead of 2-aaaaa'],
    ],
    [
      'a workload without a stamp',
      { workloads: [{ ...workload, stamps: {} }] },
      ['app: undefined of sms instead of 2-aaaaa'],
    ],
    [
      'pods with an older stamp',
      { workloads: [{ ...workload, pods: [{ sms: '2-aaaaa' }, { sms: '1-aaaaa' }] }] },
      ['app: a pod with 1-aaaaa of sms, not 2-aaaaa'],
    ],
    ['no pods', { workloads: [{ ...workload, pods: [] }] }, ['app: no pods']],
    [
      'older contents',
      { resources: [{ ...resource, wanted: 'third' }] },
      ['sms: its target holds other credentials than the source'],
    ],
    [
      'an older status',
      { resources: [{ ...resource, reported: '1-aaaaa' }] },
      ['sms: its status says 1-aaaaa instead of 2-aaaaa'],
    ],
    ['no target', { resources: [{ ...resource, target: undefined }] }, ['sms: its target is not there']],
  ])('a loss: %s', (_what, changed, lost) => {
    expect(faults({}, changed)).toEqual({ lost })
  })

  it.each<[string, Partial<History>, Partial<FinalState>, string[]]>([
    [
      'back to the older id and forth again',
      {
        templates: [...templates, template({ sms: '1-aaaaa' }), template({ sms: '2-aaaaa' })],
        accepted: { targets: { sms: 2 }, workloads: { app: 4 } },
      },
      {},
      ['app: from 2-aaaaa of sms to 1-aaaaa', 'app: 4 changes of its template for 2 ids'],
    ],
    [
      'an id of a resource that was made again since',
      {
        targets: [...targets, written('third', '3-bbbbb')],
        templates: [
          templates[0]!,
          templates[1]!,
          template({ sms: '3-bbbbb' }),
          template({ sms: '2-aaaaa' }),
          template({ sms: '3-bbbbb' }),
        ],
        accepted: { targets: { sms: 3 }, workloads: { app: 4 } },
      },
      {
        resources: [
          { ...resource, wanted: 'third', target: { id: '3-bbbbb', contents: 'third' }, reported: '3-bbbbb' },
        ],
        workloads: [{ ...workload, stamps: { sms: '3-bbbbb' }, pods: [{ sms: '3-bbbbb' }] }],
      },
      [
        'app: from 3-bbbbb of sms to 2-aaaaa',
        'app: from 2-aaaaa of sms to 3-bbbbb',
        'app: 4 changes of its template for 3 ids',
      ],
    ],
    [
      'a rollout for which there is no id',
      {},
      { workloads: [{ ...workload, rollouts: 4 }] },
      ['app: 4 rollouts for 2 ids'],
    ],
    [
      'a change of the template without a new id',
      { templates: [...templates, templates[2]!], accepted: { targets: { sms: 2 }, workloads: { app: 3 } } },
      {},
      ['app: 3 changes of its template for 2 ids'],
    ],
    [
      'another id for the same contents',
      {
        targets: [...targets, written('second', '3-aaaaa')],
        templates: [...templates, template({ sms: '3-aaaaa' })],
        accepted: { targets: { sms: 3 }, workloads: { app: 3 } },
      },
      {
        resources: [{ ...resource, target: { id: '3-aaaaa', contents: 'second' }, reported: '3-aaaaa' }],
        workloads: [{ ...workload, stamps: { sms: '3-aaaaa' }, pods: [{ sms: '3-aaaaa' }] }],
      },
      ['sms: 3-aaaaa holds what 2-aaaaa held already'],
    ],
    [
      'the same id for other contents',
      {
        targets: [...targets, written('third', '2-aaaaa')],
        accepted: { targets: { sms: 3 }, workloads: { app: 2 } },
      },
      { resources: [{ ...resource, wanted: 'third', target: { id: '2-aaaaa', contents: 'third' } }] },
      ['sms: 2-aaaaa stands for two sets of credentials'],
    ],
  ])('a doubled restart: %s', (_what, changedHistory, changedFinal, doubled) => {
    expect(faults(changedHistory, changedFinal)).toEqual({ doubled })
  })

  it.each<[string, Partial<History>, string[]]>([
    [
      'contents that were never valid, though they were replaced at once',
      {
        targets: [
          targets[0]!,
          written('garbage', '2-aaaaa'),
          written('second', '3-aaaaa'),
          written('second', '3-aaaaa'),
        ],
        templates: [...templates.slice(0, 2), template({ sms: '3-aaaaa' })],
        accepted: { targets: { sms: 4 }, workloads: { app: 2 } },
      },
      ['sms: 2-aaaaa was never valid'],
    ],
    [
      'an id that never stood on the target',
      {
        templates: [...templates.slice(0, 2), template({ sms: '7-aaaaa' })],
      },
      ['app: 7-aaaaa of sms was never in force'],
    ],
  ])('an invalid delivery: %s', (_what, changed, invalid) => {
    const { lost: _lost, ...rest } = faults(changed)
    expect(rest).toEqual({ invalid })
  })

  it('a target that belongs to nobody', () => {
    expect(faults({}, { strays: ['gone-credentials'] })).toEqual({
      leftBehind: ['the Secret gone-credentials belongs to nobody'],
    })
  })

  it.each<[string, History['accepted'], string[]]>([
    ['of a target', { targets: { sms: 3 }, workloads: {} }, ['sms: 3 writes of the operator, but 2 versions']],
    ['of a workload', { targets: {}, workloads: { app: 1 } }, ['app: 1 writes of the operator, but 2 versions']],
  ])('a hole in its own history %s', (_what, accepted, unseen) => {
    expect(faults({ accepted })).toEqual({ unseen })
  })
})
