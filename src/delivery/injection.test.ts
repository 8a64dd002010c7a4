import { describe, expect, test } from 'vitest'
import {
  collisionsAmong,
  collisionsWithin,
  describeCollision,
  difference,
  hasContainer,
  injectionOf,
} from './injection.ts'
import type { Collision, Injection, PodPatch } from './injection.ts'
import { podPartsOf } from './pod-parts.ts'
import type { PodParts, PodSpec } from './pod-parts.ts'

const version = { target: 'sms-credentials', id: '2-4f2c9', keys: ['SID', 'TOKEN'] }
const secret = 'sms-credentials-2-4f2c9'
const older = 'sms-credentials-1-4f2c9'

test.each<[string, Parameters<typeof injectionOf>[1], Partial<Injection>]>([
  ['variables', { env: {} }, { prefix: '' }],
  ['variables, with nulls', { env: { prefix: null }, mount: null, containers: null }, { prefix: '' }],
  ['a prefix', { env: { prefix: 'SMS_' } }, { prefix: 'SMS_' }],
  ['a mount', { env: null, mount: { path: '/c' } }, { mount: { path: '/c', keys: undefined, mode: 0o444 } }],
  [
    'all of it',
    { env: {}, mount: { path: '/c', keys: ['SID'], fileMode: 0 }, containers: ['app'] },
    { prefix: '', mount: { path: '/c', keys: ['SID'], mode: 0 }, containers: ['app'] },
  ],
])('injectionOf: %s', (_, inject, expected) => {
  const nothing = {
    resource: 'sms',
    secret,
    prefix: undefined,
    keys: version.keys,
    mount: undefined,
    containers: undefined,
  }
  expect(injectionOf('sms', inject, version)).toEqual({ ...nothing, ...expected })
})

const env = injectionOf('sms', { env: {} }, version)
const mount = injectionOf('sms', { mount: { path: '/c' } }, version)

function parts(spec: PodSpec): PodParts {
  return podPartsOf({ containers: [{ name: 'app' }], ...spec }, [], [])
}

const variable = (name: string, key = name, from = secret) => ({
  name,
  valueFrom: { secretKeyRef: { name: from, key } },
})
const volume = (from = secret, more: object = {}) => ({
  name: 'tracardi-sms',
  secret: { secretName: from, defaultMode: 0o444, ...more },
})
const mounted = (mountPath = '/c') => ({ name: 'tracardi-sms', mountPath, readOnly: true })
const both = [variable('SID'), variable('TOKEN')]
const gone = (name: string) => ({ $patch: 'delete', name })
/** Every version of this resource and of another. */
const claim = (name: string): string | undefined =>
  name.startsWith('sms-') ? 'sms' : name.startsWith('mail-') ? 'mail' : undefined

