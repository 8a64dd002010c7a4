import { describe, expect, test } from 'vitest'
import type { Condition, TracardiResource, TracardiResourceStatus } from '../api/tracardi-resource.ts'
import type { Finding, FindingCode } from '../credentials/findings.ts'
import { consumerState } from '../delivery/stamps.ts'
import type { ConsumerState } from '../delivery/stamps.ts'
import type { Workload } from '../delivery/workloads.ts'
import { mergePatch } from './merge-patch.ts'
import { decideProblem, decideStatus, missingGraceMs, summarise } from './status-decision.ts'
import type { Problem, StatusInput } from './status-decision.ts'

const start = Date.UTC(2026, 0, 2, 3, 4, 5, 678)
const startText = '2026-01-02T03:04:05Z'

function resource(status?: TracardiResourceStatus, generation = 1): TracardiResource {
  return {
    metadata: { name: 'queue', namespace: 'marketing', uid: 'uid-4f2c9', resourceVersion: '1', generation },
    spec: { service: 'redis', credentials: { secretRef: { name: 'live' } } },
    ...(status !== undefined && { status }),
  }
}

function selecting(kind: 'Job'): TracardiResource {
  const { spec, ...others } = resource()
  return {
    ...others,
    spec: { ...spec, consumers: [{ kind, selector: { matchLabels: { app: 'a' } }, inject: { env: {} } }] },
  }
}

function found(code: FindingCode, change: Partial<Finding> = {}): Finding {
  return { code, severity: 'error', waived: false, field: 'url', secret: 'live', key: 'url', params: {}, ...change }
}

const valid = { findings: [], unresolved: [], valid: true }
const invalid = { findings: [found('TrailingNewline'), found('QuotedValue')], unresolved: [], valid: false }
const absent = { findings: [], unresolved: [found('SecretNotFound')], valid: false }

const sources = [{ name: 'live', uid: 'source', resourceVersion: '10' }]
const inForce: NonNullable<StatusInput['target']> = {
  name: 'queue-credentials',
  outcome: 'InForce',
  credentialsId: '3-4f2c9',
  announced: undefined,
  sources,
}
const nothingYet: NonNullable<StatusInput['target']> = {
  name: 'queue-credentials',
  outcome: 'NothingYet',
  credentialsId: undefined,
  announced: '1-4f2c9',
  sources: [],
}
const lost = { ...nothingYet, outcome: 'Lost' as const, announced: '4-4f2c9' }
const conflict = { ...nothingYet, outcome: 'Conflict' as const }

function consumer(state: ConsumerState['state'], name = 'sms', reason: string = state): ConsumerState {
  return { kind: 'Deployment', name, state, reason, message: `Message of ${name}.` }
}
const updated = consumer('Updated')
const rolling = consumer('Outdated', 'sms', 'RollingOut')
const paused = consumer('Held', 'paused', 'Paused')
const gaveUp = consumer('Failed', 'stuck', 'ProgressDeadlineExceeded')
const missing = consumer('Missing', 'later', 'ConsumerNotFound')
const stale = consumer('Stale', 'old')

function decide(input: Partial<StatusInput> = {}) {
  return decideStatus({
    resource: resource(),
    inspection: valid,
    target: inForce,
    consumers: [],
    problem: undefined,
    unseen: [],
    unwatched: undefined,
    now: start,
    ...input,
  })
}

/** `Ready=False/TargetLost Stalled/TargetLost …`, in a fixed order; Reconciling and Stalled are only ever True. */
function told(status: TracardiResourceStatus): string {
  const types = ['Ready', 'Reconciling', 'Stalled', 'SecretsResolved', 'CredentialsValid', 'ConsumersUpToDate']
  const conditions = status.conditions ?? []
  expect(conditions.every((condition) => types.includes(condition.type))).toBe(true)
  return types
    .flatMap((type) => conditions.filter((condition) => condition.type === type))
    .map(({ type, status: state, reason }) =>
      (type === 'Reconciling' || type === 'Stalled') && state === 'True'
        ? `${type}/${reason}`
        : `${type}=${state}/${reason}`,
    )
    .join(' ')
}

function condition(status: TracardiResourceStatus, type: string): Condition {
  const [only, ...others] = (status.conditions ?? []).filter((each) => each.type === type)
  if (only === undefined || others.length > 0) throw new Error(`no ${type}, or several`)
  return only
}

