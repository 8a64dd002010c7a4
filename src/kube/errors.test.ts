import { describe, expect, it } from 'vitest'
import {
  isAlreadyExists,
  isConflict,
  isForbidden,
  isMissingPermission,
  isGone,
  isNamespaceTerminating,
  isNotFound,
  KubeError,
  OperatorError,
  parseRetryAfter,
  readStatus,
  type KubeErrorOptions,
} from './errors.ts'

function kubeError(options: Partial<KubeErrorOptions>): KubeError {
  return new KubeError({ status: 0, verb: 'patch', resource: 'secrets', namespace: 'shop', name: 'keys', ...options })
}

describe('OperatorError', () => {
  it('carries what a controller decides by', () => {
    const cause = new Error('inner')
    const error = new OperatorError({ code: 'X_Y', reason: 'XY', retry: 'never', message: 'said', cause })
    expect(error).toMatchObject({
      name: 'OperatorError',
      code: 'X_Y',
      reason: 'XY',
      retry: 'never',
      message: 'said',
      cause,
    })
    expect('cause' in new OperatorError({ code: 'X', reason: 'X', retry: 'now', message: '' })).toBe(false)
  })
})

describe('KubeError', () => {
  it.each([
    [{ status: 409, apiReason: 'Conflict' }, 'KUBE_CONFLICT', 'Conflict', 'now'],
    [{ status: 409 }, 'KUBE_CONFLICT', 'Conflict', 'now'],
    [{ status: 409, apiReason: 'AlreadyExists' }, 'KUBE_ALREADY_EXISTS', 'AlreadyExists', 'now'],
    [{ status: 404, apiReason: 'NotFound' }, 'KUBE_NOT_FOUND', 'NotFound', 'backoff'],
    [{ status: 404 }, 'KUBE_NOT_FOUND', 'NotFound', 'backoff'],
    [{ status: 403 }, 'KUBE_FORBIDDEN', 'Forbidden', 'backoff'],
    [{ status: 401 }, 'KUBE_UNAUTHORIZED', 'Unauthorized', 'backoff'],
    [{ status: 410, apiReason: 'Expired' }, 'KUBE_EXPIRED', 'Expired', 'backoff'],
    [{ status: 422, apiReason: 'Invalid' }, 'KUBE_INVALID', 'Invalid', 'backoff'],
    [{ status: 429 }, 'KUBE_TOO_MANY_REQUESTS', 'TooManyRequests', 'backoff'],
    [{ status: 500 }, 'KUBE_INTERNAL_ERROR', 'InternalError', 'backoff'],
    [{ status: 302 }, 'KUBE_UNEXPECTED_STATUS', 'UnexpectedStatus', 'backoff'],
    [{ status: 0 }, 'KUBE_UNREACHABLE', 'Unreachable', 'backoff'],
    [{ status: 0, noAnswer: 'DeadlineExceeded' }, 'KUBE_DEADLINE_EXCEEDED', 'DeadlineExceeded', 'backoff'],
    [{ status: 0, noAnswer: 'VeryShortWatch' }, 'KUBE_VERY_SHORT_WATCH', 'VeryShortWatch', 'backoff'],
  ] as const)('%o is %s', (options, code, reason, retry) => {
    expect(kubeError(options)).toMatchObject({ name: 'KubeError', code, reason, retry })
  })

  it.each([
    [{ status: 409 }, 'patch secrets keys in shop: Conflict, HTTP 409'],
    [{ status: 409, namespace: undefined, name: undefined }, 'patch secrets: Conflict, HTTP 409'],
    [{ networkCode: 'ECONNREFUSED' }, 'patch secrets keys in shop: Unreachable, ECONNREFUSED'],
    [{ networkCode: 'password is hunter2' }, 'patch secrets keys in shop: Unreachable'],
  ])('%o reads %s', (options, message) => {
    expect(kubeError(options).message).toBe(message)
  })
})