describe('difference', () => {
  test.each<[string, PodSpec, Injection[], PodPatch | undefined]>([
    ['nothing is wanted, nothing is there', {}, [], undefined],
    ['variables', {}, [env], { containers: [{ name: 'app', env: both }] }],
    ['they are there', { containers: [{ name: 'app', env: both }] }, [env], undefined],
    [
      'a prefix',
      {},
      [injectionOf('sms', { env: { prefix: 'P_' } }, version)],
      { containers: [{ name: 'app', env: [variable('P_SID', 'SID'), variable('P_TOKEN', 'TOKEN')] }] },
    ],
    [
      'another prefix',
      { containers: [{ name: 'app', env: both }] },
      [injectionOf('sms', { env: { prefix: 'P_' } }, version)],
      {
        containers: [
          { name: 'app', env: [variable('P_SID', 'SID'), variable('P_TOKEN', 'TOKEN'), gone('SID'), gone('TOKEN')] },
        ],
      },
    ],
    [
      'an older version',
      { containers: [{ name: 'app', env: [variable('SID', 'SID', older), variable('TOKEN', 'TOKEN', older)] }] },
      [env],
      { containers: [{ name: 'app', env: both }] },
    ],
    [
      'a key that there is no more, and one that is new',
      { containers: [{ name: 'app', env: [variable('SID', 'SID', older), variable('OLD', 'OLD', older)] }] },
      [env],
      { containers: [{ name: 'app', env: [...both, gone('OLD')] }] },
    ],
    [
      'the key of a variable was changed by hand',
      { containers: [{ name: 'app', env: [variable('SID', 'TOKEN'), variable('TOKEN')] }] },
      [env],
      { containers: [{ name: 'app', env: [variable('SID')] }] },
    ],
    [
      'one was taken out by hand',
      { containers: [{ name: 'app', env: [variable('TOKEN')] }] },
      [env],
      { containers: [{ name: 'app', env: [variable('SID')] }] },
    ],
    [
      'all containers',
      { containers: [{ name: 'app' }, { name: 'side' }], initContainers: [{ name: 'migrate' }] },
      [env],
      {
        containers: [
          { name: 'app', env: both },
          { name: 'side', env: both },
        ],
        initContainers: [{ name: 'migrate', env: both }],
      },
    ],
    [
      'those that were chosen, and one that was chosen before',
      { containers: [{ name: 'app', env: both }, { name: 'side' }], initContainers: [{ name: 'migrate' }] },
      [injectionOf('sms', { env: {}, containers: ['side', 'migrate', 'nobody'] }, version)],
      {
        containers: [
          { name: 'app', env: [gone('SID'), gone('TOKEN')] },
          { name: 'side', env: both },
        ],
        initContainers: [{ name: 'migrate', env: both }],
      },
    ],
    [
      'what the manifest has itself is left alone',
      { containers: [{ name: 'app', env: [{ name: 'SID' }] }] },
      [env],
      { containers: [{ name: 'app', env: [variable('TOKEN')] }] },
    ],
    [
      'so is what reads a version of nobody',
      { containers: [{ name: 'app', env: [variable('SID', 'SID', 'other-1-4f2c9')] }] },
      [env],
      { containers: [{ name: 'app', env: [variable('TOKEN')] }] },
    ],
    [
      'and what is injected of a resource that waits',
      {
        containers: [
          { name: 'app', env: [variable('SID', 'SID', 'mail-1-4f2c9'), variable('X', 'X', 'mail-1-4f2c9')] },
        ],
      },
      [env],
      { containers: [{ name: 'app', env: [variable('TOKEN')] }] },
    ],
    ['a mount', {}, [mount], { containers: [{ name: 'app', volumeMounts: [mounted()] }], volumes: [volume()] }],
    [
      'it is there',
      { containers: [{ name: 'app', volumeMounts: [mounted()] }], volumes: [volume()] },
      [mount],
      undefined,
    ],
    [
      'an older version of it',
      { containers: [{ name: 'app', volumeMounts: [mounted()] }], volumes: [volume(older)] },
      [mount],
      { volumes: [volume()] },
    ],
    [
      'another path',
      { containers: [{ name: 'app', volumeMounts: [mounted('/old')] }], volumes: [volume()] },
      [mount],
      { containers: [{ name: 'app', volumeMounts: [mounted(), { $patch: 'delete', mountPath: '/old' }] }] },
    ],
    [
      'it was made writable',
      { containers: [{ name: 'app', volumeMounts: [{ ...mounted(), readOnly: false }] }], volumes: [volume()] },
      [mount],
      { containers: [{ name: 'app', volumeMounts: [mounted()] }] },
    ],
    [
      'some keys, and a mode',
      { containers: [{ name: 'app', volumeMounts: [mounted()] }], volumes: [volume()] },
      [injectionOf('sms', { mount: { path: '/c', keys: ['SID'], fileMode: 0o400 } }, version)],
      { volumes: [volume(secret, { defaultMode: 0o400, items: [{ key: 'SID', path: 'SID' }] })] },
    ],
    [
      'all keys again',
      {
        containers: [{ name: 'app', volumeMounts: [mounted()] }],
        volumes: [volume(secret, { items: [{ key: 'SID', path: 'SID' }] })],
      },
      [mount],
      { volumes: [volume(secret, { items: null })] },
    ],
    [
      'keys under other paths',
      {
        containers: [{ name: 'app', volumeMounts: [mounted()] }],
        volumes: [volume(secret, { items: [{ key: 'SID', path: 'sid' }] })],
      },
      [injectionOf('sms', { mount: { path: '/c', keys: ['SID'] } }, version)],
      { volumes: [volume(secret, { items: [{ key: 'SID', path: 'SID' }] })] },
    ],
    [
      'a volume of that name is somebody else’s',
      { volumes: [{ name: 'tracardi-sms' }] },
      [injectionOf('sms', { env: {}, mount: { path: '/c' } }, version)],
      { containers: [{ name: 'app', env: both }] },
    ],
    [
      'something else is mounted there',
      { containers: [{ name: 'app', volumeMounts: [{ name: 'data', mountPath: '/c' }] }, { name: 'side' }] },
      [mount],
      { containers: [{ name: 'side', volumeMounts: [mounted()] }], volumes: [volume()] },
    ],
    [
      'no mount any more',
      { containers: [{ name: 'app', env: both, volumeMounts: [mounted()] }], volumes: [volume()] },
      [env],
      {
        containers: [{ name: 'app', volumeMounts: [{ $patch: 'delete', mountPath: '/c' }] }],
        volumes: [gone('tracardi-sms')],
      },
    ],
    [
      'no container is chosen: no volume',
      {},
      [injectionOf('sms', { mount: { path: '/c' }, containers: ['nobody'] }, version)],
      undefined,
    ],
  ])('%s', (_, spec, injections, expected) => {
    const { patch, resources } = difference(parts(spec), injections, new Set(), claim)
    expect(patch).toEqual(expected)
    expect([...resources]).toEqual(expected === undefined ? [] : ['sms'])
  })

  test('two resources', () => {
    const mail = injectionOf('mail', { env: {} }, { target: 'mail-credentials', id: '1-bbbbb', keys: ['URL'] })
    const { patch, resources } = difference(parts({}), [env, mail], new Set(), claim)
    expect(patch).toEqual({
      containers: [{ name: 'app', env: [...both, variable('URL', 'URL', 'mail-credentials-1-bbbbb')] }],
    })
    expect([...resources].sort()).toEqual(['mail', 'sms'])
  })

  const full: PodSpec = {
    containers: [
      {
        name: 'app',
        env: [{ name: 'OWN' }, ...both, variable('URL', 'URL', 'mail-1-bbbbb'), variable('ODD', 'ODD', 'odd-1-ccccc')],
        volumeMounts: [{ name: 'data', mountPath: '/data' }, mounted()],
      },
    ],
    initContainers: [{ name: 'migrate', env: [variable('SID')] }],
    volumes: [{ name: 'data' }, volume()],
  }
  test('withdrawn: everything of that resource, and nothing else', () => {
    const { patch, resources } = difference(parts(full), [], new Set(['sms', 'unknown']), claim)
    expect(patch).toEqual({
      containers: [
        {
          name: 'app',
          env: [gone('SID'), gone('TOKEN')],
          volumeMounts: [{ $patch: 'delete', mountPath: '/c' }],
        },
      ],
      initContainers: [{ name: 'migrate', env: [gone('SID')] }],
      volumes: [gone('tracardi-sms')],
    })
    expect([...resources]).toEqual(['sms'])
  })

  test('another resource takes over a variable of one that is withdrawn', () => {
    const mail = injectionOf('mail', { env: {} }, { target: 'mail', id: '1-bbbbb', keys: ['SID'] })
    const spec = { containers: [{ name: 'app', env: both }] }
    expect(difference(parts(spec), [mail], new Set(['sms']), claim).patch).toEqual({
      containers: [{ name: 'app', env: [variable('SID', 'SID', 'mail-1-bbbbb'), gone('TOKEN')] }],
    })
  })
})