const ok = 'SecretsResolved=True/Resolved CredentialsValid=True/Valid'
const bad = 'SecretsResolved=True/Resolved CredentialsValid=False/TrailingNewline'
const gone = 'SecretsResolved=False/SecretNotFound CredentialsValid=Unknown/SecretNotFound'
const none = 'ConsumersUpToDate=Unknown/NothingInForce'
const transient: Problem = { reason: 'Forbidden', message: 'Grant it.', transient: true }
const lasting: Problem = { reason: 'TargetKeyConflict', message: 'Two fields.', transient: false }

const unseen: StatusInput['unseen'] = [
  { kind: 'Deployment', permission: { verb: 'list', resource: 'deployments.apps', namespace: 'marketing' } },
]
const unwatched: StatusInput['unwatched'] = { verb: 'watch', resource: 'secrets', namespace: 'marketing' }
const unstampable = consumer('Held', 'sms', 'PermissionMissing')
const hidden = 'ConsumersUpToDate=Unknown/PermissionMissing'

const situations: Record<string, [Partial<StatusInput>, string]> = {
  'all well': [{ consumers: [updated] }, `Ready=True/Delivered ${ok} ConsumersUpToDate=True/UpToDate`],
  'all well, only checks': [{ target: undefined }, `Ready=True/Valid ${ok}`],
  'all well, names no consumer': [{}, `Ready=True/NoConsumers ${ok} ConsumersUpToDate=True/NoConsumers`],
  'all well, but one that is never restarted has older ones': [
    { consumers: [updated, stale] },
    `Ready=True/ConsumerStale ${ok} ConsumersUpToDate=True/Stale`,
  ],
  'an older one, and one that is awaited': [
    { consumers: [stale, missing] },
    `Ready=True/ConsumerNotFound ${ok} ConsumersUpToDate=True/ConsumerNotFound`,
  ],
  'an older one, and one that is rolling': [
    { consumers: [stale, rolling] },
    `Ready=False/RollingOut Reconciling/RollingOut ${ok} ConsumersUpToDate=False/RollingOut`,
  ],
  'valid, a consumer is rolling': [
    { consumers: [updated, rolling] },
    `Ready=False/RollingOut Reconciling/RollingOut ${ok} ConsumersUpToDate=False/RollingOut`,
  ],
  'valid, a rollout is paused': [
    { consumers: [paused] },
    `Ready=False/ConsumerPaused Stalled/ConsumerPaused ${ok} ConsumersUpToDate=False/Paused`,
  ],
  'valid, a rollout is paused while another goes on': [
    { consumers: [rolling, paused] },
    `Ready=False/RollingOut Reconciling/RollingOut ${ok} ConsumersUpToDate=False/RollingOut`,
  ],
  'valid, a rollout is paused and another gave up': [
    { consumers: [paused, gaveUp] },
    `Ready=False/ConsumerUnavailable Stalled/ConsumerUnavailable ${ok} ConsumersUpToDate=False/ConsumerUnavailable`,
  ],
  'valid, a rollout is paused and a consumer absent': [
    { consumers: [missing, paused] },
    `Ready=False/ConsumerPaused Stalled/ConsumerPaused ${ok} ConsumersUpToDate=False/Paused`,
  ],
  'a Secret is absent, nothing in force': [
    { inspection: absent, target: nothingYet },
    `Ready=False/SecretNotFound Reconciling/SecretNotFound ${gone} ${none}`,
  ],
  'a Secret is absent, only checks': [
    { inspection: absent, target: undefined },
    `Ready=False/SecretNotFound Reconciling/SecretNotFound ${gone}`,
  ],
  'a Secret is absent, what is in force stays': [
    { inspection: absent, consumers: [updated] },
    `Ready=False/SecretNotFound Reconciling/SecretNotFound ${gone} ConsumersUpToDate=True/UpToDate`,
  ],
  'a key named in fields is absent': [
    { inspection: { ...absent, unresolved: [found('KeyNotFound')] }, target: nothingYet },
    `Ready=False/KeyNotFound Reconciling/KeyNotFound SecretsResolved=False/KeyNotFound CredentialsValid=Unknown/KeyNotFound ${none}`,
  ],
  'a Secret is absent, and what was found elsewhere is bad': [
    { inspection: { ...invalid, unresolved: absent.unresolved }, target: nothingYet },
    `Ready=False/SecretNotFound Reconciling/SecretNotFound ${gone} ${none}`,
  ],
  'invalid, something older in force': [
    { inspection: invalid, consumers: [updated] },
    `Ready=False/TrailingNewline Stalled/TrailingNewline ${bad} ConsumersUpToDate=True/UpToDate`,
  ],
  'invalid, older in force, consumers still rolling to that': [
    { inspection: invalid, consumers: [rolling] },
    `Ready=False/TrailingNewline Stalled/TrailingNewline ${bad} ConsumersUpToDate=False/RollingOut`,
  ],
  'invalid, nothing in force yet': [
    { inspection: invalid, target: nothingYet },
    `Ready=False/TrailingNewline Stalled/TrailingNewline ${bad} ${none}`,
  ],
  'invalid, only checks': [
    { inspection: invalid, target: undefined },
    `Ready=False/TrailingNewline Stalled/TrailingNewline ${bad}`,
  ],
  'a required field is found under no name': [
    { inspection: { ...invalid, findings: [found('MissingField')] }, target: nothingYet },
    `Ready=False/MissingField Stalled/MissingField SecretsResolved=True/Resolved CredentialsValid=False/MissingField ${none}`,
  ],
  'half of a pair': [
    { inspection: { ...invalid, findings: [found('IncompletePair')] }, target: nothingYet },
    `Ready=False/IncompletePair Stalled/IncompletePair SecretsResolved=True/Resolved CredentialsValid=False/IncompletePair ${none}`,
  ],
  'a warning blocks nothing': [
    { inspection: { ...valid, findings: [found('UnusualLength', { severity: 'warning' })] }, consumers: [updated] },
    `Ready=True/Delivered ${ok} ConsumersUpToDate=True/UpToDate`,
  ],
  'what is waived blocks nothing': [
    { inspection: { ...valid, findings: [found('PatternMismatch', { waived: true })] }, consumers: [updated] },
    `Ready=True/Delivered ${ok} ConsumersUpToDate=True/UpToDate`,
  ],
  'the reason is the first error that blocks': [
    {
      inspection: {
        ...invalid,
        findings: [
          found('PatternMismatch', { waived: true }),
          found('UnusualLength', { severity: 'warning' }),
          ...invalid.findings,
        ],
      },
      target: nothingYet,
    },
    `Ready=False/TrailingNewline Stalled/TrailingNewline ${bad} ${none}`,
  ],
  'a consumer named does not exist': [
    { consumers: [missing] },
    `Ready=True/ConsumerNotFound ${ok} ConsumersUpToDate=True/ConsumerNotFound`,
  ],
  'one does not exist, another is up to date': [
    { consumers: [updated, missing] },
    `Ready=True/ConsumerNotFound ${ok} ConsumersUpToDate=True/ConsumerNotFound`,
  ],
  'one does not exist, another is rolling': [
    { consumers: [missing, rolling] },
    `Ready=False/RollingOut Reconciling/RollingOut ${ok} ConsumersUpToDate=False/RollingOut`,
  ],
  'a workload gives up': [
    { consumers: [rolling, missing, gaveUp] },
    `Ready=False/ConsumerUnavailable Stalled/ConsumerUnavailable ${ok} ConsumersUpToDate=False/ConsumerUnavailable`,
  ],
  'the name of the target is taken': [
    { target: conflict, consumers: [rolling] },
    `Ready=False/TargetConflict Stalled/TargetConflict ${ok} ${none}`,
  ],
  'the name is taken, and the source invalid': [
    { target: conflict, inspection: invalid },
    `Ready=False/TargetConflict Stalled/TargetConflict ${bad} ${none}`,
  ],
  'the target is lost, the source invalid': [
    { target: lost, inspection: invalid, consumers: [rolling] },
    `Ready=False/TargetLost Stalled/TargetLost ${bad} ${none}`,
  ],
  'the target is lost, the source absent: no minute of grace': [
    { target: lost, inspection: absent },
    `Ready=False/TargetLost Stalled/TargetLost ${gone} ${none}`,
  ],
  'a problem that a retry can mend': [
    { problem: transient, consumers: [updated] },
    `Ready=False/Forbidden Reconciling/Forbidden ${ok} ConsumersUpToDate=True/UpToDate`,
  ],
  'a problem that needs a person': [
    { problem: lasting, target: nothingYet },
    `Ready=False/TargetKeyConflict Stalled/TargetKeyConflict ${ok} ${none}`,
  ],
  'consumers may not be seen: they are neither absent nor up to date': [
    { unseen, consumers: [updated] },
    `Ready=False/PermissionMissing Stalled/PermissionMissing ${ok} ${hidden}`,
  ],
  'consumers may not be seen, and none is known': [
    { unseen },
    `Ready=False/PermissionMissing Stalled/PermissionMissing ${ok} ${hidden}`,
  ],
  'consumers may not be seen, nothing in force': [
    { unseen, target: nothingYet },
    `Ready=False/PermissionMissing Stalled/PermissionMissing ${ok} ${hidden}`,
  ],
  'consumers may not be seen, and the source is invalid': [
    { unseen, inspection: invalid },
    `Ready=False/TrailingNewline Stalled/TrailingNewline ${bad} ${hidden}`,
  ],
  'a consumer may not be stamped, another is rolling': [
    { consumers: [rolling, unstampable] },
    `Ready=False/PermissionMissing Stalled/PermissionMissing ${ok} ConsumersUpToDate=False/RollingOut`,
  ],
  'Secrets may not be watched': [
    { unwatched, consumers: [updated] },
    `Ready=False/PermissionMissing Stalled/PermissionMissing SecretsResolved=Unknown/PermissionMissing CredentialsValid=True/Valid ConsumersUpToDate=True/UpToDate`,
  ],
  'Secrets may not be watched, only checks': [
    { unwatched, target: undefined },
    `Ready=False/PermissionMissing Stalled/PermissionMissing SecretsResolved=Unknown/PermissionMissing CredentialsValid=True/Valid`,
  ],
  'Secrets may not be watched, and one is absent': [
    { unwatched, inspection: absent, target: nothingYet },
    `Ready=False/PermissionMissing Stalled/PermissionMissing ${gone} ${none}`,
  ],
  'invalid comes before a problem': [
    { problem: transient, inspection: invalid, target: nothingYet },
    `Ready=False/TrailingNewline Stalled/TrailingNewline ${bad} ${none}`,
  ],
}