describe('predicates', () => {
  const errors = {
    notFound: kubeError({ status: 404 }),
    conflict: kubeError({ status: 409, apiReason: 'Conflict' }),
    exists: kubeError({ status: 409, apiReason: 'AlreadyExists' }),
    forbidden: kubeError({ status: 403 }),
    terminating: kubeError({ status: 403, causes: ['NamespaceTerminating'] }),
    gone: kubeError({ status: 410 }),
    expired: kubeError({ status: 410, apiReason: 'Expired' }),
    none: kubeError({}),
    other: new Error('NotFound'),
    text: 'Conflict',
  }
  it.each([
    ['isNotFound', isNotFound, ['notFound']],
    ['isConflict', isConflict, ['conflict']],
    ['isAlreadyExists', isAlreadyExists, ['exists']],
    ['isForbidden', isForbidden, ['forbidden', 'terminating']],
    ['isNamespaceTerminating', isNamespaceTerminating, ['terminating']],
    ['isGone', isGone, ['gone', 'expired']],
  ] as const)('%s', (_name, predicate, expected) => {
    const matching = Object.entries(errors).filter(([, error]) => predicate(error))
    expect(matching.map(([name]) => name)).toEqual(expected)
  })
})

describe('parseRetryAfter', () => {
  it.each([
    ['3', 3],
    [7, 7],
    ['0', undefined],
    [0, undefined],
    [-1, undefined],
    ['100000', 600],
    ['Wed, 21 Oct 2026 07:28:00 GMT', undefined],
    [undefined, undefined],
    [['1'], undefined],
    [Number.NaN, undefined],
  ])('%o is %o', (value, seconds) => {
    expect(parseRetryAfter(value)).toBe(seconds)
  })
})

it.each([
  ['get', false, 403, true],
  ['list', false, 403, true],
  ['watch', false, 403, true],
  ['create', false, 403, false],
  ['patch', false, 403, false],
  ['patch', true, 403, true],
  ['patch', true, 404, false],
  ['get', false, 401, false],
])('%s, by the authorizer: %s, HTTP %i: a missing permission: %s', (verb, unauthorized, status, isMissing) => {
  expect(isMissingPermission(kubeError({ verb, unauthorized, status }))).toBe(isMissing)
})

describe('readStatus', () => {
  it('keeps reason, seconds, paths and known causes, and nothing that could be a value', () => {
    const secret = 'hunter2-' + 'x'.repeat(20)
    const status = readStatus({
      kind: 'Status',
      message: `Invalid value: "${secret}"`,
      reason: 'Invalid',
      details: {
        name: secret,
        retryAfterSeconds: 4,
        causes: [
          { reason: 'FieldValueInvalid', message: secret, field: 'spec.fields[3].key' },
          { reason: 'FieldValueInvalid', message: secret, field: 'spec.fields[3].key' },
          { reason: secret, field: `metadata.annotations[${secret}]` },
          { reason: 'NamespaceTerminating', field: `${secret} is not a path` },
          { reason: 'ResourceVersionTooLarge' },
          'nonsense',
        ],
      },
    })
    expect(status).toEqual({
      apiReason: 'Invalid',
      retryAfterSeconds: 4,
      invalidFields: ['spec.fields[3].key', 'metadata.annotations[*]'],
      causes: ['NamespaceTerminating', 'ResourceVersionTooLarge'],
      unauthorized: false,
    })
    expect(JSON.stringify(status)).not.toContain(secret)
  })

  it.each([[undefined], [null], ['<html>'], [{}], [{ details: 5, reason: 'MadeUp' }], [{ details: { causes: 'x' } }]])(
    'takes %o',
    (body) => {
      expect(readStatus(body)).toEqual({
        apiReason: undefined,
        retryAfterSeconds: undefined,
        invalidFields: [],
        causes: [],
        unauthorized: false,
      })
    },
  )

  it.each([
    ['secrets "x" is forbidden: User "system:serviceaccount:a:b" cannot get resource "secrets" in API group ""', true],
    ['secrets is forbidden: User "u" cannot create resource "secrets" in API group "" in the namespace "n": no', true],
    ['pods "x" is forbidden: exceeded quota: q, requested: pods=1', false],
    ['admission webhook "w" denied the request: User "u" cannot get resource "secrets"', false],
    ['secrets "x" is forbidden: User "' + 'x'.repeat(100_000), false],
    [5, false],
  ])('tells the authorizer from everybody else who forbids: %#', (message, unauthorized) => {
    expect(readStatus({ message, reason: 'Forbidden' }).unauthorized).toBe(unauthorized)
  })
})
