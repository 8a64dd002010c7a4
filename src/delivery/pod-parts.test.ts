import { expect, test } from 'vitest'
import type { ManagedFieldsEntry } from '../kube/objects.ts'
import { hasVersions, parseVersionName, podPartsOf, takerOf, versionsIn } from './pod-parts.ts'
import type { PodParts, PodSpec } from './pod-parts.ts'

test.each<[string, ReturnType<typeof parseVersionName>]>([
  ['sms-credentials-7-4f2c9', { target: 'sms-credentials', id: '7-4f2c9' }],
  ['a-1-00000', { target: 'a', id: '1-00000' }],
  ['sms-1-4f2c9-2-4f2c9', { target: 'sms-1-4f2c9', id: '2-4f2c9' }],
  ['sms-credentials', undefined],
  ['sms-credentials-0-4f2c9', undefined],
  ['sms-credentials-7-4f2c', undefined],
  ['sms-credentials-x-4f2c9', undefined],
  ['7-4f2c9', undefined],
  ['-7-4f2c9', undefined],
  ['sms', undefined],
  ['', undefined],
])('%s', (secret, expected) => {
  expect(parseVersionName(secret)).toEqual(expected)
})

const path = ['f:spec', 'f:template', 'f:spec']
const fields = (spec: object): Record<string, unknown> => ({ 'f:spec': { 'f:template': { 'f:spec': spec } } })
const none: PodParts = { containers: [], volumes: {}, versionVolumes: [] }
const container = { init: false, variables: {}, paths: {}, versionVariables: [], versionMounts: [] }

test.each<[string, PodSpec | undefined, Partial<PodParts>]>([
  ['nothing', undefined, {}],
  ['empty', {}, {}],
  [
    'containers and init containers',
    { containers: [{ name: 'app' }], initContainers: [{ name: 'migrate' }] },
    {
      containers: [
        { ...container, name: 'app' },
        { ...container, name: 'migrate', init: true },
      ],
    },
  ],
  [
    'variables of its own, and those of versions',
    {
      containers: [
        {
          name: 'app',
          env: [
            { name: 'A' },
            { name: 'B', valueFrom: { secretKeyRef: { name: 'other', key: 'b' } } },
            { name: 'C', valueFrom: { secretKeyRef: { name: 'sms-7-4f2c9', key: 'c' } } },
            { name: 'D', valueFrom: {} },
          ],
        },
      ],
    },
    {
      containers: [
        {
          ...container,
          name: 'app',
          variables: { '': 'A\nB\nD' },
          versionVariables: [{ name: 'C', secret: 'sms-7-4f2c9', key: 'c' }],
        },
      ],
    },
  ],
  [
    'volumes of its own, and those of versions',
    {
      volumes: [
        { name: 'data' },
        { name: 'own', secret: { secretName: 'own' } },
        { name: 'plain', secret: { secretName: 'sms-7-4f2c9' } },
        {
          name: 'some',
          secret: { secretName: 'mail-1-4f2c9', defaultMode: 0o400, items: [{ key: 'a', path: 'a' }] },
        },
        { name: 'odd', secret: { secretName: 'mail-2-4f2c9', items: [{ key: 'a', path: 'b' }] } },
      ],
      containers: [
        {
          name: 'app',
          volumeMounts: [
            { name: 'data', mountPath: '/data' },
            { name: 'plain', mountPath: '/a', readOnly: true },
            { name: 'some', mountPath: '/b' },
          ],
        },
      ],
    },
    {
      containers: [
        {
          ...container,
          name: 'app',
          paths: { '': '/data' },
          versionMounts: [
            { path: '/a', volume: 'plain', readOnly: true },
            { path: '/b', volume: 'some', readOnly: false },
          ],
        },
      ],
      volumes: { '': 'data\nown' },
      versionVolumes: [
        { name: 'plain', secret: 'sms-7-4f2c9', mode: 0o644, keys: undefined },
        { name: 'some', secret: 'mail-1-4f2c9', mode: 0o400, keys: ['a'] },
        { name: 'odd', secret: 'mail-2-4f2c9', mode: 0o644, keys: [] },
      ],
    },
  ],
])('podPartsOf: %s', (_, spec, expected) => {
  const parts = podPartsOf(spec, [], path)
  expect(parts).toEqual({ ...none, ...expected })
  expect(hasVersions(parts)).toBe(versionsIn(parts).size > 0)
})

test('who set a name, as the server has it on record', () => {
  const app = (own: object): Record<string, unknown> => fields({ 'f:containers': { 'k:{"name":"app"}': own } })
  const managed: ManagedFieldsEntry[] = [
    { manager: 'kube-controller-manager', subresource: 'status', fieldsV1: app({ 'f:env': { 'k:{"name":"A"}': {} } }) },
    { manager: 'tracardi-operator', fieldsV1: app({ 'f:env': { 'k:{"name":"A"}': {} } }) },
    { manager: 'helm', fieldsV1: app({ 'f:env': { 'k:{"name":"A"}': { 'f:value': {} } } }) },
    {
      manager: 'kubectl-edit',
      fieldsV1: app({ 'f:env': { 'k:{"name":"B"}': {} }, 'f:volumeMounts': { 'k:{"mountPath":"/data"}': {} } }),
    },
    { manager: 'other', fieldsV1: fields({ 'f:volumes': { 'k:{"name":"data"}': {} } }) },
    { manager: 'nothing' },
  ]
  const spec: PodSpec = {
    containers: [
      {
        name: 'app',
        env: [{ name: 'A' }, { name: 'B' }, { name: 'C' }],
        volumeMounts: [{ name: 'data', mountPath: '/data' }],
      },
    ],
    volumes: [{ name: 'data' }],
  }
  const { containers, volumes } = podPartsOf(spec, managed, path)
  expect(containers).toMatchObject([
    { variables: { helm: 'A', 'kubectl-edit': 'B', '': 'C' }, paths: { 'kubectl-edit': '/data' } },
  ])
  expect(volumes).toEqual({ other: 'data' })
  expect(['A', 'B', 'C', 'D', ''].map((name) => takerOf(containers[0]?.variables ?? {}, name))).toEqual([
    'helm',
    'kubectl-edit',
    '',
    undefined,
    undefined,
  ])
})

test('versionsIn: each once', () => {
  const version = { secret: 'sms-7-4f2c9', key: 'a' }
  const parts: PodParts = {
    ...none,
    containers: [
      {
        ...container,
        name: 'app',
        versionVariables: [
          { name: 'A', ...version },
          { name: 'B', ...version },
        ],
      },
    ],
    versionVolumes: [{ name: 'v', secret: 'mail-1-4f2c9', mode: 0o444, keys: undefined }],
  }
  expect([...versionsIn(parts)].sort()).toEqual(['mail-1-4f2c9', 'sms-7-4f2c9'])
})