describe('the table of situations', () => {
  test.each(Object.entries(situations))('%s', (_, [input, expected]) => {
    const { status, requeueAfterMs } = decide(input)
    expect(told(status)).toBe(expected)
    // Only who waits for a Secret has to look again by itself: everything else comes with an event.
    expect(requeueAfterMs !== undefined).toBe(/Reconciling\/(?:Secret|Key)NotFound/.test(expected))
    for (const each of status.conditions ?? []) {
      expect(each).toMatchObject({ observedGeneration: 1, lastTransitionTime: startText })
      expect(each.message).not.toBe('')
      expect(each.message).not.toMatch(/\d{2}:\d{2}|undefined|\s{2}|\s$/)
    }
  })

  test.each(Object.entries(situations))('%s: decided again, nothing is written', (_, [input]) => {
    const { status } = decide(input)
    const frozen = JSON.parse(JSON.stringify(status)) as TracardiResourceStatus
    const again = decide({ ...input, resource: resource(status), now: start + 30_000 })
    expect(again.status).toEqual(frozen)
    expect(mergePatch(status, again.status)).toBeUndefined()
    expect(status).toEqual(frozen)
  })

  // From any situation into any other, the status is the same as if the other had been the first: nothing lingers.
  test.each(Object.entries(situations))('%s: wherever it came from', (_, [input, expected]) => {
    for (const [before] of Object.values(situations)) {
      const previous = decide(before).status
      const { status } = decide({ ...input, resource: resource(previous), now: start + 1000 })
      expect(told(status)).toBe(expected)
      const { conditions: _conditions, ...rest } = status
      const { conditions: _others, ...fresh } = decide(input).status
      expect(rest).toEqual(fresh)
      for (const each of status.conditions ?? []) {
        const was = previous.conditions?.find((other) => other.type === each.type)
        expect(each.lastTransitionTime).toBe(was?.status === each.status ? startText : '2026-01-02T03:04:06Z')
      }
    }
  })
})