test('hasContainer', () => {
  const spec = { containers: [{ name: 'app' }], initContainers: [{ name: 'migrate' }] }
  const chosen = (containers?: string[]) =>
    hasContainer(parts(spec), injectionOf('sms', { env: {}, ...(containers && { containers }) }, version))
  expect([chosen(), chosen(['migrate', 'x']), chosen(['x'])]).toEqual([true, true, false])
})

describe('collisions', () => {
  const mail = (inject: Parameters<typeof injectionOf>[1], keys = ['SID', 'URL']) =>
    injectionOf('mail', inject, { target: 'mail', id: '1-bbbbb', keys })
  const twoContainers: PodSpec = { containers: [{ name: 'app' }, { name: 'side' }] }
  type Short = [resource: string, what: string, name: string, container: string | undefined, other: string]
  const short = ({ resource, what, name, container, with: other }: Collision): Short => [
    resource,
    what,
    name,
    container,
    'resource' in other ? other.resource : `manager ${other.manager}`,
  ]
  test.each<[string, Injection[], Short[]]>([
    ['one alone', [env], []],
    ['other keys', [env, mail({ env: {} }, ['URL'])], []],
    ['a prefix', [env, mail({ env: { prefix: 'M_' } })], []],
    [
      'a prefix that makes the same',
      [env, mail({ env: { prefix: 'S' } }, ['ID'])],
      ['app', 'side'].flatMap((at): Short[] => [
        ['mail', 'variable', 'SID', at, 'sms'],
        ['sms', 'variable', 'SID', at, 'mail'],
      ]),
    ],
    [
      'in one container of two',
      [env, mail({ env: {}, containers: ['side'] })],
      [
        ['mail', 'variable', 'SID', 'side', 'sms'],
        ['sms', 'variable', 'SID', 'side', 'mail'],
      ],
    ],
    [
      'in different ones',
      [injectionOf('sms', { env: {}, containers: ['app'] }, version), mail({ env: {}, containers: ['side'] })],
      [],
    ],
    ['other paths', [mount, mail({ mount: { path: '/m' } })], []],
    [
      'one path',
      [mount, mail({ mount: { path: '/c' }, containers: ['app'] })],
      [
        ['mail', 'path', '/c', 'app', 'sms'],
        ['sms', 'path', '/c', 'app', 'mail'],
      ],
    ],
    [
      'a long name that makes the same volume',
      ['x'.repeat(50), `tracardi-${'x'.repeat(50)}`].map((name, at) =>
        injectionOf(name, { mount: { path: `/${String(at)}` } }, version),
      ),
      [
        [`tracardi-${'x'.repeat(50)}`, 'volume', `tracardi-${'x'.repeat(50)}`, undefined, 'x'.repeat(50)],
        ['x'.repeat(50), 'volume', `tracardi-${'x'.repeat(50)}`, undefined, `tracardi-${'x'.repeat(50)}`],
      ],
    ],
  ])('among resources: %s', (_, injections, expected) => {
    expect(collisionsAmong(parts(twoContainers), injections).map(short)).toEqual(expected)
  })

  test.each<[string, PodSpec, Injection, Short[]]>([
    ['nothing', {}, env, []],
    [
      'a variable',
      { containers: [{ name: 'app', env: [{ name: 'SID' }, { name: 'X' }] }] },
      env,
      [['sms', 'variable', 'SID', 'app', 'manager ']],
    ],
    [
      'in a container that is not chosen',
      { containers: [{ name: 'app', env: [{ name: 'SID' }] }] },
      injectionOf('sms', { env: {}, containers: ['side'] }, version),
      [],
    ],
    ['what was injected', { containers: [{ name: 'app', env: both }] }, env, []],
    [
      'what was injected for another',
      { containers: [{ name: 'app', env: [variable('SID', 'SID', 'mail-1-bbbbb')] }] },
      env,
      [],
    ],
    [
      'a version of nobody',
      { containers: [{ name: 'app', env: [variable('SID', 'SID', 'odd-1-bbbbb')] }] },
      env,
      [['sms', 'variable', 'SID', 'app', 'manager ']],
    ],
    [
      'a volume',
      { volumes: [{ name: 'tracardi-sms' }] },
      mount,
      [['sms', 'volume', 'tracardi-sms', undefined, 'manager ']],
    ],
    [
      'a path',
      { containers: [{ name: 'app', volumeMounts: [{ name: 'data', mountPath: '/c' }] }] },
      mount,
      [['sms', 'path', '/c', 'app', 'manager ']],
    ],
    ['no mount is wanted', { volumes: [{ name: 'tracardi-sms' }] }, env, []],
  ])('with the manifest: %s', (_, spec, injection, expected) => {
    expect(collisionsWithin(parts(spec), injection, claim).map(short)).toEqual(expected)
  })

  const at = { resource: 'sms', what: 'variable', name: 'SID', container: 'app' } as const
  test.each<[Collision, string]>([
    [
      { ...at, with: { resource: 'mail' } },
      'The resources mail and sms both inject the variable SID of the container app: give one of them a prefix in spec.consumers[].inject.env, or another key in spec.target.keys.',
    ],
    [
      { ...at, what: 'path', name: '/c', with: { resource: 'xray' } },
      'The resources sms and xray both inject the mount path /c of the container app: give one of them another spec.consumers[].inject.mount.path.',
    ],
    [
      { ...at, what: 'volume', name: 'v', container: undefined, with: { resource: 'mail' } },
      'The resources mail and sms both inject the volume v: name one of the resources otherwise.',
    ],
    [
      { ...at, with: { manager: 'helm' } },
      'Its manifest has the variable SID of the container app itself (field manager helm), which wins: take it out of the manifest, or set a prefix in spec.consumers[].inject.env.',
    ],
    [
      { ...at, what: 'path', name: '/c', with: { manager: '' } },
      'Its manifest has the mount path /c of the container app itself, which wins: take it out of the manifest, or set another spec.consumers[].inject.mount.path.',
    ],
    [
      { ...at, what: 'volume', name: 'v', container: undefined, with: { manager: 'kubectl' } },
      'Its manifest has the volume v itself (field manager kubectl), which wins: name the volume otherwise in the manifest.',
    ],
  ])('%j', (collision, text) => {
    expect(describeCollision(collision)).toBe(text)
  })
})