describe('what the messages say', () => {
  test.each<[string, Partial<StatusInput>, string, RegExp]>([
    [
      'what stays in force',
      { inspection: invalid },
      'Ready',
      /3-4f2c9 stays in force; running pods are not affected\.$/,
    ],
    ['what stays in force while a Secret is absent', { inspection: absent }, 'Reconciling', /3-4f2c9 stays in force/],
    ['that nothing was created', { inspection: invalid, target: nothingYet }, 'Stalled', /Nothing is in force yet\.$/],
    [
      'the Secret and the key',
      { inspection: invalid },
      'CredentialsValid',
      /Secret "live", key "url".*\(and 1 more\)$/,
    ],
    ['the Secret that is absent', { inspection: absent }, 'SecretsResolved', /Secret "live" does not exist/],
    ['which name is taken', { target: conflict }, 'Ready', /kubectl delete secret queue-credentials$/],
    [
      'what was lost and why it stays so',
      { target: lost, inspection: invalid },
      'Ready',
      /queue-credentials was deleted or changed.*Secret "live"/,
    ],
    ['why it stays lost if the source is not to blame', { target: lost, problem: lasting }, 'Ready', /: Two fields\.$/],
    ['the consumer that gave up', { consumers: [updated, gaveUp] }, 'Ready', /^Deployment stuck: Message of stuck\.$/],
    [
      'how many more are rolling',
      { consumers: [rolling, paused, rolling] },
      'Ready',
      /^Deployment sms .*Message of sms\. And 2 more\.$/,
    ],
    [
      'how many more gave up',
      { consumers: [gaveUp, gaveUp] },
      'ConsumersUpToDate',
      /^Deployment stuck gave up: .* And 1 more\.$/,
    ],
    [
      'the consumer that is absent',
      { consumers: [updated, missing] },
      'Ready',
      /^3-4f2c9 is in force in the Secret queue-credentials\. Message of later\.$/,
    ],
    [
      'all that are absent',
      { consumers: [missing, { ...missing, message: 'B.' }] },
      'ConsumersUpToDate',
      /^Message of later\. B\.$/,
    ],
    [
      'that the kind of one that is absent is not installed',
      { consumers: [missing], absent: ['Rollout'] },
      'Ready',
      /Message of later\. The kind Rollout \(argoproj\.io\) is not installed in this cluster: /,
    ],
    [
      'that a kind which is selected is not installed',
      { consumers: [], absent: ['Rollout'] },
      'ConsumersUpToDate',
      /no consumer at the moment\. The kind Rollout /,
    ],
    [
      'that one of the kinds is not installed',
      { consumers: [updated], absent: ['Rollout'] },
      'ConsumersUpToDate',
      /^Every consumer carries 3-4f2c9\. .*\. The kind Rollout /,
    ],
    ['what is in force', { consumers: [updated] }, 'Ready', /^3-4f2c9 is in force in the Secret queue-credentials\./],
    ['what consumers carry', { consumers: [updated] }, 'ConsumersUpToDate', /3-4f2c9/],
    ['the problem', { problem: transient }, 'Ready', /^Grant it\.$/],
    ['the service', { target: undefined }, 'Ready', /redis/],
    [
      'warnings',
      { inspection: { ...valid, findings: [found('UnusualLength', { severity: 'warning' })] } },
      'CredentialsValid',
      /Warning: Secret "live", key "url"/,
    ],
    [
      'what is waived, each code once',
      {
        inspection: {
          ...valid,
          findings: [
            found('PatternMismatch', { waived: true }),
            found('PatternMismatch', { waived: true, field: 'host' }),
            found('Placeholder', { waived: true }),
          ],
        },
      },
      'CredentialsValid',
      /Waived: PatternMismatch, Placeholder\.$/,
    ],
    [
      'what is waived beside what is wrong',
      {
        inspection: {
          ...valid,
          valid: false,
          findings: [found('TrailingNewline'), found('Placeholder', { waived: true })],
        },
      },
      'CredentialsValid',
      /^Secret "live", key "url": .*Waived: Placeholder\.$/,
    ],
  ])('%s', (_, input, type, message) => {
    expect(condition(decide(input).status, type).message).toMatch(message)
  })

  test('summarise', () => {
    expect(summarise([])).toBe('')
    expect(summarise([found('TrailingNewline')])).not.toContain('more)')
    expect(summarise([found('TrailingNewline'), found('QuotedValue'), found('QuotedValue')])).toMatch(/\(and 2 more\)$/)
  })
})

describe('the minute of grace', () => {
  const floor = start - (start % 1000)
  const waiting = decide({ inspection: absent, target: nothingYet })

  test('begins with the first sight', () => {
    expect(waiting.requeueAfterMs).toBe(floor + missingGraceMs - start)
  })

  test.each<[number, string, number | undefined]>([
    [floor + 1_000, 'Reconciling', 59_000],
    [floor + 30_000, 'Reconciling', 30_000],
    [floor + 59_500, 'Reconciling', 1000],
    [floor + 59_999, 'Reconciling', 1000],
    [floor + 60_000, 'Stalled', undefined],
    [floor + 86_400_000, 'Stalled', undefined],
  ])('at %s', (now, flag, requeueAfterMs) => {
    const next = decide({ inspection: absent, target: nothingYet, resource: resource(waiting.status), now })
    expect(next.requeueAfterMs).toBe(requeueAfterMs)
    expect(told(next.status)).toBe(`Ready=False/SecretNotFound ${flag}/SecretNotFound ${gone} ${none}`)
    for (const type of ['Ready', 'SecretsResolved', 'CredentialsValid'])
      expect(condition(next.status, type).lastTransitionTime).toBe(startText)
  })

  test('at its time the operator looks again, and then never by itself', () => {
    const late = start + waiting.requeueAfterMs!
    const stalled = decide({ inspection: absent, target: nothingYet, resource: resource(waiting.status), now: late })
    expect(told(stalled.status)).toContain('Stalled/SecretNotFound')
    expect(stalled.requeueAfterMs).toBeUndefined()
    const { lastTransitionTime } = condition(stalled.status, 'Stalled')
    expect(lastTransitionTime).toBe('2026-01-02T03:05:05Z')
    const again = decide({
      inspection: absent,
      target: nothingYet,
      resource: resource(stalled.status),
      now: late + 3_600_000,
    })
    expect(mergePatch(stalled.status, again.status)).toBeUndefined()
  })

  test('begins anew once everything was there', () => {
    const there = decide({ resource: resource(waiting.status), now: start + 40_000 })
    const away = decide({
      inspection: absent,
      target: nothingYet,
      resource: resource(there.status),
      now: start + 50_000,
    })
    expect(away.requeueAfterMs).toBeGreaterThan(59_000)
    expect(told(away.status)).toContain('Reconciling/')
  })
})

test.each([
  ['Patch', 'False/InjectionNeedsPolicy', /^Pods of the kind Job get credentials only by the policies/],
  ['Policy', 'True/NoConsumers', /is in force/],
] as const)(
  'a consumer that gets it by policies alone, with none there yet, where mode is %s',
  (mode, ready, message) => {
    const { status } = decide({ resource: selecting('Job'), injection: { mode, installation: 'one' } })
    expect(told(status)).toContain(`Ready=${ready}`)
    expect(told(status)).toContain(`ConsumersUpToDate=${ready}`)
    expect(condition(status, 'Ready').message).toMatch(message)
  },
)

describe('the numbers', () => {
  test('of consumers; those that do not exist are not counted', () => {
    const { status } = decide({ consumers: [updated, consumer('Updated', 'b'), rolling, gaveUp, missing] })
    expect(status.consumers).toEqual({
      total: 4,
      updated: 2,
      failed: 1,
      summary: '2/4',
      outdated: [gaveUp, rolling, missing].map(({ kind, name, reason, message }) => ({ kind, name, reason, message })),
    })
  })

  test('older ones are told by name, and are not counted as updated', () => {
    const { status } = decide({ consumers: [updated, stale, consumer('Stale', 'older')] })
    expect(status.consumers).toMatchObject({
      total: 3,
      updated: 1,
      failed: 0,
      summary: '1/3',
      outdated: [
        { kind: 'Deployment', name: 'old', reason: 'Stale' },
        { kind: 'Deployment', name: 'older', reason: 'Stale' },
      ],
    })
    const text = 'Message of old. And 1 more.'
    expect(condition(status, 'ConsumersUpToDate').message).toBe(text)
    expect(condition(status, 'Ready').message).toBe(`3-4f2c9 is in force in the Secret queue-credentials. ${text}`)
  })

  test('without consumers, and for a resource that only checks', () => {
    expect(decide().status.consumers).toEqual({ total: 0, updated: 0, failed: 0, summary: '0/0' })
    expect(decide({ target: undefined }).status).not.toHaveProperty('consumers')
  })

  test('those that need a person are listed first', () => {
    const many = Array.from({ length: 24 }, (_, index) => consumer('Outdated', `w${String(index)}`, 'RollingOut'))
    const { status } = decide({ consumers: [missing, ...many, paused, gaveUp] })
    const names = status.consumers?.outdated?.map(({ name }) => name)
    expect(names).toEqual(['stuck', 'paused', ...many.slice(0, 8).map(({ name }) => name)])
    expect(condition(status, 'ConsumersUpToDate').message).toHaveLength(
      'Deployment stuck gave up: Message of stuck.'.length,
    )
  })

  test('the message of the condition is bounded when all that is said is that there are no pods', () => {
    const many = Array.from({ length: 500 }, (_, index) => consumer('Updated', `w${String(index)}`, 'NoPods'))
    const { status } = decide({ consumers: many })
    expect(status.consumers).toEqual({ total: 500, updated: 500, failed: 0, summary: '500/500' })
    expect(condition(status, 'ConsumersUpToDate').message.split('Message of')).toHaveLength(11)
  })

  test('no more than ten are listed', () => {
    const many = Array.from({ length: 24 }, (_, index) => consumer('Outdated', `w${String(index)}`, 'RollingOut'))
    const { status } = decide({ consumers: [updated, ...many] })
    expect(status.consumers).toMatchObject({ total: 25, updated: 1, summary: '1/25' })
    expect(status.consumers?.outdated?.map(({ name }) => name)).toEqual(many.slice(0, 10).map(({ name }) => name))
    expect(condition(status, 'Ready').message).toMatch(/And 23 more\.$/)
  })
})

test.each<[string, Partial<StatusInput>, Partial<TracardiResourceStatus>]>([
  [
    'in force',
    {},
    {
      credentialsId: '3-4f2c9',
      versions: ['3-4f2c9'],
      sources,
      target: { name: 'queue-credentials' },
      observedGeneration: 1,
    },
  ],
  ['in force, source invalid', { inspection: invalid }, { credentialsId: '3-4f2c9', versions: ['3-4f2c9'], sources }],
  ['nothing yet', { target: nothingYet }, { versions: ['1-4f2c9'], target: { name: 'queue-credentials' } }],
  ['lost', { target: lost }, { versions: ['4-4f2c9'], target: { name: 'queue-credentials' } }],
  ['name taken', { target: conflict }, { versions: ['1-4f2c9'] }],
  ['only checks', { target: undefined }, {}],
])('what is in force: %s', (_, input, expected) => {
  const { status } = decide(input)
  expect(status).toMatchObject(expected)
  for (const key of ['credentialsId', 'versions', 'sources', 'target'] as const)
    if (!(key in expected) && !('credentialsId' in expected)) expect(status).not.toHaveProperty(key)
})

test('the generation is noted, and moves no time', () => {
  const before = decide().status
  const { status } = decide({ resource: resource(before, 2), now: start + 5000 })
  expect(status.observedGeneration).toBe(2)
  for (const each of status.conditions ?? [])
    expect(each).toMatchObject({ observedGeneration: 2, lastTransitionTime: startText })
})

test('a stamp that is put on the workload changes nothing in the status', () => {
  const at = (stamp: string, updatedReplicas: number): ConsumerState => {
    const workload: Workload = {
      kind: 'Deployment',
      metadata: { name: 'sms', uid: 'u', resourceVersion: '1', generation: 2 },
      spec: { template: { metadata: { labels: { 'credentials.tracardi.com/queue': stamp } } } },
      status: { observedGeneration: 2, replicas: 1, updatedReplicas, availableReplicas: 1 },
    }
    return consumerState({ kind: 'Deployment', name: 'sms', workload }, 'queue', '3-4f2c9')
  }
  const before = decide({ consumers: [at('2-4f2c9', 1)] }).status
  const stamped = decide({ consumers: [at('3-4f2c9', 0)], resource: resource(before), now: start + 9000 }).status
  expect(mergePatch(before, stamped)).toBeUndefined()
  const done = decide({ consumers: [at('3-4f2c9', 1)], resource: resource(stamped), now: start + 9000 }).status
  expect(told(done)).toContain('Ready=True/Delivered')
})

test('what may not be seen is named, with the right and the place, and what stays', () => {
  const { status } = decide({ unseen, consumers: [] })
  for (const type of ['Ready', 'ConsumersUpToDate'])
    expect(condition(status, type).message).toContain(
      "The operator may not see the consumers of kind Deployment. Grant the operator's ServiceAccount the verb list on deployments.apps in the namespace marketing; it goes on by itself then.",
    )
  expect(condition(status, 'Ready').message).toContain('3-4f2c9 stays in force')
  expect(condition(decide({ unseen, target: nothingYet }).status, 'Ready').message).toContain('Nothing is put in force')
  const { message } = condition(decide({ unwatched, inspection: absent }).status, 'Ready')
  expect(message).toContain('the verb watch on secrets in the namespace marketing')
  expect(message).toContain('live')
})

describe('decideProblem', () => {
  const before = decide({ inspection: invalid }).status

  test('leaves what was concluded and says what is in the way', () => {
    const after = decideProblem(resource(before, 2), transient, start + 5000)
    expect(told(after)).toBe(`Ready=False/Forbidden Reconciling/Forbidden ${bad} ConsumersUpToDate=True/NoConsumers`)
    const { conditions: _before, ...rest } = before
    expect(after).toMatchObject(rest)
    expect(condition(after, 'Ready')).toEqual({
      type: 'Ready',
      status: 'False',
      reason: 'Forbidden',
      message: 'Grant it.',
      observedGeneration: 2,
      lastTransitionTime: startText,
    })
    expect(condition(after, 'CredentialsValid')).toEqual(condition(before, 'CredentialsValid'))
  })

  test('one that needs a person is Stalled', () => {
    const after = decideProblem(resource(decide({ consumers: [rolling] }).status), lasting, start)
    expect(told(after)).toMatch(/^Ready=False\/TargetKeyConflict Stalled\/TargetKeyConflict /)
  })

  test('again: nothing is written; solved: everything is as before', () => {
    const after = decideProblem(resource(before), transient, start + 5000)
    expect(mergePatch(after, decideProblem(resource(after), transient, start + 9000))).toBeUndefined()
    expect(told(decide({ inspection: invalid, resource: resource(after), now: start + 10_000 }).status)).toBe(
      told(before),
    )
  })

  test('Secrets that could not be read are not called resolved', () => {
    const unread: Problem = { reason: 'PermissionMissing', message: 'Grant it.', transient: false, unread: true }
    const after = decideProblem(resource(before), unread, start)
    expect(told(after)).toBe(
      'Ready=False/PermissionMissing Stalled/PermissionMissing SecretsResolved=Unknown/PermissionMissing CredentialsValid=False/TrailingNewline ConsumersUpToDate=True/NoConsumers',
    )
    expect(told(decide({ inspection: invalid, resource: resource(after) }).status)).toBe(told(before))
  })

  test('as the very first status', () => {
    expect(told(decideProblem(resource(), transient, start))).toBe('Ready=False/Forbidden Reconciling/Forbidden')
    expect(decideProblem(resource(), transient, start)).not.toHaveProperty('credentialsId')
  })
})

describe('injection', () => {
  const injection = { mode: 'Patch', installation: 'green' } as const
  const refused: Problem = { reason: 'InjectionForbidden', message: 'Not that.', transient: false }

  test('how it is done, and all versions, the one in force first', () => {
    const target = { ...inForce, versions: ['1-4f2c9', '2-4f2c9'] }
    expect(decide({ target, injection }).status).toMatchObject({
      injection,
      versions: ['3-4f2c9', '2-4f2c9', '1-4f2c9'],
    })
    expect(decide().status.injection).toBeUndefined()
  })

  test('before anything is in force: the announced id first', () => {
    const { status } = decide({ target: { ...lost, versions: ['3-4f2c9'] }, injection })
    expect(status).toMatchObject({ injection, versions: ['4-4f2c9', '3-4f2c9'] })
  })

  test.each<[string, Partial<StatusInput>, string]>([
    ['it is refused', { consumers: [rolling] }, 'InjectionForbidden'],
    ['what is worse comes first', { inspection: invalid }, 'TrailingNewline'],
  ])('%s', (_, input, reason) => {
    const conditions = decide({ refused, ...input }).status.conditions ?? []
    expect(conditions.find(({ type }) => type === 'Stalled')).toMatchObject({ status: 'True', reason })
    expect(conditions.find(({ type }) => type === 'ConsumersUpToDate')).toMatchObject({
      status: 'False',
      reason: 'InjectionForbidden',
      message: 'Not that.',
    })
  })
})
